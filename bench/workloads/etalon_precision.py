"""The reference CNN in float32 and in bfloat16, compared on test images as any two variants are."""

import tempfile

import etalon
from bench.networks import NETWORKS
from bench.workloads.common import answer, read_job

FIELDS = ("difference", "low", "high", "p", "verdict", "seeds_needed")


def main() -> None:
    """Tell the verdict and every accuracy."""
    job, network = read_job(), NETWORKS["cnn"]
    settings = {"epochs": job.epochs, "batch_size": network.batch_size, "loss": network.loss, "precision": "float32"}
    with tempfile.TemporaryDirectory(prefix="etalon-bench-") as store:
        study = etalon.Study("precision", data=job.images, seeds=job.seeds, rope=job.rope, store=store, **settings)
        study.reference(network.build)
        study.variant(name="bfloat16", precision="bfloat16")(network.build)
        test = study.run(progress=False).test()
        verdict = test.verdicts()["bfloat16"]
        accuracies = dict(zip(("float32", "bfloat16"), (o.accuracy.tolist() for o in test), strict=True))
        answer(**{name: getattr(verdict, name) for name in FIELDS}, accuracies=accuracies)


if __name__ == "__main__":
    main()
