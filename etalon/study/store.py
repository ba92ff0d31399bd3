"""The store: every finished trial, once; nothing else in the package touches its files.

    etalon.db            what is known of each trial, and the ledger of the openings of the test set
    database             in its place, where these are in another database: which
    runs/<key>/          run.json, arrays.npz, weights.safetensors, SHA256SUMS, files/ (what the user's callbacks wrote)
    checkpoints/<key>    a trial under way, replaced at each epoch
    locks/<key>          held by the process that trains the trial: it ends with the process, however that ends
    data/<digest>/       images as memory maps, shared by the processes that train
    derived/<name>       what can be made again from the runs, see `etalon.study.shelf`
    studies/<id>/        what is known of each study, and what happened while it trained, see `etalon.study.journal`

A run is written beside its place, flushed, renamed, then recorded. A process killed at any instant leaves at most a
folder that is complete but not recorded, which the next look records.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from filelock import FileLock
from safetensors import safe_open
from safetensors.numpy import load_file, save

from etalon.data.dataset import Dataset
from etalon.errors import StoreError
from etalon.locales import _, among
from etalon.study.database import NOTE, OWN, Database, note_url, url_of
from etalon.study.files import DAMAGE, SUMS, Kept, clear_errors, fill, flush, packed, replace, seal, unpacked, verify
from etalon.study.records import Opening, Record, Records
from etalon.study.run import Run
from etalon.study.schema import SCHEMA, SUMMED
from etalon.study.settings import Settings, planned
from etalon.study.shared import share, shared
from etalon.study.shelf import Shelf, digest

if TYPE_CHECKING:
    from etalon.study.journal import Dossier, Journal, Told
    from etalon.train.state import Snapshot

__all__ = ["Opening", "Record", "Store", "default_store", "existing", "is_store"]

STORE = "etalon-store"
SCALARS, ARRAYS, WEIGHTS = PARTS = ("run.json", "arrays.npz", "weights.safetensors")


class Store:
    """A folder of finished trials.

    Args:
        folder: made if it is not there.
        url: of the database that has the records, SQLite or PostgreSQL, as SQLAlchemy writes it; by default that of
            ETALON_DATABASE, else SQLite in the folder. A store stays with the one that it was made with.

    Raises:
        StoreError: the folder cannot be written, its records cannot be reached, or were written by a newer version.
    """

    def __init__(self, folder: str | Path, url: str | None = None) -> None:
        self.folder = Path(folder).absolute()
        self.shelf = Shelf(self.folder / "derived")
        self._held: WeakValueDictionary[tuple[str, str], Run] = WeakValueDictionary()
        with clear_errors(self.folder):
            for name in ("runs", "checkpoints", "locks", "data", "derived", "studies"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        with self._locked("schema"), clear_errors(self.folder):
            self.url = url_of(self.folder, url)
            self._records = Records(Database(self.url, self.folder))
            found = self._records.schema()
            if found is not None and found > SCHEMA:
                raise StoreError(
                    _("the store {store}, of schema {found}").format(store=self.folder, found=found),
                    _("it was written by a newer version of Étalon (this one knows schema {known})").format(
                        known=SCHEMA
                    ),
                    _("Upgrade Étalon, or give another --store."),
                )
            if self.url:
                note_url(self.folder, self.url)
            if found is not None and found < SUMMED:
                for path in (self.folder / "runs").glob(f"*/{SCALARS}"):
                    seal(path.parent, PARTS)
            if found != SCHEMA:
                self._records.prepare()

    # trials

    @contextmanager
    def reserve(self, key: str) -> Iterator[None]:
        """Hold the trial: another process that wants it waits until this one has finished, or has died."""
        with self._locked(key):
            yield

    def has(self, key: str) -> bool:
        """Whether the trial is finished."""
        return bool(self.finished([key]))

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Those of the trials that are finished; one whose folder has been deleted no longer is."""
        there = {key for key in keys if self._is_there(key)}
        records = self.records(there)
        for key in there:
            if key not in records or records[key].status != "done":  # renamed, and the process died before recording
                self._record(self.load(key))
        return there

    def records(self, keys: Iterable[str] | None = None) -> dict[str, Record]:
        """What is known of these trials, or of all, by key."""
        return self._records.of(keys)

    def load(self, key: str) -> Run:
        """The finished run; while somebody holds it, and its files stay as they are, it is read once.

        Raises:
            StoreError: there is none, or its files are damaged.
        """
        place = (key, self.stamp([key]))
        run = self._held.get(place)
        if run is None:
            run = self._held[place] = self._load(key)
        return run

    def stamp(self, keys: Iterable[str]) -> str:
        """What tells whether these finished runs have changed, without reading them."""
        files = [self._run(key) / name for key in sorted(set(keys)) for name in (SCALARS, ARRAYS)]
        states = [path.stat() for path in files if path.exists()]
        return digest([len(files), *((state.st_size, state.st_mtime_ns) for state in states)])

    def find(self, wanted: str, seed: int | None = None) -> Run:
        """The finished run whose key begins so; or of the variant of this name, the one trained last.

        Args:
            seed: of a variant, the one trained last with this seed.

        Raises:
            StoreError: there is none, or several keys begin so.
        """
        records = self.records()
        done = [r for key, r in records.items() if r.status == "done" and self._is_there(key)]
        seeds = [r for r in done if r.variant == wanted]
        if of_name := [r for r in seeds if seed is None or r.seed == seed]:
            return self.load(of_name[-1].key)
        if seeds:
            told = ", ".join(map(str, sorted({r.seed for r in seeds})))
            raise StoreError(
                _("seed {seed} of {name}").format(seed=seed, name=wanted),
                _("it has no finished run"),
                _("There are {names}.").format(names=told),
            )
        found = [r.key for r in done if r.key.startswith(wanted)]
        if len(found) != 1:
            what = _("no finished trial has such a key, nor is of a variant of this name")
            if found:
                what = _("{n} finished trials have such a key").format(n=len(found))
            remedy = among(wanted, sorted({r.variant for r in done})) if not found else ""
            keys = _("`etalon list --json -` gives the keys.")
            raise StoreError(_("key {beginning!r}").format(beginning=wanted), what, f"{remedy} {keys}".strip())
        return self.load(found[0])

    def settings(self, keys: Iterable[str]) -> dict[str, Settings]:
        """By key, with what each trial was trained; read in its study, or in the run where that has changed."""
        known = planned(self.folder / "studies")
        return {key: known.get(key) or self._written_down(key) for key in keys}

    def weights(self, key: str) -> dict[str, np.ndarray]:
        """The trained weights, in the order of the model's variables."""
        path = self._run(key) / WEIGHTS
        with self._undamaged(path):
            with safe_open(path, framework="numpy") as file:
                order = json.loads(file.metadata()["order"])
            weights = load_file(path)
            return {name: weights[name] for name in order}

    def save(self, run: Run, weights: Mapping[str, np.ndarray]) -> None:
        """Keep a finished run; the store is as before if this fails."""
        place, scratch = self._run(run.key), self._scratch(run.key)
        arrays = BytesIO()
        np.savez(arrays, **run.arrays())  # type: ignore[arg-type]
        dense = {name: np.asarray(array, order="C") for name, array in weights.items()}
        contents = {
            SCALARS: json.dumps(run.scalars(), sort_keys=True).encode(),
            ARRAYS: arrays.getvalue(),
            WEIGHTS: bytes(save(dense, {"order": json.dumps(list(weights))})),
        }
        with clear_errors(self.folder, *(scratch / name for name in (*PARTS, SUMS))):
            scratch.mkdir(exist_ok=True)
            fill(scratch, contents)
            flush(scratch)
            shutil.rmtree(place, ignore_errors=True)
            scratch.rename(place)
            flush(place.parent)
        self._record(run)

    def fail(self, key: str, study: str, variant: str, seed: int, error: str, *, diverged: bool) -> None:
        """Record a trial that broke down. One that diverged would do so again; any other is tried anew next time."""
        if self._is_there(key):  # another process has finished it meanwhile
            return
        status = "diverged" if diverged else "failed"
        self._records.put(key=key, study=study, variant=variant, seed=seed, status=status, error=error)
        if diverged:
            self._forget(key)

    def prune(self, key: str, study: str, variant: str, seed: int) -> None:
        """Record a trial that a search has stopped; its checkpoint stays, from which it may go on one day."""
        history = self.history(key)
        self._records.put(
            key=key,
            study=study,
            variant=variant,
            seed=seed,
            status="pruned",
            fit_time=sum(history.get("seconds", ())),
            val_accuracy=next(reversed(history.get("val_accuracy", ())), None),
        )

    # trainings under way

    def keep_checkpoint(self, key: str, snapshot: "Snapshot") -> None:
        """Keep where the training is; replaces the checkpoint before it in one step."""
        content = packed(Kept(snapshot.meta, snapshot.arrays))
        with clear_errors(self.folder):
            replace(self._checkpoint(key), content)

    def checkpoint(self, key: str) -> "Snapshot | None":
        """Where an interrupted training was; None if it must start from the beginning, which ends alike."""
        from etalon.train.state import Snapshot  # torch, which a store that is only read does without

        try:
            kept = unpacked(self._checkpoint(key))
        except DAMAGE:
            return None
        return Snapshot(kept.arrays, kept.meta)

    def history(self, key: str) -> Mapping[str, list[float]]:
        """The figures, epoch by epoch, of a training that is not finished; empty if there is none."""
        snapshot = self.checkpoint(key)
        return snapshot.meta["history"] if snapshot else {}

    def files(self, key: str) -> Path:
        """Where the user's callbacks write."""
        return self._scratch(key) / "files"

    # the ledger

    def open_test(self, data: str, choice: str, study: str, candidates: int, recommended: str) -> None:
        """Write down that a test set was opened, once for a given choice: looking again at the same figures is free."""
        if all(opening.choice != choice for opening in self.openings(data)):
            self._records.open_test(data, choice, study, candidates, recommended)

    def openings(self, data: str) -> list[Opening]:
        """Every opening of this test set on this store, oldest first."""
        return self._records.openings(data)

    @property
    def reports(self) -> Path:
        """Where reports go by default."""
        folder = self.folder / "reports"
        with clear_errors(self.folder):
            folder.mkdir(exist_ok=True)
        return folder

    # studies

    @cached_property
    def journal(self) -> "Journal":
        """What the store remembers of studies."""
        from etalon.study.journal import Journal  # torch, which a store that is only read does without

        return Journal(self.folder / "studies", self.folder / "locks")

    def remember(self, dossier: "Dossier", dataset: Dataset) -> None:
        """Keep what is known of a study, and its images, so that its results can be opened again without its code.

        Where the disk refuses, they cannot be; no training is lost for it.
        """
        with suppress(OSError, StoreError):
            self.journal.keep(dossier)
            if not (self.folder / "data" / dataset.digest).exists():
                self.share(dataset)

    def studies(self) -> "list[Dossier]":
        """The studies that have been run on this store, the last one trained first; unreadable ones are left out."""
        return self.journal.dossiers()

    def study(self, id: str) -> "Dossier":
        """What is known of a study.

        Raises:
            StoreError: there is none of this name, it is damaged, or was written by a newer version.
        """
        return self.journal.dossier(id)

    def events(self, id: str, start: int = 0) -> "tuple[list[Told], int]":
        """What happened while a study trained, from a place on, and the place from which to ask next.

        Raises:
            StoreError: there is no study of this name.
        """
        return self.journal.events(id, start)

    def running(self, id: str) -> bool:
        """Whether a process trains this study now.

        Raises:
            StoreError: it is no name of a study, or the disk refuses.
        """
        with clear_errors(self.folder):
            return self.journal.running(id)

    # images

    def share(self, dataset: Dataset) -> None:
        """Put the images where several processes can map them, unless they are there, intact."""
        with self._locked(f"data-{dataset.digest}"), clear_errors(self.folder):
            share(dataset, self.folder / "data" / dataset.digest)

    def shared(self, digest: str) -> Dataset:
        """The images put there by `share`.

        Raises:
            StoreError: there are none, or their files are damaged.
        """
        return shared(self.folder / "data" / digest)

    # inside

    def _load(self, key: str) -> Run:
        path = self._run(key) / ARRAYS
        scalars = self._scalars(key)
        with self._undamaged(path), np.load(path, allow_pickle=False) as arrays:
            return Run.of(scalars, dict(arrays))

    def _written_down(self, key: str) -> Settings:
        """The settings that a run holds; nothing is known of a trial without one."""
        with suppress(StoreError):
            return Settings.of_run(self._scalars(key))
        return Settings()

    def _scalars(self, key: str) -> dict[str, Any]:
        path = self._run(key) / SCALARS
        with self._undamaged(path):
            found: dict[str, Any] = json.loads(path.read_text())
            return found

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        lock = FileLock(self.folder / "locks" / name)
        with clear_errors(self.folder):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _undamaged(self, path: Path) -> Iterator[None]:
        """Read a file of a run, if it is what was written."""
        try:
            verify(path)
            yield
        except DAMAGE as error:
            raise StoreError(
                f"{path}",
                _("it cannot be read ({error})").format(error=error),
                _("Delete this run's folder: the trial will be trained again."),
            ) from error

    def _run(self, key: str) -> Path:
        return self.folder / "runs" / key

    def _scratch(self, key: str) -> Path:
        return self._run(key).with_name(f".{key}.new")

    def _checkpoint(self, key: str) -> Path:
        return self.folder / "checkpoints" / key

    def _is_there(self, key: str) -> bool:
        return (self._run(key) / SCALARS).exists()

    def _forget(self, key: str) -> None:
        with clear_errors(self.folder):
            self._checkpoint(key).unlink(missing_ok=True)

    def _record(self, run: Run) -> None:
        self._forget(run.key)
        self._records.put(
            key=run.key,
            study=run.study,
            variant=run.variant,
            seed=run.seed,
            status="done",
            fit_time=run.fit_time,
            val_accuracy=run.validation_accuracy,
        )


def default_store() -> Path:
    """ETALON_STORE, else `etalon-store` in the current folder."""
    return Path(os.environ.get("ETALON_STORE") or STORE)


def is_store(folder: Path) -> bool:
    """Whether there is one; `Store` would make it."""
    return any((folder / name).exists() for name in (OWN, NOTE))


def existing(folder: Path) -> Path:
    """The folder itself, where there is a store.

    Raises:
        StoreError: there is none.
    """
    if not is_store(folder):
        raise StoreError(f"{folder}", _("there is no store there"), _("Run a study first, or give another --store."))
    return folder
