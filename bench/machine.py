"""Where and with what a figure was measured."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BUSY = 0.3  # load average a core from which figures are not to be trusted


def provenance() -> dict[str, Any]:
    """Date, hardware, load at the start, versions and revision of Étalon."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "load": round(os.getloadavg()[0], 2),
        "revision": _said("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"),
        "versions": {name: importlib.metadata.version(name) for name in ("etalon", "torch", "keras", "numpy")},
    }


def machine() -> str:
    """Processor, cores, memory, system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = [f"{cores()} cores of {_processor()}", f"{memory:.0f} GiB", *filter(None, [gpu()])]
    return ", ".join([*found, f"{platform.system()} {platform.machine()}", f"Python {platform.python_version()}"])


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> bool:
    """Whether something else is at work here."""
    return os.getloadavg()[0] > BUSY * cores()


def gpu() -> str:
    """The name of the first CUDA device, or nothing."""
    found = _said("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") if shutil.which("nvidia-smi") else ""
    return found.splitlines()[0] if found else ""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    facts = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    flags = facts.get("flags", "").split()
    kinds = [kind for kind in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if kind in flags]
    return f"{facts['model name']} ({', '.join(kinds)})"


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
