"""Numbers of learned weights: how large, how full, how far from birth, how balanced, how aligned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from plasticity.compose import Compose
from plasticity.feedback import SymmetricFeedback, SymmetricForecast, alignment_deg, counterparts, net_alignment_deg
from snn.description import Network, Projection
from snn.local import Rule
from snn.state import State

Floats = NDArray[np.float64]


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
    growing : bool
        Whether both only ever grow, by `SymmetricForecast`, so that they overlap by their nature.
    """

    excitatory: str
    inhibitory: str
    total_mV: float
    overlap: float
    growing: bool = False


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
        Excitatory, inhibitory; of the same geometry onto the same population and receptors.
    """
    plastic = [j for j in network.projections if j.rule is not None]
    return [(a, b) for a, b in product(plastic, plastic) if b.source == f"{a.source}_inh" and _place(a) == _place(b)]


def _place(j: Projection) -> tuple[object, ...]:
    """Where a route lies on its target; receptors such as ``dendrite_exc`` and ``dendrite_inh`` are one place."""
    return j.target, j.topology, j.receptor.removesuffix("_exc").removesuffix("_inh")


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
    return Pair(a.name, b.name, float(up.sum() + down.sum()) / n, overlap, _learns_by(a, SymmetricForecast))


def balance(network: Network, state: State) -> dict[str, Balance]:
    """Sum what every cell receives, by sign; sums of other kinetics are not alike and stay apart, gates are no currents.

    A synapse with short-term plasticity counts with what the first spike of a rested cell delivers.

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
        receptor = next(r for r in target.receptors if r.name == j.receptor)
        if receptor.kinetics == "gate":
            continue
        where = receptor.kinetics if receptor.compartment == "soma" else f"{receptor.kinetics}, {receptor.compartment}"
        edges = network.edges(j)
        w = state.weights(j.name).ravel()[edges.weight]
        if j.spread:
            unit = edges.pre // (1 if target.pools is None else source.copies)
            w = w * np.asarray(state.arrays[f"factor/{j.name}"], dtype=np.float64)[unit]
        if j.short_term:
            w = w * j.short_term.utilisation
        w = -w if source.sign == "inhibitory" else w
        found = sums.setdefault(f"{target.name} ({where})", np.zeros((2, target.n)))
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
    forward = [j for j in network.projections if _learns_by(j, SymmetricForecast)]
    backward = [j for j in network.projections if _learns_by(j, SymmetricFeedback)]
    found: dict[str, float] = {}
    for a, b in product(forward, backward):
        if not _meet(network, a, b):
            continue
        found[f"{a.name} and {b.name}"] = alignment_deg(network, state, a.name, b.name)
        less = _beside(network, a, forward), _beside(network, b, backward)
        if less[0] and less[1] and network.population(b.source).sign == "excitatory":
            net = net_alignment_deg(network, state, (a.name, less[0]), (b.name, less[1]))
            found[f"{a.name} less inhibition and {b.name} less inhibition"] = net
    return found


def _learns_by(j: Projection, kind: type[Rule]) -> bool:
    return j.rule is not None and any(isinstance(rule, kind) for rule in _rules(j.rule))


def _beside(network: Network, j: Projection, others: list[Projection]) -> str | None:
    """Name the learned route of the other sign at the same place."""
    sign = network.population(j.source).sign
    return next((k.name for k in others if _place(k) == _place(j) and network.population(k.source).sign != sign), None)


def _rules(rule: Rule) -> Iterator[Rule]:
    """Yield a rule, or those that it is made of."""
    if isinstance(rule, Compose):
        for part in rule.rules:
            yield from _rules(part)
    else:
        yield rule


def _meet(network: Network, a: Projection, b: Projection) -> bool:
    """Tell whether the second leads back along synapses of the first."""
    found = counterparts(network, a.name, b.name)
    return found is not None and len(found[0]) > 0
