"""The public checker of engines: anyone who writes one runs `check_engine` on it.

The oracle is the reference engine, spike for spike: with ``>`` for ``>=`` in one refractory test, 41 of 315 spikes moved
while their number stayed, so rates prove nothing. Tolerances have names, and no test invents another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.description import Network
from snn.engines import engine as engine_named
from snn.engines.driver import Simulation
from snn.engines.port import Engine
from snn.errors import EngineError, nearest
from snn.recording import Record, Recording
from snn.state import State, initial_state
from snn.stimuli.movie import Movie
from snn.testing.networks import Case, cases, feed_forward, forbidden, random_rasters, random_walk

__all__ = [
    "EXACT",
    "ROUND_OFF",
    "SINGLE",
    "STATISTICAL",
    "Case",
    "Single",
    "Skipped",
    "cases",
    "check_engine",
    "check_single",
    "feed_forward",
    "first_difference",
    "moved_spikes",
    "random_rasters",
    "random_walk",
    "show",
]


class Single(NamedTuple):
    """Tolerance of float32 without recurrence, over 10 s.

    Attributes
    ----------
    voltage_mV : float
        Largest difference of a membrane before the first spike that moved.
    same_step : float
        Smallest share of spikes in the same step.
    """

    voltage_mV: float
    same_step: float


EXACT = 0
"""Spikes that may move between float64 engines."""
ROUND_OFF = 1e-9
"""Difference of voltages in mV, and relative difference of weights, between float64 engines."""
SINGLE = Single(1e-3, 0.995)
"""Float32 against float64, open loop."""
STATISTICAL = 4.0
"""Standard errors at fixed seeds; for recurrent float32 only."""


class Skipped(NamedTuple):
    """A network that an engine refuses.

    Attributes
    ----------
    network : str
    reason : str
    """

    network: str
    reason: str


def show(case: Case, simulation: Simulation, first: int, stop: int, *, learn: bool = True, modulator: float = 1.0) -> Recording:
    """Show some frames of a case.

    Parameters
    ----------
    case : Case
    simulation : Simulation
    first, stop : int
        Frames ``first`` to ``stop - 1``.
    learn : bool
        Whether rules act.
    modulator : float
        Broadcast signal that rules see.

    Returns
    -------
    Recording
        With all spikes.
    """
    steps = slice(first * simulation.layout.frame_steps, stop * simulation.layout.frame_steps)
    return simulation.run(
        None if case.movie is None else Movie(case.movie.frames[first:stop], case.movie.frame_ms),
        n_frames=stop - first if case.movie is None else None,
        rasters={name: r[steps] for name, r in case.rasters.items()},
        record=Record(spikes=True),
        learn=learn,
        modulator=modulator,
    )


def check_engine(engine: Engine, reference: Engine | None = None, names: Sequence[str] | None = None) -> list[Skipped]:
    """Check that an engine obeys the law of a step, on every small network that it accepts.

    Equal seeds give equal bytes; spikes are those of the reference, step for step (`EXACT`), learning or not; weights,
    membranes and traces agree (`ROUND_OFF`); a state continues byte for byte, and on the reference; a restart is a fresh
    build with the same weights; refusals are sentences, and what is refused is not built.

    Parameters
    ----------
    engine : Engine
        In float64.
    reference : Engine, optional
        What to compare with; the reference engine when left out.
    names : sequence of str, optional
        Names of the cases to run; all of them when left out.

    Returns
    -------
    list of Skipped
        Networks that the engine refuses, with its reasons.

    Raises
    ------
    ValueError
        If there is no case of a name.
    AssertionError
        If it fails, with the network and the first step and cell that differ.
    """
    reference = reference or engine_named("reference")
    known = {case.name: case for case in cases()}
    for name in names or ():
        if name not in known:
            raise ValueError(f"check_engine.names: there is no case {name!r}; {nearest(name, known)}")
    _check_refusal(engine, forbidden())
    skipped = []
    for case in known.values() if names is None else [known[name] for name in names]:
        reasons = engine.unsupported(case.network)
        if reasons:
            _check_refusal(engine, case.network)
            skipped.append(Skipped(case.name, "; ".join(reasons)))
            continue
        _check_case(engine, reference, case)
    return skipped


def _check_case(engine: Engine, reference: Engine, case: Case) -> None:
    """Run a case in three parts, the second without learning, and compare."""
    a, b = max(1, case.n_frames // 3), max(2, 2 * case.n_frames // 3)
    parts = ((0, a, True, 1.0), (a, b, False, 1.0), (b, case.n_frames, True, 0.5))
    mine, same, other = (e.build(case.network, dt_ms=case.dt_ms, seed=5) for e in (engine, engine, reference))
    where = f"engine {engine.name!r}, network {case.name!r}"
    born = mine.state()
    states: list[State] = []
    for first, stop, learn, modulator in parts:
        one, two, three = (show(case, s, first, stop, learn=learn, modulator=modulator) for s in (mine, same, other))
        about = f"{where}, frames {first} to {stop - 1}, {'learning' if learn else 'frozen'}"
        _same(first_difference(one, two), f"{about}: two runs with one seed differ")
        _same(first_difference(one, three), f"{about}: it differs from engine {reference.name!r}")
        states.append(mine.state())
        _same(_difference(states[-1], other.state(), exact=False), f"{about}: it differs from engine {reference.name!r}")
    _same(_difference(states[-1], same.state(), exact=True), f"{where}: two runs differ, in one of which states were looked at on the way")
    _same(_difference(_weights(states[0]), _weights(states[1]), exact=False), f"{where}: weights changed while frozen")

    first, stop, learn, modulator = parts[2]
    for follower, exact in ((engine, True), (reference, False)):
        rest = follower.build(case.network, state=states[1], dt_ms=case.dt_ms)
        two = show(case, rest, first, stop, learn=learn, modulator=modulator)
        what = f"{where}: engine {follower.name!r} goes on from its state after frame {first - 1} differently"
        _same(first_difference(one, two), what)
        _same(_difference(states[2], rest.state(), exact=exact), what)

    mine.restart()
    arrays = {**initial_state(case.network, dt_ms=case.dt_ms, seed=5).arrays}
    arrays |= {key: array for key, array in states[2].arrays.items() if key.startswith(("weights/", "threshold/"))}
    # What cells do by chance is drawn for the frame's number since the network was built, and so begins there.
    step = states[2].step if any(getattr(p.cell, "escape", None) for p in case.network.populations) else born.step
    fresh = engine.build(case.network, state=State(arrays, step, born.seed, case.dt_ms, born.digest), dt_ms=case.dt_ms)
    one, two = (show(case, s, 0, a) for s in (mine, fresh))
    _same(first_difference(one, two), f"{where}: a restart differs from a fresh build with the same weights")
    _same(
        _difference(_weights(mine.state()), _weights(fresh.state()), exact=True),
        f"{where}: a restart learns differently from a fresh build",
    )


def _weights(state: State) -> State:
    return State({k: w for k, w in state.arrays.items() if k.startswith("weights/")}, 0, state.seed, state.dt_ms)


def _check_refusal(engine: Engine, network: Network) -> None:
    reasons = engine.unsupported(network)
    where = f"engine {engine.name!r}, network {network.name!r}"
    assert reasons, f"{where}: unsupported() gives no reason against a local rule on pooled copies"
    assert all(isinstance(r, str) and len(r.split()) > 3 for r in reasons), f"{where}: a reason is no sentence: {reasons}"
    try:
        engine.build(network)
    except EngineError as error:
        assert all(r in str(error) for r in reasons), f"{where}: build() hides a reason: {error}"
        return
    raise AssertionError(f"{where}: unsupported() refuses it, but build() builds it")


def check_single(engine: Engine, exact: Engine | None = None, n_frames: int = 200) -> float:
    """Check a float32 engine by the tolerance `SINGLE`, on a network without loops and without learning, for 10 s.

    Parameters
    ----------
    engine : Engine
        In float32.
    exact : Engine, optional
        What to compare with; the reference engine when left out.
    n_frames : int
        Frames of 50 ms.

    Returns
    -------
    float
        Share of spikes in the same step.

    Raises
    ------
    AssertionError
        If a membrane or too many spikes differ.
    """
    network = feed_forward()
    case = Case(network.name, network, n_frames, rasters=random_rasters(network, n_frames, share=0.03))
    mine, other = (e.build(network, seed=5) for e in (engine, exact or engine_named("reference")))
    moved = total = 0
    for t in range(n_frames):
        one, two = (show(case, s, t, t + 1, learn=False) for s in (mine, other))
        moved += moved_spikes(one, two)
        total += sum(len(s.steps) for s in two.spikes.values())
        here, there = mine.state().arrays, other.state().arrays
        for p in network.populations if moved == 0 else ():
            v, w = (np.asarray(arrays[f"v/{p.name}"], dtype=np.float64) for arrays in (here, there))
            gap = float(np.abs(v - w).max())
            assert gap <= SINGLE.voltage_mV, f"engine {engine.name!r}: V of {p.name!r} differs by {gap:.2g} mV after frame {t}"
    share = 1.0 - moved / max(total, 1)
    assert share >= SINGLE.same_step, f"engine {engine.name!r}: {moved} of {total} spikes moved"
    return share


def _codes(recording: Recording, population: str) -> NDArray[np.int64]:
    spikes = recording.spikes[population]
    return spikes.steps * (1 << 32) + spikes.cells


def moved_spikes(a: Recording, b: Recording) -> int:
    """Count the spikes of one recording that are not in the other, or the reverse, whichever is more.

    Parameters
    ----------
    a, b : Recording
        With spikes.

    Returns
    -------
    int
    """
    pairs = [(_codes(a, name), _codes(b, name)) for name in a.spikes]
    return max(sum(len(np.setdiff1d(x, y)) for x, y in pairs), sum(len(np.setdiff1d(y, x)) for x, y in pairs))


def first_difference(a: Recording, b: Recording) -> str:
    """Say where two recordings first differ.

    Parameters
    ----------
    a, b : Recording

    Returns
    -------
    str
        A sentence with step, population and cell; empty when all spikes are equal, and graded counts and readouts are
        equal to round-off.
    """
    if set(a.spikes) != set(b.spikes):
        return f"other populations: {sorted(set(a.spikes) ^ set(b.spikes))}"
    found = []
    for name in a.spikes:
        odd = np.setxor1d(_codes(a, name), _codes(b, name))
        if len(odd):
            step, cell = divmod(int(odd[0]), 1 << 32)
            who = "one" if odd[0] in _codes(a, name) else "the other"
            found.append((step, f"step {step}, population {name!r}, cell {cell} fires in {who} only"))
        elif not np.array_equal(_codes(a, name), _codes(b, name)):
            found.append((0, f"population {name!r}: the same spikes in another order"))
    if found:
        return f"{min(found)[1]}; {moved_spikes(a, b)} spikes moved, allowed {EXACT}"
    for kind, mine, other in (("counts", a.counts, b.counts), ("readout", a.readouts, b.readouts)):
        for name, values in mine.items():
            close = np.isclose(values, other[name], rtol=ROUND_OFF, atol=ROUND_OFF)
            if not close.all():
                frame, *place = np.argwhere(~close)[0].tolist()
                pair = values[frame, *place], other[name][frame, *place]
                return f"{kind} of {name!r}, frame {frame}, place {place}: {pair[0]} and {pair[1]}"
    return ""


def _difference(a: State, b: State, *, exact: bool) -> str:
    """Say in which array two states differ, or nothing."""
    if set(a.arrays) != set(b.arrays):
        return f"other arrays: {sorted(set(a.arrays) ^ set(b.arrays))}"
    if a.step != b.step:
        return f"steps {a.step} and {b.step}"
    for key, mine in a.arrays.items():
        other = b.arrays[key]
        if (mine.shape, mine.dtype) != (other.shape, other.dtype):
            return f"{key}: {mine.dtype} {mine.shape} and {other.dtype} {other.shape}"
        close = mine == other if exact else np.isclose(mine.astype(float), other.astype(float), rtol=ROUND_OFF, atol=ROUND_OFF * 1e-3)
        if not close.all():
            at = tuple(np.argwhere(~close)[0].tolist())
            return f"{key} at {at}: {mine[at]!r} and {other[at]!r}, and {int((~close).sum())} of {close.size} in all"
    return ""


def _same(difference: str, what: str) -> None:
    assert not difference, f"{what}: {difference}"
