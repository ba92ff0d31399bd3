"""The browser application on a store: watch, compare, look, try.

    server.py      the application, and how it is served
    guard.py       who may ask what: hosts, token, cross-site requests, sizes of bodies, headers
    pages.py       templates, and the language of each request
    desk.py        what pages are made from: dossiers and results of the store, kept while nothing changes
    parts.py       what all the pages of a study share: its address, its part, its variants

Each other module holds the routes of one page, under its name. The server never imports a study's file: another
process trains (`runner.py`), and what it writes in the store is all that pages are made from.
"""
