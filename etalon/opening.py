"""A study read from a Python file."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from etalon.errors import EtalonError, StudyError
from etalon.locales import _, ngettext
from etalon.study.faults import fault, remedy
from etalon.workbench import Study

TAKEN = sys.stdlib_module_names | {"etalon", "keras", "numpy", "torch"}  # no study may stand in their place


def open_study(path: str | Path) -> Study:
    """The study that a Python file makes.

    Raises:
        StudyError: no such file, or one that makes no study, or several.
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(
            f"{path}", _("there is no such file"), _("Give the path of a study; `etalon init` writes one.")
        )
    module = _imported(path)
    studies = {id(value): value for value in vars(module).values() if isinstance(value, Study)}
    if len(studies) != 1:
        raise StudyError(
            f"{path}",
            ngettext("it makes {n} study", "it makes {n} studies", len(studies)).format(n=len(studies)),
            _("Let the file make one etalon.Study."),
        )
    study = next(iter(studies.values()))
    study.file = path.absolute()
    opened = f"etalon.open_study({str(study.file)!r}).with_(store={str(study.folder)!r})"
    study.origin = f"import etalon\n\nstudy = {opened}"
    return study


def _imported(path: Path) -> Any:
    import cloudpickle

    if path.stem in TAKEN:
        raise StudyError(
            f"{path}", _("{name} is the name of a Python module").format(name=path.stem), _("Rename the file.")
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise StudyError(f"{path}", _("it is not a Python file"), _("Give the path of a study, STUDY.py."))
    _check_text(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.append(str(path.parent.absolute()))  # last: no file beside it may hide a library
    try:
        spec.loader.exec_module(module)
    except EtalonError:
        raise
    except Exception as error:
        del sys.modules[path.stem]
        raise StudyError(f"{path}", fault(error, path), remedy(error, _("Correct the file."))) from error
    cloudpickle.register_pickle_by_value(module)  # workers have no such module to import
    return module


def _check_text(path: Path) -> None:
    """Refuse what Python would not even begin to read."""
    try:
        text = importlib.util.decode_source(path.read_bytes())
    except (UnicodeDecodeError, SyntaxError):  # the latter where the file says an encoding that there is not
        text = "\0"
    if "\0" in text:
        raise StudyError(f"{path}", _("this is not a text in UTF-8"), _("Save the file as UTF-8."))
