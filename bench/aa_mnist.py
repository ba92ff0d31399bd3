"""Forty trainings of one configuration, to be relabelled at random: `python -m bench statistics --study THIS`.

Train them first: `etalon run bench/aa_mnist.py --sealed`.
"""

from typing import Any

import etalon

study = etalon.Study("Forty trainings of one configuration", data="mnist", seeds=40, epochs=5)


@study.reference
def one_configuration() -> Any:
    """The convolutional network of the benchmarks."""
    from bench.networks import NETWORKS

    return NETWORKS["cnn"].build()
