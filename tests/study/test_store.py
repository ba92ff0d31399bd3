"""What every store promises, whatever keeps its records."""

import errno
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sql
from small_studies import finished_run, some_weights

from etalon.data.dataset import Dataset
from etalon.errors import StoreError
from etalon.study import store as store_module
from etalon.study.store import SCHEMA, Store
from etalon.study.summary import summary
from etalon.train.state import Snapshot

STORES: dict[str, Callable[[Path], Store]] = {  # PostgreSQL joins here
    "sqlite": Store,
    "url": lambda folder: Store(folder, f"sqlite:///{folder}/elsewhere.db"),
}
OpenStore = Callable[[], Store]
KEY, OTHER = "ab" * 16, "ac" * 16


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, store_folder: Path) -> OpenStore:
    """Open the store of this test, as another process would."""
    return lambda: STORES[request.param](store_folder)


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file under a folder but the database and the locks."""
    found = (path for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if ".db" not in path.name}


class TestRuns:
    """Finished trials."""

    def test_a_run_comes_back_bit_for_bit(self, store: Store, open_store: OpenStore) -> None:
        run = finished_run(KEY)
        store.save(run, some_weights())
        found = open_store().load(KEY)
        assert found.scalars() == run.scalars()
        for name, array in run.arrays().items():
            assert found.arrays()[name].dtype == array.dtype
            np.testing.assert_array_equal(found.arrays()[name], array)

    def test_weights_keep_their_order_and_bits(self, store: Store, open_store: OpenStore) -> None:
        weights = some_weights()
        store.save(finished_run(KEY), weights)
        found = open_store().weights(KEY)
        assert list(found) == list(weights)
        assert all(np.array_equal(found[name], weights[name]) for name in weights)

    def test_its_record(self, store: Store) -> None:
        before = datetime.now(UTC)
        store.save(finished_run(KEY), {})
        record = store.records([KEY])[KEY]
        assert (record.study, record.variant, record.seed, record.status) == ("Étude", "reference", 3, "done")
        assert (record.error, record.fit_time, record.val_accuracy) == (None, 0.3, 0.75)
        assert before <= record.finished <= datetime.now(UTC)
        assert record.finished.utcoffset() == timedelta(0)

    def test_records_of_some_of_all_and_of_none(self, store: Store) -> None:
        for key in (KEY, OTHER):
            store.save(finished_run(key), {})
        assert set(store.records()) == {KEY, OTHER}
        assert set(store.records([OTHER, "unknown"])) == {OTHER}
        assert store.records([]) == {}

    def test_saved_twice_is_there_once(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        store.save(finished_run(KEY, validation_accuracy=0.9), {})
        assert store.load(KEY).validation_accuracy == 0.9
        assert store.records()[KEY].val_accuracy == 0.9

    def test_has(self, store: Store) -> None:
        assert not store.has(KEY)
        store.save(finished_run(KEY), {})
        assert store.has(KEY)
        assert store.finished([KEY, OTHER]) == {KEY}

    def test_a_run_whose_folder_was_deleted_is_to_train_again(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        shutil.rmtree(store.folder / "runs" / KEY)
        assert not store.has(KEY)

    def test_a_run_renamed_but_not_recorded_is_adopted(
        self, store: Store, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "_record", lambda run: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.save(finished_run(KEY), {})
        other = open_store()
        assert not other.records()
        assert other.has(KEY)
        assert other.records()[KEY].status == "done"

    def test_find_by_the_beginning_of_a_key(self, store: Store) -> None:
        for key in (KEY, OTHER):
            store.save(finished_run(key), {})
        store.fail("af" * 16, "s", "v", 0, "why", diverged=False)
        assert store.find("ac").key == OTHER
        with pytest.raises(StoreError, match=r"key 'zz': no finished trial .*`etalon list --json -` gives the keys"):
            store.find("zz")
        with pytest.raises(StoreError, match="2 finished trials have such a key"):
            store.find("a")
        with pytest.raises(StoreError, match="no finished trial"):
            store.find("af")

    @pytest.mark.parametrize("diverged", [True, False])
    def test_a_breakdown_is_recorded_until_the_trial_succeeds(self, store: Store, diverged: bool) -> None:
        store.fail(KEY, "s", "v", 1, "a loss of nan", diverged=diverged)
        record = store.records()[KEY]
        assert (record.status, record.error) == ("diverged" if diverged else "failed", "a loss of nan")
        assert not store.has(KEY)
        store.save(finished_run(KEY), {})
        assert store.records()[KEY].status == "done"

    def test_what_callbacks_write_is_in_the_runs_folder(self, store: Store) -> None:
        (store.files(KEY) / "models").mkdir(parents=True)
        (store.files(KEY) / "models" / "best.keras").write_bytes(b"best")
        store.save(finished_run(KEY), {})
        assert (store.folder / "runs" / KEY / "files" / "models" / "best.keras").read_bytes() == b"best"
        assert not store.files(KEY).exists()

    def test_summary(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        store.save(finished_run(OTHER), {})
        store.fail("ff" * 16, "Étude", "reference", 9, "why", diverged=False)
        store.fail("fe" * 16, "Another", "wide", 9, "why", diverged=True)
        assert str(summary(store)).splitlines() == [
            "Another",
            "  wide       0 done, 1 failed, 0.0 s",
            "Étude",
            "  reference  2 done, 1 failed, 0.6 s",
        ]
        wide, reference = summary(store).to_json()
        assert (wide["keys"], set(reference["keys"])) == ((), {KEY, OTHER})
        assert datetime.fromisoformat(reference["last"]).utcoffset() == timedelta(0)

    def test_summary_of_nothing(self, store: Store) -> None:
        assert str(summary(store)) == "The store is empty."


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "garbage": lambda path: path.write_bytes(bytes(range(256))),
    "other": lambda path: path.write_text("[1, 2]"),
}


class TestDamage:
    """Files that are no longer what was written."""

    @pytest.mark.parametrize("damage", DAMAGES)
    @pytest.mark.parametrize("name", ["run.json", "arrays.npz"])
    def test_of_a_run(self, store: Store, name: str, damage: str) -> None:
        store.save(finished_run(KEY), some_weights())
        DAMAGES[damage](store.folder / "runs" / KEY / name)
        with pytest.raises(StoreError, match=f"runs/{KEY}: it cannot be read .*Delete this run's folder"):
            store.load(KEY)

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_of_weights(self, store: Store, damage: str) -> None:
        store.save(finished_run(KEY), some_weights())
        DAMAGES[damage](store.folder / "runs" / KEY / "weights.safetensors")
        with pytest.raises(StoreError, match=rf"runs/{KEY}/weights.safetensors: it cannot be read"):
            store.weights(KEY)

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_of_a_checkpoint_costs_only_time(self, store: Store, damage: str) -> None:
        store.keep_checkpoint(KEY, Snapshot({"network/kernel": np.ones(30)}, {"history": {}}))
        DAMAGES[damage](store.folder / "checkpoints" / KEY)
        assert store.checkpoint(KEY) is None

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_of_the_shared_images(self, store: Store, blobs: Dataset, damage: str) -> None:
        store.share(blobs)
        DAMAGES[damage](store.folder / "data" / blobs.digest / "train_x.npy")
        with pytest.raises(StoreError, match=f"data/{blobs.digest}: .* cannot be read .*Delete this folder"):
            store.shared(blobs.digest)

    def test_of_the_database(self, store_folder: Path) -> None:
        store_folder.mkdir()
        (store_folder / "etalon.db").write_bytes(b"not a database, whatever its name says\n" * 40)
        with pytest.raises(StoreError, match=r"its database refuses \(file is not a database\)"):
            Store(store_folder)

    def test_no_pickle_is_read(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        arrays: dict[str, Any] = {name: np.array([{"code": 1}], object) for name in finished_run().arrays()}
        np.savez(store.folder / "runs" / KEY / "arrays.npz", **arrays)
        with pytest.raises(StoreError, match="allow_pickle=False"):
            store.load(KEY)


class TestWriting:
    """A store that cannot be written says so, and stays as it was."""

    def test_schema_of_a_newer_version(self, store: Store, open_store: OpenStore) -> None:
        with store._begin() as connection:
            connection.execute(sql.text(f"UPDATE schema SET version = {SCHEMA + 1}"))
        with pytest.raises(StoreError, match=rf"of schema {SCHEMA + 1}: it was written by a newer version .*Upgrade"):
            open_store()

    def test_a_place_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(
            StoreError, match=r"the store .*file/store: it cannot be written \(Not a directory\).*--store"
        ):
            Store(tmp_path / "file" / "store")

    def test_a_folder_without_rights(self, store: Store, open_store: OpenStore) -> None:
        locks = store.folder / "locks"
        locks.chmod(0o500)
        try:
            (locks / "probe").touch()
        except OSError:
            with pytest.raises(StoreError, match=r"it cannot be written \(Permission denied\)"), store.reserve(KEY):
                pass
        else:
            pytest.skip("this user may write everywhere (root)")
        finally:
            locks.chmod(0o700)

    @pytest.mark.parametrize("url", ["nonsense", "nosuchbase://host/name"])
    def test_a_url_that_leads_nowhere(self, store_folder: Path, url: str) -> None:
        with pytest.raises(StoreError, match=f"the URL {url}: no database can be reached by it"):
            Store(store_folder, url)

    @pytest.mark.parametrize("writer", ["np.savez", "_save_tensors", "_sync"])
    def test_no_room_for_a_run(self, store: Store, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store.save(finished_run(OTHER), some_weights())
        store.keep_checkpoint(KEY, Snapshot({}, {"n": 1}))
        before = files_of(store.folder)
        owner, name = (np, "savez") if writer == "np.savez" else (store_module, writer)
        monkeypatch.setattr(owner, name, _full)
        with pytest.raises(StoreError, match=r"it cannot be written \(No space left on device\).*Free some space"):
            store.save(finished_run(KEY), some_weights())
        monkeypatch.undo()
        assert files_of(store.folder) == before
        assert not store.has(KEY)
        store.save(finished_run(KEY), some_weights())
        assert store.has(KEY)

    def test_no_room_for_a_checkpoint(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        store.keep_checkpoint(KEY, Snapshot({}, {"n": 1}))
        monkeypatch.setattr(store_module, "_sync", _full)
        with pytest.raises(StoreError, match="No space left"):
            store.keep_checkpoint(KEY, Snapshot({}, {"n": 2}))
        found = store.checkpoint(KEY)
        assert found
        assert found.meta == {"n": 1}
        assert [path.name for path in (store.folder / "checkpoints").iterdir()] == [KEY]

    def test_no_room_for_shared_images(self, store: Store, blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store_module, "_sync", _full)
        with pytest.raises(StoreError, match="No space left"):
            store.share(blobs)
        assert not list((store.folder / "data").iterdir())

    def test_a_full_disk_as_safetensors_tells_it(self, tmp_path: Path) -> None:
        with (
            pytest.raises(StoreError, match="the store here: it cannot be written"),
            store_module._clear_errors(Path("here")),
        ):
            store_module._save_tensors(tmp_path / "no" / "such" / "folder", some_weights(), {})


def _full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class TestUnderWay:
    """Trainings that are not finished."""

    def test_checkpoints_come_back(self, store: Store, open_store: OpenStore) -> None:
        assert store.checkpoint(KEY) is None
        arrays = {"network/a": np.arange(6.0).reshape(2, 3), "optimizer/steps": np.array(7)}
        meta = {"history": {"loss": [0.1 + 0.2]}, "stopping": {"best": None}, "callbacks": [{"best": float("inf")}]}
        store.keep_checkpoint(KEY, Snapshot({}, {}))
        store.keep_checkpoint(KEY, Snapshot(arrays, meta))
        found = open_store().checkpoint(KEY)
        assert found
        assert found.meta == meta
        for name, array in arrays.items():
            assert found.arrays[name].shape == array.shape
            np.testing.assert_array_equal(found.arrays[name], array)

    def test_a_finished_run_leaves_no_checkpoint(self, store: Store) -> None:
        store.keep_checkpoint(KEY, Snapshot({}, {}))
        store.save(finished_run(KEY), {})
        assert store.checkpoint(KEY) is None

    @pytest.mark.parametrize("diverged", [True, False])
    def test_a_breakdown_keeps_the_checkpoint_if_it_is_of_use(self, store: Store, diverged: bool) -> None:
        store.keep_checkpoint(KEY, Snapshot({}, {}))
        store.fail(KEY, "s", "v", 0, "why", diverged=diverged)
        assert (store.checkpoint(KEY) is None) == diverged

    def test_images_are_shared(self, store: Store, open_store: OpenStore, blobs: Dataset) -> None:
        store.share(blobs)
        store.share(blobs)
        found = open_store().shared(blobs.digest)
        for ours, theirs in ((found.train, blobs.train), (found.test, blobs.test)):
            assert isinstance(ours.x, np.memmap)
            np.testing.assert_array_equal(ours.x, theirs.x)
            np.testing.assert_array_equal(ours.y, theirs.y)
        assert (found.name, found.classes, found.provenance) == (blobs.name, blobs.classes, blobs.provenance)

    def test_images_never_shared(self, store: Store) -> None:
        with pytest.raises(StoreError, match="cannot be read"):
            store.shared("0" * 64)


class TestLedger:
    """The openings of the test set."""

    def test_once_for_a_choice(self, store: Store, open_store: OpenStore) -> None:
        assert store.openings("data") == []
        before = datetime.now(UTC)
        for choice in ("first", "first", "second", "first"):
            open_store().open_test("data", choice, "Étude", 4, "wide")
        store.open_test("other data", "first", "Étude", 4, "wide")
        found = store.openings("data")
        assert [opening.choice for opening in found] == ["first", "second"]
        assert (found[0].data, found[0].study, found[0].candidates, found[0].recommended) == (
            "data",
            "Étude",
            4,
            "wide",
        )
        assert before <= found[0].opened <= found[1].opened <= datetime.now(UTC)


SAVE = """
import sys
sys.path.insert(0, sys.argv[1])
from small_studies import finished_run, some_weights
from etalon.study.store import Store
print("ready", flush=True)
sys.stdin.readline()
for i in range(4):
    store = Store(sys.argv[2])
    store.save(finished_run(f"{sys.argv[3]}{i}" * 8), some_weights())
