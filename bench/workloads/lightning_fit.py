"""One training by Lightning's Trainer, whole batches taken from tensors."""

import logging
import warnings

import lightning
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

from bench.handwritten import HANDWRITTEN
from bench.networks import NETWORKS
from bench.workloads.common import PREDICTED, Clock, answer, divided, part, read_job
from bench.workloads.torch_fit import tensors

PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


class Module(lightning.LightningModule):
    """A classifier, as Lightning's guide writes it."""

    def __init__(self, network: torch.nn.Module, clock: Clock) -> None:
        super().__init__()
        self.network, self.clock = network, clock
        self.right = 0

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """The loss of a batch."""
        return cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        """Count the right answers."""
        self.right += int((self.network(batch[0]).argmax(1) == batch[1]).sum())

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """One epoch is over."""
        self.clock.mark()

    def on_test_start(self) -> None:
        """Count from nothing."""
        self.right = 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Keras's Adam."""
        return torch.optim.Adam(self.parameters(), eps=1e-7)


def loader(data: tuple[torch.Tensor, torch.Tensor], size: int, shuffle: bool = False) -> DataLoader:
    """Batches cut from tensors at once, rather than image by image."""
    images = TensorDataset(*data)
    sampler = RandomSampler(images) if shuffle else SequentialSampler(images)
    return DataLoader(images, sampler=BatchSampler(sampler, size, drop_last=False), batch_size=None)


def main() -> None:
    """Tell when each epoch ended."""
    job, clock = read_job(), Clock()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    lightning.seed_everything(0, verbose=False)
    train, validation = (tensors(part(job, "train", index)) for index in divided(job))
    trainer = lightning.Trainer(
        max_epochs=job.epochs,
        accelerator="cpu",
        precision=PRECISIONS[job.precision],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    module = Module(HANDWRITTEN[job.network](), clock)
    trainer.fit(module, loader(train, NETWORKS[job.network].batch_size, True), loader(validation, PREDICTED))
    test = tensors(part(job, "test"))
    trainer.test(module, loader(test, PREDICTED), verbose=False)
    answer(marks=clock.marks, accuracy=module.right / len(test[1]))


if __name__ == "__main__":
    main()
