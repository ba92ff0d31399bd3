"""The store: every finished trial, once; nothing else in the package touches its files.

    etalon.db            what is known of each trial, and the ledger of the openings of the test set
    runs/<key>/          run.json, arrays.npz, weights.safetensors, files/ (what the user's callbacks wrote)
    checkpoints/<key>    a trial under way, replaced at each epoch
    locks/<key>          held by the process that trains the trial: it ends with the process, however that ends
    data/<digest>/       images as memory maps, shared by the processes that train
    derived/<name>       what can be made again from the runs, see `etalon.study.shelf`

A run is written beside its place, flushed, renamed, then recorded. A process killed at any instant leaves at most a
folder that is complete but not recorded, which the next look records.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sql
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from etalon.data.dataset import Dataset, Part
from etalon.errors import StoreError
from etalon.locales import _
from etalon.study.run import Run
from etalon.study.shelf import Shelf, digest

if TYPE_CHECKING:
    from etalon.train.state import Snapshot

STORE = "etalon-store"
SCHEMA = 1
# What the readers of JSON, of .npz and of safetensors raise when a file is not what it should be.
DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, SafetensorError)

_tables = sql.MetaData()
_schema = sql.Table("schema", _tables, sql.Column("version", sql.Integer, primary_key=True))
_trials = sql.Table(
    "trials",
    _tables,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("study", sql.String, nullable=False),
    sql.Column("variant", sql.String, nullable=False),
    sql.Column("seed", sql.Integer, nullable=False),
    sql.Column("status", sql.String(16), nullable=False),  # done, pruned, diverged, failed
    sql.Column("error", sql.Text),
    sql.Column("fit_time", sql.Float),  # seconds
    sql.Column("val_accuracy", sql.Float),
    sql.Column("finished", sql.DateTime(timezone=True), nullable=False),
)
_openings = sql.Table(
    "openings",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("data", sql.String(64), nullable=False),
    sql.Column("choice", sql.String(64), nullable=False),
    sql.Column("study", sql.String, nullable=False),
    sql.Column("candidates", sql.Integer, nullable=False),
    sql.Column("recommended", sql.String, nullable=False),
    sql.Column("opened", sql.DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class Record:
    """One line of the store: a trial and what became of it."""

    key: str
    study: str
    variant: str
    seed: int
    status: str
    error: str | None
    fit_time: float | None
    val_accuracy: float | None
    finished: datetime


@dataclass(frozen=True)
class Opening:
    """One opening of a sealed test set.

    Attributes:
        data: digest of the images.
        choice: digest of the trials that were measured on it.
        candidates: how many variants they belong to.
        recommended: the one that validation had chosen.
    """

    data: str
    choice: str
    study: str
    candidates: int
    recommended: str
    opened: datetime


class Store:
    """A folder of finished trials.

    Args:
        folder: made if it is not there.
        url: a SQLAlchemy URL for the records; by default SQLite in the folder.

    Raises:
        StoreError: the folder cannot be written, or was written by a newer version.
    """

    def __init__(self, folder: str | Path, url: str | None = None) -> None:
        self.folder = Path(folder).absolute()
        self.url = url
        self.shelf = Shelf(self.folder / "derived")
        with _clear_errors(self.folder):
            for name in ("runs", "checkpoints", "locks", "data", "derived"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._engine = _engine(url, self.folder / "etalon.db")
        with self._locked("schema"), self._begin() as connection:
            _tables.create_all(connection)
            versions = connection.execute(sql.select(_schema.c.version)).scalars().all()
            if not versions:
                connection.execute(_schema.insert().values(version=SCHEMA))
        if versions and versions[0] > SCHEMA:
            raise StoreError(
                _("the store {store}, of schema {found}").format(store=self.folder, found=versions[0]),
                _("it was written by a newer version of Étalon (this one knows schema {known})").format(known=SCHEMA),
                _("Upgrade Étalon, or give another --store."),
            )

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
        there = {key for key in keys if (self._run(key) / "run.json").exists()}
        records = self.records(there)
        for key in there:
            if key not in records or records[key].status != "done":  # renamed, and the process died before recording
                self._record(self.load(key))
        return there

    def records(self, keys: Iterable[str] | None = None) -> dict[str, Record]:
        """What is known of these trials, or of all, by key."""
        query = sql.select(_trials).order_by(_trials.c.finished)
        if keys is not None:
            query = query.where(_trials.c.key.in_(list(keys)))
        with self._begin() as connection:
            rows = connection.execute(query).all()
        return {row.key: Record(**{**row._mapping, "finished": _aware(row.finished)}) for row in rows}

    def load(self, key: str) -> Run:
        """The finished run.

        Raises:
            StoreError: there is none, or its files are damaged.
        """
        folder = self._run(key)
        try:
            scalars = json.loads((folder / "run.json").read_text())
            with (folder / "arrays.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return Run.of(scalars, dict(arrays))
        except DAMAGE as error:
            raise self._damaged(folder, error) from error

    def stamp(self, keys: Iterable[str]) -> str:
        """What tells whether these finished runs have changed, without reading them."""
        files = [self._run(key) / name for key in sorted(set(keys)) for name in ("run.json", "arrays.npz")]
        states = [path.stat() for path in files if path.exists()]
        return digest([len(files), *((state.st_size, state.st_mtime_ns) for state in states)])

    def find(self, beginning: str) -> Run:
        """The finished run whose key begins so.

        Raises:
            StoreError: there is none, or several.
        """
        found = [r.key for r in self.records().values() if r.status == "done" and r.key.startswith(beginning)]
        if len(found) != 1:
            what = _("no finished trial has such a key")
            if found:
                what = _("{n} finished trials have such a key").format(n=len(found))
            raise StoreError(
                _("key {beginning!r}").format(beginning=beginning), what, _("`etalon list --json -` gives the keys.")
            )
        return self.load(found[0])

    def weights(self, key: str) -> dict[str, np.ndarray]:
        """The trained weights, in the order of the model's variables."""
        path = self._run(key) / "weights.safetensors"
        try:
            with safe_open(path, framework="numpy") as file:
                order = json.loads(file.metadata()["order"])
            weights = load_file(path)
            return {name: weights[name] for name in order}
        except DAMAGE as error:
            raise self._damaged(path, error) from error

    def save(self, run: Run, weights: Mapping[str, np.ndarray]) -> None:
        """Keep a finished run; the store is as before if this fails."""
        place = self._run(run.key)
        scratch = place.with_name(f".{run.key}.new")
        parts = [scratch / name for name in ("run.json", "arrays.npz", "weights.safetensors")]
        with _clear_errors(self.folder, *parts):
            scratch.mkdir(exist_ok=True)
            parts[0].write_text(json.dumps(run.scalars(), sort_keys=True))
            np.savez(parts[1], **run.arrays())  # type: ignore[arg-type]
            _save_tensors(parts[2], weights, {"order": json.dumps(list(weights))})
            _flush(scratch)
            shutil.rmtree(place, ignore_errors=True)
            scratch.rename(place)
            _sync(place.parent)
        self._record(run)

    def fail(self, key: str, study: str, variant: str, seed: int, error: str, *, diverged: bool) -> None:
        """Record a trial that broke down. One that diverged would do so again; any other is tried anew next time."""
        status = "diverged" if diverged else "failed"
        self._upsert(key=key, study=study, variant=variant, seed=seed, status=status, error=error)
        if diverged:
            self._checkpoint(key).unlink(missing_ok=True)

    def prune(self, key: str, study: str, variant: str, seed: int) -> None:
        """Record a trial that a search has stopped; its checkpoint stays, from which it may go on one day."""
        history = self.history(key)
        self._upsert(
            key=key,
            study=study,
            variant=variant,
            seed=seed,
            status="pruned",
            error=None,
            fit_time=sum(history.get("seconds", ())),
            val_accuracy=next(reversed(history.get("val_accuracy", ())), None),
        )

    # trainings under way

    def keep_checkpoint(self, key: str, snapshot: "Snapshot") -> None:
        """Keep where the training is; replaces the checkpoint before it in one step."""
        path = self._checkpoint(key)
        scratch = path.with_suffix(".new")
        with _clear_errors(self.folder, scratch):
            _save_tensors(scratch, snapshot.arrays, {"meta": json.dumps(snapshot.meta)})
            _sync(scratch)
            scratch.replace(path)

    def checkpoint(self, key: str) -> "Snapshot | None":
        """Where an interrupted training was; None if it must start from the beginning, which ends alike."""
        from etalon.train.state import Snapshot  # torch, which a store that is only read does without

        path = self._checkpoint(key)
        try:
            with safe_open(path, framework="numpy") as file:
                meta = json.loads(file.metadata()["meta"])
            return Snapshot(load_file(path), meta)
        except DAMAGE:
            return None

    def history(self, key: str) -> Mapping[str, list[float]]:
        """The figures, epoch by epoch, of a training that is not finished; empty if there is none."""
        snapshot = self.checkpoint(key)
        return snapshot.meta["history"] if snapshot else {}

    def files(self, key: str) -> Path:
        """Where the user's callbacks write."""
        return self._run(key).with_name(f".{key}.new") / "files"

    # the ledger

    def open_test(self, data: str, choice: str, study: str, candidates: int, recommended: str) -> None:
        """Write down that a test set was opened, once for a given choice: looking again at the same figures is free."""
        if any(opening.choice == choice for opening in self.openings(data)):
            return
        with self._begin() as connection:
            connection.execute(
                _openings.insert().values(
                    data=data,
                    choice=choice,
                    study=study,
                    candidates=candidates,
                    recommended=recommended,
                    opened=datetime.now(UTC),
                )
            )

    def openings(self, data: str) -> list[Opening]:
        """Every opening of this test set on this store, oldest first."""
        query = sql.select(_openings).where(_openings.c.data == data).order_by(_openings.c.id)
        with self._begin() as connection:
            rows = connection.execute(query).all()
        return [Opening(r.data, r.choice, r.study, r.candidates, r.recommended, _aware(r.opened)) for r in rows]

    @property
    def reports(self) -> Path:
        """Where reports go by default."""
        folder = self.folder / "reports"
        folder.mkdir(exist_ok=True)
        return folder

    # images

    def share(self, dataset: Dataset) -> None:
        """Put the images where several processes can map them; done once per dataset."""
        place = self.folder / "data" / dataset.digest
        with self._locked(f"data-{dataset.digest}"):
            if place.exists():
                return
            scratch = place.with_name(place.name + ".new")
            with _clear_errors(self.folder, scratch):
                scratch.mkdir(exist_ok=True)
                for name, part in (("train", dataset.train), ("test", dataset.test)):
                    np.save(scratch / f"{name}_x.npy", part.x)
                    np.save(scratch / f"{name}_y.npy", part.y)
                about = {
                    "name": dataset.name,
                    "classes": dict(dataset.classes),
                    "provenance": dataset.provenance,
                }
                (scratch / "about.json").write_text(json.dumps(about))
                _flush(scratch)
                scratch.rename(place)

    def shared(self, digest: str) -> Dataset:
        """The images put there by `share`.

        Raises:
            StoreError: there are none, or their files are damaged.
        """
        place = self.folder / "data" / digest
        try:
            parts = [
                Part(np.load(place / f"{name}_x.npy", mmap_mode="r"), np.load(place / f"{name}_y.npy"))
                for name in ("train", "test")
            ]
            about = json.loads((place / "about.json").read_text())
            classes = {lang: tuple(names) for lang, names in about["classes"].items()}
            return Dataset(about["name"], parts[0], parts[1], classes, about["provenance"], digest)
        except DAMAGE as error:
            why = _("the images that training processes share cannot be read ({error})").format(error=error)
            raise StoreError(f"{place}", why, _("Delete this folder: the next run makes it again.")) from error

    # inside

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        lock = FileLock(self.folder / "locks" / name)
        with _clear_errors(self.folder):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _run(self, key: str) -> Path:
        return self.folder / "runs" / key

    def _checkpoint(self, key: str) -> Path:
        return self.folder / "checkpoints" / key

    def _damaged(self, path: Path, error: Exception) -> StoreError:
        return StoreError(
            f"{path}",
            _("it cannot be read ({error})").format(error=error),
            _("Delete this run's folder: the trial will be trained again."),
        )

    def _record(self, run: Run) -> None:
        self._checkpoint(run.key).unlink(missing_ok=True)
        self._upsert(
            key=run.key,
            study=run.study,
            variant=run.variant,
            seed=run.seed,
            status="done",
            error=None,
            fit_time=run.fit_time,
            val_accuracy=run.validation_accuracy,
        )

    def _upsert(self, **values: Any) -> None:
        with self._begin() as connection:
            connection.execute(_trials.delete().where(_trials.c.key == values["key"]))
            connection.execute(_trials.insert().values(**values, finished=datetime.now(UTC)))

    @contextmanager
    def _begin(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sql.exc.SQLAlchemyError as error:
            raise StoreError(
                _("the store {store}").format(store=self.url or self.folder),
                _("its database refuses ({error})").format(error=error.__cause__ or error),
                _("Check the disk, its rights and the URL; the runs already finished are safe."),
            ) from error


def default_store() -> Path:
    """ETALON_STORE, else `etalon-store` in the current folder."""
    return Path(os.environ.get("ETALON_STORE") or STORE)


@contextmanager
def _clear_errors(folder: Path, *written: Path) -> Iterator[None]:
    """Say what a failure to write means, and take away what was `written` by halves."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        for path in written:
            _remove(path)
        raise StoreError(
            _("the store {store}").format(store=folder),
            _("it cannot be written ({error})").format(error=getattr(error, "strerror", None) or error),
            _("Free some space or give a folder of yours with --store; the runs already finished are safe."),
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _save_tensors(path: Path, arrays: Mapping[str, np.ndarray], metadata: dict[str, str]) -> None:
    save_file({k: np.asarray(v, order="C") for k, v in arrays.items()}, path, metadata)


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _engine(url: str | None, file: Path) -> sql.Engine:
    try:
        if url is not None:
            return sql.create_engine(url)
    except (sql.exc.SQLAlchemyError, ImportError) as error:
        raise StoreError(
            _("the URL {url}").format(url=url),
            _("no database can be reached by it ({error})").format(error=error),
            _("Correct it."),
        ) from error
    engine = sql.create_engine(f"sqlite:///{file}", connect_args={"timeout": 60})  # seconds, while others write
    sql.event.listen(engine, "connect", _write_ahead)
    return engine


def _aware(moment: datetime) -> datetime:
    """SQLite forgets the time zone; all moments are written in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write_ahead(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
