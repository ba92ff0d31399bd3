"""A real server for a test: on a port of its own, in a thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server
from threading import Thread

import uvicorn

from etalon.app.desk import Desk
from etalon.app.server import create


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The address at which the application answers, inside the block; those who listen must not keep it from ending."""
    with create_server(("127.0.0.1", 0)) as socket:
        server = uvicorn.Server(uvicorn.Config(create(desk), log_level="warning"))
        thread = Thread(target=server.run, args=([socket],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            desk.feeds.close()
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive()