"""
HOLD = """
import sys
from etalon.study.store import Store
with Store(sys.argv[1]).reserve("key"):
    print("held", flush=True)
    sys.stdin.readline()
"""


class TestProcesses:
    """Several processes on one store."""

    def test_two_save_at_once(self, store_folder: Path, beside: Callable[..., "subprocess.Popen[str]"]) -> None:
        writers = [beside(SAVE, Path(__file__).parent, store_folder, letter) for letter in "ab"]
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert [writer.wait(60) for writer in writers] == [0, 0]
        store = Store(store_folder)
        keys = {f"{letter}{i}" * 8 for letter in "ab" for i in range(4)}
        assert {key for key, record in store.records().items() if record.status == "done"} == keys
        assert all(store.load(key).key == key and list(store.weights(key)) == list(some_weights()) for key in keys)

    def test_a_lock_dies_with_its_process(
        self, store_folder: Path, beside: Callable[..., "subprocess.Popen[str]"]
    ) -> None:
        from filelock import FileLock, Timeout

        holder = beside(HOLD, store_folder)
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            FileLock(store_folder / "locks" / "key", timeout=0).acquire()
        holder.kill()
        holder.wait()
        with Store(store_folder).reserve("key"), pytest.raises(Timeout):
            FileLock(store_folder / "locks" / "key", timeout=0).acquire()
