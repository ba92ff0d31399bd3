"""The contract of a store, on each kind of it, and what is proper to one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_studies import finished_run
from store_contract import KEY, OpenStore, StoreContract

from etalon.errors import StoreError
from etalon.study.store import Store


class TestInItsFolder(StoreContract):
    """SQLite in the store's folder, the default."""

    @pytest.fixture
    def open_store(self, store_folder: Path) -> OpenStore:
        return lambda: Store(store_folder)

    def test_a_database_that_is_none(self, store_folder: Path) -> None:
        store_folder.mkdir()
        (store_folder / "etalon.db").write_bytes(b"not a database, whatever its name says\n" * 40)
        with pytest.raises(StoreError, match=r"its database refuses \(file is not a database\)"):
            Store(store_folder)

    @pytest.mark.parametrize("name", ["a store", "100 %", "what?", "dépôt#1", "a:b@c"])
    def test_folders_of_any_name(self, tmp_path: Path, name: str) -> None:
        Store(tmp_path / name).save(finished_run(KEY), {})
        assert (tmp_path / name / "etalon.db").exists()
        assert Store(tmp_path / name).records()[KEY].status == "done"


class TestSQLiteByUrl(StoreContract):
    """SQLite elsewhere."""

    @pytest.fixture
    def open_store(self, store_folder: Path, tmp_path: Path) -> OpenStore:
        return lambda: Store(store_folder, f"sqlite:///{tmp_path}/elsewhere.db")


class TestPostgreSQL(StoreContract):
    """PostgreSQL, by URL."""

    @pytest.fixture
    def open_store(self, store_folder: Path, database: Callable[[], str]) -> OpenStore:
        url = database()
        return lambda: Store(store_folder, url)
