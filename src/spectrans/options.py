"""Checked, frozen settings: the base of mixer options and model configs."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from spectrans.errors import unknown

# Numbers that YAML 1.1, and so PyYAML, takes for text: it wants a dot and a signed exponent.
SCIENTIFIC = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+")


def kind_of(value: Any) -> Any:
    """Say which of several kinds of options a value is: by its `kind`, as data or as options."""
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


class Options(BaseModel):
    """A frozen set of typed settings that refuses unknown names and bad values in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ValueError(self._sentence(error)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: Any, info: Any) -> Any:
        """Read `1e-12` as a number where one belongs, whichever YAML reader it went through."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, str) and wanted in (float, float | None):
            return float(value) if SCIENTIFIC.fullmatch(value) else value
        return value

    @classmethod
    def _sentence(cls, error: ValidationError) -> str:
        """Turn the first complaint of a validation into `<argument> must <rule>, got <value>`."""
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = [f.alias or name for name, f in cls.model_fields.items()]
            return unknown(f"{cls.__name__} option", field, known)
        if first["type"] == "value_error":
            return str(first["ctx"]["error"])
        rule = first["msg"].removeprefix("Input should be ")
        return f"{field} must be {rule}, got {first['input']!r}"
