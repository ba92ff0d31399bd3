"""Reading the pickles in which CIFAR-10 was published, without running any of their code."""

import io
import pickle
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etalon.errors import DataError
from etalon.locales import _

_CODES = re.compile(r"[<>|=]?[iu][1248]")


def broken(where: str, error: object) -> DataError:
    """The refusal of a file that does not hold what its format promises."""
    return DataError(
        where,
        _("this file is broken or is not what its name says ({error})").format(error=error),
        _("Fetch it again."),
    )


def unpickle(data: bytes, where: str) -> Any:
    """The plain containers, numbers and integer arrays of a pickle; no code of the pickle's choosing runs.

    Not even NumPy's: what stands for an array while unpickling only records its bytes.

    Raises:
        DataError: a pickle that asks for anything else, or is broken.
    """
    try:
        return _plain(_Unpickler(io.BytesIO(data), encoding="latin1").load())
    except _ForbiddenError as error:
        raise DataError(
            where,
            _("this pickle asks to run {name}, which a set of images never needs").format(name=error),
            _("Do not trust this file; fetch the set from its official source."),
        ) from error
    except Exception as error:  # a broken pickle raises nearly anything
        raise broken(where, type(error).__name__) from error


class _ForbiddenError(Exception):
    """A global that a pickle may not name."""


class _Dtype:
    """What stands for numpy.dtype: its code."""

    def __init__(self, code: str, *_flags: object) -> None:
        self.code, self.order = code, "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Array:
    """What stands for numpy.ndarray: the state that it would be restored from."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> NDArray[Any]:
        _version, shape, dtype, fortran, data = self.state
        code = f"{dtype.order}{dtype.code}"
        if not _CODES.fullmatch(code):
            raise _ForbiddenError(f"dtype {code}")
        raw = data.encode("latin1") if isinstance(data, str) else bytes(data)
        return np.frombuffer(raw, code).reshape(shape, order="F" if fortran else "C").copy()


def _reconstruct(*_arguments: object) -> _Array:
    return _Array()


def _encode(text: str, _encoding: str) -> bytes:
    return text.encode("latin1")


_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,  # how Python 3 writes bytes in an old protocol
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise _ForbiddenError(f"{module}.{name}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.array()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
