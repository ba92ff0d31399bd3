"""The steps of a lowered network, in the order and the places that cost least."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn
from torch.nn import functional as F

from etalon.models.lowering.activations import Activation
from etalon.models.lowering.spatial import Pool


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
    return slots(relu_in_place(pool_first(steps, output), output), output)


def pool_first(steps: Sequence[Step], output: int) -> list[Step]:
    """Pool, then relu: the same values and gradients as relu, then max-pool, on a smaller map."""
    found = list(steps)
    readers = _readers(found, output)
    for i, step in enumerate(found):
        if not (isinstance(step.module, Pool) and step.module.kind == "max" and readers[step.reads[0]] == 1):
            continue
        before = next((j for j, s in enumerate(found) if s.writes == step.reads[0]), None)
        if before is not None and _is_relu(found[before].module):
            found[i] = replace(step, module=found[before].module)
            found[before] = replace(found[before], module=step.module)
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


def _readers(steps: Sequence[Step], output: int) -> Counter[int]:
    return Counter([output, *(value for step in steps for value in step.reads)])


def _is_relu(module: nn.Module) -> bool:
    return isinstance(module, Activation) and module.function is F.relu
