"""Numbers that tell why a circuit learns or does not: activity, gates, learned routes, balance, alignment.

Everything here is a function of the description, the state and recordings; `comparisons.advice` says how to read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.route_diagnostics import Balance, Pair, Route, alignments, balance, learned_pairs, pair, route
from snn.description import Network
from snn.recording import Recording
from snn.state import State

SELECTOR = ".selector"
"""Ending of the name of the cells that choose a branch; their last feature is copying."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gates:
    """How the branches of a level share its forecast.

    Attributes
    ----------
    entropy_nats : float
        Of the shares of the selectors' spikes at one site in one frame, mean over those that have spikes: 0 where one
        branch has it all, ``log(K + 1)`` where all share alike. NaN where no selector fired.
    shares : tuple of float
        Share of each branch, then of copying, of all selector spikes.
    """

    entropy_nats: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Activity:
    """How active a circuit was.

    Attributes
    ----------
    n_frames : int
    rates_Hz : dict of str to float
        Mean rate of each population's cells (rate units: of the spikes that they stand for).
    input_spikes : float
        Spikes a pixel a frame of the populations that frames drive; NaN where there are none.
    all_spikes : float
        The same of all populations.
    gates : dict of str to Gates
        Per population of selectors; empty with one branch.
    """

    n_frames: int
    rates_Hz: dict[str, float]
    input_spikes: float
    all_spikes: float
    gates: dict[str, Gates]


@dataclass(frozen=True)
class Diagnosis:
    """All that is known of a circuit.

    Attributes
    ----------
    activity : Activity
    routes : dict of str to Route
        Per projection that learns.
    pairs : tuple of Pair
    balance : dict of str to Balance
        Per population and kinetics of its receptors, as ``level0.prediction (exponential)``.
    alignment_deg : dict of str to float
        Per pair ``FORWARD and BACKWARD`` of routes that learn to mirror each other.
    """

    activity: Activity
    routes: dict[str, Route]
    pairs: tuple[Pair, ...]
    balance: dict[str, Balance]
    alignment_deg: dict[str, float]


def diagnose(network: Network, state: State, recordings: Iterable[Recording], born: State | None = None) -> Diagnosis:
    """Take all numbers.

    Parameters
    ----------
    network : Network
    state : State
    recordings : iterable of Recording
        Read one by one.
    born : State, optional
        The state in which learning began.

    Returns
    -------
    Diagnosis
    """
    return Diagnosis(
        measure_activity(network, recordings),
        {j.name: route(network, state, j, born) for j in network.projections if j.rule is not None},
        tuple(pair(network, state, a, b) for a, b in learned_pairs(network)),
        balance(network, state),
        alignments(network, state),
    )


def measure_activity(network: Network, recordings: Iterable[Recording]) -> Activity:
    """Count spikes.

    Parameters
    ----------
    network : Network
    recordings : iterable of Recording
        At least one.

    Returns
    -------
    Activity
    """
    total = dict.fromkeys((p.name for p in network.populations), 0.0)
    selectors = [p for p in network.populations if p.name.endswith(SELECTOR)]
    heard = {p.name: np.zeros(p.shape[2]) for p in selectors}
    entropy, sites = dict.fromkeys(heard, 0.0), dict.fromkeys(heard, 0)
    n_frames, seconds = 0, 0.0
    for recording in recordings:
        n_frames += recording.n_frames
        seconds += recording.n_frames * recording.frame_steps * recording.dt_ms / 1000.0
        for name in total:
            total[name] += float(recording.counts[name].sum())
        for name in heard:
            counts = recording.counts[name].reshape(-1, len(heard[name]))
            heard[name] += counts.sum(axis=0)
            found = entropies(counts[counts.sum(axis=1) > 0])
            entropy[name] += float(found.sum())
            sites[name] += len(found)
    pixel_frames = float(np.prod(network.frame_size)) * n_frames if network.frame_size else float("nan")
    return Activity(
        n_frames,
        {p.name: total[p.name] / (p.n * seconds) for p in network.populations},
        sum(total[p.name] for p in network.populations if p.drive) / pixel_frames,
        sum(total.values()) / pixel_frames,
        {
            name: Gates(entropy[name] / sites[name] if sites[name] else float("nan"), tuple(_shares(counts)))
            for name, counts in heard.items()
        },
    )


def _shares(counts: Floats) -> list[float]:
    return [float(x) for x in counts / counts.sum()] if counts.sum() else [float("nan")] * len(counts)


def entropies(counts: Floats) -> Floats:
    """Entropy of the shares of each row.

    Parameters
    ----------
    counts : ndarray, shape (n, k)
        Not negative; every row has a sum above 0.

    Returns
    -------
    ndarray, shape (n,)
        In nats.
    """
    share = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(share, where=share > 0, out=np.zeros_like(share))
    return np.asarray(-(share * logs).sum(axis=1) + 0.0)


def summary_columns(network: Network) -> list[str]:
    """Name the few numbers that are followed while learning.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of str
    """
    names = ["input_spikes_px_frame", "all_spikes_px_frame", *(f"{p.name}_Hz" for p in network.populations if is_error(p.name))]
    for p in network.populations:
        if p.name.endswith(SELECTOR):
            level = p.name.removesuffix(SELECTOR)
            names += [f"{level}.entropy_nats", *(f"{level}.share_{label}" for label in share_labels(p.shape[2]))]
    return names


def summary_row(activity: Activity) -> dict[str, float]:
    """Give the few numbers that are followed while learning.

    Parameters
    ----------
    activity : Activity

    Returns
    -------
    dict of str to float
        Per name as in `summary_columns`.
    """
    row = {"input_spikes_px_frame": activity.input_spikes, "all_spikes_px_frame": activity.all_spikes}
    row |= {f"{name}_Hz": rate for name, rate in activity.rates_Hz.items() if is_error(name)}
    for name, gates in activity.gates.items():
        level = name.removesuffix(SELECTOR)
        row[f"{level}.entropy_nats"] = gates.entropy_nats
        row |= {f"{level}.share_{label}": x for label, x in zip(share_labels(len(gates.shares)), gates.shares, strict=True)}
    return row


def share_labels(n: int) -> list[str]:
    """Name what has a share.

    Parameters
    ----------
    n : int
        Branches and copying.

    Returns
    -------
    list of str
        ``branch0`` and so on, then ``copying``.
    """
    return [*(f"branch{k}" for k in range(n - 1)), "copying"]


def is_error(population: str) -> bool:
    """Tell whether a population is of error cells.

    Parameters
    ----------
    population : str
        Its name.

    Returns
    -------
    bool
    """
    return population.rpartition(".")[2].removeprefix("branch_") in ("error_pos", "error_neg")
