"""A document to a file: the file's suffix chooses the renderer."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from etalon.errors import ReportError
from etalon.locales import _
from etalon.report.blocks import Document

RENDERERS = {".html": "html", ".pdf": "pdf", ".ipynb": "notebook"}


def render(document: Document, path: str | os.PathLike[str], **options: Any) -> Path:
    """Write `document` to `path` as a page, a PDF or a notebook, and return the path.

    Args:
        path: ends with .html, .pdf or .ipynb.
        options: for the renderer (`setup` and `execute` of `etalon.report.notebook.render`).

    Raises:
        ReportError: another suffix, or a place where no file can be written.
    """
    place = Path(path)
    name = RENDERERS.get(place.suffix.lower())
    if name is None:
        raise ReportError(
            str(place),
            _("no report is written in this format"),
            _("End the name with one of {suffixes}.").format(suffixes=", ".join(RENDERERS)),
        )
    import_module(f"etalon.report.{name}").render(document, place, **options)
    return place
