"""The learning curves of variants, and what they show."""

from collections.abc import Sequence

from etalon.analysis import findings
from etalon.report.blocks import Block, Callout, Figure, Paragraph
from etalon.report.evidence import Entry
from etalon.report.tables import at, named


def learning_curves(entries: Sequence[Entry], caption: str) -> list[Block]:
    """Of each variant the figure and whether it overfits; and where test is drawn, once, what it must not be used for.

    Args:
        caption: of the figures, with {name} for that of the variant.
    """
    blocks: list[Block] = []
    for entry in entries:
        told = caption.format(name=entry.name)
        blocks.append(Figure(entry.curves.plot, told, source=f"{at(entry)}.curves().plot()"))
        blocks.append(Paragraph(named(findings.overfits(entry.curves.overfitting).text, entry.name)))
    caution = next((entry.curves.caution for entry in entries if entry.curves.opened), "")
    return [*blocks, Callout(caution, "unsure")] if caution else blocks
