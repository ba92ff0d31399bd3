"""Who may import whom: a package imports itself and what stands to its left."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "etalon"
ORDER = [
    "errors",
    "locales",
    "figures",
    "kernels",
    "data",
    "models",
    "train",
    "study",
    "analysis",
    "report",
    "outcome",
    "result",
    "workbench",
    "opening",
    "reopened",
    "crossvalidated",
    "lessons",
    "doctor",
    "verbs",
    "app",
]
FREE = {"cli", "__init__", "__main__"}
CONFINED = {  # a heavy library, and the only places that may import it
    "matplotlib": ["figures/"],
    "seaborn": ["figures/"],
    "torch": ["kernels/", "data/transforms.py", "models/", "train/", "study/"],
    "numba": ["kernels/"],
    "sqlalchemy": ["study/database.py", "study/schema.py", "study/records.py", "study/migrations/"],
    "alembic": ["study/schema.py", "study/migrations/"],
    "typer": ["cli.py", "verbs/", "app/verbs.py"],
    "jinja2": ["report/", "lessons/pages.py", "app/"],
    "fastapi": ["app/"],
    "starlette": ["app/"],
    "uvicorn": ["app/"],
}


def imports(path: Path) -> list[tuple[str, bool]]:
    """Every module that a file imports, and whether it does so at the top of the file."""
    tree = ast.parse(path.read_text())
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", id(node) in top) for alias in node.names]
            assert node.level == 0, f"{path}: relative import"
    return found


FILES = sorted(path for path in ROOT.rglob("*.py") if "templates" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if here in FREE:
        return
    assert here in ORDER, f"{here} has no place in the order of the rooms"
    for module, _ in imports(path):
        parts = module.split(".")
        if parts[0] == "etalon" and len(parts) > 1:
            assert parts[1] in ORDER, f"{path.name} imports {module}"
            assert ORDER.index(parts[1]) <= ORDER.index(here), f"{path.name} imports {module}, to its right"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_stay_in_their_room(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for module, at_top in imports(path):
        library = module.split(".")[0]
        if library in CONFINED:
            assert any(place.startswith(allowed) for allowed in CONFINED[library]), f"{place} imports {library}"
        if library in {"matplotlib", "seaborn", "keras"}:
            assert not at_top, f"{place} imports {library} at its top"
