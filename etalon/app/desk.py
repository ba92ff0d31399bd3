"""What pages are made from: the dossiers and the results of a store, kept while nothing changes there."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock, RLock
from typing import Any, TypeVar, cast

from etalon.analysis.predictions import PartName
from etalon.app.background import Background
from etalon.app.feed import Feeds
from etalon.app.queue import Queue
from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import _, language
from etalon.reopened import reopen
from etalon.result import Result
from etalon.study.journal import Dossier
from etalon.study.shelf import digest
from etalon.study.store import Store

T = TypeVar("T")
KEPT = 200  # things that took long to make, the last ones asked for
PATIENCE = 0.5  # seconds that a page waits for what it shows, before it says that it will follow


@dataclass(frozen=True, eq=False)
class Desk:
    """A store, and the folder whose study files may be started.

    Attributes:
        folder: where study files are.
        background: what takes longer than a page may; opening: what a page shows first, made while it waits.
    """

    store: Store
    folder: Path
    background: Background = field(default_factory=Background)
    opening: Background = field(default_factory=Background)
    _made: "OrderedDict[Hashable, tuple[str, Any]]" = field(default_factory=OrderedDict)
    _making: dict[Hashable, RLock] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @cached_property
    def queue(self) -> Queue:
        """What is to be run on the store."""
        return Queue(self.store.folder)

    @cached_property
    def feeds(self) -> Feeds:
        """What happens in its studies."""
        return Feeds(self.store)

    def dossiers(self) -> list[Dossier]:
        """The studies of the store, the last one trained first."""
        return self.store.studies()

    def dossier(self, study: str) -> Dossier:
        """One of them.

        Raises:
            StoreError: there is none of this name.
        """
        return self.store.study(study)

    def dataset(self, study: str) -> Dataset:
        """The images of a study, mapped from the store: those that nobody looks at are not read.

        Raises:
            StoreError: the store does not have them any more.
        """
        told = self.dossier(study).dataset

        def named() -> Dataset:
            images = self.store.shared(told.digest)
            return replace(images, name=told.name, classes=told.classes, origin=told.provenance)

        return self.once((study, "images"), named, digest(told.model_dump(mode="json")))

    def result(self, study: str, part: PartName = "validation", stamp: str = "") -> Result:
        """The results of a study, from the trials finished so far.

        Args:
            stamp: of the study, if it has just been asked for.

        Raises:
            StudyError: the reference has no finished trial yet, or the test images are sealed.
        """
        stamp = stamp or self.stamp(study)
        found = self.once((study, "result"), lambda: reopen(self.store, study), stamp)
        if part == "validation":
            return found
        if not found.opened:
            raise StudyError(
                _("results on test"),
                _("the test images of this study are sealed"),
                _("Choose on validation, then open them: it is recorded."),
            )
        return self.once((study, "test"), found.test, stamp)

    def made(self, study: str, name: Hashable, make: Callable[[], T], stamp: str = "") -> T:
        """What `make` makes of a study, in the language in force; made again only when its trials have changed."""
        return self.once((study, name, language()), make, stamp or self.stamp(study))

    def soon(self, study: str, name: Hashable, make: Callable[[], T], stamp: str) -> T | None:
        """What `made` makes, if that takes no longer than some seconds; else None, and it is there later."""
        key = (study, name, language())
        if self._kept(key, stamp) or self.opening.soon((key, stamp), lambda: self.once(key, make, stamp), PATIENCE):
            return self.once(key, make, stamp)
        return None

    def once(self, key: Hashable, make: Callable[[], T], stamp: str = "") -> T:
        """What `make` makes, once for a key, however many threads ask for it; the oldest are forgotten.

        Args:
            stamp: of what it is made from: with another, it is made again, and takes the place of what there was.
        """
        if found := self._kept(key, stamp):
            return cast(T, found[1])
        with self._lock:
            making = self._making.setdefault(key, RLock())
        with making:
            if found := self._kept(key, stamp):
                return cast(T, found[1])
            try:
                thing = make()
                with self._lock:
                    self._made[key] = (stamp, thing)
                    self._made.move_to_end(key)
                    while len(self._made) > KEPT:
                        self._made.popitem(last=False)
            finally:
                with self._lock:
                    self._making.pop(key, None)
            return thing

    def _kept(self, key: Hashable, stamp: str) -> tuple[str, Any] | None:
        """The stamp and the thing, if it is there and of that stamp."""
        with self._lock:
            found = self._made.get(key)
            if found is None or found[0] != stamp:
                return None
            self._made.move_to_end(key)
            return found

    def close(self) -> None:
        """Let go of those who listen, and begin nothing more."""
        self.feeds.close()
        self.background.close()
        self.opening.close()

    def stamp(self, study: str) -> str:
        """What changes with anything that is known of a study: what it asks for, its trials and how they ended."""
        dossier = self.dossier(study)
        ended = [(record.key, record.status) for record in self.store.records(dossier.keys).values()]
        return digest([dossier.model_dump_json(exclude={"updated"}), self.store.stamp(dossier.keys), ended])
