"""What the units of a circuit do while it watches a movie, in the units of the rate model, at any stage of conversion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from conversion.circuit import DT_MS, Circuit, FloatArray
from snn.engines import engine as engine_named
from snn.engines.driver import Simulation
from snn.errors import ConversionError, sentence
from snn.stimuli.movie import Movie

Moment = dict[str, FloatArray]


def simulation(circuit: Circuit, *, bin_ms: float | None = None, engine: str = "event", seed: int = 0, **options: Any) -> Simulation:
    """Build a circuit on an engine, at rest.

    Parameters
    ----------
    circuit : Circuit
    bin_ms : float, optional
        Length of what the simulation then takes for a frame; the network's own when left out.
    engine : str
    seed : int
    **options
        Of the engine.

    Returns
    -------
    Simulation
    """
    if bin_ms is not None:
        circuit = replace(circuit, network=circuit.network.override("frame_ms", bin_ms))
    return engine_named(engine, **options).build(circuit.network, state=circuit.state(seed), dt_ms=DT_MS)


def watch(circuit: Circuit, movie: Movie, *, bin_ms: float = DT_MS, engine: str = "event", seed: int = 0) -> Iterator[Moment]:
    """Show a movie, from rest, and give what every unit does, frame by frame.

    Parameters
    ----------
    circuit : Circuit
    movie : Movie
        With the frame time of the network.
    bin_ms : float
        Time over which spikes are counted; it must divide a frame.
    engine : str
    seed : int

    Yields
    ------
    dict of str to ndarray, shape (n_bins, rows, cols, features)
        Per population: mean activity in each bin of the frame, in the units of the rate model; copies are averaged.

    Raises
    ------
    ConversionError
        If the bins do not fit into a frame.
    """
    sim = simulation(circuit, bin_ms=bin_ms, engine=engine, seed=seed)
    n_bins = round(circuit.network.frame_ms / bin_ms)
    if n_bins < 1 or abs(n_bins * bin_ms - circuit.network.frame_ms) > 1e-9:
        allowed = f"divisors of {circuit.network.frame_ms:g}"
        raise ConversionError(sentence("bin_ms", "does not divide a frame", got=bin_ms, allowed=allowed))
    for frame in movie.frames:
        moment = Movie(frame[None], bin_ms)
        parts = [read(circuit, sim.run(moment).counts, bin_ms) for _ in range(n_bins)]
        yield {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def read(circuit: Circuit, counts: Any, bin_ms: float) -> Moment:
    """Turn spike counts of cells into activities of units.

    Parameters
    ----------
    circuit : Circuit
    counts : mapping of str to ndarray, shape (n_bins, rows, cols, channels)
    bin_ms : float

    Returns
    -------
    dict of str to ndarray, shape (n_bins, rows, cols, features)
    """
    found = {}
    for p in circuit.network.populations:
        by_copy = counts[p.name].reshape(-1, *p.shape, p.copies)
        found[p.name] = by_copy.mean(axis=-1) * (1000.0 / bin_ms) / circuit.per_unit_Hz[p.name]
    return found


def filtered(activity: FloatArray, before: FloatArray, tau_ms: float, bin_ms: float) -> tuple[FloatArray, FloatArray]:
    """Pass activities through an exponential filter.

    Parameters
    ----------
    activity : ndarray, shape (n_bins, ...)
    before : ndarray, shape (...)
        Value before the first bin.
    tau_ms, bin_ms : float

    Returns
    -------
    filtered : ndarray, shape (n_bins, ...)
    after : ndarray, shape (...)
        Value after the last bin.
    """
    from scipy.signal import lfilter

    keep = float(np.exp(-bin_ms / tau_ms))
    out, after = lfilter([1.0 - keep], [1.0, -keep], activity, axis=0, zi=keep * before[None])
    return out, after[0] / keep


def passed(activity: FloatArray, before: dict[str, FloatArray], key: str, tau_ms: float) -> FloatArray:
    """Pass a frame of activity through a synapse that goes on where the frame before ended.

    Parameters
    ----------
    activity : ndarray, shape (n_bins, ...)
        In bins of a step of the spiking form.
    before : dict of str to ndarray
        Where each synapse stands; is brought up to date.
    key : str
        Which one it is; it begins at 0.
    tau_ms : float

    Returns
    -------
    ndarray, shape (n_bins, ...)
    """
    out, before[key] = filtered(activity, before.get(key, np.zeros(activity.shape[1:])), tau_ms, DT_MS)
    return out
