"""The blocks of a document in reading order, numbered: the one tree that all renderers walk."""

import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etalon.locales import _, language
from etalon.report.blocks import Block, Callout, Details, Document, Figure, Section, Table
from etalon.report.inline import plain


@dataclass(frozen=True, eq=False)
class Node:
    """A block and its place.

    Attributes:
        kind: the block's class, in lower case.
        number: "2.1" for a section, "3" for a figure or table with a caption, "" otherwise.
        label: "Figure 3", "Table 2", in the language in force, or "".
        anchor: unique in the document; "" for blocks that nobody refers to.
        level: of a section's heading, 1 for the document's own sections.
    """

    block: Block
    kind: str
    number: str = ""
    label: str = ""
    anchor: str = ""
    level: int = 0
    children: tuple["Node", ...] = ()


MISSING = "not drawn by etalon"  # in the metadata of what a notebook shows in the place of a figure


class NotDrawn(UserWarning):
    """A figure that could not be drawn: the report says so in its place."""


def tree(document: Document, *, source: bool = False) -> tuple[Node, ...]:
    """The document's blocks, numbered in reading order; labels are in the language in force.

    Args:
        source: whether what has a source, a figure or a section, is drawn by it, later on.

    Warns:
        NotDrawn: a figure cannot be drawn; a callout takes its place.
    """
    return _Numbering(document.lang, source).nodes(document.blocks)


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """All nodes in reading order."""
    for node in nodes:
        yield node
        yield from walk(node.children)


class _Numbering:
    def __init__(self, lang: str, source: bool) -> None:
        self.lang, self.source = lang, source
        self.later = False  # inside a section that its source draws
        self.figures = self.tables = 0
        self.anchors: set[str] = {"top", "contents", "text"}

    def nodes(self, blocks: Sequence[Block], prefix: str = "", level: int = 1) -> tuple[Node, ...]:
        sections = 0
        found = []
        for block in map(self.drawn, blocks):
            if isinstance(block, Section):
                sections += 1
                found.append(self.section(block, f"{prefix}{sections}", level))
            elif isinstance(block, Details):
                found.append(Node(block, "details", children=self.nodes(block.blocks, prefix, level)))
            elif isinstance(block, Figure) and block.caption:
                self.figures += 1
                label = _("Figure {number}").format(number=self.figures)
                found.append(self.numbered(block, "figure", self.figures, label))
            elif isinstance(block, Table) and block.caption:
                self.tables += 1
                label = _("Table {number}").format(number=self.tables)
                found.append(self.numbered(block, "table", self.tables, label))
            else:
                found.append(Node(block, type(block).__name__.lower()))
        return tuple(found)

    def drawn(self, block: Block) -> Block:
        """The block; if it is a figure that cannot be drawn, what stands in its place."""
        if not isinstance(block, Figure) or self.later or self.drawn_later(block):
            return block
        failure = block.failure(self.lang)
        return missing(block, failure) if failure else block

    def drawn_later(self, block: Figure | Section) -> bool:
        """Whether its source draws it."""
        return self.source and block.source is not None

    def section(self, block: Section, number: str, level: int) -> Node:
        anchor = self.unique(block.id or slug(plain(block.title)))
        before, self.later = self.later, self.later or self.drawn_later(block)
        children = self.nodes(block.blocks, f"{number}.", level + 1)
        self.later = before
        return Node(block, "section", number, anchor=anchor, level=level, children=children)

    def numbered(self, block: Figure | Table, kind: str, number: int, label: str) -> Node:
        return Node(block, kind, str(number), label, self.unique(f"{kind}-{number}"))

    def unique(self, anchor: str) -> str:
        candidate, n = anchor, 1
        while candidate in self.anchors:
            n += 1
            candidate = f"{anchor}-{n}"
        self.anchors.add(candidate)
        return candidate


def missing(figure: Figure, failure: str) -> Callout:
    """What stands in the place of a figure that could not be drawn, and is told as a warning as well."""
    callout = figure.callout(failure)
    warnings.warn(plain(callout.text, language()), NotDrawn, stacklevel=2)
    return callout


def slug(title: str) -> str:
    """`title` as an anchor: lower-case ASCII letters, digits and hyphens."""
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-") or "section"
