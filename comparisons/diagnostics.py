"""Numbers that tell why a circuit learns or does not: activity, gates, learned routes, balance, alignment.

Everything here is a function of the description, the state and recordings; `comparisons.advice` says how to read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from plasticity.compose import Compose
from plasticity.feedback import SymmetricFeedback, SymmetricForecast, alignment_deg
from snn.description import Network, Projection
from snn.local import Rule
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
class Route:
    """Weights of a projection that learns.

    Attributes
    ----------
    per_cell_mV : float
        Sum of the weights onto a cell, mean over the target's cells.
    at_zero, at_max : float
        Share of the weights that are 0, and at their bound; the latter NaN where there is none.
    change_mV : float or None
        Euclidean norm of the change since birth; None where that is not known.
    """

    per_cell_mV: float
    at_zero: float
    at_max: float
    change_mV: float | None


@dataclass(frozen=True)
class Pair:
    """A learned excitatory route and the one of its inhibitory partner, which copies the same sources onto the same cells.

    Attributes
    ----------
    excitatory, inhibitory : str
        Names of the projections.
    total_mV : float
        Sum of both weights onto a cell, mean over the target's cells.
    overlap : float
        ``sum min(W+, W-) / sum max(W+, W-)`` over the synapses: 0 where no source does both, 1 where each undoes the
        other; NaN where all are 0.
    """

    excitatory: str
    inhibitory: str
    total_mV: float
    overlap: float


@dataclass(frozen=True)
class Balance:
    """Weight from excitatory and from inhibitory sources onto the cells of a population.

    Attributes
    ----------
    excitatory_mV, inhibitory_mV : float
        Sum of the weights onto a cell, mean over cells; both magnitudes.
    ratio : float
        Excitatory over inhibitory; NaN without inhibition.
    correlation : float
        Of both sums over the cells; NaN where either does not vary.
    """

    excitatory_mV: float
    inhibitory_mV: float
    ratio: float
    correlation: float


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


def route(network: Network, state: State, j: Projection, born: State | None = None) -> Route:
    """Look at the weights of one projection.

    Parameters
    ----------
    network : Network
    state : State
    j : Projection
    born : State, optional

    Returns
    -------
    Route
    """
    edges, w = network.edges(j), state.weights(j.name).ravel()
    places = np.unique(edges.weight)
    kept = w[places]
    change = None if born is None else float(np.linalg.norm(kept - born.weights(j.name).ravel()[places]))
    # Less by what float32 may round.
    bound = float("nan") if j.w_max_mV is None else _share(kept >= (1.0 - 1e-6) * j.w_max_mV)
    return Route(float(w[edges.weight].sum()) / network.population(j.target).n, _share(kept == 0), bound, change)


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if mask.size else float("nan")


def learned_pairs(network: Network) -> list[tuple[Projection, Projection]]:
    """Find the learned routes whose sources differ only in their sign.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of (Projection, Projection)
        Excitatory, inhibitory; of the same geometry onto the same population.
    """
    plastic = [j for j in network.projections if j.rule is not None]
    return [
        (a, b) for a, b in product(plastic, plastic) if b.source == f"{a.source}_inh" and (a.target, a.topology) == (b.target, b.topology)
    ]


def pair(network: Network, state: State, a: Projection, b: Projection) -> Pair:
    """Compare the weights of two routes, synapse by synapse.

    Parameters
    ----------
    network : Network
    state : State
    a, b : Projection
        As `learned_pairs` gives them.

    Returns
    -------
    Pair
    """
    n, at = network.population(a.target).n, network.edges(a).weight
    up, down = (state.weights(j.name).ravel()[at] for j in (a, b))
    larger = float(np.maximum(up, down).sum())
    overlap = float(np.minimum(up, down).sum()) / larger if larger > 0 else float("nan")
    return Pair(a.name, b.name, float(up.sum() + down.sum()) / n, overlap)


def balance(network: Network, state: State) -> dict[str, Balance]:
    """Sum what every cell receives, by sign; sums of other kinetics are not alike and stay apart, gates are no currents.

    Parameters
    ----------
    network : Network
    state : State

    Returns
    -------
    dict of str to Balance
    """
    sums: dict[str, Floats] = {}
    for j in network.projections:
        source, target = network.population(j.source), network.population(j.target)
        kinetics = next(r.kinetics for r in target.receptors if r.name == j.receptor)
        if kinetics == "gate":
            continue
        edges = network.edges(j)
        w = state.weights(j.name).ravel()[edges.weight]
        if j.spread:
            w = w * state.arrays[f"factor/{j.name}"][edges.pre // (1 if target.pools is None else source.copies)]
        w = -w if source.sign == "inhibitory" else w
        found = sums.setdefault(f"{target.name} ({kinetics})", np.zeros((2, target.n)))
        for row, part in enumerate((np.maximum(w, 0.0), np.maximum(-w, 0.0))):
            found[row] += np.bincount(edges.post, part, minlength=target.n)
    return {name: _balance(*found) for name, found in sums.items()}


def _balance(up: Floats, down: Floats) -> Balance:
    varies = min(np.ptp(up) - 1e-9 * up.max(), np.ptp(down) - 1e-9 * down.max()) > 0  # more than by rounding
    correlation = float(np.corrcoef(up, down)[0, 1]) if varies else float("nan")
    excitatory, inhibitory = float(up.mean()), float(down.mean())
    return Balance(excitatory, inhibitory, excitatory / inhibitory if inhibitory > 0 else float("nan"), correlation)


def alignments(network: Network, state: State) -> dict[str, float]:
    """Measure how far routes that learn to mirror each other have come.

    Parameters
    ----------
    network : Network
    state : State

    Returns
    -------
    dict of str to float
        Degrees, per ``FORWARD and BACKWARD``; empty where no such rules are.
    """
    forward = [j for j in network.projections if j.rule and any(isinstance(r, SymmetricForecast) for r in _rules(j.rule))]
    backward = [j for j in network.projections if j.rule and any(isinstance(r, SymmetricFeedback) for r in _rules(j.rule))]
    return {
        f"{a.name} and {b.name}": alignment_deg(network, state, a.name, b.name)
        for a, b in product(forward, backward)
        if _meet(network, a, b)
    }


def _rules(rule: Rule) -> Iterator[Rule]:
    """Yield a rule, or those that it is made of."""
    if isinstance(rule, Compose):
        for part in rule.rules:
            yield from _rules(part)
    else:
        yield rule


def _meet(network: Network, a: Projection, b: Projection) -> bool:
    """Tell whether the second leads back along synapses of the first."""
    n = network.population(a.target).n
    if a.source != b.target or network.population(b.source).n != n:
        return False
    there, back = network.edges(a), network.edges(b)
    return bool(np.isin(there.pre * n + there.post, back.post * n + back.pre).any())


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
