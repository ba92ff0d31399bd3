"""Seconds of Étalon's trainings at one point of a grid: images, trials, width of the network, cores."""

import os
import tempfile
import time

import etalon
from bench.networks import NETWORKS, cnn
from bench.workloads.common import answer, read_job


def main() -> None:
    """Time Study.run, libraries already imported by building the plan."""
    job, network = read_job(), NETWORKS["cnn"]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.cores])
    settings = {"epochs": job.epochs, "batch_size": network.batch_size, "loss": network.loss}
    with tempfile.TemporaryDirectory(prefix="etalon-bench-") as store:
        study = etalon.Study("bench", data=job.images, seeds=job.trials, store=store, **settings)
        study.reference(lambda: cnn(filters=(8 * job.width, 16 * job.width)))
        weights = sum(layer.count_params() for layer in study.plan.candidates[0].model.layers)
        started = time.perf_counter()
        study.run(progress=False)
        answer(seconds=time.perf_counter() - started, weights=weights)


if __name__ == "__main__":
    main()
