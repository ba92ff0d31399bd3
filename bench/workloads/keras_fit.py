"""One training by Keras's fit, on the backend and with the precision that the job says."""

import os

from bench.networks import CATEGORICAL, NETWORKS
from bench.workloads.common import PREDICTED, Clock, answer, divided, part, read_job


def main() -> None:
    """Tell when each epoch ended."""
    job, clock = read_job(), Clock()
    os.environ["KERAS_BACKEND"] = job.backend
    import keras

    if job.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    network = NETWORKS[job.network]
    one_hot = keras.utils.to_categorical if network.loss == CATEGORICAL else lambda y: y
    train, validation = (part(job, "train", index) for index in divided(job))
    test = part(job, "test")
    model = network.build()
    model.compile("adam", network.loss, metrics=["accuracy"], **job.compile)
    model.fit(
        train.x,
        one_hot(train.y),
        batch_size=network.batch_size,
        epochs=job.epochs,
        validation_data=(validation.x, one_hot(validation.y)),
        validation_batch_size=PREDICTED,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=clock.mark)],
        verbose=0,
    )
    accuracy = model.evaluate(test.x, one_hot(test.y), batch_size=PREDICTED, verbose=0)[1]
    answer(marks=clock.marks, accuracy=accuracy)


if __name__ == "__main__":
    main()
