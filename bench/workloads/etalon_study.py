"""A whole study by Étalon, start to report; or the same again, in the same store."""

import time
from pathlib import Path

import etalon
from bench.networks import NETWORKS, VARIANTS, cnn
from bench.workloads.common import answer, read_job


def main() -> None:
    """Tell how many trials were trained now, and what they are worth."""
    job, network = read_job(), NETWORKS["cnn"]
    settings = {"epochs": job.epochs, "batch_size": network.batch_size, "loss": network.loss}
    study = etalon.Study("bench", data=job.images, seeds=job.seeds, store=job.store, **settings)
    for name in job.variants:
        variant = VARIANTS[name]
        arguments = {**variant.arguments, **job.changed.get(name, {})}

        def build(arguments: dict = arguments):  # type: ignore[no-untyped-def, type-arg]
            return cnn(**arguments)

        if study.variants:
            study.variant(name=name, **variant.settings)(build)
        else:
            build.__name__ = name
            study.reference(build)
    started = time.perf_counter()
    result = study.run(progress=False)
    ran = time.perf_counter() - started
    if job.report:
        result.report(Path(job.store) / "report.html")
    accuracies = {outcome.name: outcome.accuracy.tolist() for outcome in result.test()}
    environment = dict(result.reference.runs[0].environment)
    answer(trained=result.tally.trained, run=ran, accuracies=accuracies, environment=environment)


if __name__ == "__main__":
    main()
