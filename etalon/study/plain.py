"""Whether the text of a study says all there is to know of it: only then may it be known without running it.

A file is plain when it imports nothing but what describes models and trainings (`PURE`) and plain files beside it, and
uses no name that reads, writes or draws at random. Such a study depends on these files, on the libraries and on their
settings. Any other, however harmless, is not plain, and is run.
"""

import ast
import builtins
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

_PURE = """
    __future__ collections dataclasses enum fractions functools itertools math operator typing
    etalon.Auto etalon.Brightness etalon.Contrast etalon.Cutout etalon.EarlyStopping etalon.Fixed etalon.Flip
    etalon.HoldOut etalon.KFold etalon.Noise etalon.Recipe etalon.Rotation etalon.Shear etalon.Shift etalon.Study
    etalon.Zoom etalon.smallest_batch
    keras.Input keras.Model keras.Sequential keras.activations keras.callbacks keras.constraints keras.initializers
    keras.layers keras.losses keras.metrics keras.models.Model keras.models.Sequential keras.optimizers
    keras.regularizers torch.nn
"""
_BUILTINS = """
    abs all any bool classmethod complex dict divmod enumerate filter float frozenset int isinstance issubclass len list
    map max min object pow property range reversed round set slice sorted staticmethod str sum super tuple type zip
"""
PURE, BUILTINS = frozenset(_PURE.split()), frozenset(_BUILTINS.split())
METHODS = frozenset({"load_weights", "result", "run", "search", "summary"})  # they read weights, train, print
WRITES = frozenset({"export", "report", "reports", "save", "savefig", "tofile"})  # and those of pandas, to_...
LIBRARIES = {name.split(".")[0] for name in PURE}


def plain_files(study: Path) -> dict[str, str] | None:
    """The files that a study is made of, with the sha256 (hex) of each; None unless all of them are plain."""
    study = study.absolute()
    found: dict[str, str] = {}
    waiting = [study]
    while waiting:
        path = waiting.pop()
        if str(path) in found:
            continue
        try:
            text = path.read_bytes()
            reader = _Reader(study.parent)
            reader.visit(ast.parse(text))
        except (OSError, SyntaxError, ValueError, RecursionError, NotPlainError):
            return None
        found[str(path)] = sha256(text).hexdigest()
        waiting += reader.beside
    return found


class NotPlainError(Exception):
    """Something whose result the text does not tell."""


class _Reader(ast.NodeVisitor):
    """Goes through a file; `beside` are the files that it imports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.beside: list[Path] = []
        self.refused = METHODS | WRITES
        self.modules: dict[str, str] = {}  # name -> the module that it stands for, if not all of it is pure

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.split(".")[0]
            self._bind(alias.asname or top, alias.name if alias.asname else top)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            raise NotPlainError
        for alias in node.names:
            self._bind(alias.asname or alias.name, f"{node.module}.{alias.name}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        asks = any(isinstance(d, ast.Call) and getattr(d.func, "attr", "") == "question" for d in node.decorator_list)
        if not asks:
            self.generic_visit(node)
            return
        # It runs once the study has, and what it trains or opens decides nothing that its text does not tell.
        self.refused, before = WRITES, self.refused
        self.generic_visit(node)
        self.refused = before

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = ".".join(_chain(node))
        root, _dot, rest = dotted.partition(".")
        if root in self.modules:
            if not _is_pure(f"{self.modules[root]}.{rest}"):
                raise NotPlainError
        elif self._is_refused(node.attr):
            raise NotPlainError
        else:
            self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.modules or (_is_private(node.id) and node.id != "__name__"):
            raise NotPlainError
        value = getattr(builtins, node.id, None)
        if hasattr(builtins, node.id) and node.id not in BUILTINS and not _is_error(value):
            raise NotPlainError

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "__name__ == '__main__'":  # a study that is opened is not the main program
            for other in node.orelse:
                self.visit(other)
        else:
            self.generic_visit(node)

    def _is_refused(self, name: str) -> bool:
        return name in self.refused or name.startswith("to_") or (_is_private(name) and name != "__init__")

    def _bind(self, name: str, dotted: str) -> None:
        top = dotted.split(".")[0]
        if dotted.endswith(".*"):
            raise NotPlainError
        if top not in LIBRARIES:
            self.beside.append(self._beside(top))
        elif not _is_pure(dotted):
            if not any(pure.startswith(f"{dotted}.") for pure in PURE):
                raise NotPlainError
            self.modules[name] = dotted

    def _beside(self, name: str) -> Path:
        """The file that `import name` finds, if it is beside the study."""
        path = self.folder / f"{name}.py"
        spec = find_spec(name)  # libraries come before files beside the study
        if not path.is_file() or (spec is not None and spec.origin != str(path)):
            raise NotPlainError
        return path


def _chain(node: ast.expr) -> Iterator[str]:
    """The names of `a.b.c`; of another expression nothing, before the attributes."""
    if isinstance(node, ast.Attribute):
        yield from _chain(node.value)
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    else:
        yield ""


def _is_pure(dotted: str) -> bool:
    parts = dotted.split(".")
    return any(".".join(parts[: i + 1]) in PURE for i in range(len(parts)))


def _is_private(name: str) -> bool:
    return name.startswith("__")


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)
