"""Keras's optimizers on one flat vector of parameters.

All the trainable parameters of a network, and their gradients, become views of two long vectors, so that an update is
a handful of vector operations whatever the number of layers. Formulas, defaults and the place of epsilon are those of
`keras.optimizers` (Keras 3); the tests hold every optimizer against Keras's own.

What changes from one update to the next, the learning rate above all, is reckoned apart, into a few numbers. A rule
takes them as floats or as scalars on the device: the same update can thus be recorded once and replayed with others.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from etalon.errors import RecipeError
from etalon.locales import _

Config = Mapping[str, float | bool | None]
Numbers = Sequence[float | Tensor]  # floats, or float32 ()
UNSUPPORTED = ("use_ema", "gradient_accumulation_steps", "loss_scale_factor", "amsgrad")
ALIGNED = 64  # every parameter begins at a multiple of so many values, as the matrix products of a GPU like it


class Optimizer:
    """The parameters of a network, their gradients, and the rule that moves them.

    Args:
        parameters: float32 leaves on one device; after the call they are views of `values`.
        class_name: as in Keras: SGD, RMSprop, Adam, AdamW, Nadam, Adagrad, Adamax.
        config: the optimizer's `get_config()`, without its learning rate.
        products: those parameters that mixed precision rounds; they come first in `values`, whatever the precision.
        mixed: whether `rounded()` shows them in bfloat16; their gradients then are bfloat16.

    Raises:
        RecipeError: an optimizer or an option that is not supported.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        class_name: str,
        config: Config,
        products: Sequence[nn.Parameter] = (),
        mixed: bool = False,
    ) -> None:
        check_supported(class_name, config)
        trained = dict.fromkeys(p for p in (*products, *parameters) if p.requires_grad)
        rounded = list(dict.fromkeys(products)) if mixed else []
        self._rule, self._config = RULES[class_name], config
        device = next((p.device for p in trained), None)
        size = sum(map(_room, trained))
        self.values, self.gradients = torch.zeros(2, size, device=device)
        self.slots = {slot: torch.zeros(size, device=device) for slot in self._rule.slots(config)}
        self._trained = list(trained)
        if class_name == "Adagrad":
            self.slots["accumulator"].fill_(float(config.get("initial_accumulator_value") or 0.0))
        self.steps = 0  # updates done so far
        self._gradients = _views(self.gradients, trained)
        for p, value in zip(trained, _views(self.values, trained), strict=True):
            value.copy_(p.data)
            p.data = value
        self._halves = torch.zeros(sum(map(_room, rounded)), dtype=torch.bfloat16, device=device)
        self._rounded = list(zip(rounded, [p.data for p in rounded], _views(self._halves, rounded), strict=True))

    @contextmanager
    def rounded(self) -> Iterator[None]:
        """Within, the weights of products are bfloat16 where precision is mixed."""
        self._halves.copy_(self.values[: len(self._halves)])
        for p, _value, half in self._rounded:
            p.data = half
        try:
            yield
        finally:
            for p, value, _half in self._rounded:
                p.data = value

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for p in self._trained:
            p.grad = None

    def step(self, learning_rate: float) -> None:
        """One update from the gradients at hand."""
        self.apply(self.numbers(learning_rate, self.steps))
        self.steps += 1

    def numbers(self, learning_rate: float, step: int) -> tuple[float, ...]:
        """What `apply` needs for update number `step`, from 0, at that learning rate."""
        decay = float(self._config.get("weight_decay") or 0.0)
        return 1 - learning_rate * decay, *self._rule.numbers(learning_rate, step + 1, self._config)

    def apply(self, numbers: Numbers) -> None:
        """One update from the gradients at hand: nothing but operations on the device.

        It does not count in `steps`, which are the caller's affair.
        """
        for p, gradient in zip(self._trained, self._gradients, strict=True):
            gradient.zero_() if p.grad is None else gradient.copy_(p.grad)
        self._clip()
        if self._config.get("weight_decay"):
            self.values.mul_(numbers[0])
        self._rule.move(self.values, self.gradients, self.slots, numbers[1:], self._config)

    def state(self) -> dict[str, Tensor]:
        """All that a resumed training needs beside the weights, on the CPU: copies, without the gaps of alignment."""
        slots = {
            slot: torch.cat([self.values.new_zeros(0), *(_flat(v) for v in _views(vector, self._trained))]).cpu()
            for slot, vector in self.slots.items()
        }
        return {**slots, "steps": torch.tensor(self.steps)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state()`."""
        self.steps = int(state["steps"])
        sizes = [p.numel() for p in self._trained]
        for slot, vector in self.slots.items():
            for view, part in zip(_views(vector, self._trained), torch.split(state[slot], sizes), strict=True):
                _flat(view).copy_(part)

    def _clip(self) -> None:
        """Keras's order of precedence: each variable's norm, else the global norm, else each value."""
        if limit := self._config.get("clipnorm"):
            for gradient in self._gradients:
                gradient.mul_(torch.clamp(limit / gradient.norm(), max=1.0).nan_to_num(1.0, posinf=1.0))
        elif limit := self._config.get("global_clipnorm"):
            self.gradients.mul_(torch.clamp(limit / self.gradients.norm(), max=1.0).nan_to_num(1.0, posinf=1.0))
        elif limit := self._config.get("clipvalue"):
            self.gradients.clamp_(-limit, limit)


def _views(flat: Tensor, parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    """A part of `flat` for each parameter, one after the other, of its shape and in its order in memory."""
    views, offset = [], 0
    for p in parameters:
        views.append(torch.as_strided(flat, p.shape, p.stride(), flat.storage_offset() + offset))
        offset += _room(p)
    return views


def _room(p: Tensor) -> int:
    return -(-p.numel() // ALIGNED) * ALIGNED


def _flat(view: Tensor) -> Tensor:
    """The values of a dense tensor, (n,), in the order of its memory."""
    return torch.as_strided(view, (view.numel(),), (1,), view.storage_offset())


def check_supported(class_name: str, config: Config) -> None:
    """Refuse an optimizer, or an option of one, whose meaning would be lost."""
    if class_name not in RULES:
        raise RecipeError(
            _("optimizer {class_name}").format(class_name=class_name),
            _("it is not among those that Étalon trains with"),
            _("Use one of {names}.").format(names=", ".join(RULES)),
        )
    for option in UNSUPPORTED:
        if config.get(option):
            raise RecipeError(
                f"{class_name}({option}={config[option]!r})",
                _("this option is not supported"),
                _("Leave {option} out.").format(option=option),
            )


Slots = Mapping[str, Tensor]


@dataclass(frozen=True)
class Rule:
    """An optimizer of Keras.

    Attributes:
        slots: the names of the vectors that it keeps from one update to the next.
        numbers: (learning rate, number of the update, from 1) -> what `move` needs of them.
        move: (parameters, gradients, slots, numbers) -> parameters and slots changed in place, gradients used up.
    """

    slots: Callable[[Config], tuple[str, ...]]
    numbers: Callable[[float, int, Config], tuple[float, ...]]
    move: Callable[[Tensor, Tensor, Slots, Numbers, Config], None]


def _number(config: Config, key: str) -> float:
    return float(config[key] or 0.0)


def _rate(lr: float, t: int, config: Config) -> tuple[float]:
    return (lr,)


def _sgd(p: Tensor, g: Tensor, slots: Slots, numbers: Numbers, config: Config) -> None:
    step, momentum = g.mul_(numbers[0]), _number(config, "momentum")
    if not momentum:
        p.sub_(step)
        return
    m = slots["momentum"].mul_(momentum).sub_(step)
    if config["nesterov"]:
        p.add_(m, alpha=momentum).sub_(step)
    else:
        p.add_(m)


def _rmsprop(p: Tensor, g: Tensor, slots: Slots, numbers: Numbers, config: Config) -> None:
    rho, momentum, epsilon = _number(config, "rho"), _number(config, "momentum"), _number(config, "epsilon")
    v = slots["velocity"].mul_(rho).addcmul_(g, g, value=1 - rho)
    if config["centered"]:
        average = slots["average_gradient"].mul_(rho).add_(g, alpha=1 - rho)
        v = v - average.square()
    increment = g.mul_(numbers[0]).mul_((v + epsilon).rsqrt_())
    p.sub_(slots["momentum"].mul_(momentum).add_(increment) if momentum else increment)


def _adam_numbers(lr: float, t: int, config: Config) -> tuple[float]:
    return (lr * math.sqrt(1 - _number(config, "beta_2") ** t) / (1 - _number(config, "beta_1") ** t),)


def _adam(p: Tensor, g: Tensor, slots: Slots, numbers: Numbers, config: Config) -> None:
    from etalon.kernels.updating import adam  # numba takes half a second, which those who only read recipes save

    betas = _number(config, "beta_1"), _number(config, "beta_2")
    adam(p, g, slots["momentum"], slots["velocity"], betas, numbers[0], _number(config, "epsilon"))


def _nadam_numbers(lr: float, t: int, config: Config) -> tuple[float, float, float, float]:
    beta_1, beta_2 = _number(config, "beta_1"), _number(config, "beta_2")
    u = [beta_1 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    product = math.prod(u[:-1])
    return lr, u[-1] / (1 - product * u[-1]), (1 - u[-2]) / (1 - product), 1 / (1 - beta_2**t)


def _nadam(p: Tensor, g: Tensor, slots: Slots, numbers: Numbers, config: Config) -> None:
    lr, of_mean, of_gradient, of_square = numbers
    m = slots["momentum"].lerp_(g, 1 - _number(config, "beta_1"))
    beta_2 = _number(config, "beta_2")
    v = slots["velocity"].mul_(beta_2).addcmul_(g, g, value=1 - beta_2)
    m_hat = m * of_mean + g * of_gradient
    p.sub_(m_hat * lr / (v * of_square).sqrt_().add_(_number(config, "epsilon")))


def _adagrad(p: Tensor, g: Tensor, slots: Slots, numbers: Numbers, config: Config) -> None:
    accumulator = slots["accumulator"].addcmul_(g, g)
    p.sub_(g.mul_(numbers[0]).div_((accumulator + _number(config, "epsilon")).sqrt_()))


def _adamax_numbers(lr: float, t: int, config: Config) -> tuple[float]:
    return (lr / (1 - _number(config, "beta_1") ** t),)


def _adamax(p: Tensor, g: Tensor, slots: Slots, numbers: Numbers, config: Config) -> None:
    m = slots["momentum"].lerp_(g, 1 - _number(config, "beta_1"))
    u = slots["infinity_norm"].mul_(_number(config, "beta_2"))
    torch.maximum(u, g.abs(), out=u)
    p.sub_(m * numbers[0] / (u + _number(config, "epsilon")))


def _two_moments(config: Config) -> tuple[str, ...]:
    return ("momentum", "velocity")


RULES: dict[str, Rule] = {
    "SGD": Rule(lambda c: ("momentum",) if c.get("momentum") else (), _rate, _sgd),
    "RMSprop": Rule(
        lambda c: (
            "velocity",
            *(("momentum",) if c.get("momentum") else ()),
            *(("average_gradient",) if c.get("centered") else ()),
        ),
        _rate,
        _rmsprop,
    ),
    "Adam": Rule(_two_moments, _adam_numbers, _adam),
    "AdamW": Rule(_two_moments, _adam_numbers, _adam),
    "Nadam": Rule(_two_moments, _nadam_numbers, _nadam),
    "Adagrad": Rule(lambda c: ("accumulator",), _rate, _adagrad),
    "Adamax": Rule(lambda c: ("momentum", "infinity_norm"), _adamax_numbers, _adamax),
}
