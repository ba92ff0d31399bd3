"""Cells as a table: lined up for a terminal, or in HTML for a notebook."""

from collections.abc import Container, Sequence
from html import escape

Row = Sequence[str]


def aligned(rows: Sequence[Row], left: Container[int] = (0,), ruled: bool = True) -> list[str]:
    """The lines of a table; none without rows.

    Args:
        rows: the heads first.
        left: the columns that start at the left; the others, numbers, end at the right.
        ruled: whether a rule stands under the heads.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if ruled:
        lines[1:1] = ["  ".join("-" * width for width in widths)] if rows else []
    return lines


def table_html(rows: Sequence[Row]) -> str:
    """The same in HTML; empty without rows."""
    if not rows:
        return ""
    heads, *others = (map(escape, row) for row in rows)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in others)
    return (
        f"<table><thead><tr>{''.join(f'<th>{cell}</th>' for cell in heads)}</tr></thead><tbody>{body}</tbody></table>"
    )
