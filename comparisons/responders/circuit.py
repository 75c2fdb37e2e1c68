"""A circuit of spiking cells, or of their rate twins, as a subject."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from comparisons.responder import (
    ROLES,
    SENSOR_NOISE,
    Control,
    FloatArray,
    Responder,
    Response,
    Site,
    check_request,
    steps_per_bin,
    with_noise,
)
from snn.cells import IF, LIF, AdaptiveLIF
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.recording import FORECAST, Record, Recording
from snn.seeding import stream
from snn.state import State, initial_state
from snn.stimuli.movie import Movie

MEMBRANE_SHARE = 0.5
"""A trial begins with potentials drawn evenly from 0 up to this share of the threshold."""
WARM_UP = 2
"""First frames of a movie from which nothing is learned, as in training: there is no forecast yet."""
PART = re.compile(r"level(\d+)\.(\w+)")


class CircuitResponder:
    """A network with its weights.

    Parameters
    ----------
    network : Network
    state : State
        Its weights, and what else belongs to it (thresholds, constant currents); where in a movie it stood is of no matter.
    name : str
    engine_name : str
        Engine that runs it.
    precision : {'float32', 'float64'}
        Of the event and torch engines.
    noise : float
        Standard deviation of the noise of each pixel and frame.
    seed : int
        With which it was born; its untrained control is born anew with it.
    eta : float
        What multiplies learning while it is exposed: where its training ended.
    born : callable, optional
        Gives its untrained control where that is not itself with weights of its birth: a network that was converted has learned
        nothing by itself. None where there is none.
    """

    def __init__(
        self,
        network: Network,
        state: State,
        name: str = "circuit",
        *,
        engine_name: str = "event",
        precision: str = "float32",
        noise: float = SENSOR_NOISE,
        seed: int = 0,
        eta: float = 1.0,
        born: Callable[[], Responder | None] | None = None,
    ) -> None:
        self.network, self.name, self.noise, self.seed, self.eta = network, name, noise, seed, eta
        self.learns = any(j.rule is not None for j in network.projections)
        self.born = born
        self._options = {"precision": precision} if engine_name in ("event", "torch_") else {}
        self._engine_name, self._state = engine_name, state
        self._simulation: Simulation | None = None
        self.frame_ms = network.frame_ms
        self.frame_size = network.frame_size or (1, 1)
        self.finest_bin_ms = state.dt_ms
        self.sites = tuple(s for s in map(_site, network.populations) if s is not None)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        asked, steps = check_request(self, movie, sites, trials), steps_per_bin(self, bin_ms)
        simulation, rest = self._at_rest()
        whole = steps == simulation.layout.frame_steps
        found: dict[str, list[FloatArray]] = {s.name: [] for s in asked}
        forecasts = []
        for trial in range(trials):
            simulation.resume(self._fresh(rest, seed, trial))
            recording = simulation.run(with_noise(movie, seed, trial, self.noise), record=Record(spikes=not whole))
            for site in asked:
                found[site.name].append(_binned(recording, self.network.population(site.name), steps, whole))
            if FORECAST in recording.readouts:
                forecasts.append(recording.readouts[FORECAST][..., 0])
        return Response(
            steps * self.finest_bin_ms,
            {name: np.stack(values) for name, values in found.items()},
            np.stack(forecasts) if forecasts else None,
        )

    def control(self, name: Control) -> Responder | None:
        """As `Responder.control`: it is born anew, where it has learned by itself, or weights from every level above are 0."""
        if name == "untrained" and self.born is not None:
            return self.born()
        if name == "untrained" and self.learns:
            born = initial_state(self.network, dt_ms=self._state.dt_ms, seed=self.seed)
            kept = {k: v for k, v in self._state.arrays.items() if k.startswith(("threshold/", "bias/", "factor/"))}
            return self._with(State({**born.arrays, **kept}, 0, self.seed, born.dt_ms, born.digest), "untrained")
        if name == "feedback_cut":
            cut = [j for j in self.network.projections if _descends(j)]
            if not cut:
                return None
            silent = {f"weights/{j.name}": np.zeros_like(self._state.arrays[f"weights/{j.name}"]) for j in cut}
            return self._with(replace(self._state, arrays={**self._state.arrays, **silent}), "feedback cut")
        return None

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> CircuitResponder:
        """As `Exposable.expose`, by the rules of the network; as in training, nothing is learned from the first frames."""
        simulation, rest = self._at_rest()
        state = rest
        for repeat in range(repeats):
            simulation.resume(self._fresh(state, seed, repeat))
            noisy = with_noise(movie, seed, repeat, self.noise)
            warm = min(WARM_UP, noisy.n_frames - 1)
            if warm:
                simulation.run(noisy.part(0, warm))
            simulation.run(noisy.part(warm, noisy.n_frames), learn=True, modulator=self.eta)
            learned = simulation.state().arrays
            state = replace(rest, arrays={**rest.arrays, **{k: v for k, v in learned.items() if k.startswith("weights/")}})
        return self._with(state, "exposed")

    def _with(self, state: State, what: str) -> CircuitResponder:
        return CircuitResponder(
            self.network,
            state,
            f"{self.name}, {what}",
            engine_name=self._engine_name,
            precision=self._options.get("precision", "float64"),
            noise=self.noise,
            seed=self.seed,
            eta=self.eta,
        )

    def _at_rest(self) -> tuple[Simulation, State]:
        """Build the simulation once; give it, and the state at rest with the weights of this subject."""
        if self._simulation is None:
            self._simulation = engine(self._engine_name, **self._options).build(
                self.network, state=self._state, dt_ms=self._state.dt_ms, seed=self._state.seed
            )
            self._simulation.restart()
            self._rest = replace(self._simulation.state(), step=0)
        return self._simulation, self._rest

    def _fresh(self, rest: State, seed: int, trial: int) -> State:
        """State at rest, but for potentials that are drawn anew."""
        drawn = {}
        for p in self.network.populations:
            if isinstance(p.cell, IF | LIF | AdaptiveLIF):
                share = stream(seed, "membranes", p.name, trial).uniform(0.0, MEMBRANE_SHARE, p.n)
                drawn[f"v/{p.name}"] = np.asarray(share * p.cell.v_threshold_mV, dtype=rest.arrays[f"v/{p.name}"].dtype)
        return State({**rest.arrays, **drawn}, 0, int(stream(seed, "trial", trial).integers(2**31)), rest.dt_ms, rest.digest)


def _site(p: Population) -> Site | None:
    """Give the site that a population is; None for partners, selectors and whatever else has no role."""
    match = PART.fullmatch(p.name)
    if match is None or match[2] not in ROLES:
        return None
    role = next(r for r in ROLES if r == match[2])
    return Site(p.name, role, int(match[1]), p.shape, not p.graded, p.copies)


def _descends(j: Projection) -> bool:
    """Tell whether a projection leads from a level to one below."""
    source, target = (PART.match(name) for name in (j.source, j.target))
    return source is not None and target is not None and int(source[1]) > int(target[1])


def _binned(recording: Recording, p: Population, steps: int, whole: bool) -> FloatArray:
    """Mean activity, shape (n_bins, rows, cols, features); in Hz of cells that spike; copies of a unit are averaged."""
    n_bins = recording.n_frames * recording.frame_steps // steps
    if whole:
        counts = recording.counts[p.name].reshape(n_bins, -1)
    else:
        spikes = recording.spikes[p.name]
        counts = np.bincount((spikes.steps // steps) * p.n + spikes.cells, minlength=n_bins * p.n).reshape(n_bins, p.n).astype(np.float64)
    rate: FloatArray = counts.reshape(n_bins, *p.shape, p.copies).mean(-1) * 1000.0 / (steps * recording.dt_ms)
    return rate
