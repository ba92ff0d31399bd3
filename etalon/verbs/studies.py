"""The study that a verb works on: a file's, with what the options change."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etalon.workbench import Study


def changed_study(path: Path, *, store: Path | None, quick: bool = False, **changes: Any) -> "Study":
    """The study of the file, with other data, seeds, epochs or store where they are given.

    Raises:
        StudyError: the file makes no study, or several.
    """
    from etalon.opening import open_study

    given = {name: value for name, value in {**changes, "store": store}.items() if value is not None}
    study = open_study(path).with_(**given)
    if not quick:
        return study
    seeds = given.get("seeds")
    return study.quick(seeds) if isinstance(seeds, int) else study.quick()
