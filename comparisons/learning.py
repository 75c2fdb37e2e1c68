"""The job behind ``learn``: the circuit learns by its local rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from comparisons.forecasters import CircuitForecaster
from comparisons.movies import Source
from plasticity import ErrorGated
from plasticity.training import Plan, learn, refuse_bad_weights
from snn._model import Described, Positive
from snn.curve import Curve
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import State
from snn.stimuli.movie import Movie

Override = tuple[str, float | str]


def circuit(source: Source, levels: int, cells: str, overrides: Sequence[Override], dt_ms: float, lag_ms: float = 1.0) -> Network:
    """Build the description of the circuit, with the rule by which its forecast learns.

    Parameters
    ----------
    source : Source
        Says the size of the frames.
    levels : int
    cells : {'spiking', 'rate'}
        Spiking cells, or their rate twins.
    overrides : sequence of (str, float or str)
        Fields of the description to change, as for ``Network.override``.
    dt_ms : float
        Step for which rate twins are made.
    lag_ms : float
        Delay of the short connections.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If the frames are too small or an override is refused.
    """
    spec = PredNetSpec(rows=source.size, cols=source.size, levels=levels, frame_ms=source.frame_ms, lag_ms=lag_ms)
    network = prednet(spec, ErrorGated(eta=1.0, quantum_mV=spec.error_quantum_mV))
    for path, value in overrides:
        network = network.override(path, value)
    return rate_network(network, dt_ms=dt_ms) if cells == "rate" else network


class Job(Described):
    """Everything that determines a run of ``learn``.

    Parameters
    ----------
    source : Source
        What to learn from.
    plan : Plan
        How.
    levels : int
        Levels of the circuit.
    cells : {'spiking', 'rate'}
        Spiking cells, or their rate twins in the same circuit.
    overrides : tuple of (str, float or str)
        Fields of the network's description to change, as for ``Network.override``.
    seed : int
    dt_ms : float
        Step.
    lag_ms : float
        Delay of the circuit's short connections; a multiple of the step.
    engine : str
        Engine that learns.
    precision : {'float64', 'float32'}
        Of the event engine.
    """

    kind: Literal["learn"] = "learn"
    source: Source
    plan: Plan = Plan()
    levels: int = 1
    cells: Literal["spiking", "rate"] = "spiking"
    overrides: tuple[Override, ...] = ()
    seed: Annotated[int, Field(ge=0)] = 0
    dt_ms: Positive = 1.0
    lag_ms: Positive = 1.0
    engine: Literal["event", "reference", "brian", "torch_"] = "event"
    precision: Literal["float64", "float32"] = "float64"

    def network(self) -> Network:
        """Build the description.

        Returns
        -------
        Network

        Raises
        ------
        DescriptionError
            If the frames are too small or an override is refused.
        """
        return circuit(self.source, self.levels, self.cells, self.overrides, self.dt_ms, self.lag_ms)

    def simulation(self, network: Network, state: State | None = None) -> Simulation:
        """Build the network on the chosen engine.

        Parameters
        ----------
        network : Network
        state : State, optional
            State to go on from.

        Returns
        -------
        Simulation
        """
        options = {"precision": self.precision} if self.engine == "event" else {}
        return engine(self.engine, **options).build(network, state=state, dt_ms=self.dt_ms, seed=self.seed)

    def learner(self) -> LocalLearner:
        """Build the network at rest, ready to learn.

        Returns
        -------
        LocalLearner
        """
        return LocalLearner(self, self.simulation(self.network()))


class LocalLearner:
    """A circuit that learns by its own rule.

    Parameters
    ----------
    job : Job
    simulation : Simulation
    """

    checkpoint = "checkpoint.npz"

    def __init__(self, job: Job, simulation: Simulation) -> None:
        self.job, self.simulation, self.curve = job, simulation, Curve()

    def description(self) -> str:
        """As `Learner.description`."""
        return self.simulation.network.to_json()

    def learn(self, movies: Sequence[Movie], after: Callable[[], None]) -> None:
        """As `Learner.learn`."""
        start = len(self.curve.points)
        learn(self.simulation, movies, self.job.plan, seed=self.job.seed, start=start, curve=self.curve, after=lambda *_: after())

    def refuse_bad(self) -> None:
        """As `Learner.refuse_bad`."""
        refuse_bad_weights(self.simulation)

    def save(self, path: Path) -> None:
        """As `Learner.save`."""
        save_checkpoint(path, self.simulation, self.curve)

    def load(self, path: Path) -> None:
        """As `Learner.load`."""
        state, self.curve = load_checkpoint(path)
        self.simulation = self.job.simulation(self.simulation.network, state)

    def finish(self, folder: Path) -> dict[str, Any]:
        """As `Learner.finish`."""
        save_weights(folder / "weights.npz", self.simulation.state())
        return size_of(self.simulation)

    def forecaster(self) -> CircuitForecaster:
        """As `Learner.forecaster`."""
        return CircuitForecaster(self.simulation)

    def draw(self, folder: Path, movie: Movie) -> None:
        """As `Learner.draw`."""
        from comparisons.figures import draw_run

        draw_run(folder, self.simulation, movie, self.curve)


def size_of(simulation: Simulation) -> dict[str, Any]:
    """Say what a summary should know of a circuit.

    Parameters
    ----------
    simulation : Simulation

    Returns
    -------
    dict
    """
    network = simulation.network
    synapses = int(simulation.layout.out_degree.sum())
    return {"network": network.name, "digest": network.digest, "n_neurons": network.n_neurons, "n_synapses": synapses}


def save_weights(path: Path, state: State) -> None:
    """Write what learning changes, and the thresholds that were drawn.

    Parameters
    ----------
    path : Path
    state : State
    """
    kept = {k: a for k, a in state.arrays.items() if k.startswith(("weights/", "threshold/"))}
    State(kept, state.step, state.seed, state.dt_ms, state.digest).save(path)


def save_checkpoint(path: Path, simulation: Simulation, curve: Curve) -> None:
    """Write everything from which an unfinished run goes on.

    Parameters
    ----------
    path : Path
    simulation : Simulation
    curve : Curve
    """
    state = simulation.state()
    State({**state.arrays, "curve": curve.to_array()}, state.step, state.seed, state.dt_ms, state.digest).save(path)


def load_checkpoint(path: Path) -> tuple[State, Curve]:
    """Read what `save_checkpoint` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    State, Curve
    """
    state = State.load(path)
    curve = Curve.from_array(np.asarray(state.arrays["curve"], dtype=np.float64))
    arrays = {k: a for k, a in state.arrays.items() if k != "curve"}
    return State(arrays, state.step, state.seed, state.dt_ms, state.digest), curve
