"""Work that takes longer than a page may: done by threads of the server, which do not outlive it."""

import logging
from collections.abc import Callable, Hashable
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Lock, Semaphore, Thread
from typing import Any

from etalon.errors import EtalonError, ReportError
from etalon.locales import _

AT_ONCE = 2  # the other cores are for trainings


@dataclass(eq=False)
class Work:
    """Something asked for.

    Attributes:
        done: whether it is over, well or not.
        value: what came of it.
        error: why nothing did.
    """

    done: bool = False
    value: Any = None
    error: EtalonError | None = None


@dataclass(frozen=True, eq=False)
class Background:
    """What is under way, and how it ended, by a key of one's own."""

    _known: dict[Hashable, Work] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _room: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))

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
        Thread(target=copy_context().run, args=(self._carry_out, work, make), daemon=True).start()
        return work

    def _carry_out(self, work: Work, make: Callable[[], Any]) -> None:
        with self._room:
            try:
                work.value = make()
            except EtalonError as error:
                work.error = error
            except Exception as error:  # a page tells it, and goes on
                logging.getLogger("etalon.app").exception("work in the background")
                work.error = ReportError(
                    type(error).__name__, str(error), _("Tell the authors of Étalon: this is a mistake of theirs.")
                )
            finally:
                work.done = True
