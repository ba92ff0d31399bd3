"""What a store remembers of studies: dossiers, events, who trains."""

import json
import shutil
import threading
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from small_studies import dense
from store_contract import DAMAGES

import etalon
from etalon import Study
from etalon.data.dataset import Dataset
from etalon.data.splits import Fixed, HoldOut, KFold
from etalon.errors import StoreError
from etalon.locales import use
from etalon.study.journal import Dossier, Told
from etalon.study.store import Store

FEW = etalon.Auto(start=2, most=4)
UNKNOWN = "ab" * 6
TITLE = {"en": "A study", "fr": "Une étude"}


def small_study(data: Dataset, folder: Any, **settings: Any) -> Study:
    """A reference and one variant, two seeds."""
    given = {"seeds": 2, "epochs": 2, "batch_size": 48, "precision": "float32", **settings}
    study = Study(TITLE, data=data, store=folder, **given)
    study.reference(dense)
    study.variant(because={"en": "six are few", "fr": "six, c'est peu"}, name="wide", neurons=9)(dense)
    return study


def train(data: Dataset, folder: Path, epochs: int) -> None:
    """What another process does."""
    small_study(data, folder, epochs=epochs).run(workers=0, progress=False)


@pytest.fixture
def study(blobs: Dataset, store_folder: Path) -> Study:
    return small_study(blobs, store_folder)


@pytest.fixture
def store(study: Study) -> Store:
    """The study's, which knows it; nothing is trained."""
    study._remember(study.plan)
    return study.plan.store


def place(store: Store, study: Study, name: str = "study.json") -> Path:
    return store.folder / "studies" / study.id / name


