"""Keras's optimizers on one flat vector of parameters.

All the trainable parameters of a network, and their gradients, become views of two long vectors, so that an update is
a handful of vector operations whatever the number of layers. Formulas, defaults and the place of epsilon are those of
`keras.optimizers` (Keras 3); the tests hold every optimizer against Keras's own.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from etalon.errors import RecipeError
from etalon.locales import _

Config = Mapping[str, float | bool | None]
UNSUPPORTED = ("use_ema", "gradient_accumulation_steps", "loss_scale_factor", "amsgrad")


class Optimizer:
    """The parameters of a network, their gradients, and the rule that moves them.

    Args:
        parameters: float32 leaves; after the call they are views of `values`, and their gradients views of `gradients`.
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
        self._rule, slots = RULES[class_name]
        self._config = config
        size = sum(p.numel() for p in trained)
        self.values, self.gradients = torch.zeros(size), torch.zeros(size)
        self.slots = {slot: torch.zeros(size) for slot in slots(config)}
        if class_name == "Adagrad":
            self.slots["accumulator"].fill_(float(config.get("initial_accumulator_value") or 0.0))
        self.steps = 0  # updates done so far
        self._gradients = _views(self.gradients, trained)
        for p, value, gradient in zip(trained, _views(self.values, trained), self._gradients, strict=True):
            value.copy_(p.data)
            p.data, p.grad = value, gradient
        halves = sum(p.numel() for p in rounded)
        self._half_values, self._half_gradients = torch.zeros(2, halves, dtype=torch.bfloat16)
        self._rounded = list(zip(rounded, [p.data for p in rounded], _views(self._half_values, rounded), strict=True))
        with self.rounded():
            for p, gradient in zip(rounded, _views(self._half_gradients, rounded), strict=True):
                p.grad = gradient

    @contextmanager
    def rounded(self) -> Iterator[None]:
        """Within, the weights of products are bfloat16 where precision is mixed."""
        self._half_values.copy_(self.values[: len(self._half_values)])
        for p, _value, half in self._rounded:
            p.data = half
        try:
            yield
        finally:
            for p, value, _half in self._rounded:
                p.data = value

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        self.gradients.zero_()
        self._half_gradients.zero_()

    def step(self, learning_rate: float) -> None:
        """One update from the gradients at hand."""
        if self._rounded:
            self.gradients[: len(self._half_gradients)].copy_(self._half_gradients)
        self._clip()
        decay = self._config.get("weight_decay")
        if decay:
            self.values.mul_(1 - learning_rate * decay)
        self.steps += 1
        self._rule(self.values, self.gradients, self.slots, learning_rate, self.steps, self._config)

    def state(self) -> dict[str, Tensor]:
        """All that a resumed training needs beside the weights."""
        return {**self.slots, "steps": torch.tensor(self.steps)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state()`."""
        self.steps = int(state["steps"])
        for slot, value in self.slots.items():
            value.copy_(state[slot])

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
        offset += p.numel()
    return views


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
Rule = Callable[[Tensor, Tensor, Slots, float, int, Config], None]


def _number(config: Config, key: str) -> float:
    return float(config[key] or 0.0)


def _sgd(p: Tensor, g: Tensor, slots: Slots, lr: float, t: int, config: Config) -> None:
    momentum = _number(config, "momentum")
    if not momentum:
        p.add_(g, alpha=-lr)
        return
    m = slots["momentum"].mul_(momentum).add_(g, alpha=-lr)
    if config["nesterov"]:
        p.add_(m, alpha=momentum).add_(g, alpha=-lr)
    else:
        p.add_(m)


def _rmsprop(p: Tensor, g: Tensor, slots: Slots, lr: float, t: int, config: Config) -> None:
    rho, momentum, epsilon = _number(config, "rho"), _number(config, "momentum"), _number(config, "epsilon")
    v = slots["velocity"].mul_(rho).addcmul_(g, g, value=1 - rho)
    if config["centered"]:
        average = slots["average_gradient"].mul_(rho).add_(g, alpha=1 - rho)
        v = v - average.square()
    increment = g * lr * (v + epsilon).rsqrt_()
    p.sub_(slots["momentum"].mul_(momentum).add_(increment) if momentum else increment)


def _adam(p: Tensor, g: Tensor, slots: Slots, lr: float, t: int, config: Config) -> None:
    from etalon.kernels.updating import adam  # numba takes half a second, which those who only read recipes save

    beta_1, beta_2 = _number(config, "beta_1"), _number(config, "beta_2")
    alpha = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    adam(p, g, slots["momentum"], slots["velocity"], (beta_1, beta_2), alpha, _number(config, "epsilon"))


def _nadam(p: Tensor, g: Tensor, slots: Slots, lr: float, t: int, config: Config) -> None:
    beta_1, beta_2 = _number(config, "beta_1"), _number(config, "beta_2")
    u = [beta_1 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    product = math.prod(u[:-1])
    m = slots["momentum"].lerp_(g, 1 - beta_1)
    v = slots["velocity"].mul_(beta_2).addcmul_(g, g, value=1 - beta_2)
    m_hat = m * (u[-1] / (1 - product * u[-1])) + g * ((1 - u[-2]) / (1 - product))
    p.addcdiv_(m_hat, (v / (1 - beta_2**t)).sqrt_().add_(_number(config, "epsilon")), value=-lr)


def _adagrad(p: Tensor, g: Tensor, slots: Slots, lr: float, t: int, config: Config) -> None:
    accumulator = slots["accumulator"].addcmul_(g, g)
    p.addcdiv_(g, (accumulator + _number(config, "epsilon")).sqrt_(), value=-lr)


def _adamax(p: Tensor, g: Tensor, slots: Slots, lr: float, t: int, config: Config) -> None:
    beta_1, beta_2 = _number(config, "beta_1"), _number(config, "beta_2")
    m = slots["momentum"].lerp_(g, 1 - beta_1)
    u = torch.maximum(slots["infinity_norm"].mul_(beta_2), g.abs(), out=slots["infinity_norm"])
    p.addcdiv_(m, u + _number(config, "epsilon"), value=-lr / (1 - beta_1**t))


def _two_moments(config: Config) -> tuple[str, ...]:
    return ("momentum", "velocity")


RULES: dict[str, tuple[Rule, Callable[[Config], tuple[str, ...]]]] = {
    "SGD": (_sgd, lambda c: ("momentum",) if c.get("momentum") else ()),
    "RMSprop": (
        _rmsprop,
        lambda c: (
            "velocity",
            *(("momentum",) if c.get("momentum") else ()),
            *(("average_gradient",) if c.get("centered") else ()),
        ),
    ),
    "Adam": (_adam, _two_moments),
    "AdamW": (_adam, _two_moments),
    "Nadam": (_nadam, _two_moments),
    "Adagrad": (_adagrad, lambda c: ("accumulator",)),
    "Adamax": (_adamax, lambda c: ("momentum", "infinity_norm")),
}
