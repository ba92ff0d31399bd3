"""The steps of a lowered network, in the order and the places that cost least."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from torch import nn
from torch.nn import functional as F

from etalon.models.lowering.activations import Activation
from etalon.models.lowering.normalization import BatchNorm, ConvolutionNorm
from etalon.models.lowering.spatial import Convolution, ConvolutionRelu, Pool, ReluMaxPool


@dataclass(frozen=True)
class Step:
    """One module, the values it reads and the value it writes (0 is the input of the network)."""

    module: nn.Module
    reads: tuple[int, ...]
    writes: int


def arrange(steps: Sequence[Step], output: int) -> tuple[list[Step], int]:
    """The same computation at less cost, its values numbered by the slots that hold them.

    Args:
        steps: in topological order; each value is written once.
        output: the value to return at the end.

    Returns:
        The steps, and the slot of the output.
    """
    for cheaper in (pool_relu, convolution_relu, convolution_norm, relu_in_place):
        steps = cheaper(steps, output)
    return slots(steps, output)


def pool_relu(steps: Sequence[Step], output: int) -> list[Step]:
    """Relu then max-pool, or max-pool then relu, which are the same: in one pass where there is a kernel for it, else
    the pooling first, so that relu works on a smaller map.
    """
    found = list(steps)
    for before, after in _pairs(steps, output):
        pool, relu = (before, after) if _is_relu(after.module) else (after, before)
        if not (_is_relu(relu.module) and isinstance(pool.module, Pool) and pool.module.kind == "max"):
            continue
        if pool.module.halves:
            found = _joined(found, before, after, ReluMaxPool())
        elif pool is after and before in found:
            found[found.index(before)] = replace(before, module=pool.module)
            found[found.index(after)] = replace(after, module=relu.module)
    return found


def convolution_relu(steps: Sequence[Step], output: int) -> list[Step]:
    """A convolution and the relu that follows it, with or without pooling: one step."""
    found = list(steps)
    for before, after in _pairs(steps, output):
        pools = isinstance(after.module, ReluMaxPool)
        if type(before.module) is Convolution and (pools or _is_relu(after.module)):
            found = _joined(found, before, after, ConvolutionRelu(before.module, pools))
    return found


def convolution_norm(steps: Sequence[Step], output: int) -> list[Step]:
    """A convolution, the batch normalisation that follows it or its relu, then relu and pooling: one step."""
    found = list(steps)
    for before, after in _pairs(steps, output):
        own, norm = before.module, after.module
        relu = isinstance(own, ConvolutionRelu) and not own.pools
        if (relu or type(own) is Convolution) and isinstance(norm, BatchNorm) and norm.dim == 1 and not norm.frozen:
            convolution = own.convolution if isinstance(own, ConvolutionRelu) else cast(Convolution, own)
            found = _joined(found, before, after, ConvolutionNorm(convolution, norm, relu_before=relu))
    for before, after in _pairs(found, output):
        then = after.module
        halves = isinstance(then, ReluMaxPool) or (isinstance(then, Pool) and then.halves)
        if isinstance(before.module, ConvolutionNorm) and (halves or _is_relu(then)):
            before.module.pools, before.module.relu_after = halves, not isinstance(then, Pool)
            found = _joined(found, before, after, before.module)
    return found


def relu_in_place(steps: Sequence[Step], output: int) -> list[Step]:
    """Relu overwrites its input where nobody else reads it, not even the gradient of the module that wrote it."""
    readers = _readers(steps, output)
    writer = {step.writes: step.module for step in steps}
    return [
        replace(step, module=Activation("relu", F.relu, inplace=True))
        if _is_relu(step.module)
        and readers[step.reads[0]] == 1
        and getattr(writer.get(step.reads[0]), "overwritable", False)
        else step
        for step in steps
    ]


def slots(steps: Sequence[Step], output: int) -> tuple[list[Step], int]:
    """Number the values anew, each slot serving again after the last reader of what it held."""
    last = {value: i for i, step in enumerate(steps) for value in step.reads} | {output: len(steps)}
    place, free, found, used = {0: 0}, list[int](), [], 1
    for i, step in enumerate(steps):
        reads = tuple(place[value] for value in step.reads)
        free += sorted({place[value] for value in step.reads if last[value] == i}, reverse=True)
        if free:
            place[step.writes] = free.pop()
        else:
            place[step.writes], used = used, used + 1
        found.append(Step(step.module, reads, place[step.writes]))
    return found, place[output]


def _pairs(steps: Sequence[Step], output: int) -> list[tuple[Step, Step]]:
    """Each step that reads one value, with the step that wrote it, where nobody else reads it."""
    readers = _readers(steps, output)
    writers = {step.writes: step for step in steps}
    alone = [step for step in steps if len(step.reads) == 1 and readers[step.reads[0]] == 1]
    return [(writers[step.reads[0]], step) for step in alone if step.reads[0] in writers]


def _joined(steps: Sequence[Step], before: Step, after: Step, module: nn.Module) -> list[Step]:
    """The steps with one in the place of two; as they were if one of the two has been joined to another already."""
    if before not in steps or after not in steps:
        return list(steps)
    return [Step(module, before.reads, after.writes) if s is after else s for s in steps if s is not before]


def _readers(steps: Sequence[Step], output: int) -> Counter[int]:
    return Counter([output, *(value for step in steps for value in step.reads)])


def _is_relu(module: nn.Module) -> bool:
    return isinstance(module, Activation) and module.function is F.relu