class TestDossiers:
    def test_all_of_it_comes_back(self, study: Study, store: Store, blobs: Dataset) -> None:
        found = Store(store.folder).study(study.id)
        assert (found.id, found.title, found.context, found.file, found.notice) == (study.id, TITLE, "", None, "")
        assert (found.rope, found.seeds, found.looks, found.split) == (0.002, (0, 1), (), HoldOut(0.2))
        assert (found.dataset.name, found.dataset.shape, found.dataset.digest) == ("blobs", (8, 8, 1), blobs.digest)
        assert found.dataset.counts == {"train": (100, 100, 100), "test": (30, 30, 30)}
        assert found.dataset.classes == {lang: tuple(names) for lang, names in blobs.classes.items()}
        for told, candidate in zip(found.candidates, study.plan.candidates, strict=True):
            assert (told.name, told.because, told.after) == (candidate.name, candidate.variant.because, candidate.after)
            assert told.source == candidate.variant.source
            assert "def dense" in told.source
            assert told.recipe == json.loads(json.dumps(candidate.recipe.to_json()))
            assert told.weights == candidate.weights
            assert [f.sentence() for f in told.factors] == [f.sentence() for f in candidate.factors]
            assert told.keys == {seed: study.plan.keys[told.name, seed] for seed in (0, 1)}
        assert found.reference.name == "dense"
        assert found.keys == set(study.plan.keys.values())

    @pytest.mark.parametrize("split", [HoldOut(0.3, stratified=False), Fixed(0.25), KFold(3)], ids=str)
    def test_splits(self, blobs: Dataset, store_folder: Path, split: Any) -> None:
        seeds = None if isinstance(split, KFold) else 2
        study = small_study(blobs, store_folder, split=split, seeds=seeds)
        study._remember(study.plan)
        assert study.plan.store.study(study.id).split == split

    def test_a_study_that_says_nothing_new_is_left_alone(self, study: Study, store: Store) -> None:
        written = place(store, study).stat()
        study._remember(study.plan)
        assert place(store, study).stat().st_mtime_ns == written.st_mtime_ns

    def test_an_edited_study_is_the_same_one(self, study: Study, store: Store, blobs: Dataset) -> None:
        before = store.study(study.id)
        edited = small_study(blobs, store.folder, epochs=3)
        edited.variant(name="wider", neurons=12)(dense)
        edited._remember(edited.plan)
        after = store.study(study.id)
        assert [one.name for one in after.candidates] == ["dense", "wide", "wider"]
        assert after.created == before.created
        assert after.updated > before.updated
        assert len(store.studies()) == 1

    def test_what_makes_another_study(self, blobs: Dataset, digits: Dataset, store_folder: Path) -> None:
        study = small_study(blobs, store_folder)
        others = [
            small_study(blobs, store_folder, seeds=None, folds=3),
            small_study(digits, store_folder),
            study.with_(title="Another"),
            study.quick(),
        ]
        assert len({study.id, *(other.id for other in others)}) == 5
        assert study.with_(title={"fr": TITLE["fr"], "en": TITLE["en"]}).id == study.id

    def test_the_last_updated_is_first(self, study: Study, store: Store) -> None:
        other = study.with_(title="Another")
        other._remember(other.plan)
        assert [one.id for one in store.studies()] == [other.id, study.id]
        with store.journal.attended(study.id) as diary:
            diary.begin(4, 1)
        assert [one.id for one in store.studies()] == [study.id, other.id]

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_one_hides_no_other(self, study: Study, store: Store, damage: str) -> None:
        other = study.with_(title="Another")
        other._remember(other.plan)
        DAMAGES[damage](place(store, study))
        assert [one.id for one in store.studies()] == [other.id]
        with pytest.raises(StoreError, match="knows none of this name" if damage == "missing" else "cannot be read"):
            store.study(study.id)
        study._remember(study.plan)
        assert len(store.studies()) == 2

    def test_a_newer_one_is_left_as_it_is(self, study: Study, store: Store) -> None:
        path = place(store, study)
        path.write_text(json.dumps({"layout": 2, "title": "what it may be"}))
        assert store.studies() == []
        with pytest.raises(StoreError, match=r"newer version of Étalon\. Upgrade Étalon"):
            store.study(study.id)
        study._remember(study.plan)
        assert json.loads(path.read_text())["layout"] == 2

    @pytest.mark.parametrize("changed", [("planned", {"0": "../../../etc"}), ("dataset", {"digest": "../../runs"})])
    def test_no_path_comes_from_a_dossier(self, study: Study, store: Store, changed: tuple[str, Any]) -> None:
        path, (name, value) = place(store, study), changed
        fields = json.loads(path.read_text())
        (fields if name == "dataset" else fields["candidates"][0])[name] |= value
        path.write_text(json.dumps(fields))
        with pytest.raises(StoreError, match="cannot be read"):
            store.study(study.id)

    @pytest.mark.parametrize("id", ["", ".", "..", "../runs", "/etc", "AB" * 6, f"{UNKNOWN}\n", "z" * 12, UNKNOWN])
    def test_names_that_are_none(self, store: Store, id: str) -> None:
        for look in (store.study, store.events):
            with pytest.raises(StoreError, match="the store knows none of this name"):
                look(id)
        if id != UNKNOWN:
            with pytest.raises(StoreError, match="the store knows none of this name"):
                store.running(id)

    def test_its_images_are_there(self, study: Study, store: Store, blobs: Dataset) -> None:
        assert store.shared(blobs.digest).digest == blobs.digest
        assert store.study(study.id).dataset.digest == blobs.digest


