"""The trainings of a whole study as a loop of Keras's fit, each model evaluated on test."""

import os
import time

from bench.networks import NETWORKS, VARIANTS, cnn
from bench.workloads.common import PREDICTED, answer, divided, part, read_job


def main() -> None:
    """Tell what each training is worth."""
    job, network = read_job(), NETWORKS["cnn"]
    os.environ["KERAS_BACKEND"] = job.backend
    import keras

    policy = "mixed_bfloat16" if job.precision == "bfloat16" else "float32"
    test = part(job, "test")
    accuracies: dict[str, list[float]] = {name: [] for name in job.variants}
    started = time.perf_counter()
    for seed in range(job.seeds):
        train, validation = (part(job, "train", index) for index in divided(job, seed))
        targets = [keras.utils.to_categorical(y, 10) for y in (train.y, validation.y, test.y)]
        for name in job.variants:
            keras.backend.clear_session()
            keras.config.set_dtype_policy(policy)  # which the line above has forgotten
            keras.utils.set_random_seed(seed)
            settings = {"optimizer": "adam", "batch_size": network.batch_size, **VARIANTS[name].settings}
            optimizer = keras.optimizers.get(settings["optimizer"])
            optimizer.learning_rate = settings.get("learning_rate", 1e-3)
            model = cnn(**VARIANTS[name].arguments)
            model.compile(optimizer, network.loss, metrics=["accuracy"], **job.compile)
            model.fit(
                train.x,
                targets[0],
                batch_size=settings["batch_size"],
                epochs=job.epochs,
                validation_data=(validation.x, targets[1]),
                validation_batch_size=PREDICTED,
                verbose=0,
            )
            accuracies[name].append(model.evaluate(test.x, targets[2], batch_size=PREDICTED, verbose=0)[1])
    answer(accuracies=accuracies, seconds=time.perf_counter() - started)


if __name__ == "__main__":
    main()
