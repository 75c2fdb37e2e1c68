"""The one base of every description: frozen, closed, compared and hashed by value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from snn.errors import nearest

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NO_FIELD = "there is no field"
"""How the refusal of an unknown field begins."""


class Described(BaseModel):
    """A value: immutable, without arrays, refusing unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    # Fields that came later: they are written only where they say something, so that older descriptions keep their digest.
    later_fields: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        """Name the field that was meant, which pydantic's own refusal of others does not."""
        for name in data if isinstance(data, Mapping) else ():
            if name not in cls.model_fields:
                raise ValueError(f"{NO_FIELD} {name!r}; {nearest(str(name), cls.model_fields)}")
        return data

    @model_serializer(mode="wrap")
    def _written(self, write: Any) -> dict[str, Any]:
        data: dict[str, Any] = write(self)
        return {k: v for k, v in data.items() if k not in self.later_fields or getattr(self, k) != type(self).model_fields[k].default}
