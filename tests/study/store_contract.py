"""What every store promises, whatever keeps its records: tests to inherit, beside a fixture `open_store`."""

import json
import shutil
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_studies import finished_run, some_weights

from etalon.data.dataset import Dataset
from etalon.errors import StoreError
from etalon.study.files import seal
from etalon.study.settings import Settings
from etalon.study.store import Store
from etalon.study.summary import summary
from etalon.train.state import Snapshot

OpenStore = Callable[[], Store]
KEY, OTHER = "ab" * 16, "ac" * 16
RUN_FILES = ("run.json", "arrays.npz", "weights.safetensors")
TOGETHER = 16  # processes

DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "garbage": lambda path: path.write_bytes(bytes(range(256))),
    "other": lambda path: path.write_text("[1, 2]"),
}


def save_some(folder: Path, url: str | None, own: Iterable[str], wanted: Iterable[str], log: Path) -> None:
    """Save runs of one's own, then those that everybody wants unless somebody has; write down who makes which."""
    store = Store(folder, url)
    for key in own:
        store.save(finished_run(key), some_weights())
    for key in wanted:
        with store.reserve(key):
            if not store.has(key):
                mark = log.with_name(f"{key}.busy")
                mark.touch(exist_ok=False)  # FileExistsError: somebody else is in here
                with log.open("a") as lines:
                    lines.write(f"{key}\n")
                store.save(finished_run(key), some_weights())
                mark.unlink()
    store.open_test("data", "choice", "Étude", 1, "wide")


