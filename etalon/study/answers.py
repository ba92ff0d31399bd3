"""What a command answered, kept so that the same command, when nothing has changed, is answered at once.

Importing Keras takes seconds, longer than all else that a finished study needs; so the study's file is not run again.
What it would say is known beforehand only if its text is plain (`etalon.study.plain`), and only as long as nothing that
decides it has changed: that text, the options, the libraries and their settings, the images, the finished trials, the
ledger. Where any of it has, or cannot be told, there is no answer, and the study is run.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.errors import EtalonError
from etalon.locales import language
from etalon.study.plain import plain_files
from etalon.study.shelf import Kept, digest
from etalon.study.store import Store

PACKAGE = Path(__file__).parents[1]
# Variables, by their beginnings, that tell one terminal from another; the working directory counts apart.
TERMINALS = (
    "COLUMNS",
    "LINES",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "SSH_",
    "STY",
    "TERM",
    "TMUX",
    "VSCODE_",
    "WINDOW",
    "XDG_SESSION_",
)


@dataclass(frozen=True)
class Answer:
    """What a command told.

    Attributes:
        text: for a reader; `content`: for a program, as plain JSON.
        warnings: told on the way.
        report: the file that it wrote.
        study: the name of the study in the store.
    """

    text: str
    content: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    report: str | None = None
    study: str = ""

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> Mapping[str, Any]:
        """The content."""
        return self.content


@dataclass(frozen=True)
class Question:
    """A command about a study whose text is plain.

    Attributes:
        files: those that decide the answer, each with its sha256.
        folder: of the store.
        name: under which the last answer to this command is kept.
        key: digest of all that decides the answer, but for the images and what is in the store.
    """

    study: Path
    files: Mapping[str, str]
    folder: Path
    name: str
    key: str

    def recall(self) -> Answer | None:
        """The answer given before, its report written again; None if it is not sure to be the one of today."""
        if not (self.folder / "derived" / self.name).exists():
            return None
        store = Store(self.folder)
        kept = store.shelf.get(self.name, lambda kept: kept if kept.meta["key"] == self.key else None)
        if kept is None or not _holds(kept.meta, store):
            return None
        answer = Answer(**{**kept.meta["answer"], "warnings": tuple(kept.meta["answer"]["warnings"])})
        if answer.report is not None:
            place, data = Path(answer.report), kept.arrays["report"].tobytes()
            try:
                if place.suffix.lower() == ".ipynb" and place.exists() and place.read_bytes() != data:
                    return None  # its author has changed it: a run keeps what they have written
                place.write_bytes(data)
            except OSError:  # a run tells what is wrong
                return None
        return answer

    def keep(
        self, answer: Answer, source: tuple[Any, Any], dataset: Dataset, trials: Iterable[str], store: Store
    ) -> None:
        """Keep an answer, if it can be told one day whether it still holds.

        Args:
            source: the study's `data` and `size`, from which `dataset` was loaded.
            trials: the keys of all the trials of the study.
        """
        data, size = source
        trials = sorted(set(trials))
        if (
            not isinstance(data, str)
            or store.folder != self.folder
            or store.finished(trials) != set(trials)
            or _files(self.study) != self.files  # edited since the command began
        ):
            return
        untrained = {**answer.content, "trials": {"trained": 0, "cached": len(trials), "failed": 0}}
        meta = {
            "key": self.key,
            "source": [data, size],
            "trials": trials,
            "facts": _facts(dataset, trials, store),
            "answer": {**asdict(answer), "content": untrained},
        }
        report = b"" if answer.report is None else Path(answer.report).read_bytes()
        store.shelf.put(self.name, Kept(meta, {"report": np.frombuffer(report, np.uint8)}))


def ask(study: Path, folder: Path, options: Mapping[str, Any]) -> Question | None:
    """The question that a command asks; None if the study has to be run, whatever was answered before.

    Args:
        folder: of the store.
        options: of the command; those that change nothing in its answer left out.
    """
    study, folder = study.absolute(), folder.absolute()
    files = _files(study)
    if files is None or not all(map(_is_installed, ("keras", "torch"))):
        return None
    name = digest([str(study), str(folder), options, language()])
    return Question(study, files, folder, name, digest([name, files, *_circumstances(study.parent)]))


def _holds(meta: Mapping[str, Any], store: Store) -> bool:
    """Whether images, trials and ledger are still those of a kept answer."""
    data, size = meta["source"]
    try:
        dataset = load(data, size=tuple(size) if isinstance(size, list) else size)
    except EtalonError:
        return False
    trials = meta["trials"]
    return store.finished(trials) == set(trials) and _facts(dataset, trials, store) == meta["facts"]


def _facts(dataset: Dataset, trials: Iterable[str], store: Store) -> str:
    openings = [asdict(opening) for opening in store.openings(dataset.test_digest)]
    told = [dataset.name, dataset.provenance, dict(dataset.classes), dataset.digest]
    return digest([told, store.stamp(trials), openings])


def _files(study: Path) -> dict[str, str] | None:
    """The study's files and ours; None if one of the study's is not plain."""
    found = plain_files(study)
    if found is None:
        return None
    ours = (path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and path.parent.name != "__pycache__")
    return found | {str(path): sha256(path.read_bytes()).hexdigest() for path in ours}


def _circumstances(beside: Path) -> Iterator[Any]:
    """What libraries look at."""
    path = [place for place in sys.path if place != str(beside)]  # added when a study is opened
    yield [sys.version, path, os.getcwd()]
    yield sorted(pair for pair in os.environ.items() if pair[0] != "_" and not pair[0].startswith(TERMINALS))
    yield [
        sorted(file for file in os.listdir(place) if file.endswith("-info")) for place in path if os.path.isdir(place)
    ]
    yield [sha256(file.read_bytes()).hexdigest() if file.is_file() else None for file in _settings()]


def _settings() -> Iterator[Path]:
    """The files from which Keras and matplotlib take a user's settings; other places are named by variables."""
    home = Path.home()
    yield Path(os.environ.get("KERAS_HOME") or home / ".keras") / "keras.json"
    given = Path(os.environ.get("MATPLOTLIBRC") or ".")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "matplotlib"
    own = Path(os.environ.get("MPLCONFIGDIR") or config)
    yield given
    yield from (folder / "matplotlibrc" for folder in (Path(), given, own, config, home / ".matplotlib"))


def _is_installed(library: str) -> bool:
    """Whether its version says what it is: not so for a copy that somebody is working on."""
    spec = find_spec(library)
    return (
        spec is not None
        and spec.origin is not None
        and any(Path(spec.origin).parents[1].glob(f"{library}-*.dist-info"))
    )
