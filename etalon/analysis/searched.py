"""What a search has chosen, in a sentence."""

from etalon.analysis.findings import Finding
from etalon.locales import _, ngettext, number, percent
from etalon.models.factors import short
from etalon.study.found import Configuration, Search, written


def searched(found: Search) -> Finding:
    """The values tried, the one that did best on validation, and by how much it leads."""
    finished = sorted(
        (c for c in found if c.state == "finished"), key=lambda c: c.score, reverse=found.metric == "val_accuracy"
    )
    best = found.chosen
    told = [
        _("Tried: {values}. The best on validation is {best}, {metric} {score}.").format(
            values=_("; ").join(_values(c) for c in found),
            best=_values(best),
            metric=_metric(found),
            score=_score(found, best.score),
        )
    ]
    others = [c for c in finished if c is not best]
    if others:
        told.append(
            _("The next is {name}, {score}.").format(name=_values(others[0]), score=_score(found, others[0].score))
        )
    broken = [c for c in found if c.error]
    if broken:
        told.append(
            ngettext("{names} broke down.", "{names} broke down.", len(broken)).format(
                names=_("; ").join(map(_values, broken))
            )
        )
    k = len(found.seeds)
    told.append(
        ngettext(
            "Each was trained with one seed: a small lead may be chance.",
            "Scores are means over {k} seeds.",
            k,
        ).format(k=k)
    )
    numbers = {_values(c): c.score for c in finished}
    return Finding("search", " ".join(told), numbers, found.of)


def _values(configuration: Configuration) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in configuration.arguments.items())


def _value(value: object) -> str:
    return short(value) if isinstance(value, int | float) and not isinstance(value, bool) else written(value)


def _metric(found: Search) -> str:
    return {"val_loss": _("validation loss"), "val_accuracy": _("validation accuracy")}[found.metric]


def _score(found: Search, score: float) -> str:
    return percent(score) if found.metric == "val_accuracy" else number(score, 4)
