"""Which database a store has, and what is said, and not said, of one that cannot be reached."""

import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from servers import PASSWORD, USER, Server
from small_studies import finished_run
from store_contract import KEY

from etalon.errors import StoreError
from etalon.study.database import VARIABLE, Database, without_secrets
from etalon.study.store import Store

URLS = {  # as given, as shown
    "sqlite:////some/where.db": "sqlite:////some/where.db",
    "postgresql://me@host:5433/base": "postgresql://me@host:5433/base",
    "postgresql://me:secret@host/base": "postgresql://me:***@host/base",
    "postgresql://me:se%40cret@host/base": "postgresql://me:***@host/base",
    "postgresql://host/base?user=me&password=secret": "postgresql://host/base?password=hidden&user=me",
    "postgresql://me:secret@host:no-port/base": "postgresql://me:***@host:no-port/base",
    "postgresql//me:secret@host/base": "postgresql//me:***@host/base",
    "nonsense": "nonsense",
}


@pytest.fixture
def url(database: Callable[[], str]) -> str:
    return database()


@pytest.mark.parametrize("url", URLS)
def test_no_password_is_shown(url: str) -> None:
    shown = without_secrets(url)
    assert "secret" not in shown
    assert sorted(shown.replace("?", "&").split("&")) == sorted(URLS[url].replace("?", "&").split("&"))


@pytest.mark.parametrize(
    "url", ["nonsense", "nosuchbase://host/name", "mysql://me:secret@host/name", "postgresql//me:secret@host/name"]
)
def test_a_url_that_leads_nowhere(store_folder: Path, url: str) -> None:
    with pytest.raises(StoreError, match=r"the URL .*: no database can be reached by it .*Correct it") as raised:
        Store(store_folder, url)
    assert "secret" not in "".join(traceback.format_exception(raised.value))


def test_without_the_driver(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"no database can be reached .*`pip install etalon\[postgresql\]`"):
        Database("postgresql://me:secret@host/name", store_folder)


def test_a_server_that_is_away(store_folder: Path) -> None:
    with socket.socket() as taken:  # nobody listens on it
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://me:secret@127.0.0.1:{taken.getsockname()[1]}/base"
        with pytest.raises(StoreError, match=r"its database refuses .*Connection refused") as raised:
            Store(store_folder, url)
    assert "secret" not in "".join(traceback.format_exception(raised.value))
    Store(store_folder)  # nothing holds the folder to a database that has never been reached


def test_a_wrong_password(store_folder: Path, server: Server) -> None:
    url = server.url("postgres", "another secret")
    with pytest.raises(
        StoreError, match=f'its database refuses .*password authentication failed for user "{USER}"'
    ) as e:
        Store(store_folder, url)
    assert "secret" not in "".join(traceback.format_exception(e.value))


def test_the_variable_chooses_for_a_new_store(store_folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    Store(store_folder).save(finished_run(KEY), {})
    assert not (store_folder / "etalon.db").exists()
    assert Store(store_folder, url).records()[KEY].status == "done"


def test_a_store_with_its_own_database_keeps_it(store_folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(store_folder).fail(KEY, "s", "v", 0, "why", diverged=False)
    monkeypatch.setenv(VARIABLE, url)
    assert set(Store(store_folder).records()) == {KEY}
    with pytest.raises(StoreError, match=r"its records are in its own etalon.db, not in .*Open it without a URL") as e:
        Store(store_folder, url)
    assert PASSWORD not in str(e.value)


def test_a_store_by_url_is_not_opened_without(store_folder: Path, database: Callable[[], str], url: str) -> None:
    Store(store_folder, url)
    place = r"its records are in the database postgresql:///\w+\?host=\S+"
    for other in (None, database(), f"sqlite:///{store_folder}/etalon.db"):
        with pytest.raises(
            StoreError, match=rf"{place}\. Give its URL in ETALON_DATABASE.*correct the file .*/database"
        ):
            Store(store_folder, other)
    assert not (store_folder / "etalon.db").exists()


def test_its_folder_holds_no_secret_and_no_user(store_folder: Path, url: str) -> None:
    Store(store_folder, url).save(finished_run(KEY), {})
    held = b"".join(path.read_bytes() for path in store_folder.rglob("*") if path.is_file())
    assert b"s3cret" not in held
    assert f"{USER}:" not in (store_folder / "database").read_text()


def test_another_user_of_the_same_database(store_folder: Path, server: Server, url: str) -> None:
    Store(store_folder, url)
    with server.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS colleague")
        connection.execute("CREATE ROLE colleague SUPERUSER LOGIN PASSWORD 'theirs'")
    Store(store_folder, url.replace(url.split("//")[1].split("@")[0], "colleague:theirs")).records()


def test_the_password_may_come_from_elsewhere(
    store_folder: Path, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv(VARIABLE, url.replace(url.split(":")[2].split("@")[0], "").replace(":@", "@"))
    assert "s3cret" not in os.environ[VARIABLE]
    Store(store_folder).save(finished_run(KEY), {})
    assert Store(store_folder).has(KEY)
