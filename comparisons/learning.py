"""The job behind ``learn``: the circuit learns by its local rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import numpy as np
from pydantic import Field, model_validator

from comparisons.circuits import CircuitSettings
from comparisons.diary import Diary
from comparisons.forecasters import CircuitForecaster
from comparisons.movies import Source
from comparisons.precision import rounded
from comparisons.recipes import RECIPES, still_photographs
from comparisons.run_folder import write_text
from plasticity.balance import calibrate, inhibition_of_errors, with_rule
from plasticity.sleep import Sleep, asleep, routes, sleep_through
from plasticity.training import Lesson, Plan, learn, refuse_bad_weights
from snn.curve import Curve
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.engines.layout import Layout
from snn.state import State
from snn.stimuli.movie import Movie

DRIFT_PLAN = Plan(passes=1, eta_start=0.8, eta_end=0.05)
"""How the plain circuit learns from drifting photographs, once through."""
LEARNED = ("weights/", "factor/", "threshold/", "bias/")
"""What of a state belongs to a network, rather than to the moment."""
BESIDE = ("curve", "clips", "diary")
"""What a checkpoint holds beside the state."""
DIARY_FILE = "diagnostics.csv"


class LearnsLocally(Protocol):
    """A job whose network learns by its own rules."""

    @property
    def plan(self) -> Plan:
        """How it learns."""

    @property
    def seed(self) -> int:
        """Of the order in which stretches are shown."""

    def before(self) -> Sequence[Lesson]:
        """What it learns before the movies of its source."""

    def night(self, done: int, total: int, simulation: Simulation) -> None:
        """Let the network sleep, if it is time to.

        Parameters
        ----------
        done, total : int
            Stretches learned from so far, and all of them.
        simulation : Simulation
        """

    def matured(self, born: Simulation) -> Simulation:
        """Do what comes before the first lesson.

        Parameters
        ----------
        born : Simulation
            At birth.
        """

    def simulation(self, network: Network, state: State | None = None) -> Simulation:
        """Build the network.

        Parameters
        ----------
        network : Network
        state : State, optional
        """


class Job(CircuitSettings):
    """Everything that determines a run of ``learn``.

    Parameters
    ----------
    plan : Plan
        How it learns.
    rearing : Source, optional
        Photographs under drift on which it is reared first.
    rearing_plan : Plan
        How it learns from them.
    sleep : Sleep, optional
        How it sleeps between stretches, where it does.
    calibration : int
        Still photographs on which inhibition balances the error cells before all else; see `plasticity.balance`.
    balance_after : float
        How fast inhibition of error cells goes on learning after that, of its speed in calibration; 0 freezes it.
    engine : str
        Engine that learns.
    precision : {'float64', 'float32'}
        Of the event and torch engines; the others have only double.
    source, recipe, branches, levels, cells, ablations, overrides, seed, dt_ms, lag_ms, mismatch, weight_bits
        As in `CircuitSettings`.
    """

    later_fields: ClassVar[frozenset[str]] = CircuitSettings.later_fields | {
        "rearing",
        "rearing_plan",
        "sleep",
        "calibration",
        "balance_after",
    }

    kind: Literal["learn"] = "learn"
    plan: Plan = Plan()
    rearing: Source | None = None
    rearing_plan: Plan = Plan(passes=1, eta_start=0.8, eta_end=0.1)
    sleep: Sleep | None = None
    calibration: Annotated[int, Field(ge=0)] = 0
    balance_after: Annotated[float, Field(ge=0, le=1)] = 0.0
    engine: Literal["event", "reference", "brian", "torch_"] = "event"
    precision: Literal["float64", "float32"] = "float64"

    @model_validator(mode="after")
    def _precise(self) -> Self:
        if self.precision != "float64" and self.engine not in ("event", "torch_"):
            raise ValueError(f"precision {self.precision!r} is one of the event and torch engines; got engine {self.engine!r}")
        if (self.calibration or self.balance_after) and self.spec().branches > 1:
            raise ValueError("calibration: it is of the error cells of the plain circuit, and each branch has its own; use branches=1")
        return self

    def network(self) -> Network:
        """As `CircuitSettings.network`; inhibition of error cells learns too where it is to."""
        network = super().network()
        if not self.balance_after:
            return network
        return with_rule(network, inhibition_of_errors(network), RECIPES[self.recipe].balance_rule(self.spec(), self.balance_after))

    def simulation(self, network: Network, state: State | None = None) -> Simulation:
        """As `CircuitSettings.simulation`, on the engine of the job."""
        options = {"precision": self.precision} if self.engine in ("event", "torch_") else {}
        return engine(self.engine, **options).build(network, state=state, dt_ms=self.dt_ms, seed=self.seed)

    def before(self) -> tuple[Lesson, ...]:
        """As `LearnsLocally.before`."""
        return () if self.rearing is None else ((self.rearing.learning(self.seed), self.rearing_plan),)

    def night(self, done: int, total: int, simulation: Simulation) -> None:
        """As `LearnsLocally.night`."""
        if self.sleep is not None and done in self.sleep.after(total):
            sleep_through(simulation, self.sleep, self.simulation, night=done, seed=self.seed)

    def matured(self, born: Simulation) -> Simulation:
        """As `LearnsLocally.matured`: error cells are calibrated, where they are to be."""
        if not self.calibration:
            return born
        scenes, rule = still_photographs(self.source, self.calibration, self.seed), RECIPES[self.recipe].balance_rule(self.spec())
        return self.simulation(born.network, calibrate(self.simulation, born.network, scenes, rule, seed=self.seed))

    def learner(self) -> LocalLearner:
        """Build the network at rest, ready to learn.

        Returns
        -------
        LocalLearner

        Raises
        ------
        DescriptionError
            If the network is to sleep, and there is nothing that sleep could equalise.
        """
        network = self.network()
        if self.sleep is not None:
            for route in routes(network):
                asleep(network, route, self.sleep, dt_ms=self.dt_ms)
        return LocalLearner(self, self.simulation(network))


class LocalLearner:
    """A circuit that learns by its own rule.

    Parameters
    ----------
    job : LearnsLocally
    simulation : Simulation
    """

    checkpoint = "checkpoint.npz"

    def __init__(self, job: LearnsLocally, simulation: Simulation) -> None:
        self.job, self.simulation, self.curve, self.diary = job, simulation, Curve(), Diary(simulation.network)
        self.seen_before: dict[str, list[str]] = {}

    def description(self) -> str:
        """As `Learner.description`."""
        return self.simulation.network.to_json()

    def learn(self, movies: Sequence[Movie], after: Callable[[], None]) -> None:
        """As `Learner.learn`."""
        start = len(self.curve.points)
        plan, seed = self.job.plan, self.job.seed
        if not start:
            self.simulation = self.job.matured(self.simulation)
        learn(
            self.simulation,
            movies,
            plan,
            before=self.job.before(),
            seed=seed,
            start=start,
            curve=self.curve,
            watch=self.diary.note,
            after=lambda *_: after(),
            night=self.job.night,
        )
        bits = self.job.weight_bits if isinstance(self.job, CircuitSettings) else None
        if bits is not None:
            self.simulation = self.job.simulation(self.simulation.network, rounded(self.simulation.state(), self.simulation.network, bits))

    def refuse_bad(self) -> None:
        """As `Learner.refuse_bad`."""
        refuse_bad_weights(self.simulation)

    def save(self, path: Path) -> None:
        """As `Learner.save`."""
        save_checkpoint(path, self.simulation, self.curve, self.diary)

    def load(self, path: Path) -> None:
        """As `Learner.load`."""
        state, self.curve = load_checkpoint(path)
        self.diary = load_diary(path, self.simulation.network)
        self.simulation = self.job.simulation(self.simulation.network, state)

    def finish(self, folder: Path) -> dict[str, Any]:
        """As `Learner.finish`."""
        save_weights(folder / "weights.npz", self.simulation.state())
        write_text(folder / DIARY_FILE, self.diary.to_csv(self.curve))
        return size_of(self.simulation.layout)

    def forecaster(self) -> CircuitForecaster:
        """As `Learner.forecaster`."""
        return CircuitForecaster(self.simulation)

    def draw(self, folder: Path, movie: Movie) -> None:
        """As `Learner.draw`."""
        from comparisons.figures import draw_run

        draw_run(folder, self.simulation, movie, self.curve)


def size_of(layout: Layout) -> dict[str, Any]:
    """Say what a summary should know of a circuit.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    dict
    """
    network = layout.network
    plastic = [j for j in network.projections if j.rule is not None]
    degree = [network.out_degree(j) for j in plastic]
    return {
        "network": network.name,
        "digest": network.digest,
        "n_neurons": network.n_neurons,
        "n_synapses": int(layout.out_degree.sum()),
        "n_plastic": int(sum(d.sum() for d in degree)),
    }


def save_weights(path: Path, state: State) -> None:
    """Write what learning changes, and the thresholds and constant currents that belong to the network.

    Parameters
    ----------
    path : Path
    state : State
    """
    kept = {k: a for k, a in state.arrays.items() if k.startswith(LEARNED)}
    State(kept, state.step, state.seed, state.dt_ms, state.digest).save(path)


def save_checkpoint(path: Path, simulation: Simulation, curve: Curve, diary: Diary) -> None:
    """Write everything from which an unfinished run goes on.

    Parameters
    ----------
    path : Path
    simulation : Simulation
    curve : Curve
    diary : Diary
    """
    state = simulation.state()
    clips = np.array([p.clip for p in curve.points], dtype=np.str_)
    beside = {"curve": curve.to_array(), "clips": clips, "diary": diary.to_array()}
    State({**state.arrays, **beside}, state.step, state.seed, state.dt_ms, state.digest).save(path)


def load_checkpoint(path: Path) -> tuple[State, Curve]:
    """Read what `save_checkpoint` wrote, but for the diary.

    Parameters
    ----------
    path : Path

    Returns
    -------
    State, Curve
    """
    state = State.load(path)
    # Checkpoints of earlier versions do not name the clips.
    clips = [str(name) for name in state.arrays.get("clips", np.zeros(0, dtype=np.str_))]
    curve = Curve.from_array(np.asarray(state.arrays["curve"], dtype=np.float64), clips)
    arrays = {k: a for k, a in state.arrays.items() if k not in BESIDE}
    return State(arrays, state.step, state.seed, state.dt_ms, state.digest), curve


def load_diary(path: Path, network: Network) -> Diary:
    """Read the diary of a checkpoint; one of an earlier version has none, and it begins there.

    Parameters
    ----------
    path : Path
    network : Network

    Returns
    -------
    Diary
    """
    diary = Diary(network)
    kept = State.load(path).arrays.get("diary")
    if kept is not None:
        diary.read(np.asarray(kept, dtype=np.float64))
    return diary
