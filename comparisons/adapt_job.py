"""The job behind ``adapt``: a converted circuit goes on learning by the local rule of the forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from comparisons import run_folder
from comparisons.learning import LocalLearner
from comparisons.movies import Source
from plasticity.predictive import ErrorGated
from plasticity.training import Lesson, Plan
from snn._model import Described, Positive
from snn.description import Network, Projection, Signal, Tap
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.errors import ConversionError, StateError, sentence
from snn.state import State
from snn.stimuli.movie import Movie

TARGET, SOURCES = "level0.prediction", "level0.representation"
ERRORS = {"excess": "level0.error_pos", "deficit": "level0.error_neg"}


class AdaptJob(Described):
    """Everything that determines a run of ``adapt``.

    Parameters
    ----------
    source : Source
        What to learn from.
    converted : str
        Run folder of ``convert``.
    converted_digest : str
        SHA-256 of its weights.
    plan : Plan
        How it learns.
    c : float
        Floor of the rule's normaliser, in squared trace units.
    seed : int
    """

    kind: Literal["adapt"] = "adapt"
    source: Source
    converted: str
    converted_digest: str
    plan: Plan = Plan()
    c: Positive = 4.0
    seed: Annotated[int, Field(ge=0)] = 0

    def before(self) -> tuple[Lesson, ...]:
        """As `LearnsLocally.before`: nothing."""
        return ()

    def night(self, done: int, total: int, simulation: Simulation) -> None:
        """As `LearnsLocally.night`: it never sleeps."""

    def matured(self, born: Simulation) -> Simulation:
        """As `LearnsLocally.matured`: nothing."""
        return born

    def simulation(self, network: Network, state: State | None = None) -> Simulation:
        """Build the network on the event engine.

        Parameters
        ----------
        network : Network
        state : State, optional
            At rest, with initial weights, when left out.

        Returns
        -------
        Simulation
        """
        return engine("event").build(network, state=state, dt_ms=1.0, seed=self.seed)

    def learner(self) -> AdaptLearner:
        """Open the converted circuit, and let its forecast synapses learn.

        Returns
        -------
        AdaptLearner

        Raises
        ------
        StateError
            If the converted run is no longer what it was.
        ConversionError
            If sites share kernels, which no local rule can change.
        """
        from comparisons.fidelity_runs import converted

        path = run_folder.resolve(Path(self.converted))
        circuit = converted(path)
        if run_folder.sha256(path / "weights.npz") != self.converted_digest:
            raise StateError(sentence(self.converted, "has changed since this run was begun", cure="begin anew"))
        plastic = plastic_circuit(circuit, self.c)
        learner = AdaptLearner(self, self.simulation(plastic.network, plastic.state(self.seed)))
        learner.seen_before = run_folder.read_json(path / "clips.json")
        return learner


class AdaptLearner(LocalLearner):
    """A converted circuit that learns by its own rule.

    Parameters
    ----------
    job : AdaptJob
    simulation : Simulation
    """

    def draw(self, folder: Path, movie: Movie) -> None:
        """As `Learner.draw`."""
        from comparisons.figures import draw_forecast

        self.simulation.restart()
        draw_forecast(folder, self.simulation.run(movie), movie, self.curve)


def plastic_circuit(circuit: Any, c: float) -> Any:
    """Let the synapses of level 0 from representation to prediction learn by the error-gated rule.

    Parameters
    ----------
    circuit : Circuit
        Converted.
    c : float
        Floor of the rule's normaliser.

    Returns
    -------
    Circuit

    Raises
    ------
    ConversionError
        If it has no such populations.
    """
    from conversion.plastic import with_rule

    network = circuit.network
    names = [p.name for p in network.populations]
    missing = next((name for name in (TARGET, SOURCES, *ERRORS.values()) if name not in names), None)
    if missing is not None:
        raise ConversionError(sentence("adapt", f"the converted circuit has no {missing!r}", cure="give a conversion of a PredNet"))
    error, prediction = circuit.answer(ERRORS["excess"]), circuit.answer(TARGET)
    # A spike of an error cell, in the current that would have moved the forecast by as much.
    scale = {n: float(circuit.answer(n).r_max_Hz / circuit.per_unit_Hz[n].mean()) for n in (ERRORS["excess"], TARGET)}
    copies = network.population(ERRORS["excess"]).copies
    seconds = network.frame_ms / 2000.0
    quantum = prediction.gain_mV * scale[ERRORS["excess"]] / scale[TARGET] / (copies * error.r_max_Hz * seconds)

    def rule_of(j: Projection) -> ErrorGated:
        tau = next(r.tau_ms for r in network.population(j.target).receptors if r.name == j.receptor)
        return ErrorGated(quantum_mV=quantum, c=c, decay=0.0, tau_pre_ms=tau or 20.0)

    signals = [Signal(name=name, taps=(Tap(population=population),)) for name, population in ERRORS.items()]
    targets = [name for name in (TARGET, f"{TARGET}_inh") if name in names]
    sources = [name for name in (SOURCES, f"{SOURCES}_inh", f"{SOURCES}_exc") if name in names]
    return with_rule(circuit, targets, sources, rule_of, signals)
