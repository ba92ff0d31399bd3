"""Messages between a study and the processes that train for it; never stored, never read from anywhere else."""

import struct
from typing import IO, Any

import cloudpickle


def send(stream: IO[bytes], message: Any) -> None:
    """Write one frame."""
    payload = cloudpickle.dumps(message)
    stream.write(struct.pack("<Q", len(payload)) + payload)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one frame.

    Raises:
        EOFError: the other side is gone.
    """
    header = stream.read(8)
    if len(header) < 8:
        raise EOFError
    size = struct.unpack("<Q", header)[0]
    payload = stream.read(size)
    if len(payload) < size:
        raise EOFError
    return cloudpickle.loads(payload)
