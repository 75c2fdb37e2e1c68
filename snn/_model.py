"""The one base of every description: frozen, closed, compared and hashed by value."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Described(BaseModel):
    """A value: immutable, without arrays, refusing unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
