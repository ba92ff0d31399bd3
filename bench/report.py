"""docs/benchmarks.md, from the results kept in bench/results."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import scaling
from bench.machine import ROOT
from bench.results import Figure, Result, Row, Spread

KEPT = Path(__file__).parent / "results"
EXPLAINED = Path(__file__).parent / "explained"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
CURVES = DOCUMENT.with_name("scaling.svg")
ORDER = ("P1", "P1f", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9")
MET = {True: "yes", False: "**no**", None: ""}
INTRODUCTION = """\
# Benchmarks

Étalon against its peers. Every figure is the median of `n` rounds in which the contenders play in turn (A B A B), each
in a fresh process and in its own virtual environment, on the same machine, with the same images, model, batches, number
of weight updates and epochs. Ratios are taken round by round; their least and greatest follow in brackets. Read the
ratios: the rates are those of one machine.

`make bench` measures everything and writes this page; the line under each title measures that figure alone, and
`--json` at its end prints it as one line. `python -m bench report` writes the page again from `bench/results`.
"""


def write(results: Iterable[Result], path: Path = DOCUMENT) -> None:
    """Write the document, and the curves beside it."""
    found = {result.id: result for result in results}
    parts = [INTRODUCTION, _summary([found[name] for name in ORDER if name in found])]
    parts += [_section(found[name]) for name in sorted(found, key=_rank)]
    if "scaling" in found:
        scaling.draw(found["scaling"], path.with_name(CURVES.name))
    path.write_text("\n".join(parts), encoding="utf-8")


def read(folder: Path = KEPT) -> list[Result]:
    """The results kept."""
    return [Result.read(path) for path in sorted(folder.glob("*.json"))]


def amount(value: float) -> str:
    """Four significant digits, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def spread(values: Spread | None) -> str:
    """Median [least–greatest]."""
    if values is None:
        return ""
    if values.min == values.max:
        return amount(values.median)
    return f"{amount(values.median)} [{amount(values.min)}–{amount(values.max)}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def figure_cells(figure: Figure) -> list[str]:
    """What, ours, peer, ratio, wanted, reached."""
    ours, peer, ratio = (spread(values) for values in (figure.ours, figure.peer, figure.ratio))
    unit = f" {figure.unit}" if figure.unit else ""
    wanted = str(figure.bar) if figure.bar else ""
    return [figure.what, ours + unit, peer + unit if peer else "", ratio, wanted, MET[figure.met]]


def row_cells(row: Row) -> list[str]:
    """Who, the figure, the rounds, test accuracy, peak memory."""
    accuracy = "" if row.accuracy is None else f"{row.accuracy:.2%}"
    peak = "" if row.peak is None else f"{row.peak / 2**20:,.0f} MiB"
    return [row.name, spread(row.value), "heat" if row.heat else str(row.n), accuracy, peak]


FIGURES = ("figure", "ours", "peer", "ratio", "wanted", "reached")
ROWS = ("contender", "median [least–greatest]", "rounds", "test accuracy", "peak memory, largest process")


def _summary(results: Sequence[Result]) -> str:
    rows = []
    for result in results:
        if result.figures:
            rows.append([f"[{result.id}](#{_anchor(result)})", *figure_cells(result.figures[0]), str(result.n)])
        else:
            rows.append([result.id, f"{result.work}: {result.skipped}", *[""] * 6])
    return table(("id", *FIGURES, "n"), rows)


def _section(result: Result) -> str:
    parts = [f"## {_title(result)}\n", f"    {result.command}\n"]
    provenance = result.provenance
    where = f"{provenance.get('date', '')}, {provenance.get('machine', '')}, Étalon {provenance.get('revision', '')}"
    told = [f"Measured: {where}; load average at the start {provenance.get('load', 'unknown')}."]
    told += [f"Against: {result.against}."] if result.against else []
    told += [f"Conditions: {result.conditions}."] if result.conditions else []
    told += [f"n = {result.n}."] if result.n else []
    parts.append(f"{result.skipped[0].upper()}{result.skipped[1:]}.\n" if result.skipped else "\n".join(told) + "\n")
    if result.figures:
        parts.append(table(FIGURES, map(figure_cells, result.figures)))
    if result.rows:
        parts.append(table(ROWS, map(row_cells, result.rows)))
    if result.left_out:
        parts += [
            "Left out:\n",
            *(f"- {name}: {' '.join(why.split())[:300]}" for name, why in result.left_out.items()),
            "",
        ]
    if "verdict" in result.facts:
        parts.append(_verdict(result))
    if result.id == "scaling":
        parts.append(f"![Seconds against images, trials, weights and cores]({CURVES.name})\n")
    explained = EXPLAINED / f"{result.id}.md"
    if explained.exists():
        parts.append(explained.read_text(encoding="utf-8"))
    return "\n".join(parts)


def _verdict(result: Result) -> str:
    facts = result.facts
    difference, low, high = (f"{100 * facts[name]:+.3f}" for name in ("difference", "low", "high"))
    return (
        f"Verdict: **{facts['verdict']}**. bfloat16 minus float32: {difference} points, 95 % interval [{low}, {high}]; "
        f"the margin is ±{100 * facts['rope']:g} point.\n"
    )


def _title(result: Result) -> str:
    return f"{result.id}: {result.work}"


def _anchor(result: Result) -> str:
    kept = "".join(c for c in _title(result).lower() if c.isalnum() or c in "_- ")
    return kept.replace(" ", "-")


def _rank(name: str) -> tuple[int, str]:
    return (ORDER.index(name), name) if name in ORDER else (len(ORDER), name)
