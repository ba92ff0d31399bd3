"""What others say in English only, said in the language in force: pydantic of a value, the system of a file."""

import errno
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from etalon.locales import _

Limits = Mapping[str, Any]  # what pydantic tells of the limit that was passed

_VALUES: Mapping[str, Callable[[Limits], str]] = {
    "missing": lambda told: _("it is missing"),
    "extra_forbidden": lambda told: _("there is no such setting"),
    "greater_than_equal": lambda told: _("at least {n} is needed").format(n=_written(told["ge"])),
    "less_than_equal": lambda told: _("at most {n} is taken").format(n=_written(told["le"])),
    "greater_than": lambda told: _("more than {n} is needed").format(n=_written(told["gt"])),
    "less_than": lambda told: _("less than {n} is taken").format(n=_written(told["lt"])),
    "string_too_short": lambda told: _("it is too short"),
    "string_too_long": lambda told: _("at most {n} characters are taken").format(n=told["max_length"]),
    "too_long": lambda told: _("at most {n} values are taken").format(n=told["max_length"]),
    "int_type": lambda told: _("a whole number is expected"),
    "int_parsing": lambda told: _("a whole number is expected"),
    "int_from_float": lambda told: _("a whole number is expected"),
    "int_parsing_size": lambda told: _("this number is too large"),
    "float_type": lambda told: _("a number is expected"),
    "float_parsing": lambda told: _("a number is expected"),
    "finite_number": lambda told: _("a number is expected"),
    "bool_type": lambda told: _("yes or no is expected"),
    "bool_parsing": lambda told: _("yes or no is expected"),
    "string_type": lambda told: _("a text is expected"),
    "list_type": lambda told: _("a list is expected"),
    "tuple_type": lambda told: _("a list is expected"),
    "dict_type": lambda told: _("a dictionary is expected"),
    "model_type": lambda told: _("a value of type {name} is expected").format(name=told["class_name"]),
    "literal_error": lambda told: _choice(told["expected"]),
    "string_pattern_mismatch": lambda told: _("it is not written as it must be"),
    "value_error": lambda told: str(told["error"]),
}


def of_values(errors: Iterable[Mapping[str, Any]]) -> str:
    """Why pydantic refuses a value, from one or several of its errors: a value may be of this kind or of that one."""
    return _(" or ").join(dict.fromkeys(map(_of_value, errors)))


def of_files(error: OSError) -> str:
    """Why the system refuses a file, a folder or a port; in English, or where nothing better is known, in its words."""
    known = {
        errno.ENOENT: _("No such file or directory"),
        errno.EACCES: _("Permission denied"),
        errno.EPERM: _("Operation not permitted"),
        errno.EROFS: _("Read-only file system"),
        errno.ENOSPC: _("No space left on device"),
        errno.ENOTDIR: _("Not a directory"),
        errno.EISDIR: _("Is a directory"),
        errno.EEXIST: _("File exists"),
        errno.EADDRINUSE: _("Address already in use"),
    }
    return known.get(error.errno or 0, error.strerror or str(error))


def _of_value(error: Mapping[str, Any]) -> str:
    why = _VALUES.get(error["type"])
    return why(error.get("ctx", {})) if why else _("this value is not taken")


def _written(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _choice(expected: str) -> str:
    """From "'constant', 'reflect' or 'wrap'", without the English word."""
    choices = re.findall(r"'[^']*'", expected)
    if len(choices) < 2:
        return _("{choice} is expected").format(choice=expected)
    return _("one of {choices} is expected").format(choices=", ".join(choices))