class StoreContract:
    """To be run on every kind of store."""

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Store:
        return open_store()

    # finished trials

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
        for key in (OTHER, KEY):
            store.save(finished_run(key), {})
        assert list(store.records()) == [OTHER, KEY]  # in the order in which they ended
        assert set(store.records([OTHER, "unknown"])) == {OTHER}
        assert store.records([]) == {}

    def test_records_of_more_keys_than_a_query_may_have(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        assert set(store.records([KEY, *(f"{n:032x}" for n in range(70_000))])) == {KEY}

    def test_the_greatest_seed(self, store: Store) -> None:
        store.save(finished_run(KEY, seed=2**32 - 1), {})
        assert store.records()[KEY].seed == 2**32 - 1

    def test_text_that_no_database_takes(self, store: Store) -> None:
        store.save(finished_run(KEY, study="A\0B", variant="\udce9t\xe9"), {})
        store.fail(OTHER, "s", "v", 0, "no such file: \udcff\0.png", diverged=False)
        found = store.records()
        assert (found[KEY].study, found[KEY].variant) == ("A\\x00B", "\\udce9té")
        assert found[OTHER].error == "no such file: \\udcff\\x00.png"
        assert (store.load(KEY).study, store.load(KEY).variant) == ("A\0B", "\udce9t\xe9")

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
        with pytest.raises(StoreError, match="no finished trial"):
            store.find(KEY)

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

    def test_what_a_killed_process_left_is_written_over(self, store: Store) -> None:
        scratch = store.folder / "runs" / f".{KEY}.new"
        scratch.mkdir()
        for name in (*RUN_FILES, "SHA256SUMS", "SHA256SUMS.new"):
            (scratch / name).write_bytes(b"half of it")
        assert not store.has(KEY)
        store.save(finished_run(KEY), some_weights())
        assert store.load(KEY).scalars() == finished_run(KEY).scalars()
        assert set(store.weights(KEY)) == set(some_weights())
        assert [path.name for path in (store.folder / "runs").iterdir()] == [KEY]

    def test_deleted_while_it_is_in_use(self, store: Store, open_store: OpenStore, blobs: Dataset) -> None:
        store.save(finished_run(KEY), some_weights())
        shutil.rmtree(store.folder)
        for write in (
            lambda: store.save(finished_run(OTHER), some_weights()),
            lambda: store.keep_checkpoint(OTHER, Snapshot({}, {})),
            lambda: store.reports,
            lambda: store.share(blobs),
        ):
            with pytest.raises(StoreError, match=r"the store .*: it cannot be written \(No such file or directory\)"):
                write()
        assert not store.has(KEY)
        again = open_store()
        again.save(finished_run(KEY), some_weights())
        assert again.finished([KEY, OTHER]) == {KEY}

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

    def test_find_by_the_name_of_a_variant(self, store: Store) -> None:
        for key, seed in ((KEY, 0), (OTHER, 1)):
            store.save(finished_run(key, seed=seed, variant="wide"), {})
        assert store.find("wide").key == OTHER, "the one trained last"
        assert store.find("wide", 0).key == KEY
        with pytest.raises(StoreError, match=r"seed 7 of wide: it has no finished run\. There are 0, 1\."):
            store.find("wide", 7)
        with pytest.raises(StoreError, match=r"key 'wdie': .* The nearest: wide\. There are wide\."):
            store.find("wdie")

    def test_settings_are_those_of_the_run_where_no_study_plans_it(self, store: Store) -> None:
        written = {"recipe": {"epochs": 3}, "split": {"kind": "HoldOut"}, "weights": 12}
        store.save(finished_run(KEY, **written), {})
        store.save(finished_run(OTHER), {})
        found = store.settings([KEY, OTHER, "af" * 16])
        assert found[KEY] == Settings(**written)
        assert found[OTHER] == found["af" * 16] == Settings()

    @pytest.mark.parametrize("diverged", [True, False])
    def test_a_breakdown_is_recorded_until_the_trial_succeeds(self, store: Store, diverged: bool) -> None:
        store.fail(KEY, "s", "v", 1, "a loss of nan", diverged=diverged)
        record = store.records()[KEY]
        assert (record.status, record.error) == ("diverged" if diverged else "failed", "a loss of nan")
        assert not store.has(KEY)
        store.save(finished_run(KEY), {})
        assert (store.records()[KEY].status, store.records()[KEY].error) == ("done", None)

    def test_a_breakdown_does_not_undo_what_another_process_has_finished(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        store.fail(KEY, "s", "v", 1, "killed", diverged=False)
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

    # files that are no longer what was written

    @pytest.mark.parametrize("damage", DAMAGES)
    @pytest.mark.parametrize("name", RUN_FILES)
    def test_a_damaged_file(self, store: Store, name: str, damage: str) -> None:
        store.save(finished_run(KEY), some_weights())
        DAMAGES[damage](store.folder / "runs" / KEY / name)
        read = store.weights if name == "weights.safetensors" else store.load
        with pytest.raises(StoreError, match=rf"runs/{KEY}/{name}: it cannot be read .*Delete this run's folder"):
            read(KEY)

    @pytest.mark.parametrize("name", RUN_FILES)
    def test_one_bit(self, store: Store, name: str) -> None:
        store.save(finished_run(KEY), some_weights())
        path = store.folder / "runs" / KEY / name
        written = path.read_bytes()
        read = store.weights if name == "weights.safetensors" else store.load
        for place in range(0, len(written), 5):
            changed = bytearray(written)
            changed[place] ^= 1 << place % 8
            path.write_bytes(changed)
            with pytest.raises(StoreError, match=rf"{name}: .*no longer what was written: sha256 \w+ instead of \w+"):
                read(KEY)
        path.write_bytes(written)
        read(KEY)

    def test_the_checksums_are_those_of_sha256sum(self, store: Store) -> None:
        store.save(finished_run(KEY), some_weights())
        noted = (store.folder / "runs" / KEY / "SHA256SUMS").read_text().splitlines()
        assert [line.split("  ")[1] for line in noted] == list(RUN_FILES)
        assert all(len(line.split("  ")[0]) == 64 for line in noted)

    def test_a_damaged_run_is_trained_again_once_its_folder_is_deleted(self, store: Store) -> None:
        store.save(finished_run(KEY), some_weights())
        (store.folder / "runs" / KEY / "SHA256SUMS").write_text("")
        with pytest.raises(StoreError, match="SHA256SUMS does not name it"):
            store.load(KEY)
        shutil.rmtree(store.folder / "runs" / KEY)
        assert not store.has(KEY)
        store.save(finished_run(KEY), some_weights())
        assert store.load(KEY).key == KEY

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_checkpoint_costs_only_time(self, store: Store, damage: str) -> None:
        store.keep_checkpoint(KEY, Snapshot({"network/kernel": np.ones(30)}, {"history": {}}))
        DAMAGES[damage](store.folder / "checkpoints" / KEY)
        assert store.checkpoint(KEY) is None

    def test_one_bit_of_a_checkpoint(self, store: Store) -> None:
        store.keep_checkpoint(KEY, Snapshot({"network/kernel": np.ones(3)}, {"history": {"loss": [0.5]}}))
        path = store.folder / "checkpoints" / KEY
        written = path.read_bytes()
        for place in range(len(written)):
            changed = bytearray(written)
            changed[place] ^= 1 << place % 8
            path.write_bytes(changed)
            found = store.checkpoint(KEY)
            if found is not None:  # a space or a letter of the header that means the same
                assert json.dumps(found.meta) == '{"history": {"loss": [0.5]}}'
                np.testing.assert_array_equal(found.arrays["network/kernel"], np.ones(3))

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_damaged_images(self, store: Store, blobs: Dataset, damage: str) -> None:
        store.share(blobs)
        DAMAGES[damage](store.folder / "data" / blobs.digest / "train_x.npy")
        with pytest.raises(StoreError, match=f"data/{blobs.digest}: .* cannot be read .*Delete this folder"):
            store.shared(blobs.digest)
        store.share(blobs)
        np.testing.assert_array_equal(store.shared(blobs.digest).train.x, blobs.train.x)

    def test_one_bit_of_the_images(self, store: Store, blobs: Dataset) -> None:
        store.share(blobs)
        for name in ("train_x.npy", "test_x.npy", "train_y.npy", "test_y.npy", "about.json"):
            path = store.folder / "data" / blobs.digest / name
            written = path.read_bytes()
            path.write_bytes(written[:-3] + bytes([written[-3] ^ 1]) + written[-2:])
            store.share(blobs)
            assert path.read_bytes() == written or name == "about.json"
            assert store.shared(blobs.digest).classes == blobs.classes

    def test_no_pickle_is_read(self, store: Store) -> None:
        store.save(finished_run(KEY), {})
        folder = store.folder / "runs" / KEY
        arrays: dict[str, Any] = {name: np.array([{"code": 1}], object) for name in finished_run().arrays()}
        np.savez(folder / "arrays.npz", **arrays)
        seal(folder, RUN_FILES)
        with pytest.raises(StoreError, match="allow_pickle=False"):
            store.load(KEY)

    # trainings that are not finished

    def test_checkpoints_come_back(self, store: Store, open_store: OpenStore) -> None:
        assert store.checkpoint(KEY) is None
        arrays = {"network/a": np.arange(6.0).reshape(2, 3), "optimizer/steps": np.array(7), "none": np.empty((0, 2))}
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

    def test_a_pruned_trial_keeps_its_history(self, store: Store) -> None:
        history = {"seconds": [0.5, 0.25], "val_accuracy": [0.5, 0.75]}
        store.keep_checkpoint(KEY, Snapshot({}, {"history": history}))
        store.prune(KEY, "s", "v", 0)
        record = store.records()[KEY]
        assert (record.status, record.fit_time, record.val_accuracy) == ("pruned", 0.75, 0.75)
        assert store.history(KEY) == history

    def test_images_are_shared(self, store: Store, open_store: OpenStore, blobs: Dataset) -> None:
        store.share(blobs)
        place = store.folder / "data" / blobs.digest / "train_x.npy"
        written = place.stat()
        store.share(blobs)
        assert place.stat().st_ino == written.st_ino
        found = open_store().shared(blobs.digest)
        for ours, theirs in ((found.train, blobs.train), (found.test, blobs.test)):
            assert isinstance(ours.x, np.memmap)
            np.testing.assert_array_equal(ours.x, theirs.x)
            np.testing.assert_array_equal(ours.y, theirs.y)
        assert (found.name, found.classes, found.provenance) == (blobs.name, blobs.classes, blobs.provenance)

    def test_images_never_shared(self, store: Store) -> None:
        with pytest.raises(StoreError, match="cannot be read"):
            store.shared("0" * 64)

    # the ledger

    def test_one_opening_for_a_choice(self, store: Store, open_store: OpenStore) -> None:
        assert store.openings("data") == []
        before = datetime.now(UTC)
        for choice in ("first", "first", "second", "first"):
            open_store().open_test("data", choice, "Étude", 4, "wide")
        store.open_test("other data", "first", "Étude", 4, "wide")
        found = store.openings("data")
        assert [opening.choice for opening in found] == ["first", "second"]
        first = found[0]
        assert (first.data, first.study, first.candidates, first.recommended) == ("data", "Étude", 4, "wide")
        assert before <= found[0].opened <= found[1].opened <= datetime.now(UTC)

    # several at once

    def test_threads_write_one_record_at_once(self, open_store: OpenStore) -> None:
        stores = [open_store() for _ in range(8)]
        barrier, errors = threading.Barrier(len(stores)), []

        def write(store: Store) -> None:
            barrier.wait()
            for n in range(20):
                try:
                    store.fail(f"{n:032x}", "s", "v", n, "why", diverged=False)
                    store.open_test("data", f"{n}", "s", 1, "v")
                except StoreError as error:
                    errors.append(error)

        threads = [threading.Thread(target=write, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(stores[0].records()) == len(stores[0].openings("data")) == 20

    def test_processes_write_at_once(self, open_store: OpenStore, forks: ForkServerContext, tmp_path: Path) -> None:
        store = open_store()
        own = [[f"{process:02x}{n:02x}" * 8 for n in range(3)] for process in range(TOGETHER)]
        wanted = [f"ff{n:02x}" * 8 for n in range(4)]
        log = tmp_path / "log"
        started = [forks.Process(target=save_some, args=(store.folder, store.url, keys, wanted, log)) for keys in own]
        for process in started:
            process.start()
        while any(process.is_alive() for process in started):
            done = [key for key, record in store.records().items() if record.status == "done"]
            str(summary(store))
            assert all(store.load(key).key == key for key in done)
            for process in started:
                process.join(0.05)
        assert [process.exitcode for process in started] == [0] * TOGETHER
        keys = {key for some in own for key in some} | set(wanted)
        assert {key for key, record in store.records().items() if record.status == "done"} == keys
        assert {path.name for path in (store.folder / "runs").iterdir()} == keys
        assert all(store.load(key).key == key and list(store.weights(key)) == list(some_weights()) for key in keys)
        assert sorted(log.read_text().split()) == wanted  # each made once, by one process at a time
        assert len(store.openings("data")) == 1
