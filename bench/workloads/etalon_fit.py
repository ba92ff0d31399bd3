"""One trial by Étalon, through a study, as a user would train it."""

import tempfile

import etalon
from bench.networks import NETWORKS
from bench.workloads.common import Clock, answer, read_job


def main() -> None:
    """Tell when each epoch ended, as the study's own progress bar is told."""
    job, clock = read_job(), Clock()
    network = NETWORKS[job.network]
    with tempfile.TemporaryDirectory(prefix="etalon-bench-") as store:
        settings = {"epochs": job.epochs, "batch_size": network.batch_size, "loss": network.loss}
        study = etalon.Study("bench", data=job.images, seeds=1, store=store, **settings, **job.settings)
        study.reference(network.build)
        study.plan.execute(None, lambda event: clock.mark() if event.what == "epoch" else None)
        test = study.result().test()
        answer(
            marks=clock.marks,
            accuracy=float(test.reference.accuracy[0]),
            environment=test.reference.runs[0].environment,
        )


if __name__ == "__main__":
    main()
