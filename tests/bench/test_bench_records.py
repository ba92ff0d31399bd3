"""Records of the bench: spreads, bars, lines of JSON, the document."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import report
from bench.results import Bar, Figure, Result, Row, Spread

FIGURE = Figure("whole", "s", Spread(2.0, 1.0, 3.0), Spread(8.0, 7.0, 9.0), Spread(4.0, 3.0, 5.0), Bar(3.0))
RESULT = Result(
    id="P4",
    work="whole study, start to report",
    against="a loop of fits",
    conditions="few images",
    n=3,
    figures=(FIGURE, Figure("alone", "s", Spread(0.1, 0.1, 0.1), bar=Bar(0.05, most=True, unit="s"))),
    rows=(Row("Étalon", Spread(2.0, 1.0, 3.0), 3, accuracy=0.9876, peak=2**30), Row("slow", Spread(9, 9, 9), 1, True)),
    left_out={"fastai": "no wheel"},
    command="python -m bench P4",
    provenance={"date": "2030-01-02", "machine": "2 cores", "load": 0.1, "revision": "abc"},
)
SKIPPED = Result(id="P6", work="on a GPU", skipped="not measured: no CUDA device", command="python -m bench P6")


def test_spread_is_median_least_greatest() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


@pytest.mark.parametrize(("bar", "value", "met"), [(Bar(2), 2, True), (Bar(2), 1.9, False), (Bar(1, True), 1.1, False)])
def test_bar(bar: Bar, value: float, met: bool) -> None:
    assert bar.met(value) is met


def test_bar_reads_well() -> None:
    assert [str(bar) for bar in (Bar(2), Bar(1.05, True), Bar(2, True, "s"))] == [
        "at least 2x",
        "at most 1.05x",
        "at most 2 s",
    ]


def test_bar_is_for_the_ratio_or_for_ours() -> None:
    assert [figure.met for figure in RESULT.figures] == [True, False]
    assert replace(FIGURE, bar=None).met is None
    assert replace(FIGURE, bar=Bar(1.9, True, "s")).met is False


def test_line_begins_with_what_was_asked_for() -> None:
    line = json.loads(json.dumps(RESULT.line()))
    assert list(line)[:5] == ["id", "ours", "peer", "ratio", "wanted"]
    assert line["ratio"] == {"median": 4.0, "min": 3.0, "max": 5.0}
    assert (line["ours"], line["peer"], line["wanted"]) == (2.0, 8.0, "at least 3x")
    assert [other["ours"] for other in line["also"]] == [0.1]


def test_line_of_what_was_not_measured() -> None:
    line = SKIPPED.line()
    assert (line["ratio"], line["ours"], line["skipped"]) == (None, None, SKIPPED.skipped)


@pytest.mark.parametrize("result", [RESULT, SKIPPED], ids=lambda result: result.id)
def test_kept_and_read_again(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path)
    (read,) = report.read(tmp_path)
    assert read == result


def test_document(tmp_path: Path) -> None:
    curves = {"images": [(100, 1.0, 0.9, 1.1), (200, 1.9, 1.8, 2.1)], "cores": [(1, 2.0, 2.0, 2.0)]}
    scaling = Result(id="scaling", work="time against images", n=3, facts={"curves": curves})
    facts = {"verdict": "equivalent", "difference": 1e-4, "low": -4e-4, "high": 6e-4, "rope": 0.001}
    precision = Result(id="precision-mnist", work="bfloat16 against float32 on MNIST", n=10, facts=facts)
    page = tmp_path / "benchmarks.md"
    report.write([scaling, SKIPPED, RESULT, precision], page)
    text = page.read_text()
    assert "2 [1–3] s | 8 [7–9] s | 4 [3–5] | at least 3x | yes" in text
    assert "0.1 s |  |  | at most 0.05 s | **no**" in text
    assert "| Étalon | 2 [1–3] | 3 | 98.76% | 1,024 MiB |" in text
    assert "| slow | 9 | heat |" in text
    assert "fastai: no wheel" in text
    assert "2030-01-02, 2 cores" in text
    assert "Not measured: no CUDA device" in text
    assert "**equivalent**. bfloat16 minus float32: +0.010 points, 95 % interval [-0.040, +0.060]" in text
    assert (tmp_path / "scaling.svg").read_text().lstrip().startswith("<?xml")
    titles = [re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in re.findall(r"^#+ (.*)$", text, re.M)]
    assert set(re.findall(r"\]\(#(.*?)\)", text)) <= set(titles)


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (0.012345, "0.01235"), (98.917, "98.92")])
def test_amounts(value: float, text: str) -> None:
    assert report.amount(value) == text
