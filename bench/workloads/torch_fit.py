"""One training by a plain torch loop, in float32, or in bfloat16 as torch's performance guide has it."""

import torch
from torch.nn.functional import cross_entropy

from bench.handwritten import HANDWRITTEN
from bench.networks import NETWORKS
from bench.workloads.common import PREDICTED, Clock, Part, answer, divided, part, read_job


def tensors(images: Part) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as torch takes them, (n, c, h, w), and their labels."""
    return torch.from_numpy(images.x).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(images.y)


def main() -> None:
    """Tell when each epoch ended."""
    job, clock = read_job(), Clock()
    torch.manual_seed(0)
    fast = job.precision == "bfloat16"
    train, validation = (tensors(part(job, "train", index)) for index in divided(job))
    test = tensors(part(job, "test"))
    network = HANDWRITTEN[job.network]()
    if fast:
        network = network.to(memory_format=torch.channels_last)
        train, validation, test = ((x.to(memory_format=torch.channels_last), y) for x, y in (train, validation, test))
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7, fused=fast)
    size = NETWORKS[job.network].batch_size

    def right(x: torch.Tensor, y: torch.Tensor) -> float:
        network.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
            answers = [network(batch).argmax(1) for batch in x.split(PREDICTED)]
        return float((torch.cat(answers) == y).float().mean())

    x, y = train
    for _ in range(job.epochs):
        network.train()
        for index in torch.randperm(len(x)).split(size):
            with torch.autocast("cpu", torch.bfloat16, enabled=fast):
                loss = cross_entropy(network(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right(*validation)
        clock.mark()
    answer(marks=clock.marks, accuracy=right(*test))


if __name__ == "__main__":
    main()
