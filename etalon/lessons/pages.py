"""The course as pages to read without a network: each lesson with its programs and what they showed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from etalon import locales
from etalon.errors import LessonError
from etalon.figures.formulas import formula
from etalon.lessons.running import Ran, Shown, run
from etalon.lessons.sources import Cell, Lesson, lessons
from etalon.locales import LANGUAGES, _, use
from etalon.report import files, html
from etalon.report.blocks import Figure

INDEX = "index.html"
STORE = "ETALON_STORE"


def site(folder: Path, langs: Sequence[str] = LANGUAGES) -> Iterator[Path]:
    """Write the pages of all lessons, each path told when it is written; the last is where to begin.

    With several languages, each has a folder of its own, and its pages lead to those of the others. What the lessons
    train is kept in ETALON_STORE if there is one, else until the last page is written.

    Raises:
        LessonError: `folder` is a file.
        ReportError: a page cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise LessonError(f"{folder}", _("this is not a folder"), _("Give the name of a folder, existing or not."))
    course = lessons()
    with TemporaryDirectory(prefix="etalon-lessons-") as store:
        for lang in langs:
            place = folder if len(langs) == 1 else folder / lang
            place.mkdir(parents=True, exist_ok=True)
            with use(lang):
                for lesson in course:
                    with _stored(store):
                        text = page(run(lesson, lang), course, langs)
                    yield _write(place / _file(lesson), text)
                yield _write(place / INDEX, index(course, lang, langs))
    if len(langs) > 1:
        yield _write(folder / INDEX, _page("languages.html", langs=langs))


@contextmanager
def _stored(folder: str) -> Iterator[None]:
    """Keep what is trained in `folder`, for those who have no ETALON_STORE."""
    if os.environ.get(STORE):
        yield
        return
    os.environ[STORE] = folder
    try:
        yield
    finally:
        del os.environ[STORE]


def page(ran: Ran, course: Sequence[Lesson], langs: Sequence[str]) -> str:
    """The page of a lesson that has been run, in the language in force."""
    rank = course.index(ran.lesson)
    return _page(
        "lesson.html",
        lang=ran.lang,
        langs=langs,
        course=course,
        lesson=ran.lesson,
        before=course[rank - 1] if rank else None,
        after=course[rank + 1] if rank + 1 < len(course) else None,
        parts=[Markup("").join(_parts(shown, ran.lang, first=i == 0)) for i, shown in enumerate(ran.cells)],
    )


def index(course: Sequence[Lesson], lang: str, langs: Sequence[str]) -> str:
    """The first page: all the lessons, in the language in force."""
    return _page("index.html", lang=lang, langs=langs, course=course)


def _write(path: Path, text: str) -> Path:
    files.save(path, text.encode())
    return path


def _file(lesson: Lesson) -> str:
    return f"{lesson.name}.html"


def _parts(shown: Shown, lang: str, *, first: bool) -> Iterator[Markup]:
    """A cell and what it showed, as HTML."""
    if shown.cell.lang:
        yield _markdown(_body(shown.cell) if first else shown.cell.source)
        return
    program = html.highlight(shown.cell.source, "python")
    yield Markup('<pre class="program" tabindex="0"><code>{}</code></pre>').format(program)
    if shown.printed:
        yield Markup('<pre class="printed" tabindex="0">{}</pre>').format(shown.printed)
    if shown.value is not None:
        yield _output(shown.value, lang)


def _body(cell: Cell) -> str:
    """The first text without its title and summary, which the page's head shows."""
    return "\n\n".join(cell.source.split("\n\n")[2:])


def _output(value: Any, lang: str) -> Markup:
    """The value of a cell as a notebook would show it."""
    figure: Any = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if hasattr(figure, "savefig"):
        image = html.picture(Figure(lambda: figure), lang)
        alt = ". ".join(filter(None, (ax.get_title("left") or ax.get_title() for ax in figure.axes)))
        shown = '<img class="{kind}" src="{uri}" width="{width}" height="{height}" alt="{alt}">'
        return Markup(f'<figure class="drawing">{shown}</figure>').format(**image, alt=alt)
    if hasattr(value, "_repr_markdown_"):
        return Markup('<div class="told">{}</div>').format(_markdown(value._repr_markdown_()))
    if hasattr(value, "_repr_html_"):
        return Markup('<div class="scroll values" role="region" tabindex="0">{}</div>').format(
            Markup(value._repr_html_())
        )
    return Markup('<pre class="printed" tabindex="0">{}</pre>').format(repr(value))


def _markdown(text: str) -> Markup:
    return Markup(_reader().render(text))


@cache
def _reader() -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    options = {"html": True, "typographer": True, "highlight": lambda text, name, _: str(html.highlight(text, name))}
    reader = MarkdownIt("commonmark", options).enable(["table", "smartquotes"])
    return reader.use(dollarmath_plugin, renderer=_formula, allow_labels=False)


def _formula(latex: str, options: Mapping[str, Any]) -> str:
    """A formula on one line; alone in its paragraph, with fractions in full size."""
    line = " ".join(latex.split())
    return formula(line.replace(r"\frac", r"\dfrac") if options["display_mode"] else line)


def _inline(text: str) -> Markup:
    """A title or a summary, which may hold marks but no paragraph."""
    return Markup(_reader().renderInline(text))


def _page(template: str, **given: Any) -> str:
    return _environment().get_template(template).render(**given)


@cache
def _environment() -> Environment:
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader([here / "templates", here.parent / "report"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"_": locales._, "file": _file}
    environment.filters |= {"inline": _inline, "plain": lambda text: Markup(_inline(text)).striptags()}
    return environment
