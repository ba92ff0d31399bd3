"""`python -m bench.app_pages`: how long the pages of a large study take, on a store made for it.

The store has 20 variants x 10 seeds whose answers on 2,000 validation images are drawn, not learnt: what takes time in
a page is how many answers there are, not what they are. No socket is in the way: the application is called directly.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import etalon
from bench.machine import provenance
from etalon.data.dataset import Dataset
from etalon.data.splits import divide
from etalon.study.journal import About, Dossier
from etalon.study.run import Run
from etalon.study.store import Store

VARIANTS, SEEDS, EPOCHS = 20, 10, 15
TRAIN, TEST, SIDE, CLASSES = 10_000, 2_000, 28, 10  # 2,000 of the training images validate
GALLERY = 500  # images
BARS = {"page": 0.3, "gallery": 1.0}  # seconds, once warm
ROUNDS = 5
ENVIRONMENT = {"etalon": etalon.__version__, "precision": "float32", "threads": "1"}
ENVIRONMENT |= dict.fromkeys(("torch", "numpy", "python", "processor", "device"), "none")


def images(rng: np.random.Generator, train: int = TRAIN, test: int = TEST) -> Dataset:
    """Noise with a bright square whose place tells the class."""

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % CLASSES
        x = rng.integers(0, 120, (n, SIDE, SIDE, 1), np.uint8)
        for label in range(CLASSES):
            row, column = divmod(label, 5)
            x[y == label, 4 + 12 * row : 12 + 12 * row, 5 * column + 2 : 5 * column + 6] += 130
        return x, y

    return etalon.load((part(train), part(test)), name="squares")


def study(data: Dataset, folder: Path, variants: int = VARIANTS, seeds: int = SEEDS) -> etalon.Study:
    """A reference, and variants with one more neuron each."""
    from keras import Input, Sequential, layers

    made = etalon.Study("Twenty variants", data=data, seeds=seeds, epochs=EPOCHS, store=folder)

    def reference(neurons: int = 8) -> Any:
        stack = [Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
        return Sequential([*stack, layers.Dense(CLASSES, activation="softmax")])

    made.reference(reference)
    for n in range(1, variants):
        made.variant(because="one neuron more", name=f"neurons_{8 + n}", neurons=8 + n)(reference)
    return made


def fill(made: etalon.Study, rng: np.random.Generator) -> str:
    """Write the trials that the study wants, drawn, in its store; the name of the study there.

    An image is more or less hard, a variant more or less good, a seed more or less lucky: each adds to the margin
    of the right answer.
    """
    plan = made.plan
    data = plan.dataset
    hard = {name: rng.normal(0, 1.2, len(part)) for name, part in (("train", data.train), ("test", data.test))}
    good = {c.name: rng.normal(0, 0.15) * (rank > 0) for rank, c in enumerate(plan.candidates)}
    weights = {c.name: c.network(0).weights() for c in plan.candidates}  # untrained: only answers are looked at

    def answers(labels: np.ndarray, ease: np.ndarray) -> np.ndarray:
        logits = rng.normal(0, 1, (len(labels), CLASSES))
        logits[np.arange(len(labels)), labels] += ease
        return logits.astype(np.float32)

    for (name, seed), key in plan.keys.items():
        luck = 4.5 + good[name] + rng.normal(0, 0.05)
        held = divide(plan.split, data.train.y, seed)[1]
        validation = answers(data.train.y[held], luck + hard["train"][held])
        score = float((validation.argmax(1) == data.train.y[held]).mean())
        gap = rng.uniform(0, 0.02)
        run = Run(
            key=key,
            study=plan.title,
            variant=name,
            seed=seed,
            history=_history(score, gap, rng),
            best_epoch=EPOCHS,
            fit_time=float(rng.uniform(5, 60)),
            head="softmax",
            train_accuracy=score + gap,
            train_loss=0.1,
            validation_accuracy=score,
            validation_loss=0.2,
            validation_index=held,
            validation_logits=validation,
            test_logits=answers(data.test.y, luck + hard["test"]),
            environment=ENVIRONMENT,
        )
        plan.store.save(run, weights[name])
    plan.store.remember(Dossier.of(plan, About(title=made.title, rope=made.rope)), data)
    return made.id


def _history(score: float, gap: float, rng: np.random.Generator) -> dict[str, tuple[float, ...]]:
    rise = 1 - 0.5 * np.exp(-np.arange(EPOCHS) / 3)
    curves = {
        "loss": 0.1 / rise,
        "accuracy": (score + gap) * rise,
        "val_loss": 0.2 / rise,
        "val_accuracy": score * rise,
        "learning_rate": np.full(EPOCHS, 1e-3),
        "seconds": np.full(EPOCHS, 1.0),
    }
    return {name: tuple((values + rng.normal(0, 1e-4, EPOCHS)).tolist()) for name, values in curves.items()}


def addresses(id: str) -> dict[str, str]:
    """The pages, by name."""
    here = f"/studies/{id}"
    return {
        "studies": "/",
        "compare": f"{here}/compare",
        "compare, all pairs": f"{here}/compare?pairs=all",
        "compare, macro F1": f"{here}/compare?metric=macro_f1",
        "compare, other weights": f"{here}/compare?accuracy=2&overfitting=0.3&time=0.05",
        "look": f"{here}/look",
        "look, one against another": f"{here}/look?variant=neurons_9&against=neurons_10",
        "look, 500 hardest images": f"{here}/look/images?of=hardest&n={GALLERY}",
        "one image": f"{here}/image/train/7",
        "data": f"{here}/data",
        "report": f"{here}/report",
    }


@contextmanager
def client(folder: Path) -> Iterator[Any]:
    """A browser, so to speak, in front of the application on a store; nothing is remembered yet."""
    from starlette.testclient import TestClient

    from etalon.app.desk import Desk
    from etalon.app.server import create

    with TestClient(create(Desk(Store(folder), folder)), base_url="http://localhost") as browser:
        yield browser


def timed(folder: Path, paths: Sequence[str], rounds: int = ROUNDS) -> list[float]:
    """Seconds that the answers to these addresses take together: at first, then `rounds` times again."""
    found = []
    with client(folder) as browser:
        for _round in range(rounds + 1):
            began = time.perf_counter()
            for path in paths:
                answer = browser.get(path)
                assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
            found.append(time.perf_counter() - began)
    return found


def measure(folder: Path, id: str) -> list[dict[str, Any]]:
    """A line a page, then one for a gallery of 500 images with all that it shows."""
    lines = [_line(name, timed(folder, [path]), BARS["page"]) for name, path in addresses(id).items()]
    there = sum(Store(folder).study(id).dataset.counts["train"])
    places = ".".join(map(str, range(min(GALLERY, there))))
    shown = [f"/studies/{id}/data?n={GALLERY}", f"/studies/{id}/images/train/sheet.png?i={places}"]
    return [*lines, _line(f"gallery of {GALLERY} images", timed(folder, shown), BARS["gallery"])]


def _line(name: str, seconds: Sequence[float], bar: float) -> dict[str, Any]:
    cold, *warm = seconds
    return {"page": name, "cold": cold, "warm": median(warm), "warm_most": max(warm), "wanted": bar}


def main() -> None:
    """Make the store, time the pages, say."""
    parser = argparse.ArgumentParser(prog="python -m bench.app_pages", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a line a page, and one for the machine")
    parser.add_argument("--store", type=Path, help="a folder where the store is kept, to be used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.store or Path(scratch)
        rng = np.random.default_rng(0)
        made = study(images(rng), folder)
        id = made.id if (folder / "studies" / made.id).exists() else fill(made, rng)
        lines = measure(folder, id)
    if options.json:
        for line in (*lines, provenance()):
            print(json.dumps(line))
        return
    table = Table("page", "cold (ms)", "warm (ms)", "slowest warm", "wanted")
    for line in lines:
        table.add_row(line["page"], *(f"{1000 * line[key]:.0f}" for key in ("cold", "warm", "warm_most", "wanted")))
    Console().print(table)


if __name__ == "__main__":
    main()
