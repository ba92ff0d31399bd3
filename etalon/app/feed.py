"""One follower of a study for all who watch it: what it reads of the diary once goes to each of them.

A message is a server-sent event whose id is a place in the diary, in bytes. Whoever comes back with the last id that
was seen gets all that was told since, from the diary itself; nothing is kept here for those who are away.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, eq=False)
class Message:
    """What is sent to all who listen.

    Attributes:
        start, end: the places in the diary between which it tells.
    """

    start: int
    end: int
    content: bytes


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
        self.closing = False
        self.listeners = 0
        self._board = Board()
        self._message = Message(-1, 0, b"")  # the last one
        self._unsaid: list[Told] = []  # read since, and in no message yet
        self._said = 0  # the place in the diary where that begins
        self._moved = False  # whether there is something else to say
        self._seldom = time.monotonic()
        self._reading = Lock()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.look()
        self._settle()

    def look(self) -> None:
        """Read what is new."""
        with self._reading:
            told, self.end = self.store.events(self.id, self.end)
            for one in told:
                self._board.tell(one)
            self._unsaid += told
            if not self.listeners:  # whoever comes begins with what the diary says
                self._unsaid, self._said = [], self.end
            turned = any(one.what in ("run", "end") for one in told)
            if turned or time.monotonic() > self._seldom + SELDOM:
                self._moved |= self._look_around()

    def say(self) -> bool:
        """Read what is new, and put all that is in no message yet in one; whether there is something."""
        self.look()
        with self._reading:
            if not (self._unsaid or self._moved):
                return False
            self._message = Message(self._said, self.end, self._put(self._unsaid, self.end))
            self._unsaid, self._said, self._moved = [], self.end, False
            return True

    def snapshot(self, dossier: Dossier) -> dict[str, Any]:
        """The trials that a dossier of the study wants, so far, and the place in the diary from which to listen."""
        self.look()
        with self._reading:
            if stamp(dossier) != stamp(self.dossier):
                self._moved |= self._look_around()
            content = self._board.to_json(dossier, self.running)
            return {"next": self.end, "stamp": stamp(dossier), **content}

    async def listen(self, start: int) -> AsyncIterator[bytes]:
        """The messages from a place in the diary on, for as long as somebody reads them."""
        self.listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            here, seen = start, None
            while not self.closing:
                changed, message = self._changed, self._message
                if message is seen:
                    try:
                        await asyncio.wait_for(changed.wait(), HEARTBEAT)
                    except TimeoutError:
                        yield b":\n\n"
                    continue
                seen, end, content = message, message.end, message.content
                if here != message.start:  # it comes late, or comes back
                    end, content = await asyncio.to_thread(self._since, here)
                here = end
                yield content
        finally:
            self.listeners -= 1

    def close(self) -> None:
        """Let go of those who listen, at the next look."""
        self.closing = True

    async def _follow(self) -> None:
        while self.listeners and not self.closing:
            await asyncio.sleep(LOOK)
            try:
                changed = await asyncio.to_thread(self.say)
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
            return end, self._put(told, end)

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

    def _put(self, told: Sequence[Told], end: int) -> bytes:
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
