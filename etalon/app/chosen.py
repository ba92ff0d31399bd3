"""The recommended models of studies that are over, for their list: found one after the other, and kept in the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import etalon
from etalon.app.background import Background
from etalon.app.desk import Desk
from etalon.errors import EtalonError
from etalon.reopened import reopen
from etalon.study.journal import Dossier
from etalon.study.shelf import Kept, digest
from etalon.study.store import Record, Store


@dataclass(frozen=True, eq=False)
class Chosen:
    """What has been found so far, by study: what it rests on, and the model; no name where there is none to be had."""

    store: Store
    background: Background
    _found: dict[str, tuple[str, str]] = field(default_factory=dict)

    def of(self, finished: Mapping[str, str]) -> dict[str, str]:
        """The models known of these studies, each given with what its recommendation rests on (see `grounds`).

        The others are looked for meanwhile, for whoever asks again.
        """
        missing = {study: stamp for study, stamp in finished.items() if not self._known(study, stamp)}
        if missing:
            self.background.begin("chosen", partial(self._look, missing), again=True)
        return {study: self._found[study][1] for study in finished if study not in missing}

    def _known(self, study: str, stamp: str) -> bool:
        if self._found.get(study, ("", ""))[0] != stamp:
            kept = self.store.shelf.get(f"chosen-{stamp}", lambda kept: str(kept.meta["chosen"]))
            if kept is not None:
                self._found[study] = (stamp, kept)
        return self._found.get(study, ("", ""))[0] == stamp

    def _look(self, missing: Mapping[str, str]) -> None:
        for study, stamp in missing.items():
            self._found[study] = (stamp, "")  # whatever comes of it: it is looked for once
            try:
                chosen = reopen(self.store, study).recommend().chosen
            except EtalonError:
                continue
            self.store.shelf.put(f"chosen-{stamp}", Kept({"chosen": chosen}, {}))
            self._found[study] = (stamp, chosen)


def chosen(desk: Desk) -> Chosen:
    """Those of the desk."""
    return desk.once("chosen", lambda: Chosen(desk.store, desk.background))


def grounds(dossier: Dossier, records: Mapping[str, Record]) -> str:
    """What tells whether the recommendation of a study could have changed."""
    asked = [(one.name, one.keys) for one in dossier.candidates]
    ended = [(key, records[key].status, records[key].fit_time) for key in sorted(dossier.keys) if key in records]
    return digest([etalon.__version__, dossier.rope, dossier.looks, dossier.split, asked, ended])
