"""A PostgreSQL server of the tests' own, from the system's package."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

USER, PASSWORD = "etalon", "s3cret/of@tests"


@dataclass(frozen=True)
class Server:
    """A server that listens in a folder; it asks for the password."""

    folder: Path
    _free: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def connect(self, name: str = "postgres") -> "psycopg.Connection[Any]":
        """A connection, to look behind the store."""
        return psycopg.connect(
            host=str(self.folder), user=USER, password=PASSWORD, dbname=name, autocommit=True, connect_timeout=5
        )

    @contextmanager
    def lending(self) -> Iterator[Callable[[], str]]:
        """Gives the URL of an empty database at each call; they are emptied with the block, to serve again."""
        lent: list[str] = []

        def database() -> str:
            name = self._free.pop() if self._free else self._create()
            lent.append(name)
            return self.url(name)

        yield database
        for name in lent:
            with self.connect(name) as connection:
                connection.execute(b"DROP SCHEMA public CASCADE")
                connection.execute(b"CREATE SCHEMA public")
        self._free.extend(lent)

    def _create(self) -> str:
        name = f"store_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def url(self, name: str, password: str = PASSWORD) -> str:
        """As a user would write it, characters that mean something in a URL written as %xx."""
        written = password.replace("/", "%2F").replace("@", "%40")
        return f"postgresql://{USER}:{written}@/{name}?host={self.folder}"


def binaries() -> Path | None:
    """Where `initdb` and `postgres` are; None if PostgreSQL is not installed."""
    found = shutil.which("postgres")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), *([Path(found).parent] if found else [])]
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


@contextmanager
def serving(programs: Path) -> Iterator[Server]:
    """A server, ended with the block; it ends with this process too, however that ends."""
    folder = Path(tempfile.mkdtemp(prefix="etalon-"))  # a short path: it holds a socket
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    other: dict[str, Any] = {"cwd": folder}
    if os.getuid() == 0:  # which a server refuses to be
        other |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        for path in (folder, secret):
            shutil.chown(path, "nobody", "nogroup")
    process = None
    try:
        made = [programs / "initdb", "-D", data, "-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256"]
        subprocess.run([*made, "--no-sync", "--encoding=UTF8", "--locale=C"], check=True, capture_output=True, **other)
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
        command = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig=INT", "--", *command]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **other)
        server, deadline = Server(folder), time.monotonic() + 60
        while True:
            try:
                server.connect().close()
                break
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text()) from None
                time.sleep(0.05)
        yield server
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # ends those who are connected
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)
