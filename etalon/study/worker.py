"""A process that trains trials for another one: `python -m etalon.study.worker`.

Frames come on standard input, answers leave on standard output. When the input closes, whoever sent the trials is
gone, and the process ends at once: the trial under way goes on from its last epoch the next time.
"""

import os
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

from etalon.errors import StudyError
from etalon.locales import _
from etalon.study.frames import receive, send


def _listen(stream: BinaryIO, orders: "queue.SimpleQueue[Any]") -> None:
    while True:
        try:
            orders.put(receive(stream))
        except EOFError:
            os._exit(0)
        except Exception as error:  # reading a trial imports whatever it is made of
            orders.put(_unreadable(error))


def _unreadable(error: Exception) -> StudyError:
    return StudyError(
        _("a trial"),
        _("the process that should train it cannot read it ({kind}: {error})").format(
            kind=type(error).__name__, error=error
        ),
        _("Define the classes of modules and callbacks in the study's file, or where Python can import them."),
    )


def _answer(stream: BinaryIO, message: Any) -> None:
    try:
        send(stream, message)
    except OSError:  # nobody is there any more: this is not the trial's fault
        os._exit(0)


def main() -> None:
    """Train what comes in until nobody is there any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the user's code prints must not mix with the answers
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()

    import torch

    from etalon.study.executors import attempt
    from etalon.study.store import Store

    torch.set_num_threads(1)
    stores: dict[Any, Store] = {}
    datasets: dict[str, Any] = {}
    while True:
        order = orders.get()
        if isinstance(order, StudyError):
            _answer(answers, order)
            continue
        trial, digest, place = order
        if place not in stores:
            stores[place] = Store(*place)
        if digest not in datasets:
            datasets[digest] = stores[place].shared(digest)
        attempt(trial, datasets[digest], stores[place], lambda event: _answer(answers, event))


if __name__ == "__main__":
    main()
