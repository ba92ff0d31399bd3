"""One training of the reference CNN on a GPU by hand: data resident, the whole step captured as one CUDA graph."""

import time

import torch
from torch.nn.functional import cross_entropy

from bench.handwritten import cnn
from bench.networks import NETWORKS
from bench.workloads.common import answer, divided, part, read_job
from bench.workloads.torch_fit import tensors

WARM_UP = 3  # steps before the capture, as torch's guide asks


def main() -> None:
    """Seconds of the epochs, validation included; a last, smaller batch is completed from the epoch's start."""
    job, device, size = read_job(), torch.device("cuda"), NETWORKS["cnn"].batch_size
    torch.manual_seed(0)
    (x, y), (held, truth) = ([t.to(device) for t in tensors(part(job, "train", index))] for index in divided(job))
    network = cnn().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7, fused=True, capturable=True)
    index = torch.zeros(size, dtype=torch.int64, device=device)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = cross_entropy(network(x[index]), y[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(job.epochs):
        order = torch.randperm(len(x), device=device)
        for batch in torch.cat([order, order[: -len(x) % size]]).split(size):
            index.copy_(batch)
            graph.replay()
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            right = (network(held).argmax(1) == truth).float().mean()
    accuracy = float(right)
    answer(seconds=time.perf_counter() - started, accuracy=accuracy)


if __name__ == "__main__":
    main()
