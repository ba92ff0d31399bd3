"""The figures of docs/statistics.md: kept part by part, with where they were measured; the page is made of them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.machine import ROOT, provenance
from bench.report import table
from bench.simulated import Line

DOCUMENT = ROOT / "docs" / "statistics.md"
KEPT, CURVES = DOCUMENT.with_suffix(".jsonl"), DOCUMENT.with_name("power.svg")
BEGIN, END = "<!-- figures -->\n", "<!-- end of the figures -->\n"
KS, GAINS = (3, 5, 10), (0.0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008)  # of the power curves
TITLES = {  # of the parts, in the order of the page
    "setting": "",
    "power": "Power against the true difference, with the coverage of the intervals:",
    "looks": '`seeds="auto"` on studies of variants that are all equal, with at most the seeds of the setting:',
    "gained": '`seeds="auto"` against the true difference, beside ten seeds for all (ten / auto):',
    "split": "Two learners of equal worth, on one pool of images drawn anew; claims of a difference in one comparison:",
}


def keep_all(part: str, lines: Sequence[Line]) -> None:
    """Keep the lines of a part in the place of those that were, and write the page again."""
    kept = [line for line in read() if part not in line and line.get("measured") != part]
    kept += [*lines, {"measured": part, **provenance()}]
    KEPT.write_text("".join(json.dumps(line) + "\n" for line in kept))
    if part == "power":
        draw(lines)
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}{written()}{END}{after}", encoding="utf-8")


def read(path: Path = KEPT) -> list[Line]:
    """The lines kept, each part with one that says where it was `measured`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(path: Path = KEPT) -> str:
    """The figures kept, in Markdown."""
    kept, parts = read(path), []
    for part, title in TITLES.items():
        lines = [line for line in kept if part in line]
        if lines:
            where = next(line for line in kept if line.get("measured") == part)
            parts += [f"{title}\n"] * bool(title) + list(_tables(part, lines))
            parts.append(
                f"Measured: {where['date']}, {where['machine']}, numpy {where['versions']['numpy']}, Étalon "
                f"{where['revision']}. n = {lines[0]['studies']:,} studies a line.\n"
            )
    return "\n".join(parts)


def _tables(part: str, lines: Sequence[Line]) -> Iterator[str]:
    if part == "setting":
        ours = [[x["setting"], *_shares(x, "false_alarms", "coverage")] for x in lines]
        yield table(("setting", "studies with a false alarm", "95 % intervals that cover"), ours)
        yield "What the naive tools claim of the same studies:\n"
        heads = ("setting", "Étalon, any", "McNemar, alone / any", "t test over seeds, alone / any", "best run")
        yield table(heads, [_naive(x) for x in lines])
    elif part == "power":
        told = {(x["k"], x["gain"]): f"{share(x['power'])} ({share(x['coverage'])})" for x in lines}
        ks, gains = sorted({x["k"] for x in lines}), sorted({x["gain"] for x in lines})
        by_gain = [[f"{100 * gain:g}", *(told[k, gain] for k in ks)] for gain in gains]
        yield table(("points", *(f"{k} seeds" for k in ks)), by_gain)
    elif part == "looks":
        heads = ("setting", "studies with a false alarm", "intervals that cover", "one look's, cover", "trainings")
        names = ("false_alarms", "coverage", "uncorrected", "trainings")
        yield table(heads, [[x["looks"], *_shares(x, *names)] for x in lines])
    elif part == "gained":
        names = ("power", "equivalent", "coverage")
        beside = [[" / ".join(share(x[way][name]) for way in ("fixed", "auto")) for name in names] for x in lines]
        rows = [[f"{100 * x['gained']:g}", *b, share(x["trainings"])] for x, b in zip(lines, beside, strict=True)]
        yield table(("points", "says better", "says equivalent", "intervals that cover", "trainings"), rows)
    else:
        names = ("false_alarms", "coverage", "uncorrected", "nadeau_bengio", "t_test")
        heads = ("split", "Étalon", "intervals that cover", "without the correction", "Nadeau and Bengio", "t test")
        yield table(heads, [[x["split"], *_shares(x, *names)] for x in lines])


def _naive(line: Line) -> list[str]:
    naive = line["naive"]
    pairs = [" / ".join(share(naive[name][how]) for how in ("alone", "any")) for name in ("mcnemar", "t_test")]
    return [line["setting"], share(line["false_alarms"]), *pairs, share(naive["best_run"]["any"])]


def _shares(line: Line, *names: str) -> list[str]:
    return [share(line[name]) for name in names]


def share(value: float) -> str:
    """A share, in percent."""
    return f"{100 * value:.1f} %"


def draw(curves: Sequence[Line], path: Path = CURVES) -> None:
    """The power curves."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for k in sorted({line["k"] for line in curves}):
        some = [line for line in curves if line["k"] == k]
        ax.plot([100 * line["gain"] for line in some], [line["power"] for line in some], "o-", label=f"{k} seeds")
    ax.axhline(0.8, color="0.7", linewidth=0.8)
    ax.set(xlabel="true difference of accuracy (points)", ylabel="share of studies that say better", ylim=(0, 1.02))
    ax.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
