"""Activities of a rate model become rates that cells can fire: one factor for each channel, chosen on calibration clips.

An activity of ``scale`` is told by ``r_max_Hz``. With ``W`` for the weight between two channels, ``W' = W scale_pre / scale_post``;
biases and what comes from the eye are divided by ``scale_post``. Nothing else changes, so the circuit computes the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from conversion.activity import watch
from conversion.circuit import Circuit, FloatArray, r_max_of, rate_cell, rebuilt
from snn.description import Network, Projection, RateReadout
from snn.errors import ConversionError, sentence
from snn.stimuli.movie import Movie
from snn.topology import Dense, LocalField, OneToOne, SharedKernel, channel_pairs, window

Dead = Literal["refuse", "keep", "keep_all"]
LEAST = 1e-3
"""Smallest scale of a channel, as a share of the median of its population."""


def percentiles(
    circuit: Circuit,
    movies: Sequence[Movie],
    percentile: float | Mapping[str, float] = 99.0,
    *,
    dead: Dead = "refuse",
    bin_ms: float | None = None,
    headroom: float = math.inf,
) -> dict[str, FloatArray]:
    """Measure how strong each channel gets.

    Parameters
    ----------
    circuit : Circuit
        Of rate units.
    movies : sequence of Movie
        Calibration clips; each begins at rest.
    percentile : float or mapping of str to float
        Of the activities above 0 of a channel over all sites and times; by last part of the population's name, with
        ``""`` for the others.
    dead : {'refuse', 'keep', 'keep_all'}
        What to do about channels that never do anything: raise, let them keep the scale of the others' median, or that too and give
        populations that are silent as a whole a scale of 1.
    bin_ms : float
        Time over which an activity is averaged; it must divide a frame. The longest such time of no more than 5 ms when
        left out.
    headroom : float
        Largest activity that a cell can tell, in units of the scale; where a channel once did more, on its first frames
        from rest too, its scale is larger than the percentile.

    Returns
    -------
    dict of str to ndarray, shape (features,)
        In units of the rate model.

    Raises
    ------
    ConversionError
        If the clips are shorter than the memory of the circuit, activity is not a number or constant, or a channel is dead.
    """
    refuse_short(circuit, movies)
    _refuse_diverged(circuit)
    seen: dict[str, list[NDArray[np.float32]]] = {p.name: [] for p in circuit.network.populations}
    if bin_ms is None:
        bin_ms = next(float(b) for b in (5, 4, 3, 2, 1) if circuit.network.frame_ms % b == 0)
    peaks = {p.name: np.zeros(p.shape[2]) for p in circuit.network.populations}
    for movie in movies:
        for t, moment in enumerate(watch(circuit, movie, bin_ms=bin_ms)):
            for name, activity in moment.items():
                peaks[name] = np.maximum(peaks[name], activity.max(axis=(0, 1, 2)))
                if t >= settling_frames(circuit.network):
                    seen[name].append(activity.astype(np.float32))
    found = {}
    for name, parts in seen.items():
        flat = np.concatenate(parts).reshape(-1, parts[0].shape[-1])
        if name not in circuit.partners:
            _refuse_lifeless(name, flat, dead)
        want = percentile if isinstance(percentile, int | float) else percentile.get(name.rpartition(".")[2], percentile.get("", 99.0))
        found[name] = np.maximum(_strengths(flat, want), peaks[name] / headroom)
    return found


def _strengths(flat: NDArray[np.float32], percentile: float) -> FloatArray:
    """Percentile of what is above 0 in each column; in silent ones the median of the others, or 1.

    What hardly ever is above 0 gets a share of that median: its own scale would turn into weights beyond all measure.
    """
    strengths = np.array([np.percentile(column[column > 0], percentile) if (column > 0).any() else np.nan for column in flat.T])
    others = 1.0 if np.isnan(strengths).all() else float(np.nanmedian(strengths))
    return np.where(np.isnan(strengths), others, np.maximum(strengths, LEAST * others)).astype(np.float64)


def scale(circuit: Circuit, scales: Mapping[str, FloatArray], r_max_Hz: float) -> Circuit:
    """Let the given activity of each channel be told by ``r_max_Hz``.

    Parameters
    ----------
    circuit : Circuit
        Of rate units.
    scales : mapping of str to ndarray, shape (features,)
        Activity per channel, such as `percentiles` gives.
    r_max_Hz : float

    Returns
    -------
    Circuit
        With the same activities, in units of the rate model.

    Raises
    ------
    ConversionError
        If ``r_max_Hz`` is out of range or a scale is not positive.
    """
    if not 1.0 <= r_max_Hz <= 500.0:
        raise ConversionError(sentence("r_max_Hz", "is no rate of a cell at steps of 1 ms", got=r_max_Hz, allowed="1 to 500"))
    for name, values in scales.items():
        if not (np.isfinite(values).all() and (np.asarray(values) > 0).all()):
            raise ConversionError(sentence(f"scales[{name!r}]", "must be positive numbers", got=np.asarray(values).tolist()))
    network = circuit.network
    per_unit = {p.name: r_max_Hz / np.asarray(scales[p.name], dtype=np.float64) for p in network.populations}
    # By how much each rate changes, and with cells of another gain each current.
    rates = {name: per_unit[name] / circuit.per_unit_Hz[name] for name in per_unit}
    currents = {p.name: rates[p.name] * r_max_of(p) / r_max_Hz for p in network.populations}
    populations, arrays = [], {}
    for p in network.populations:
        update: dict[str, object] = {"cell": rate_cell(r_max_Hz)}
        if p.drive is not None:
            update["drive_gain"] = p.drive_gain * _one(p.name, currents[p.name])
        if p.biased:
            arrays[f"bias/{p.name}"] = circuit.bias(p.name) * np.tile(currents[p.name], p.units.rows * p.units.cols)
        populations.append(p.model_copy(update=update))
    listed = [(j, circuit.weights(j.name) * _between(network, j, 1.0 / rates[j.source], currents[j.target])) for j in network.projections]
    readouts = tuple(
        r.model_copy(update={"per_Hz": r.per_Hz / _one(r.population, rates[r.population])}) if isinstance(r, RateReadout) else r
        for r in network.readouts
    )
    old = replace(circuit, network=network.model_copy(update={"readouts": readouts}))
    return rebuilt(old, populations, listed, arrays, per_unit)


def _one(name: str, factors: FloatArray) -> float:
    """The factor that all channels of a population share."""
    if len(set(factors.tolist())) > 1:
        what = "is driven by the eye or read out, with one gain for all channels, but its channels have different scales"
        raise ConversionError(sentence(name, what, got=factors.tolist(), cure="give it one scale for all channels"))
    return float(factors[0])


def _between(network: Network, j: Projection, pre: FloatArray, post: FloatArray) -> FloatArray:
    """Broadcast factors of source and target channels over the weights of a projection."""
    source, target = network.ends(j)
    if isinstance(j.topology, Dense):
        factor: FloatArray = np.tile(pre, source.rows * source.cols)[:, None] * np.tile(post, target.rows * target.cols)[None, :]
        return factor
    if isinstance(j.topology, OneToOne):
        pairs = channel_pairs(j.topology, source, target)
        return np.array([pre[a] * post[b] for a, b in pairs])
    assert isinstance(j.topology, LocalField | SharedKernel)
    w = window(j.topology, source, target)
    found: FloatArray = pre[slice(*w.pre_channels)][:, None, None, None] * post[slice(*w.post_channels)]
    return found


def settling_frames(network: Network) -> int:
    """Frames that a circuit needs from rest until what it does no longer depends on where it began, in a first approximation.

    Parameters
    ----------
    network : Network

    Returns
    -------
    int
        Frames in its longest delay and three of its longest time constants.
    """
    taus = [r.tau_ms for p in network.populations for r in p.receptors if r.tau_ms]
    longest = max((j.delay_ms for j in network.projections), default=0.0) + 3.0 * max(taus, default=0.0)
    return max(1, int(np.ceil(longest / network.frame_ms)))


def refuse_short(circuit: Circuit, movies: Sequence[Movie]) -> None:
    """Raise where calibration clips are shorter than what the circuit remembers.

    Parameters
    ----------
    circuit : Circuit
    movies : sequence of Movie

    Raises
    ------
    ConversionError
        If there is no clip, or one is shorter than settling and some frames more.
    """
    if not movies:
        raise ConversionError(sentence("calibration clips", "there are none", cure="give clips that the model was trained on"))
    need = settling_frames(circuit.network) + 1
    for movie in movies:
        if movie.n_frames < need:
            raise ConversionError(
                sentence(
                    f"calibration clip {movie.name!r}",
                    "is shorter than the memory of the circuit",
                    got=movie.n_frames,
                    allowed=f">= {need} frames",
                    cure="give longer clips",
                )
            )


def _refuse_diverged(circuit: Circuit) -> None:
    """Raise where a population has weights or constant currents that are not numbers: an engine may hide them behind a floor."""
    arrays = {f"weights/{j.name}": j.target for j in circuit.network.projections}
    arrays |= {f"bias/{p.name}": p.name for p in circuit.network.populations if p.biased}
    for key, name in arrays.items():
        if not np.isfinite(np.asarray(circuit.arrays[key], dtype=np.float64)).all():
            raise ConversionError(sentence(name, "has activities that are not numbers", cure="the rate model has diverged; train it anew"))


def _refuse_lifeless(name: str, flat: NDArray[np.float32], dead: str) -> None:
    """Raise where activity of shape (times, channels) cannot be scaled."""
    if not np.isfinite(flat).all():
        raise ConversionError(sentence(name, "has activities that are not numbers", cure="the rate model has diverged; train it anew"))
    silent = np.flatnonzero(flat.max(axis=0) <= 0)
    if len(silent) == flat.shape[1]:
        if dead == "keep_all":
            return
        raise ConversionError(sentence(name, "is silent on all calibration clips", cure="train the rate model, or give other clips"))
    if len(silent) and dead == "refuse":
        cure = "give other clips, or keep them as they are (dead='keep', --dead keep)"
        raise ConversionError(sentence(name, "has dead channels, which no scale fits", got=silent[:8].tolist(), cure=cure))
    if np.ptp(flat, axis=0).max() <= 1e-6 * np.abs(flat).max():
        raise ConversionError(sentence(name, "has constant activity", cure="train the rate model, or give clips that move"))
