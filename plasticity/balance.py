"""Calibration of the error cells: a phase in which inhibition alone learns, until what is as predicted is silent.

An error cell compares an excitatory with an inhibitory route, and its silence says nothing unless the two are equal. Before
the forecast learns, the circuit is shown scenes that its fixed persistence path forecasts rightly, such as still
photographs. There whatever error cells say is their own imbalance, and inhibitory plasticity takes it away. Afterwards that
plasticity must all but stop, or it would explain away every error that lasts, and with it what the forecast learns from.

All four inhibitory routes of a site are plastic: changes are told by two populations, up and down, so that each error cell
is inhibited both by the partner of the forecast and by that of the target, and an error in either leaves a residue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import numpy as np

from plasticity.training import Plan, learn
from snn.description import Network, Projection
from snn.engines.driver import Simulation
from snn.errors import DescriptionError, sentence
from snn.local import Rule
from snn.state import State
from snn.stimuli.movie import Movie

__all__ = ["CALIBRATION", "ERRORS", "Build", "balancing", "calibrate", "inhibition_of_errors", "with_rule"]

ERRORS = ("level0.error_pos", "level0.error_neg")
"""The cells that are calibrated."""
CALIBRATION = Plan(passes=1, stretch=50, warm_up=2)
"""Every scene once; the two frames in which the forecast cannot be right yet teach nothing."""


class Build(Protocol):
    """What makes a simulation, such as a job."""

    def __call__(self, network: Network, state: State | None = None) -> Simulation:
        """Build the network.

        Parameters
        ----------
        network : Network
        state : State, optional
            At birth when left out.
        """


def inhibition_of_errors(network: Network) -> tuple[str, ...]:
    """Name the projections from inhibitory populations onto the error cells of level 0.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of str

    Raises
    ------
    DescriptionError
        If there are none.
    """
    found = tuple(j.name for j in network.projections if j.target in ERRORS and network.population(j.source).sign == "inhibitory")
    if not found:
        cure = "give a network that `snn.prednet.prednet` has made"
        raise DescriptionError(sentence("network.projections", "nothing inhibits the error cells of level 0", cure=cure))
    return found


def with_rule(network: Network, names: Collection[str], rule: Rule | None) -> Network:
    """Let some projections learn by a rule without signals, or not at all, and leave the others as they are.

    Parameters
    ----------
    network : Network
    names : collection of str
        Names of projections.
    rule : Rule or None
        None freezes them.

    Returns
    -------
    Network
    """
    return _edited(network, lambda j: j.model_copy(update={"rule": rule, "signals": ()}) if j.name in names else j)


def balancing(network: Network, rule: Rule) -> Network:
    """Give the same network in which inhibition of the error cells learns, and nothing else does.

    Parameters
    ----------
    network : Network
    rule : Rule
        How it learns; a rule without signals.

    Returns
    -------
    Network
    """
    frozen = with_rule(network, [j.name for j in network.projections if j.rule is not None], None)
    return with_rule(frozen, inhibition_of_errors(network), rule)


def calibrate(
    build: Build,
    network: Network,
    scenes: Sequence[Movie],
    rule: Rule,
    *,
    plan: Plan = CALIBRATION,
    seed: int = 0,
    watch: Callable[[int, Simulation], None] | None = None,
) -> State:
    """Let the inhibition of the error cells learn on scenes that are as predicted.

    While it does, weights that the network learns by its other rules are 0, so that persistence alone forecasts.

    Parameters
    ----------
    build : callable
        Makes a simulation of a network and a state.
    network : Network
    scenes : sequence of Movie
        Clips that the persistence path forecasts rightly from the third frame on.
    rule : Rule
        How inhibition learns.
    plan : Plan
        How often the scenes are shown.
    seed : int
        Seed of their order.
    watch : callable, optional
        Called after every stretch with the number of those shown and the simulation that learns.

    Returns
    -------
    State
        Of ``network`` at birth, but for the inhibition of its error cells.
    """
    routes = inhibition_of_errors(network)
    phase, born = balancing(network, rule), build(network).state()
    taught = [f"weights/{j.name}" for j in network.projections if j.rule is not None and j.name not in routes]
    arrays = {**build(phase).state().arrays, **{k: a for k, a in born.arrays.items() if k.startswith("weights/")}}
    arrays |= {k: np.zeros_like(arrays[k]) for k in taught}
    simulation = build(phase, State(arrays, born.step, born.seed, born.dt_ms, phase.digest))
    learn(simulation, scenes, plan, seed=seed, after=None if watch is None else lambda progress, s: watch(progress.done, s))
    learned = simulation.state()
    kept = {f"weights/{name}": learned.arrays[f"weights/{name}"] for name in routes}
    return State({**born.arrays, **kept}, born.step, born.seed, born.dt_ms, born.digest)


def _edited(network: Network, edit: Callable[[Projection], Projection]) -> Network:
    fields = {name: getattr(network, name) for name in type(network).model_fields}
    return Network(**{**fields, "projections": tuple(edit(j) for j in network.projections)})
