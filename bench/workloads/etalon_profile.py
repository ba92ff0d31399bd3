"""Where the time of a training goes, by torch's own profiler: one epoch after a warm one, in this process."""

import time
from collections import Counter

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

import etalon
from bench.networks import NETWORKS
from bench.workloads.common import answer, divided, read_job
from etalon.train.loop import Sample, train


def main() -> None:
    """Self time of each operator, as a share of the epoch's; what no operator accounts for is Python and kernels."""
    job = read_job()
    network = NETWORKS[job.network]
    with np.load(job.images) as file:
        sample = Sample(file["x_train"], file["y_train"], *divided(job), n_classes=10)
    model = network.build()
    recipe = etalon.Recipe.of(
        model, {"epochs": 1, "batch_size": network.batch_size, "loss": network.loss, "precision": job.precision}
    )
    lowered = etalon.lower(model, sample.images.shape[1:])
    train(lowered, recipe, sample, 0)
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        started = time.perf_counter()
        train(lowered, recipe, sample, 1)
        seconds = time.perf_counter() - started
    own: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in watched.key_averages():
        own[event.key] += event.self_cpu_time_total / 1e6
        calls[event.key] += event.count
    rows = [(name, value / seconds, calls[name]) for name, value in own.most_common(job.rows)]
    answer(seconds=seconds, threads=torch.get_num_threads(), rows=rows, rest=1 - sum(own.values()) / seconds)


if __name__ == "__main__":
    main()
