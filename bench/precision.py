"""Is bfloat16 as accurate as float32? Étalon's own verdict, on the test images of two data sets."""

from bench.contest import Contender, play, say
from bench.fits import images
from bench.results import Figure, Result, Spread

DATA = ("mnist", "fashion_mnist")
ROPE = 0.001  # 0.1 point of accuracy


def precision(quick: bool = False, seeds: int | None = None, epochs: int | None = None) -> list[Result]:
    """One result a data set."""
    n, seeds, epochs = (1_200, seeds or 2, epochs or 1) if quick else (60_000, seeds or 10, epochs or 5)
    found = []
    for data in DATA:
        say(f"  {data}: {seeds} seeds, {epochs} epochs, in float32 and in bfloat16")
        have = images(data, n)
        job = {**have, "seeds": seeds, "epochs": epochs, "rope": ROPE}
        said = dict(play(Contender("Étalon", "etalon_precision"), job).said)
        accuracies, versions = said.pop("accuracies"), said.pop("versions")
        ours, peer = (Spread.of([100 * a for a in accuracies[name]]) for name in ("bfloat16", "float32"))
        found.append(
            Result(
                id=f"precision-{data.replace('_', '-')}",
                work=f"bfloat16 against float32 on {have['name']}",
                against=f"float32 (torch {versions['torch']})",
                conditions=f"reference CNN, {have['trained']:,} images to train, {have['tested']:,} to test, "
                f"{seeds} seeds, {epochs} epochs; equivalent means within {ROPE:.1%} of accuracy",
                n=seeds,
                figures=[Figure("test accuracy, bfloat16 against float32", "%", ours, peer)],
                facts={**said, "rope": ROPE, "accuracies": accuracies},
            )
        )
    return found
