"""Hand the images to every contender as one file, and Étalon's divisions of them as another."""

import numpy as np

import etalon
from bench.workloads.common import VALIDATION, answer, read_job
from etalon.data.splits import divide


def main() -> None:
    """Write job.images (x_train, y_train, x_test, y_test) and job.splits (train_0, validation_0, train_1...)."""
    job = read_job()
    whole = etalon.load(job.data)
    data = whole.take(train=min(job.n, len(whole.train)), test=min(job.n // 6, len(whole.test)))
    np.savez(job.images, x_train=data.train.x, y_train=data.train.y, x_test=data.test.x, y_test=data.test.y)
    sides = {}
    for seed in range(job.seeds):
        sides[f"train_{seed}"], sides[f"validation_{seed}"] = divide(etalon.HoldOut(VALIDATION), data.train.y, seed)
    np.savez(job.splits, **sides)
    trained, validated = len(sides["train_0"]), len(sides["validation_0"])
    answer(name=whole.name, trained=trained, validated=validated, tested=len(data.test))


if __name__ == "__main__":
    main()
