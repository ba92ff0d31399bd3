"""One training by fastai's Learner."""

from functools import partial

import torch
from fastai.callback.core import Callback
from fastai.callback.progress import no_bar  # noqa: F401 (which gives it to Learner)
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import accuracy
from fastai.optimizer import Adam
from fastai.torch_core import set_seed

from bench.handwritten import HANDWRITTEN
from bench.networks import NETWORKS
from bench.workloads.common import PREDICTED, Clock, answer, divided, part, read_job
from bench.workloads.torch_fit import tensors


class Marks(Callback):
    """Marks the end of each epoch."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def after_epoch(self) -> None:
        """Validation is over too."""
        self.clock.mark()


class Batches(DataLoader):
    """Batches cut from tensors at once, rather than image by image."""

    def create_batches(self, samples):  # type: ignore[no-untyped-def]
        """The images at the indices of each batch."""
        x, y = self.dataset
        for index in torch.tensor(list(samples)).split(self.bs):
            yield x[index], y[index]


def main() -> None:
    """Tell when each epoch ended."""
    job, clock = read_job(), Clock()
    set_seed(0)

    def loader(data: tuple[torch.Tensor, torch.Tensor], size: int, shuffle: bool = False) -> Batches:
        return Batches(data, bs=size, shuffle=shuffle, n=len(data[1]), num_workers=0, device=torch.device("cpu"))

    train, validation = (tensors(part(job, "train", index)) for index in divided(job))
    test = loader(tensors(part(job, "test")), PREDICTED)
    batches = loader(train, NETWORKS[job.network].batch_size, True), loader(validation, PREDICTED)
    learner = Learner(
        DataLoaders(*batches, device=torch.device("cpu")),
        HANDWRITTEN[job.network](),
        loss_func=CrossEntropyLossFlat(),
        opt_func=partial(Adam, mom=0.9, sqr_mom=0.999, eps=1e-7, wd=0),
        lr=1e-3,
        metrics=accuracy,
        cbs=Marks(clock),
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(job.epochs)
        marks = list(clock.marks)  # validate marks once more
        found = learner.validate(dl=test)
    answer(marks=marks, accuracy=float(found[1]))


if __name__ == "__main__":
    main()
