"""Convolutions, pooling and resizing, padded as Keras (hence TensorFlow) pads."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from etalon.models.lowering.weighted import Layout, Variable, Weighted

Pairs = Sequence[tuple[int, int]]  # before and after, for each spatial axis


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """What "same" adds before and after an axis of that size: the odd one goes after."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def margins(pairs: Pairs) -> list[int]:
    """The pairs as `F.pad` wants them: from the last axis to the first."""
    return [n for pair in reversed(pairs) for n in pair]


def transposed_crops(
    kernel: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> tuple[int, int]:
    """What Keras cuts off (negative: adds) before and after the full result of a transposed convolution.

    Source: `_convert_conv_transpose_padding_args_from_keras_to_jax` in `keras/src/backend/common/backend_utils.py`.
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        extra = max(reach, stride) - reach if output_padding is None else output_padding
        return 0, -extra
    total = stride + reach - 2 if output_padding is None else reach + reach % 2 - 2 + output_padding
    before = min(total - total // 2, reach - 1)
    return reach - 1 - before, reach - 1 - (total - before)


def kernel_layout(shape: tuple[int, ...], folded: tuple[int, ...] | None = None) -> Layout:
    """(kh, kw, in, out) kept as (out, in, kh, kw); with one spatial axis likewise."""
    rank = len(shape) - 2
    return Layout(shape, folded or shape, (rank + 1, rank, *range(rank)))


class Convolution(Weighted):
    """`keras.layers.Conv2D` and `DepthwiseConv2D`, without their activation. (b, c, h, w) -> (b, c', h', w').

    Args:
        padding: before and after each spatial axis.
        groups: 0 for a depthwise kernel (kh, kw, c, multiplier).
    """

    optional: ClassVar[tuple[str, ...]] = ("bias",)
    products = True
    overwritable = True
    kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        variables: Mapping[str, Variable],
        *,
        padding: Pairs,
        strides: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> None:
        self.groups = groups or variables["kernel"].value.shape[-2]
        self._depthwise = not groups
        super().__init__(variables)
        even = all(before == after for before, after in padding)
        self.padding = tuple(before for before, _ in padding) if even else (0,) * len(padding)
        self.margins = None if even else margins(padding)
        self.strides, self.dilation = strides, dilation

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        if name == "bias":
            return Layout.plain(shape)
        *window, channels, multiplier = shape
        return kernel_layout(shape, (*window, 1, channels * multiplier) if self._depthwise else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(self.padded(x), self.kernel, self.bias, *self.geometry)

    def padded(self, x: Tensor) -> Tensor:
        """The map, with the margins that `geometry` leaves out."""
        return F.pad(x, self.margins) if self.margins else x

    @property
    def geometry(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
        """Strides, padding, dilation, groups: what `F.conv2d` takes."""
        return self.strides, self.padding, self.dilation, self.groups


class ConvolutionRelu(nn.Module):
    """A convolution, relu, and where `pools` the maxima of windows of 2 x 2, in few passes over the map."""

    def __init__(self, convolution: Convolution, pools: bool) -> None:
        super().__init__()
        self.convolution, self.pools = convolution, pools

    def forward(self, x: Tensor) -> Tensor:
        from etalon.kernels.convolution import conv_relu, conv_relu_max_pool  # numba takes half a second

        own, then = self.convolution, conv_relu_max_pool if self.pools else conv_relu
        return then(own.padded(x), own.kernel, own.bias, own.geometry)


class Convolution1D(Convolution):
    """`keras.layers.Conv1D`, without its activation. (b, t, c) -> (b, t', c')."""

    overwritable = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.padded(x.transpose(1, 2))
        y = F.conv1d(x, self.kernel, self.bias, *self.geometry)
        return y.transpose(1, 2)


class SeparableConvolution(Weighted):
    """`keras.layers.SeparableConv2D`, without its activation: each channel by itself, then 1 x 1 across channels."""

    optional: ClassVar[tuple[str, ...]] = ("bias",)
    products = True
    overwritable = True
    depthwise_kernel: nn.Parameter
    pointwise_kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        variables: Mapping[str, Variable],
        *,
        padding: Pairs,
        strides: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> None:
        super().__init__(variables)
        self.margins = margins(padding) if any(map(any, padding)) else None
        self.strides, self.dilation = strides, dilation
        self.channels = variables["depthwise_kernel"].value.shape[-2]

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        if name == "bias":
            return Layout.plain(shape)
        *window, channels, multiplier = shape
        depthwise = name == "depthwise_kernel"
        return kernel_layout(shape, (*window, 1, channels * multiplier) if depthwise else None)

    def forward(self, x: Tensor) -> Tensor:
        if self.margins:
            x = F.pad(x, self.margins)
        x = F.conv2d(x, self.depthwise_kernel, None, self.strides, 0, self.dilation, self.channels)
        return F.conv2d(x, self.pointwise_kernel, self.bias)


class TransposedConvolution(Weighted):
    """`keras.layers.Conv2DTranspose`, without its activation. (b, c, h, w) -> (b, c', h', w').

    Args:
        crops: cut off (negative: added) before and after each spatial axis of the full result.
    """

    optional: ClassVar[tuple[str, ...]] = ("bias",)
    products = True
    kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        variables: Mapping[str, Variable],
        *,
        crops: Pairs,
        strides: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> None:
        super().__init__(variables)
        self.margins = margins([(-before, -after) for before, after in crops]) if any(map(any, crops)) else None
        self.strides, self.dilation = strides, dilation

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        return Layout.plain(shape) if name == "bias" else kernel_layout(shape)

    def forward(self, x: Tensor) -> Tensor:
        if self.margins is None:
            return F.conv_transpose2d(x, self.kernel, self.bias, self.strides, dilation=self.dilation)
        y = F.pad(F.conv_transpose2d(x, self.kernel, None, self.strides, dilation=self.dilation), self.margins)
        return y if self.bias is None else y + self.bias.view(-1, 1, 1)


class Pool(nn.Module):
    """`keras.layers.MaxPooling2D` and `AveragePooling2D`, and their twins of one dimension.

    Padding never counts: neither as a maximum, nor in the number of values averaged. That is Keras's meaning with
    TensorFlow and JAX; with torch Keras 3.15 averages copies of the edge when "same" pads one side more than the other.
    """

    def __init__(
        self,
        kind: str,
        *,
        size: tuple[int, ...],
        strides: tuple[int, ...],
        padding: Pairs | None,
    ) -> None:
        super().__init__()
        self.kind, self.flat, self.ceil = kind, len(size) == 1, padding is not None
        missing = 2 - len(size)
        self.size, self.strides = (1,) * missing + size, (1,) * missing + strides
        # torch pads both sides alike: with a stride the uneven last window is what `ceil_mode` adds; without one,
        # the window that is too many comes first and is cut off
        pads = [
            (before, 0) if stride > 1 else (after, after - before)
            for (before, after), stride in zip(
                [(0, 0)] * missing + list(padding or [(0, 0)] * len(size)), self.strides, strict=True
            )
        ]
        self.padding = tuple(pad for pad, _ in pads)
        self.cut = tuple(cut for _, cut in pads)
        self.overwritable = not any(self.cut) and not self.flat

    @property
    def halves(self) -> bool:
        """Whether these are the maxima of windows of 2 x 2 side by side, the odd row or column left out."""
        plain = self.size == self.strides == (2, 2) and self.padding == self.cut == (0, 0)
        return plain and self.kind == "max" and not self.flat and not self.ceil

    def forward(self, x: Tensor) -> Tensor:
        if self.flat:
            return self._pool(x.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)
        return self._pool(x)

    def _pool(self, x: Tensor) -> Tensor:
        if self.kind == "max":
            y = F.max_pool2d(x, self.size, self.strides, self.padding, ceil_mode=self.ceil)
        else:
            y = F.avg_pool2d(x, self.size, self.strides, self.padding, self.ceil, count_include_pad=False)
        return y[:, :, self.cut[0] :, self.cut[1] :] if any(self.cut) else y


class ReluMaxPool(nn.Module):
    """Relu, then the maxima of windows of 2 x 2, in one pass. (b, c, h, w) -> (b, c, h // 2, w // 2)."""

    def forward(self, x: Tensor) -> Tensor:
        from etalon.kernels.pooling import relu_max_pool  # numba takes half a second

        return relu_max_pool(x)


class GlobalPool(nn.Module):
    """`keras.layers.GlobalMaxPooling2D` and `GlobalAveragePooling2D`, and their twins of one dimension.

    Args:
        dims: the spatial axes, in torch's order.
    """

    def __init__(self, kind: str, dims: tuple[int, ...], keepdims: bool) -> None:
        super().__init__()
        self.kind, self.dims, self.keepdims = kind, dims, keepdims

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(self.dims, self.keepdims) if self.kind == "max" else x.mean(self.dims, self.keepdims)


class Resize(nn.Module):
    """`keras.layers.UpSampling2D`: height and width times two integers."""

    def __init__(self, factors: tuple[int, int], mode: str) -> None:
        super().__init__()
        self.factors, self.mode = tuple(map(float, factors)), mode

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=list(self.factors), mode=self.mode)


class Pad(nn.Module):
    """`keras.layers.ZeroPadding2D`; with negative numbers, `Cropping2D`."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__()
        self.margins = margins(pairs)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.margins)
