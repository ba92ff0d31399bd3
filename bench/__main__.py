"""`python -m bench NAME...`: measure one figure, several, or all of them."""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import fits, literature, looks, machine, precision, report, scaling, small, statistics, studies
from bench.ceiling import ceiling
from bench.contest import Contender, PlayError, play, say
from bench.networks import NETWORKS
from bench.peers import CACHE, PeerError
from bench.results import Result

Options = argparse.Namespace
MEASURES: dict[str, Callable[[Options], Sequence[Result]]] = {
    **{name: lambda o, name=name: [fits.fit(name, o.quick, o.rounds)] for name in fits.FITS},  # type: ignore[misc]
    "P4": lambda o: [studies.whole_study(o.quick, o.full, o.rounds)],
    "P5": lambda o: [studies.again(o.quick, o.full, o.rounds)],
    "P6": lambda o: [studies.on_gpu(o.quick)],
    "P7": lambda o: [small.lowered(o.quick, o.rounds)],
    "P8": lambda o: [small.start(o.quick, o.rounds)],
    "P9": lambda o: [studies.memory(o.quick, o.full, o.rounds)],
    "ceiling": lambda o: [ceiling(o.quick, o.rounds)],
    "scaling": lambda o: [scaling.scaling(o.quick, o.rounds)],
    "precision": lambda o: precision.precision(o.quick, o.seeds, o.epochs),
}
ALL = [name for name in MEASURES if name != "precision"]


def main() -> int:
    """Measure, print, and keep what is to be kept. 0: all measured (reached or not); 1: something broke."""
    options = _parser().parse_args()
    if options.names == ["report"]:
        report.write(report.read())
        return 0
    if options.names == ["published"]:
        literature.write()
        return 0
    if options.names == ["statistics"] and options.auto:
        statistics.tell(looks.spared(options.auto, options.data, options.seeds or 10), options.json)
        return 0
    if options.names == ["statistics"]:
        wanted = {"study": options.study, "part": options.part}
        statistics.run(quick=options.quick, as_json=options.json, keep=options.keep, **wanted)
        return 0
    if options.names == ["profile"]:
        return _profile(options.network, options.quick)
    if machine.busy():
        say("this machine is busy: ratios will be noisy, rates wrong")
    whole = "all" in options.names
    status = 0
    for name in ALL if whole else options.names:
        command = shlex.join(["python", "-m", "bench", name, *sizes(options)])
        provenance = machine.provenance()
        say(name)
        try:
            found = MEASURES[name](options)
        except (PlayError, PeerError) as error:
            found, status = [Result(id=name, work="broke down", skipped=str(error))], 1
        for result in found:
            complete = replace(result, command=command, provenance=provenance)
            print(json.dumps(complete.line(), ensure_ascii=False)) if options.json else show(complete)
            if (whole or options.keep) and status == 0:
                complete.save(CACHE / "quick" if options.quick else report.KEPT)
    if whole and not options.quick:
        report.write(report.read())
    return status


def sizes(options: Options) -> list[str]:
    """The options of the command that decide how much is measured."""
    flags = [f"--{name}" for name in ("quick", "full") if getattr(options, name)]
    counts = [(name, getattr(options, name)) for name in ("rounds", "seeds", "epochs")]
    return [*flags, *(word for name, count in counts if count for word in (f"--{name}", str(count)))]


def show(result: Result) -> None:
    """The tables of a result, in a terminal."""
    console = Console(width=max(Console().width, 160), highlight=False)
    console.print(f"\n[bold]{result.id}[/bold]: {result.work}")
    for text in (result.skipped, result.against and f"against {result.against}", result.conditions):
        if text:
            console.print(text, markup=False)
    cells = [list(map(report.figure_cells, result.figures)), list(map(report.row_cells, result.rows))]
    for head, rows in zip((report.FIGURES, report.ROWS), cells, strict=True):
        if rows:
            drawn = Table(*head)
            for row in rows:
                drawn.add_row(*(cell.replace("[", r"\[").replace("**", "") for cell in row))
            console.print(drawn)
    for name, why in {**result.left_out, **result.facts}.items():
        console.print(f"{name}: {why}", markup=False)
    told = ", ".join(f"{name} {value}" for name, value in result.provenance.items())
    console.print(f"n = {result.n}; {told}\n{result.command}", markup=False)


def _profile(network: str, quick: bool) -> int:
    have = fits.images(NETWORKS[network].data, 2_000 if quick else 12_000)
    for chosen in fits.PRECISIONS:
        job = {**have, "network": network, "precision": chosen, "rows": 15}
        said = play(Contender("Étalon", "etalon_profile"), job).said
        print(f"\n{network}, {chosen}: one epoch, {said['seconds']:.2f} s, {said['threads']} threads")
        for name, share, calls in said["rows"]:
            print(f"{share:7.1%} {calls:7} x  {name}")
        print(f"{said['rest']:7.1%} outside torch's operators")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed against peers.")
    names = [*MEASURES, "all", "report", "profile", "statistics", "published"]
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each figure")
    parser.add_argument("--quick", action="store_true", help="few images: to see that it works, not to believe")
    parser.add_argument("--full", action="store_true", help="P4, P5, P9 on all of MNIST, once")
    parser.add_argument("--keep", action="store_true", help="keep the results for docs/benchmarks.md, as `all` does")
    parser.add_argument("--rounds", type=int, help="how many times each contender plays")
    parser.add_argument("--seeds", type=int, help="of precision and of --auto, 10 by default")
    parser.add_argument("--epochs", type=int, help="of precision, 5 by default")
    parser.add_argument("--study", type=Path, help="of statistics: a STUDY.py of one configuration, for a real A/A")
    parser.add_argument("--auto", type=Path, help="of statistics: a STUDY.py trained with 10 seeds, to replay by looks")
    parser.add_argument("--part", choices=statistics.PARTS, help="of statistics: one of its parts, all by default")
    parser.add_argument("--data", help="of --auto: other images than the study's own")
    parser.add_argument("--network", choices=list(NETWORKS), default="cnn", help="of profile")
    return parser


if __name__ == "__main__":
    sys.exit(main())
