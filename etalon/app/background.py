"""Work that takes longer than a page may: done by threads of the server, which do not outlive it."""

import logging
import time
from collections.abc import Callable, Hashable
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Event, Lock, Semaphore, Thread
from threading import enumerate as enumerate_threads
from typing import Any

from etalon.errors import EtalonError, ReportError
from etalon.locales import _

AT_ONCE = 2  # the other cores are for trainings
NAME = "etalon background"  # of its threads
OF_REQUESTS = "AnyIO worker thread"  # the name of those that answer requests


@dataclass(eq=False)
class Work:
    """Something asked for.

    Attributes:
        value: what came of it.
        error: why nothing did.
        over: set once it is over, well or not.
    """

    value: Any = None
    error: EtalonError | None = None
    over: Event = field(default_factory=Event)

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.over.is_set()


@dataclass(frozen=True, eq=False)
class Background:
    """What is under way, and how it ended, by a key of one's own."""

    _known: dict[Hashable, Work] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _room: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    _closed: Event = field(default_factory=Event)

    def find(self, key: Hashable) -> Work | None:
        """The work of that key, if somebody has asked for it."""
        with self._lock:
            return self._known.get(key)

    def begin(self, key: Hashable, make: Callable[[], Any], *, again: bool = False) -> Work:
        """Do the work, in the language in force; once for a key, unless what is over is wanted `again`."""
        with self._lock:
            work = self._known.get(key)
            if work is not None and not (work.done and again):
                return work
            work = self._known[key] = Work()
        Thread(target=copy_context().run, args=(self._carry_out, work, make), name=NAME, daemon=True).start()
        return work

    def soon(self, key: Hashable, make: Callable[[], Any], patience: float) -> bool:
        """Whether the work of that key is over within some seconds; if not, it goes on, for whoever asks again.

        What is over is forgotten: `make` keeps what it makes.

        Raises:
            EtalonError: what the work has raised.
        """
        work = self.begin(key, make)
        if not work.over.wait(patience):
            return False
        with self._lock:
            if self._known.get(key) is work:
                del self._known[key]
        if work.error:
            raise work.error
        return True

    def close(self) -> None:
        """Begin nothing more."""
        self._closed.set()

    def _carry_out(self, work: Work, make: Callable[[], Any]) -> None:
        with self._room:
            try:
                if not self._closed.is_set():
                    work.value = make()
            except EtalonError as error:
                work.error = error
            except Exception as error:  # a page tells it, and goes on
                logging.getLogger("etalon.app").exception("work in the background")
                work.error = ReportError(
                    type(error).__name__, str(error), _("Tell the authors of Étalon: this is a mistake of theirs.")
                )
            finally:
                work.over.set()


def at_work(patience: float) -> bool:
    """Whether threads that make pages, or what they show, are still at it after some seconds.

    Python must not end meanwhile as it does by itself: it would stop them inside native code, which aborts.
    """
    until = time.monotonic() + patience
    threads = [thread for thread in enumerate_threads() if thread.name in (NAME, OF_REQUESTS)]
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return any(thread.is_alive() for thread in threads)
