"""`etalon list`, `show` and `compare`: what has been trained, looked at. Nothing is trained."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etalon.verbs.options import Data, Epochs, Json, Lang, Quick, Seeds, StoreOption, StudyFile
from etalon.verbs.output import show as tell
from etalon.verbs.studies import changed_study

if TYPE_CHECKING:
    from etalon.study.store import Store


class MetricName(StrEnum):
    """What two variants are compared by."""

    ACCURACY = "accuracy"
    LOG_LOSS = "log_loss"
    RECALL = "recall"
    MACRO_F1 = "macro_f1"


def list_trials(store: StoreOption = None, as_json: Json = None, lang: Lang = None) -> None:
    """The studies of a store, with their finished and failed trials, one line for each variant and its settings."""
    from etalon.locales import use
    from etalon.study.summary import summary

    with use(lang):
        tell(summary(_store(store)), as_json)


def show(
    name: Annotated[str, typer.Argument(help="A variant's name, or a trial's key or its beginning.")],
    seed: Annotated[int | None, typer.Argument(help="Of a variant's trials, which one [the last].")] = None,
    store: StoreOption = None,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """One finished trial: its history, its figures, its settings."""
    from etalon.locales import use
    from etalon.report.trials import Trial

    with use(lang):
        place = _store(store)
        run = place.find(name, seed)
        tell(Trial(run, place.settings([run.key])[run.key]), as_json)


def compare(
    study: StudyFile,
    first: Annotated[str | None, typer.Argument(help="A variant.")] = None,
    second: Annotated[str | None, typer.Argument(help="Another.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every two variants, corrected for their number.")] = False,
    metric: Annotated[MetricName, typer.Option("--metric", help="What to compare.")] = MetricName.ACCURACY,
    of: Annotated[str | None, typer.Option("--of", metavar="CLASS", help="The class, for recall.")] = None,
    data: Data = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    quick: Quick = False,
    store: StoreOption = None,
    test: Annotated[
        bool, typer.Option("--test", help="On the test images: opens the seal, which is recorded.")
    ] = False,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """Is SECOND better than FIRST? On validation, unless --test is given. Nothing is trained."""
    from etalon.locales import _, use
    from etalon.report.compared import Compared

    if every == (second is not None):
        raise typer.BadParameter(_("name two variants, or ask for --all"))
    with use(lang):
        result = changed_study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick).result()
        shown = result.test() if test else result
        if first is None or second is None:
            tell(Compared(shown.verdicts(pairs="all", metric=metric.value, of=of), shown.part), as_json)
        else:
            found = shown.compare(first, second, metric=metric.value, of=of)
            tell(Compared(found, shown.part, first), as_json)


def _store(place: Path | None) -> "Store":
    """A store to look into: none is made where there is none."""
    from etalon.study.store import Store, default_store, existing

    return Store(existing(place or default_store()))
