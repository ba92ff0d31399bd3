"""The browser application on a store: watch, compare, look, try.

    server.py      the application, and how it is served
    guard.py       who may ask what: hosts, token, cross-site requests, sizes of bodies, headers
    pages.py       templates, and the language of each request
    desk.py        what pages are made from: dossiers and results of the store, kept while nothing changes
    parts.py       what all the pages of a study share: its address, its part, its variants
    misspelt.py    what is wrong with values that a page does not take, in the reader's language
    background.py  what takes longer than a page may; chosen.py finds the recommended models of the list by it
    wanted.py      which images are asked for, and where one stands among them
    queue.py       what is to be run on the store; runner.py and leash.py are the processes that run it
    feed.py        what happens in a study, read once for all who watch; board.py folds it into trials and curves
    addresses.py   where the server can be reached
    made.py        a study file made of choices; uploads.py: archives of images that a browser sends

Each other module holds the routes of one page, under its name. The server never imports a study's file: another
process trains (`runner.py`), and what it writes in the store is all that pages are made from.
"""
