"""The public names are a tested list."""

import subprocess
import sys

import pytest

import etalon

PUBLIC = [
    "Auto",
    "Between",
    "Brightness",
    "Contrast",
    "Cutout",
    "Dataset",
    "EarlyStopping",
    "EtalonError",
    "Fixed",
    "Flip",
    "HoldOut",
    "KFold",
    "MoreThanOneFactor",
    "Noise",
    "Recipe",
    "Result",
    "Rotation",
    "Run",
    "Shear",
    "Shift",
    "Store",
    "Study",
    "Zoom",
    "__version__",
    "audit",
    "label_errors",
    "load",
    "load_bundle",
    "lower",
    "open_study",
    "search",
    "smallest_batch",
    "weights",
]


def test_public_names_are_these() -> None:
    assert sorted(etalon.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(etalon, name)
    assert name == "__version__" or value.__doc__


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = etalon.nothing


def test_import_loads_nothing_heavy() -> None:
    heavy = "numpy torch keras matplotlib pandas sqlalchemy typer pydantic"
    code = f"import sys, etalon; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
