"""The simulation that users hold: shows movies frame by frame to whatever an engine has built."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from snn.cells import TwoCompartment
from snn.engines.layout import Layout
from snn.engines.port import Backend, Engine, FloatArray, FrameInput, FrameOutput
from snn.errors import EngineError, MovieError, StateError, sentence
from snn.recording import Record, Recording, Spikes
from snn.seeding import stream
from snn.state import State, initial_state
from snn.stimuli.movie import Movie

Rasters = Mapping[str, NDArray[np.bool_]]


class Simulation:
    """A network in motion. Engines make it; see ``Engine.build``.

    Parameters
    ----------
    layout : Layout
        The network at a step size.
    backend : Backend
        What the engine built; kept as an attribute. That of the brian engine has ``equations()``.
    state : State
        The state in which it begins.
    """

    def __init__(self, layout: Layout, backend: Backend, state: State) -> None:
        self.layout = layout
        self.network = layout.network
        self.backend = backend
        self._seed = state.seed
        self._set(state)

    def _set(self, state: State) -> None:
        self._step = state.step
        self._before: FloatArray | None = np.asarray(state.arrays["before"], dtype=np.float64) if "before" in state.arrays else None
        self._sent = {r.population: np.array(state.arrays[f"total/{r.population}"], dtype=np.float64) for r in self.network.readouts}
        self._bias = {p.name: np.array(state.arrays[f"bias/{p.name}"], dtype=np.float64) for p in self.network.populations if p.biased}
        self.backend.load(state.arrays, state.step)

    def state(self) -> State:
        """Copy out everything: weights, membranes, spikes in flight, traces, streams.

        Returns
        -------
        State
            Any engine goes on from it.
        """
        arrays = self.backend.dump()
        arrays |= {f"bias/{name}": bias.copy() for name, bias in self._bias.items()}
        if self._before is not None:
            arrays["before"] = self._before.copy()
        return State(arrays, self._step, self._seed, self.layout.dt_ms, self.network.digest)

    def restart(self) -> None:
        """Begin a new clip: cells at rest, nothing in flight; weights stay."""
        self.backend.rest()
        self._before = None
        self._sent = {r.population: np.zeros(self.network.population(r.population).n) for r in self.network.readouts}

    def resume(self, state: State) -> None:
        """Go on from another state of the same network, whatever was before.

        Parameters
        ----------
        state : State
            Such as `state` gave, or one with arrays replaced.
        """
        self._seed = state.seed
        self._set(state)

    def run(
        self,
        movie: Movie | None = None,
        *,
        n_frames: int | None = None,
        rasters: Rasters | None = None,
        record: Record | None = None,
        learn: bool = False,
        modulator: float = 1.0,
    ) -> Recording:
        """Go on from the present state through a movie (or a number of frames).

        Parameters
        ----------
        movie : Movie, optional
            Frames to show; its frame time must be the network's.
        n_frames : int, optional
            Number of frames, for a network that is not driven by a movie.
        rasters : mapping of str to ndarray of bool, shape (n_frames * frame_steps, n), optional
            Spikes of spike sources that the encoder does not drive.
        record : Record, optional
            What to keep besides counts and readouts.
        learn : bool
            Whether rules act.
        modulator : float
            Broadcast signal that rules see.

        Returns
        -------
        Recording

        Raises
        ------
        MovieError
            If the movie's frames have another size or frame time than the network's.
        StateError
            If a raster has the wrong shape or belongs to no spike source.
        """
        record = record or Record()
        frames, total = self._frames(movie, n_frames)
        rasters = self._checked(rasters or {}, total)
        driven = [p for p in self.network.populations if p.drive]
        encoder = self.network.encoder
        encoded = {p.name: encoder.encode(frames, self._before, p.drive) for p in driven if p.drive and encoder is not None}
        kept: list[FrameOutput] = []
        steps, cells, first_step = [], [], self._step
        for t in range(total):
            currents = dict(self._bias)
            sources = {name: r[t * self.layout.frame_steps : (t + 1) * self.layout.frame_steps] for name, r in rasters.items()}
            rates: dict[str, float | FloatArray] = {
                p.name: p.background_Hz for p in self.network.populations if p.background_Hz is not None
            }
            for p in driven:
                values = np.repeat(encoded[p.name][t].reshape(-1), p.copies) * p.drive_gain
                if p.stochastic:
                    rates[p.name] = values
                else:
                    currents[p.name] = values + self._bias[p.name] if p.biased else values
            sources |= {name: self._by_chance(name, rate_Hz) for name, rate_Hz in rates.items()}
            out = self.backend.frame(FrameInput(currents, sources, learn, modulator, record.spikes, self._moved()))
            kept.append(out)
            steps.append(out.steps)
            cells.append(out.cells)
            self._step += self.layout.frame_steps
        if total and movie is not None:
            self._before = frames[-1].copy()
        return self._recording(total, kept, steps, cells, first_step)

    def _by_chance(self, name: str, rate_Hz: float | FloatArray) -> NDArray[np.bool_]:
        """Draw the spikes of sources for the frame that comes."""
        shape = (self.layout.frame_steps, self.network.population(name).n)
        drawn = stream(self._seed, "input", name, self._step // self.layout.frame_steps).random(shape)
        found: NDArray[np.bool_] = drawn < rate_Hz * self.layout.dt_ms / 1000.0
        return found

    def _moved(self) -> dict[str, FloatArray]:
        """Draw how the thresholds of cells that spike by chance move in the frame that comes."""
        frame, found = self._step // self.layout.frame_steps, {}
        for p in self.network.populations:
            if isinstance(p.cell, TwoCompartment) and p.cell.escape is not None:
                drawn = stream(self._seed, "escape", p.name, frame).random((self.layout.frame_steps, p.n))
                found[p.name] = p.cell.escape.moved_mV(drawn, self.layout.dt_ms)
        return found

    def _frames(self, movie: Movie | None, n_frames: int | None) -> tuple[FloatArray, int]:
        size = self.network.frame_size
        if (movie is None) == (n_frames is None):
            raise MovieError(sentence("run", "needs either a movie or a number of frames", cure="pass one of movie= and n_frames="))
        if movie is None:
            assert n_frames is not None
            if size is not None:
                raise MovieError(sentence("run", "this network is driven by frames", cure="pass movie="))
            return np.zeros((0, 1, 1)), n_frames
        if size is not None and movie.size != size:
            raise MovieError(
                sentence(
                    f"movie {movie.name!r}",
                    "has frames of another size than the network",
                    got=movie.size,
                    allowed=str(size),
                    cure=f"read it with size={size}",
                )
            )
        if abs(movie.frame_ms - self.network.frame_ms) > 1e-9:
            raise MovieError(
                sentence(
                    f"movie {movie.name!r}.frame_ms",
                    "differs from the network's, which is also the delay of its forecast",
                    got=movie.frame_ms,
                    allowed=str(self.network.frame_ms),
                )
            )
        return movie.frames, movie.n_frames

    def _checked(self, rasters: Rasters, total: int) -> Rasters:
        for name, raster in rasters.items():
            p = self.network.population(name)
            if p.cell.kind != "source" or p.stochastic:
                got = f"{p.cell.kind} with spikes by chance" if p.stochastic else p.cell.kind
                raise StateError(sentence(f"rasters[{name!r}]", "is not a spike source that takes a raster", got=got, allowed="source"))
            if raster.shape != (total * self.layout.frame_steps, p.n):
                raise StateError(
                    sentence(
                        f"rasters[{name!r}]", "has the wrong shape", got=raster.shape, allowed=str((total * self.layout.frame_steps, p.n))
                    )
                )
        return rasters

    def _recording(
        self,
        total: int,
        kept: list[FrameOutput],
        steps: list[NDArray[np.int64]],
        cells: list[NDArray[np.int64]],
        first_step: int,
    ) -> Recording:
        n = self.network.n_neurons
        counts = np.array([out.counts for out in kept]).reshape(total, n)
        late = np.array([out.late for out in kept]).reshape(total, n)
        span = {p.name: slice(self.layout.offsets[p.name], self.layout.offsets[p.name] + p.n) for p in self.network.populations}
        readouts, sent = {}, {}
        for r in self.network.readouts:
            p = self.network.population(r.population)
            here = counts[:, span[r.population]]
            earlier = np.cumsum(here, axis=0) - here + self._sent[r.population]
            sent[r.population] = self._sent[r.population] + here.sum(axis=0)
            told = late[:, span[r.population]]
            readouts[r.name] = r.read(earlier + told if r.cumulative else told, p)
        self._sent = sent
        spikes = {}
        if steps:
            when, who = np.concatenate(steps) - first_step, np.concatenate(cells)
            for p in self.network.populations:
                mine = (who >= span[p.name].start) & (who < span[p.name].stop)
                spikes[p.name] = Spikes(when[mine], who[mine] - span[p.name].start)
        by_name = {p.name: counts[:, span[p.name]].reshape(total, *p.shape[:2], -1) for p in self.network.populations}
        return Recording(total, self.layout.frame_steps, self.layout.dt_ms, by_name, readouts, spikes)


def prepare(engine: Engine, layout: Layout, state: State | None, seed: int) -> State:
    """Check that an engine can run a network, and give the state in which it begins.

    Parameters
    ----------
    engine : Engine
    layout : Layout
    state : State or None
        State to go on from; the initial one when left out.
    seed : int
        For the initial state.

    Returns
    -------
    State

    Raises
    ------
    EngineError
        If the engine cannot run the network; all reasons are named.
    StateError
        If the state belongs to another step size or lacks an array.
    """
    reasons = engine.unsupported(layout.network)
    if reasons:
        raise EngineError(sentence(f"engine {engine.name!r}", "cannot run this network: " + "; ".join(reasons)))
    wanted = initial_state(layout.network, dt_ms=layout.dt_ms, seed=seed if state is None else state.seed)
    if state is None:
        return wanted
    if abs(state.dt_ms - layout.dt_ms) > 1e-12:
        raise StateError(sentence("state.dt_ms", "was made at another step", got=state.dt_ms, allowed=str(layout.dt_ms)))
    for key, array in wanted.arrays.items():
        if key not in state.arrays or state.arrays[key].shape != array.shape:
            raise StateError(
                sentence(
                    f"state[{key!r}]",
                    "does not fit the network",
                    got=state.arrays[key].shape if key in state.arrays else "nothing",
                    allowed=str(array.shape),
                    cure="use the state of this very network",
                )
            )
    for j in layout.network.projections:
        if layout.network.population(j.source).sign != "mixed" and (state.weights(j.name) < 0).any():
            raise StateError(
                sentence(f"state weights of {j.name}", "are below 0", cure="weights are magnitudes; the sign belongs to the source")
            )
        if (
            j.rule is not None
            and j.w_max_mV is not None
            and float(np.max(state.arrays[f"weights/{j.name}"], initial=0.0)) > j.w_max_mV * (1 + 1e-6)
        ):
            raise StateError(sentence(f"state weights of {j.name}", "are above their bound", allowed=f"<= {j.w_max_mV} mV"))
    return state
