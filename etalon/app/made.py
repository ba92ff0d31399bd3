"""A study made of choices: a Python file, to be run, read, and gone on with by hand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args
from unicodedata import normalize

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field

from etalon.app.pages import HERE
from etalon.errors import StudyError
from etalon.locales import _
from etalon.locales.foreign import of_files
from etalon.opening import TAKEN

Reference = Literal["dense", "convolutional", "mini_project"]
Variation = Literal[
    "dropout",
    "batch_normalisation",
    "more_filters",
    "larger_kernels",
    "more_neurons",
    "second_dense_layer",
    "l2_penalty",
    "augmentation",
    "more_epochs",
    "cosine_schedule",
    "larger_steps",
    "smaller_steps",
    "small_batches",
]
CONVOLUTIONAL = frozenset({"more_filters", "larger_kernels"})  # what means nothing to a dense network
USUAL: tuple[Variation, ...] = ("dropout", "more_filters", "augmentation")  # what is ticked at first
LEAST: Mapping[str, int] = {
    "dense": 4,
    "convolutional": 8,
    "mini_project": 16,
}  # pixels that two poolings leave some of

Title = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class Choices(BaseModel):
    """What the form asks for.

    Attributes:
        data: the name of a set.
        size: the side to which images are brought, in pixels.
    """

    model_config = ConfigDict(frozen=True)

    title: Title
    data: Annotated[str, Field(pattern="^[a-z0-9_-]{1,64}$")] = "digits"
    size: Annotated[int, Field(ge=4, le=256)] = 28
    reference: Reference = "convolutional"
    variations: tuple[Variation, ...] = ()
    seeds: Annotated[int, Field(ge=2, le=30)] = 5
    epochs: Annotated[int, Field(ge=1, le=500)] = 5
    batch_size: Literal["16", "32", "64", "128", "256"] = "64"


@dataclass(frozen=True)
class Images:
    """The images of such a study.

    Attributes:
        source: what `etalon.load` is given: a name, or the path of an archive.
    """

    source: str
    channels: int
    classes: int


def program(choices: Choices, images: Images) -> str:
    """The text of the file. All of it comes from the template, but for numbers, and texts that `repr` writes.

    Raises:
        StudyError: no variation, or images too small for the network.
    """
    wanted = _meant(choices)
    if not wanted:
        raise StudyError(
            _("a study without variations"),
            _("there is nothing to compare the reference with"),
            _("Tick one variation or several."),
        )
    least = LEAST[choices.reference]
    if choices.size < least:
        raise StudyError(
            _("images of {size} × {size}").format(size=choices.size),
            _("nothing would be left of them after the poolings of this network"),
            _("Ask for {size} pixels or more, or choose the dense network.").format(size=least),
        )
    template = _environment().get_template("made.py.jinja")
    return template.render(choices=choices, images=images, variations=wanted, head=_head())


def trainings(choices: Choices) -> int:
    """How many there will be: each model with each seed."""
    return (1 + len(_meant(choices))) * choices.seeds


def keep(text: str, title: str, folder: Path) -> Path:
    """Write the file under a name of its own, made from the title; no file is ever replaced."""
    for n in range(1, 1000):
        path = folder / f"{_slug(title)}{'' if n == 1 else f'_{n}'}.py"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise StudyError(
                f"{path}",
                _("it cannot be written ({error})").format(error=of_files(error)),
                _("Serve a folder of yours: etalon ui FOLDER."),
            ) from error
        return path
    raise StudyError(f"{folder}", _("it has a thousand studies of this name"), _("Give another title."))


def _meant(choices: Choices) -> list[Variation]:
    """The variations that mean something to the network, in their order."""
    ticked: list[Variation] = [name for name in get_args(Variation) if name in choices.variations]
    return [name for name in ticked if choices.reference != "dense" or name not in CONVOLUTIONAL]


def _slug(title: str) -> str:
    """Letters of a name of Python module, that is not the name of one already."""
    plain = normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall("[a-z0-9]+", plain)
    slug = "_".join(words)[:40].strip("_")
    return slug if slug and slug not in TAKEN and slug[0].isalpha() else f"study_{slug}".rstrip("_")


def _head() -> str:
    return _("Made in the browser; change it as you like, then: etalon run THIS_FILE.py")


def _literal(text: str) -> str:
    """A text as Python writes it, in double quotes where it can."""
    written = repr(text)
    return written if '"' in written or "\\'" in written else f'"{written[1:-1]}"'


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=False,  # it is Python that is written
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["literal"] = _literal
    return made