class TestEvents:
    def test_a_run_from_its_beginning_to_its_end(self, study: Study) -> None:
        study.run(workers=0, progress=False)
        store = study.plan.store
        events, end = store.events(study.id)
        assert [told.what for told in events] == ["run", *["started", "epoch", "epoch", "done"] * 4, "end"]
        assert (events[0].total, events[0].workers) == (4, 1)
        assert [told.when for told in events] == sorted(told.when for told in events)
        assert abs(events[-1].when - time.time()) < 60
        trial = [told for told in events if told.key == study.plan.keys["wide", 1]]
        assert {(told.variant, told.seed, told.epochs) for told in trial} == {("wide", 1, 2)}
        assert [told.epoch for told in trial] == [0, 1, 2, 0]
        history = store.load(trial[0].key).history
        assert [told.logs for told in trial[1:3]] == [{k: v[n] for k, v in history.items()} for n in (0, 1)]
        assert store.events(study.id, end) == ([], end)
        study.run(workers=0, progress=False)
        assert store.events(study.id) == (events, end)  # nothing was trained

    def test_from_a_place_on(self, study: Study, store: Store) -> None:
        seen, start = [], 0
        with store.journal.attended(study.id) as diary:
            diary.begin(3, 1)
            for n in range(3):
                diary.tell(Told("done", key=f"{n}", seed=n))
                found, start = store.events(study.id, start)
                seen += found
        assert [told.what for told in seen] == ["run", "done", "done", "done"]
        assert [told.what for told in store.events(study.id, start)[0]] == ["end"]

    def test_a_line_cut_short(self, study: Study, store: Store) -> None:
        path = place(store, study, "events.jsonl")
        path.write_bytes(b'{"what": "run"}\n{"what": "started"}\n{"wha')
        found, start = store.events(study.id)
        assert [told.what for told in found] == ["run", "started"]
        assert store.events(study.id, start) == ([], start)
        with store.journal.attended(study.id) as diary:
            diary.begin(1, 1)
        assert [told.what for told in store.events(study.id, start)[0]] == ["run", "end"]

    def test_lines_that_are_none(self, study: Study, store: Store) -> None:
        path = place(store, study, "events.jsonl")
        path.write_bytes(b'[1]\n\xff\xfe\n{"what": "run", "of": "tomorrow"}\n{}\n3\n{"what": "end"}\n')
        assert [told.what for told in store.events(study.id)[0]] == ["end"]
        assert [told.what for told in store.events(study.id, 10**9)[0]] == ["end"]
        assert [told.what for told in store.events(study.id, -5)[0]] == ["end"]

    def test_many_at_once(self, study: Study, store: Store) -> None:
        def write(n: int) -> None:
            with store.journal.attended(study.id) as diary:
                for k in range(100):
                    diary.tell(Told("epoch", f"{n}", "wide" * 50, n, k))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found, _end = store.events(study.id)
        assert len(found) == 800
        assert all([told.epoch for told in found if told.seed == n] == list(range(100)) for n in range(8))

    def test_none_yet(self, study: Study, store: Store) -> None:
        assert store.events(study.id) == ([], 0)


