"""Everything that determines a run of ``convert``."""

from __future__ import annotations

from typing import Literal

from comparisons.movies import Source
from conversion.recipe import Recipe
from snn._model import Described
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.state import State


class ConvertJob(Described):
    """Everything that determines a run of ``convert``.

    Parameters
    ----------
    source : Source
        What the rate model learned from, and the conversion is calibrated on.
    model : str
        Run folder of the rate model.
    model_digest : str
        SHA-256 of its weights.
    recipe : Recipe
    """

    kind: Literal["convert"] = "convert"
    source: Source
    model: str
    model_digest: str
    recipe: Recipe

    @property
    def seed(self) -> int:
        """Seed of everything."""
        return self.recipe.seed

    def simulation(self, network: Network, state: State) -> Simulation:
        """Build the network on the event engine.

        Parameters
        ----------
        network : Network
        state : State

        Returns
        -------
        Simulation
        """
        return engine("event").build(network, state=state, dt_ms=state.dt_ms)
