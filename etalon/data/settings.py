"""Settings: frozen values that go into a recipe and into JSON; one that has no meaning is refused in plain words."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from etalon.errors import RecipeError
from etalon.locales import _
from etalon.locales.foreign import of_values


class Setting(BaseModel):
    """Several values under one name, which are themselves named when one is made.

    Raises:
        RecipeError: a value without a name, one that is unknown, or one that has no meaning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, *unnamed: Any, **values: Any) -> None:
        if unnamed:
            name, names = type(self).__name__, self._names()
            raise RecipeError(
                f"{name}({', '.join(map(repr, unnamed))})",
                _("its values are given by name"),
                _("Write {example}.").format(example=f"{name}({names[0]}={unnamed[0]!r})"),
            )
        super().__init__(**values)

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            if not isinstance(values, Mapping):
                raise  # it is told with the name of the setting that was given it
            received, why = refused(error, values)
            taken = _("{name} takes {fields}.").format(name=cls.__name__, fields=", ".join(cls._names()))
            raise RecipeError(f"{cls.__name__}({received})", why, taken) from error

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in cls.model_fields if name != "kind"]


def refused(error: ValidationError, given: Mapping[str, Any]) -> tuple[str, str]:
    """The first value that pydantic refuses, as it was given, and why."""
    errors = error.errors()
    name = str(errors[0]["loc"][0])
    received = f"{name}={given[name]!r}" if name in given else name
    return received, of_values(one for one in errors if one["loc"][0] == name)