class TestRunning:
    def test_several_at_once(self, study: Study, store: Store) -> None:
        other = Store(store.folder)
        assert not other.running(study.id)
        with store.journal.attended(study.id):
            assert other.running(study.id)
            with other.journal.attended(study.id):
                assert store.running(study.id)
            assert other.running(study.id)
        assert not store.running(study.id)

    def test_those_who_look_do_not_see_one_another(self, study: Study, store: Store) -> None:
        with store.journal.attended(study.id):
            pass
        seen: list[bool] = []
        threads = [
            threading.Thread(target=lambda: seen.extend(store.running(study.id) for _ in range(50))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [False] * 200

    def test_killed_while_it_trains(self, blobs: Dataset, store_folder: Path, forks: ForkServerContext) -> None:
        study, store = small_study(blobs, store_folder, epochs=4000), Store(store_folder)
        process = forks.Process(target=train, args=(blobs, store_folder, 4000))
        process.start()
        told: list[Told] = []
        while sum(one.what == "epoch" for one in told) < 3:
            assert process.is_alive()
            time.sleep(0.02)
            told = store.events(study.id)[0] if place(store, study).exists() else []
        assert store.running(study.id)
        process.kill()
        process.join()
        assert not store.running(study.id)
        before, end = store.events(study.id)
        assert "end" not in {one.what for one in before}
        assert store.study(study.id).seeds == (0, 1)
        train(blobs, store_folder, 2)
        after = [one.what for one in store.events(study.id, end)[0]]
        assert (after[0], after[-1]) == ("run", "end")

    def test_two_processes(self, blobs: Dataset, store_folder: Path, forks: ForkServerContext) -> None:
        study = small_study(blobs, store_folder, epochs=20)
        process = forks.Process(target=train, args=(blobs, store_folder, 20))
        process.start()
        train(blobs, store_folder, 20)
        process.join(60)
        assert process.exitcode == 0
        store = study.plan.store
        found = store.events(study.id)[0]
        assert {told.key for told in found if told.what == "done"} == set(study.plan.keys.values())
        assert store.study(study.id).keys == set(study.plan.keys.values())
        assert not store.running(study.id)


class TestStudies:
    def test_workers(self, study: Study) -> None:
        study.run(workers=1, progress=False)
        found = study.plan.store.events(study.id)[0]
        assert (found[0].what, found[0].total, found[0].workers) == ("run", 4, 1)
        assert sum(told.what == "done" for told in found) == 4
        assert found[-1].what == "end"

    def test_a_breakdown(self, blobs: Dataset, store_folder: Path) -> None:
        study = small_study(blobs, store_folder, seeds=1)
        study.variant(name="wild", learning_rate=1e30)(dense)
        study.run(workers=0, progress=False)
        found = [told for told in study.plan.store.events(study.id)[0] if told.variant == "wild"]
        assert found[-1].what == "diverged"
        assert "nan" in found[-1].error

    def test_seeds_added_look_after_look(self, blobs: Dataset, store_folder: Path) -> None:
        study = small_study(blobs, store_folder, seeds=FEW, epochs=4, learning_rate=0.01)
        study.variant(name="slow", learning_rate=1e-5)(dense)
        seen: list[dict[str, int]] = []
        store, keep = study.plan.store, Store.remember

        def remember(self: Store, dossier: Dossier, dataset: Dataset) -> None:
            keep(self, dossier, dataset)
            seen.append({one.name: len(one.keys) for one in self.study(study.id).candidates})

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Store, "remember", remember)
            result = study.run(workers=0, progress=False)
        assert seen[0] == dict.fromkeys(("dense", "wide", "slow"), 2)
        assert seen[-1] == dict(result.plan.taken)
        found = store.study(study.id)
        assert found.keys == set(result.plan.keys.values())
        assert (found.seeds, found.looks) == ((0, 1, 2, 3), (2, 3, 4))
        runs = [told.total for told in store.events(study.id)[0] if told.what == "run"]
        assert runs[0] == 6
        assert sum(runs) == len(found.keys)
        assert [told.what for told in store.events(study.id)[0]].count("end") == 1

    def test_a_first_look(self, study: Study) -> None:
        quick = study.quick()
        quick.run(workers=0, progress=False)
        found = quick.plan.store.study(quick.id)
        assert isinstance(found.notice, dict)
        for lang in ("en", "fr"):
            with use(lang):
                assert found.notice[lang] == quick.look.notice if quick.look else ""
        assert found.notice["fr"].startswith("Premier")

    def test_an_older_store_once_looked_at(self, study: Study) -> None:
        study.run(workers=0, progress=False)
        store = study.plan.store
        shutil.rmtree(store.folder / "studies")
        shutil.rmtree(store.folder / "data", ignore_errors=True)
        Store(store.folder)
        study.result()
        assert [one.id for one in Store(store.folder).studies()] == [study.id]
        assert Store(store.folder).shared(study.dataset.digest).digest == study.dataset.digest

    def test_from_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "some_remembered_study.py"
        path.write_text("import etalon\nfrom small_studies import dense\nstudy = etalon.Study('T', data='digits')\n")
        study = etalon.open_study(path)
        assert study.file == path
        assert study.with_(epochs=1).file == path

    def test_no_training_is_lost_where_the_disk_refuses(self, study: Study) -> None:
        folder = study.plan.store.folder / "studies"
        folder.rmdir()
        folder.write_text("no folder")
        assert study.run(workers=0, progress=False).tally.trained == 4

    def test_text_that_no_page_can_show(self, study: Study) -> None:
        other = study.with_(title="\udce9tude")
        other.run(workers=0, progress=False)
        other.result()
        assert Store(study.folder).study(other.id).title == "\\udce9tude"

    def test_records_in_postgresql(
        self, study: Study, database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ETALON_DATABASE", database())
        study.run(workers=0, progress=False)
        store = Store(study.folder)
        assert [one.id for one in store.studies()] == [study.id]
        assert store.events(study.id)[0][-1].what == "end"


def test_a_search_is_no_study(study: Study) -> None:
    found = etalon.search(study, {"neurons": [3, 6]}, workers=0, progress=False)
    store = Store(study.folder)
    assert store.studies() == []
    compared = found.study(seeds=1)
    compared.run(workers=0, progress=False)
    assert [one.id for one in store.studies()] == [compared.id] != [study.id]
