"""The report as a notebook: its texts, and code cells that compute its figures and tables again.

A figure or a table with a `source` becomes a code cell; without one, it is shown as it was. What an author has added to
the notebook that was there is kept (`etalon.report.kept`).
"""

import base64
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from etalon import locales
from etalon.errors import ReportError
from etalon.locales import _, ngettext
from etalon.report import files, kept
from etalon.report.blocks import (
    Badge,
    Bullets,
    Callout,
    Cell,
    Code,
    Details,
    Document,
    Facts,
    Figure,
    Paragraph,
    Section,
    Table,
)
from etalon.report.inline import Span, plain, spans
from etalon.report.tree import MISSING, Node, NotDrawn, missing, tree

KERNEL = "python3"  # Jupyter's name for the interpreter that is running
ALLOWED = "raises-exception"  # Jupyter's tag for a cell that may fail
NO_WIDGETS = "ignore:IProgress not found"  # what tqdm warns of as soon as it is imported, bar or no bar

LONGEST = 60  # letters of a cell's name

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|$~]")
_LIST = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s)")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_RULES = {"left": ":--", "right": "--:", "center": ":-:"}


def render(
    document: Document, path: str | os.PathLike[str], *, setup: str, execute: bool = True, timeout: int = 1800
) -> None:
    """Write the document to `path` as a notebook; by default with the outputs of its cells.

    Where Étalon has written a notebook before, the cells that its author added or changed are kept.

    Args:
        setup: the first code cell, after which every `source` can run. The notebook runs in the folder where it is
            written, in the document's language (ETALON_LANG).
        execute: run the cells from top to bottom, with the interpreter that is running now.
        timeout: in seconds, for one cell.

    Raises:
        ReportError: `path` cannot be written, what is there was not written by Étalon, no kernel can be started, or a
            cell fails.

    Warns:
        EditedByHand: cells that the author has changed are kept as they are.
        NotDrawn: a figure cannot be drawn; a callout takes its place.
    """
    place = files.destination(path)
    old = kept.cells_of(place)
    with locales.use(document.lang):
        cells = _Cells(document.lang)
        notebook = cells.notebook(document, setup)
        notebook.cells, edited = kept.merge(notebook.cells, old)
        if execute:
            with _forgiven(notebook, cells.figures, document.lang):
                _execute(notebook, place.parent.resolve(), document.lang, timeout)
    import nbformat

    nbformat.validate(notebook)
    files.save(place, (nbformat.writes(notebook) + "\n").encode())
    if edited:
        warnings.warn(_told(place, edited), kept.EditedByHand, stacklevel=3)


def _told(place: Path, edited: Sequence[Any]) -> str:
    first = next(iter(edited[0].source.strip().splitlines()), "")
    return ngettext(
        "{path}: one cell was changed by hand (“{first}”). It is kept as it is and no longer follows the results; "
        "delete it to have it written again.",
        "{path}: {n} cells were changed by hand (the first: “{first}”). They are kept as they are and no longer follow "
        "the results; delete them to have them written again.",
        len(edited),
    ).format(path=place, n=len(edited), first=first)


def _execute(notebook: Any, folder: Path, lang: str, timeout: int) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    with TemporaryDirectory(prefix="etalon-kernel-") as private:
        manager = AsyncKernelManager(
            kernel_name=KERNEL,
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # this interpreter, not another of that name
            transport="tcp" if sys.platform == "win32" else "ipc",  # sockets that nobody else can reach
            connection_file=str(Path(private) / "k.json"),
        )
        running: list[Any] = []
        client = NotebookClient(
            notebook,
            timeout=timeout,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=lambda cell, cell_index: running.append(cell),
        )
        client.km = manager  # given at the start, the client would leave it to be shut down by others
        backend = "module://matplotlib_inline.backend_inline"
        quiet = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), NO_WIDGETS]))
        try:
            client.execute(env=os.environ | {"MPLBACKEND": backend, "ETALON_LANG": lang, "PYTHONWARNINGS": quiet})
        except CellExecutionError as error:
            raise _failed(running[-1], f"{error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            raise _failed(
                running[-1], _("it runs for more than {limit}").format(limit=locales.seconds(timeout))
            ) from error
        except (NoSuchKernel, RuntimeError, OSError) as error:
            raise ReportError(
                _("kernel {name}").format(name=KERNEL),
                _("it cannot run the notebook: {error}").format(error=error),
                _("Install ipykernel beside Étalon, or write the notebook with execute=False and run it later."),
            ) from error
    _steady(notebook)


