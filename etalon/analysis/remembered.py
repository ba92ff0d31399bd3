"""What takes long to measure and depends on nothing but images and trained models: measured once, then read again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from etalon.analysis.robustness import VERSION as ROBUSTNESS
from etalon.analysis.robustness import Robustness, robustness
from etalon.data.audit import VERSION as AUDIT
from etalon.data.audit import Audit, audit
from etalon.data.dataset import Dataset
from etalon.study.run import Run
from etalon.study.shelf import Kept, Shelf, digest

Predictor = Callable[[np.ndarray], np.ndarray]


def audited(dataset: Dataset, shelf: Shelf) -> Audit:
    """What may be wrong with the images, see `etalon.data.audit`."""
    key = digest(["audit", AUDIT, dataset.digest])
    found = shelf.get(key, lambda kept: Audit.of(dataset, kept.meta))
    if found is None:
        found = audit(dataset)
        shelf.put(key, Kept(found.to_json()))
    return found


def degraded(
    runs: Mapping[str, Sequence[Run]],
    predictor: Callable[[str, int], Predictor],
    dataset: Dataset,
    shelf: Shelf,
    **options: Any,
) -> Robustness:
    """Accuracy on degraded test images, see `etalon.analysis.robustness`.

    Args:
        runs: of each variant; predictor: the trained network of a variant and a seed.
        options: of `robustness`.
    """
    decisive = {name: value for name, value in options.items() if name != "progress"}
    told = {name: [run.scalars() for run in some] for name, some in runs.items()}
    key = digest(["robustness", ROBUSTNESS, dataset.digest, told, decisive])
    found = shelf.get(key, lambda kept: Robustness.of(kept.meta, kept.arrays))
    if found is None:
        models = {name: [predictor(name, run.seed) for run in some] for name, some in runs.items()}
        found = robustness(models, (dataset.test.x, dataset.test.y), **options)
        shelf.put(key, Kept(found.scalars(), found.arrays()))
    return found
