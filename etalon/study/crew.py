"""Several threads at work: what each does next, and how many of them at once."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Crew(Generic[Work]):
    """Work to do, handed to several threads: one piece at first, more at once when that is known to be possible.

    Args:
        most: never more pieces at once than that.
    """

    def __init__(self, work: Iterable[Work], most: int) -> None:
        self._waiting = deque(work)
        self._most, self._running, self._closed = most, 0, False
        self.limit = 1  # pieces at once
        self._changed = threading.Condition()

    def take(self) -> Work | None:
        """The next piece, as soon as there is room for it; None when nothing is left, nor can come back."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or (self._waiting and self._running < self.limit))
            if self._over:
                return None
            self._running += 1
            return self._waiting.popleft()

    def done(self) -> None:
        """A piece that had been taken is finished, or has been given back."""
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def widen(self, limit: int) -> None:
        """Let that many in at once, unless there are more already."""
        with self._changed:
            self.limit = max(self.limit, min(limit, self._most))
            self._changed.notify_all()

    def give_back(self, piece: Work) -> bool:
        """Do a piece later, with fewer beside it; False if it is too much even by itself."""
        with self._changed:
            if self.limit == self._running == 1:
                return False
            self.limit = self._most = max(1, min(self.limit, self._running - 1))
            self._waiting.appendleft(piece)
            return True

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def _over(self) -> bool:
        return self._closed or not (self._waiting or self._running)


def in_threads(tasks: Sequence[Callable[[], None]], stop: Callable[[], None]) -> None:
    """Each task in a thread of its own; if one breaks down, or whoever waits is interrupted, `stop` ends the others."""
    with ThreadPoolExecutor(max(len(tasks), 1)) as threads:
        futures = [threads.submit(copy_context().run, task) for task in tasks]
        try:
            done, _waiting = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            stop()
            raise
