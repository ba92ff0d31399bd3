"""The process that runs the jobs of a store, one after the other, and ends when none waits.

`python -m etalon.app.runner STORE`. It survives whoever started it. A job that is to stop is interrupted as by Ctrl-C,
which lets it keep what is finished; one that takes its time is killed.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from etalon.app.queue import Job, Queue

LOOK = 0.2  # seconds between two looks at a job
PATIENCE = 20.0  # seconds that an interrupted job has to end


def work(queue: Queue, patience: float = PATIENCE) -> None:
    """Run what waits, until nothing does; nothing at all if another process is at it."""
    with queue.running() as take:
        while job := take():
            queue.settle(job.n, _run(job, queue, patience))


def _run(job: Job, queue: Queue, patience: float) -> int:
    """The exit status of a job, run to its end."""
    with queue.log(job.n).open("ab") as log:
        queue.name(job.n).unlink(missing_ok=True)
        try:
            process = _started(job, queue, log)
        except OSError as error:  # the folder is gone
            log.write(f"{error}\n".encode())
            return 1
        with process:
            kill_at, tied = float("inf"), job.kind != "run"
            while process.poll() is None:
                tied = tied or queue.tie(job.n)
                if kill_at == float("inf") and not queue.wanted(job.n):
                    _signal(process, signal.SIGINT)
                    kill_at = time.monotonic() + patience
                if time.monotonic() > kill_at:
                    _signal(process, signal.SIGKILL)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
            if not tied:
                queue.tie(job.n)
        return process.returncode


def _started(job: Job, queue: Queue, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    told = ["--name-in", str(queue.name(job.n))] if job.kind == "run" else []
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "etalon.app.leash", *job.argv, *told],
        stdin=subprocess.PIPE,  # the leash
        stdout=log,
        stderr=log,
        cwd=job.folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
        start_new_session=True,
    )


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    work(Queue(Path(sys.argv[1])))
