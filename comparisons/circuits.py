"""What every run of the circuit has, whoever teaches it: frames, size, cells, step."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from comparisons.ablations import AblationName, ablated
from comparisons.movies import Source
from comparisons.recipes import RECIPES, RecipeName
from snn._model import Described, Positive
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import State


class CircuitSettings(Described):
    """What determines a circuit and the frames that it sees.

    Parameters
    ----------
    source : Source
        What to learn from.
    recipe : {'plain', 'gated', 'hierarchical', 'stdp_only', 'hidden', 'dendritic', 'eprop'}
        Which circuit and which rules.
    branches : int, optional
        Gated branches, where not those of the recipe.
    levels : int
        Levels of the circuit.
    cells : {'spiking', 'rate'}
        Spiking cells, or their rate twins in the same circuit.
    ablations : tuple of str
        Named edits of the network's description, in `comparisons.ablations.ABLATIONS`; they come before overrides.
    overrides : tuple of (str, float or str)
        Fields of the network's description to change, as for ``Network.override``.
    seed : int
    dt_ms : float
        Step.
    lag_ms : float
        Delay of the circuit's short connections; a multiple of the step.
    mismatch : float
        How unequal the routes of an error cell are at birth, as in `PredNetSpec`.
    weight_bits : int, optional
        Bits to which learned weights are rounded once they have been learned, see `comparisons.precision`.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"recipe", "branches", "mismatch", "ablations", "weight_bits"})

    source: Source
    recipe: RecipeName = "plain"
    branches: Annotated[int, Field(ge=1)] | None = None
    levels: Annotated[int, Field(ge=1)] = 1
    cells: Literal["spiking", "rate"] = "spiking"
    ablations: tuple[AblationName, ...] = ()
    overrides: tuple[tuple[str, float | str], ...] = ()
    seed: Annotated[int, Field(ge=0)] = 0
    dt_ms: Positive = 1.0
    lag_ms: Positive = 1.0
    mismatch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_bits: Annotated[int, Field(ge=2, le=52)] | None = None

    def spec(self) -> PredNetSpec:
        """Give the constants of the recipe's circuit, at the size and in the times of this one.

        Returns
        -------
        PredNetSpec
        """
        source, recipe = self.source, RECIPES[self.recipe]
        asked = {
            "rows": source.size,
            "cols": source.size,
            "levels": self.levels,
            "frame_ms": source.frame_ms,
            "lag_ms": self.lag_ms,
            "branches": recipe.spec.branches if self.branches is None else self.branches,
            "mismatch": self.mismatch,
        }
        return PredNetSpec(**(recipe.spec.model_dump() | asked))

    def network(self) -> Network:
        """Build the description, with the rule by which its forecast learns.

        Returns
        -------
        Network

        Raises
        ------
        DescriptionError
            If the frames are too small, the circuit has not what an ablation takes away, or an override is refused.
        """
        recipe, spec = RECIPES[self.recipe], self.spec()
        network = prednet(spec, *recipe.rules(spec), upper_rule=recipe.upper_rule(spec), hidden_rules=recipe.hidden_rules(spec))
        for name in self.ablations:
            network = ablated(network, name)
        for path, value in self.overrides:
            network = network.override(path, value)
        return rate_network(network, dt_ms=self.dt_ms) if self.cells == "rate" else network

    def simulation(self, network: Network, state: State | None = None) -> Simulation:
        """Build the network on an engine.

        Parameters
        ----------
        network : Network
        state : State, optional
            State to go on from.

        Returns
        -------
        Simulation
        """
        return engine("event").build(network, state=state, dt_ms=self.dt_ms, seed=self.seed)
