"""A run that is a conversion: of a rate PredNet that is trained first, or has been for another run of the same folder."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from comparisons.movies import Source
from comparisons.rate_job import RateJob
from conversion.recipe import Recipe
from snn._model import Described


class Conversion(Described):
    """A rate PredNet and how it becomes spikes.

    Parameters
    ----------
    rate : RateJob
        How it is trained; runs that convert the same one train it once.
    recipe : Recipe
        How it is converted.
    seed : int
        Of both.
    """

    kind: Literal["conversion"] = "conversion"
    rate: RateJob
    recipe: Recipe = Recipe()
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_seed(self) -> Self:
        if self.rate.seed or self.recipe.seed:
            raise ValueError(f"seed is that of rate and recipe too, whose own must be 0; got {self.rate.seed} and {self.recipe.seed}")
        if self.rate.model.timing is None:
            raise ValueError("rate.model.timing: only a network in milliseconds can be converted; give it, such as { step_ms = 10.0 }")
        return self

    @property
    def source(self) -> Source:
        """What the rate PredNet learns from."""
        return self.rate.source

    @property
    def rate_job(self) -> RateJob:
        """The job of the rate PredNet."""
        return self.rate.model_copy(update={"seed": self.seed})

    @property
    def seeded_recipe(self) -> Recipe:
        """The recipe, with the seed."""
        return self.recipe.model_copy(update={"seed": self.seed})
