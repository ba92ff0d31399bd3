"""`etalon` on a leash: a job that ends with its runner, even one that is killed.

`python -m etalon.app.leash ARGUMENTS` is `etalon ARGUMENTS`, interrupted as by Ctrl-C when its standard input ends:
finished trials are kept, and nothing is left that trains while nobody can stop it.
"""

import os
import signal
import time
from runpy import run_module
from threading import Thread, main_thread

PATIENCE = 15.0  # seconds that an interrupted job has to end


def held() -> None:
    """Return when nobody holds the other end of the standard input; then interrupt, and soon end, this process."""
    while os.read(0, 1):
        pass
    signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
    time.sleep(PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the shell had put the server behind
    Thread(target=held, daemon=True).start()
    run_module("etalon.cli", run_name="__main__")
