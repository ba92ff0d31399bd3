"""One follower of a study for all who watch it: what it reads of the diary once goes to each of them.

A message is a server-sent event whose id is a place in the diary, in bytes. Whoever comes back with the last id that
was seen gets all that was told since, from the diary itself; nothing is kept here for those who are away.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from threading import Lock
from typing import Any

from etalon.app.board import CURVES, Board, drawn
from etalon.errors import EtalonError
from etalon.study.journal import Dossier, Told
from etalon.study.shelf import digest
from etalon.study.store import Store

LOOK = 0.4  # seconds between two looks at the diary
SELDOM = 2.0  # between two looks at what rarely changes
HEARTBEAT = 15.0  # seconds of silence after which a comment shows that the line is up
KEPT = 16  # feeds, watched or not


class Feed:
    """What happens in a study.

    Raises:
        StoreError: there is none of this name.
    """

    def __init__(self, store: Store, id: str) -> None:
        self.store, self.id = store, id
        self.dossier = store.study(id)
        self.running = store.running(id)
        self.end = 0  # of what has been read of the diary
        self.version = 0  # one more with each message
        self.closing = False
        self.listeners = 0
        self._board = Board()
        self._message = (0, 0, b"")  # the last one, with the places between which it tells
        self._seldom = time.monotonic()
        self._reading = Lock()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.look()
        self._settle()

    def look(self) -> bool:
        """Read what is new, and put it in a message; whether there is something."""
        with self._reading:
            told, end = self.store.events(self.id, self.end)
            for one in told:
                self._board.tell(one)
            start, self.end = self.end, end
            turned = any(one.what in ("run", "end") for one in told)
            moved = self._look_around() if turned or time.monotonic() > self._seldom + SELDOM else False
            if not (told or moved):
                return False
            self._message = (start, end, self._said(told, end))
            self.version += 1
            return True

    def snapshot(self) -> dict[str, Any]:
        """The trials so far, and the place in the diary from which to listen."""
        self.look()
        with self._reading:
            content = self._board.to_json(self.dossier, self.running)
            return {"next": self.end, "stamp": stamp(self.dossier), **content}

    async def listen(self, start: int) -> AsyncIterator[bytes]:
        """The messages from a place in the diary on, for as long as somebody reads them."""
        self.listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            here, seen = start, -1
            while not self.closing:
                changed = self._changed
                if here == self.end and seen == self.version:
                    try:
                        await asyncio.wait_for(changed.wait(), HEARTBEAT)
                    except TimeoutError:
                        yield b":\n\n"
                    continue
                seen, (begin, end, message) = self.version, self._message
                if here != begin:  # it comes late, or comes back
                    end, message = await asyncio.to_thread(self._since, here)
                here = end
                yield message
        finally:
            self.listeners -= 1

    def close(self) -> None:
        """Let go of those who listen, at the next look."""
        self.closing = True

    async def _follow(self) -> None:
        while self.listeners and not self.closing:
            await asyncio.sleep(LOOK)
            try:
                changed = await asyncio.to_thread(self.look)
            except EtalonError:  # the study is no longer there
                self.close()
            else:
                if changed:
                    before, self._changed = self._changed, asyncio.Event()
                    before.set()
        if self.closing:
            self._changed.set()

    def _since(self, start: int) -> tuple[int, bytes]:
        told, end = self.store.events(self.id, start)
        with self._reading:
            return end, self._said(told, end)

    def _look_around(self) -> bool:
        """Whether the study is no longer what it was, or has begun or ceased to be trained."""
        self._seldom = time.monotonic()
        before, was = stamp(self.dossier), self.running
        self.dossier, self.running = self.store.study(self.id), self.store.running(self.id)
        if stamp(self.dossier) == before:
            return self.running != was
        self._settle()
        return True

    def _settle(self) -> None:
        """Add what the diary does not tell."""
        records = self.store.records(self.dossier.keys)
        silent = {key for key in self.dossier.keys if not self._board.trial(key, True).curves}
        done = self.store.finished(silent)
        self._board.settle(records.values(), {key: self.store.load(key).history for key in done})

    def _said(self, told: Sequence[Told], end: int) -> bytes:
        progress = self._board.progress(self.dossier, self.running)
        content = {"told": list(map(_brief, told)), "progress": asdict(progress), "stamp": stamp(self.dossier)}
        return f"id: {end}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n".encode()


class Feeds:
    """The feeds of a store, each made when it is first asked for."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, Lock()
        self._feeds: OrderedDict[str, Feed] = OrderedDict()

    def of(self, dossier: Dossier) -> Feed:
        """That of a study."""
        with self._lock:
            feed = self._feeds.get(dossier.id)
            if feed is None or feed.closing:
                feed = Feed(self._store, dossier.id)
            self._feeds[dossier.id] = feed
            self._feeds.move_to_end(dossier.id)
            idle = [id for id, feed in self._feeds.items() if not feed.listeners]
            for id in idle[: max(0, len(self._feeds) - KEPT)]:
                del self._feeds[id]
            return feed

    def close(self) -> None:
        """Let go of all who listen."""
        for feed in list(self._feeds.values()):
            feed.close()


def stamp(dossier: Dossier) -> str:
    """What tells whether a page made from this dossier has to be made again."""
    return digest([(candidate.name, candidate.keys) for candidate in dossier.candidates])


def _brief(told: Told) -> dict[str, Any]:
    """What pages read of an event."""
    said = {"what": told.what, "key": told.key, "epoch": told.epoch, "epochs": told.epochs, "error": told.error}
    logs = {name: drawn((told.logs or {}).get(name)) for name in CURVES} if told.logs else {}
    return {name: value for name, value in said.items() if value} | ({"logs": logs} if logs else {})
