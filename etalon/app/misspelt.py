"""What is wrong with values that a page does not take, in words: pydantic's are in English, and show patterns."""

from collections.abc import Iterable, Mapping
from typing import Any

from etalon.locales import _
from etalon.locales.foreign import of_values


def told(errors: Iterable[Mapping[str, Any]]) -> str:
    """The errors of pydantic as one sentence, each said once."""
    names = _names()
    said = []
    for error in errors:
        name = str(next((part for part in error["loc"][1:] if isinstance(part, str)), ""))
        why = of_values([error])
        said.append(_("{name}: {why}").format(name=names.get(name, name), why=why) if name else why)
    return _("; ").join(dict.fromkeys(said))


def _names() -> Mapping[str, str]:
    """What the pages call the fields of their forms."""
    return {
        "title": _("Title"),
        "file": _("File"),
        "archive": _("Archive"),
        "data": _("Images"),
        "size": _("Side of the images, pixels"),
        "seeds": _("Seeds"),
        "epochs": _("Epochs"),
        "batch_size": _("Batch size"),
        "reference": _("The reference"),
        "variations": _("Variations to try, one at a time"),
        "lang": _("Language"),
    }
