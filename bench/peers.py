"""The peers' virtual environments: built once from the pinned versions of bench/peers, then left alone."""

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("ETALON_BENCH_CACHE") or HERE / ".cache").absolute()


class PeerError(Exception):
    """A peer that cannot be installed here, and why."""


@cache
def python(peer: str) -> Path:
    """The interpreter of a peer's environment, which is built if it is not there; "" is Étalon's own.

    Raises:
        PeerError: pip could not install the pinned versions.
    """
    if not peer:
        return Path(sys.executable)
    pins = HERE / "peers" / f"{peer}.txt"
    stamp = hashlib.sha256(f"{sys.version_info[:2]}{pins.read_text()}".encode()).hexdigest()[:8]
    folder = CACHE / "peers" / f"{peer}-{stamp}"
    ready = folder / "ready"
    if not ready.exists():
        print(f"building the environment of {peer}", file=sys.stderr, flush=True)
        try:
            _build(folder, pins)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(folder, ignore_errors=True)
            last = error.stderr.strip().splitlines()[-1:] or [f"status {error.returncode}"]
            raise PeerError(f"pip cannot install {pins.name}: {last[0]}") from error
        ready.touch()
    return folder / "bin" / "python"


def _build(folder: Path, pins: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "-r", str(pins)]):
        subprocess.run(command, check=True, capture_output=True, text=True)