@contextmanager
def _forgiven(notebook: Any, figures: Mapping[str, Figure], lang: str) -> Iterator[None]:
    """Let the cells of figures fail while the notebook is run; a callout then takes their place, and a warning is told.

    Args:
        figures: by the names of their cells, but for those that the author has changed.
    """
    drawing = [i for i, cell in enumerate(notebook.cells) if kept.untouched(cell) in figures]
    for i in drawing:
        notebook.cells[i].metadata["tags"] = [ALLOWED]
    yield
    for i in drawing:
        cell = notebook.cells[i]
        del cell.metadata["tags"]
        for error in [output for output in cell.outputs if output.output_type == "error"][:1]:
            name = kept.untouched(cell)
            callout = missing(figures[name], f"{error.ename}: {error.evalue}")
            notebook.cells[i] = _Cells(lang).alone(callout, name)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if MISSING in output.get("metadata", {}):
            warnings.warn(plain(output.data["text/markdown"], lang), NotDrawn, stacklevel=4)


def _failed(cell: Any, why: str) -> ReportError:
    return ReportError(
        _("notebook cell `{source}`").format(source=cell.source.strip()),
        why,
        _("Correct it, or write the notebook with execute=False and run it by hand."),
    )


def _steady(notebook: Any) -> None:
    """Take the addresses of objects out of what cells have shown, which change from run to run."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = _ADDRESS.sub("", output.data["text/plain"])


class _Cells:
    """Blocks to cells; texts that follow one another share a cell."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.cells: list[Any] = []
        self.texts: list[str] = []
        self.attachments: dict[str, dict[str, str]] = {}
        self.name = "title"  # of the next text
        self.names: set[str] = set()
        self.figures: dict[str, Figure] = {}  # by the name of the cell that draws it

    def notebook(self, document: Document, setup: str) -> Any:
        from nbformat.v4 import new_notebook

        self.texts += [f"# {self.inline(document.title)}", self.inline(document.subtitle)]
        meta = [*document.meta.items(), (_("Date"), locales.date(document.created))]
        self.texts.append("\n".join(f"- **{self.inline(name)}** {self.inline(value)}" for name, value in meta))
        self.texts += [f"> **{self.inline(document.notice)}**"] if document.notice else []
        if setup.strip():
            self.code(setup, "setup")
        self.nodes(tree(document, source=True))
        self.flush()
        kernel = {"name": KERNEL, "display_name": "Python 3 (ipykernel)", "language": "python"}
        title = plain(document.title, self.lang)
        return new_notebook(cells=self.cells, metadata={"kernelspec": kernel, "title": title})

    def nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.block(node)

    def block(self, node: Node) -> None:
        match node.block:
            case Section(title=title, source=source):
                self.flush()
                self.name = node.anchor
                self.texts.append(f"{'#' * min(node.level + 1, 6)} {node.number} {self.inline(title)}")
                if source is not None:
                    self.code(source)
                else:
                    self.nodes(node.children)
            case Details(summary=summary):
                self.texts.append(f"**{self.inline(summary)}**")
                self.nodes(node.children)
            case Paragraph(text=text):
                self.texts.append(self.inline(text))
            case Bullets(items=items):
                self.texts.append("\n".join(f"- {self.inline(item)}" for item in items))
            case Facts(pairs=pairs):
                rows = [[f"**{self.inline(fact.value)}**" for fact in pairs], [self.inline(f.note) for f in pairs]]
                self.texts.append(grid([self.inline(fact.label) for fact in pairs], rows, ["left"] * len(pairs)))
            case Code(text=text, language=language):
                fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
                self.texts.append(f"{fence}{language}\n{text}\n{fence}")
            case Callout(text=text):
                self.texts.append(f"> {self.inline(text)}")
            case Table() as table:
                self.table(node, table)
            case Figure() as figure:
                self.figure(node, figure)

    def table(self, node: Node, table: Table) -> None:
        self.caption(node, table.caption)
        if table.source is not None:
            self.code(table.source)
            return
        rows = [[self.cell(cell) for cell in row] for row in table.rows]
        for i in table.highlight:
            rows[i][0] = f"**{rows[i][0]}**"
        self.texts.append(grid([self.inline(column.header) for column in table.columns], rows, table.alignment))

    def figure(self, node: Node, figure: Figure) -> None:
        if figure.source is not None:
            self.figures[self.code(figure.source)] = figure
        else:
            name = f"{node.anchor or f'image-{len(self.cells)}-{len(self.attachments)}'}.png"
            png = figure.image(self.lang).png
            self.attachments[name] = {"image/png": base64.b64encode(png).decode()}
            alt = _SPECIAL.sub(r"\\\g<0>", plain(figure.alt or figure.caption, self.lang))
            self.texts.append(f"![{alt}](attachment:{name})")
        self.caption(node, figure.caption)

    def caption(self, node: Node, caption: str) -> None:
        if caption:
            self.texts.append(f"**{node.label}.** {self.inline(caption)}")

    def cell(self, cell: Cell) -> str:
        return f"**{self.inline(cell.text)}**" if isinstance(cell, Badge) else self.inline(cell)

    def inline(self, text: str) -> str:
        line = "".join(markdown(span) for span in spans(" ".join(text.split()), self.lang))
        return _LIST.sub(lambda match: match[1] + match[2][:-1] + "\\" + match[2][-1], line)

    def alone(self, callout: Callout, name: str) -> Any:
        """A callout as a cell of its own."""
        from nbformat.v4 import new_markdown_cell

        return kept.mark(new_markdown_cell(f"> {self.inline(callout.text)}", id=name), name)

    def code(self, source: str, name: str = "") -> str:
        """A cell with that program; returns its name."""
        from nbformat.v4 import new_code_cell

        self.flush()
        source = source.strip("\n")
        name = self.unique(name or f"code-{hashlib.sha256(source.encode()).hexdigest()[:8]}")
        self.cells.append(kept.mark(new_code_cell(source, id=name), name))
        self.name = f"{name}-after"
        return name

    def flush(self) -> None:
        from nbformat.v4 import new_markdown_cell

        text = "\n\n".join(filter(None, self.texts))
        if text:
            extra = {"attachments": self.attachments} if self.attachments else {}
            name = self.unique(self.name)
            self.cells.append(kept.mark(new_markdown_cell(text, id=name, **extra), name))
        self.texts, self.attachments = [], {}

    def unique(self, name: str) -> str:
        """`name`, or one made from it that no other cell has: the same in every notebook made from these blocks."""
        name = candidate = name[:LONGEST]
        n = 1
        while candidate in self.names:
            n += 1
            candidate = f"{name}-{n}"
        self.names.add(candidate)
        return candidate


def markdown(span: Span) -> str:
    """One span as Markdown that no viewer takes for anything else (HTML, mathematics, a link)."""
    if span.code:
        fence = "``" if "`" in span.text else "`"
        text = fence + span.text.replace("|", r"\|") + fence
    else:
        text = _SPECIAL.sub(r"\\\g<0>", span.text.replace("&", "&amp;"))
    mark = "**" * span.bold + "*" * span.emphasis
    body = text.strip()
    return text.replace(body, mark + body + mark[::-1]) if mark and body else text


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], align: Sequence[str]) -> str:
    """A Markdown table of cells that are Markdown already."""
    lines = [header, [_RULES[side] for side in align], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
