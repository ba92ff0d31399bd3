"""The share of the machine's ceiling that is reached: arithmetic of the network over the rate of matrix products."""

from bench.contest import Contender, play, say
from bench.fits import PRECISIONS, QUICK, Size, images, rate
from bench.networks import NETWORKS
from bench.results import Figure, Result, Spread

SIZES = {"cnn": Size(30_000, 3, 3), "mlp": Size(60_000, 5, 3), "cifar": Size(10_000, 3, 3)}
GIGA = 1e9


def ceiling(quick: bool = False, n: int | None = None) -> Result:
    """GFLOP/s of a training, validation included, beside those of the best matrix products, measured in turn."""
    n = n or (1 if quick else 3)
    reached: dict[tuple[str, str], list[float]] = {(name, p): [] for name in NETWORKS for p in PRECISIONS}
    measured: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for number in range(n):
        said = play(Contender("matrix products", "products"), {"seconds": 0.2 if quick else 1.0}).said
        say(f"  round {number + 1} of {n}: {said['rates']}")
        for precision in PRECISIONS:
            measured[precision].append(said["rates"][precision])
        for name, precision in reached:
            size = QUICK if quick else SIZES[name]
            have = images(NETWORKS[name].data, size.images)
            contender = Contender("Étalon", "etalon_fit", "", {"settings": {"precision": precision}})
            found = rate(play(contender, {**have, "network": name, "epochs": size.epochs}), have["trained"])
            trained, predicted = said["arithmetic"][name]
            flop = trained + predicted * have["validated"] / have["trained"]
            reached[name, precision].append(found * flop / GIGA)
            say(f"  round {number + 1} of {n}: {name}, {precision}, {found:,.0f} images/s")
    return Result(
        id="ceiling",
        work="share of the machine's ceiling",
        against="the fastest matrix product of 512, 1024 or 2048 a side, or 1 x 1 convolution of that size",
        conditions=f"FLOP an image trained: {', '.join(f'{k} {v[0]:,}' for k, v in said['arithmetic'].items())}",
        n=n,
        figures=[
            Figure(
                *(f"{name}, {precision}", "GFLOP/s", Spread.of(values), Spread.of(measured[precision])),
                Spread.of([a / b for a, b in zip(values, measured[precision], strict=True)]),
            )
            for (name, precision), values in reached.items()
        ],
    )
