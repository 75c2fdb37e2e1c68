"""What biology a network obeys, read back from its description and from its weights.

Construction already excludes most of it (weights are magnitudes, the sign belongs to the population, a rule sees only
what its synapse sees). These functions find what was lifted on purpose, for a table of ablations or for ``check``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from snn.description import MIXED, Network
from snn.state import State
from snn.topology import Dense, SharedKernel


class Violation(NamedTuple):
    """One breach of a constraint.

    Attributes
    ----------
    constraint : str
        Name of the constraint.
    where : str
        Population or projection.
    detail : str
        What is wrong with it.
    """

    constraint: str
    where: str
    detail: str


Violations = tuple[Violation, ...]


def dale(network: Network, state: State | None = None) -> Violations:
    """Every cell excites or inhibits, never both (Dale's law).

    Parameters
    ----------
    network : Network
    state : State, optional
        Weights to look at too.

    Returns
    -------
    tuple of Violation
    """
    found = [Violation("dale", p.name, "its sign is 'mixed'") for p in network.populations if p.sign == MIXED]
    for j in network.projections if state is not None else ():
        assert state is not None
        w = state.weights(j.name)
        wrong = int(np.count_nonzero(~(w >= 0)))
        if wrong and network.population(j.source).sign != MIXED:
            found.append(Violation("dale", j.name, f"{wrong} weights are below 0 or not numbers"))
    return tuple(found)


def negative_routes(network: Network, state: State | None = None) -> Violations:
    """Inhibition comes from inhibitory cells, and there are some: an inhibitory population reaches something.

    Parameters
    ----------
    network : Network
    state : State, optional
        Not used.

    Returns
    -------
    tuple of Violation
    """
    inhibitory = [p.name for p in network.populations if p.sign == "inhibitory"]
    silent = [name for name in inhibitory if not any(j.source == name for j in network.projections)]
    found = [Violation("inhibition", name, "is inhibitory but reaches nothing") for name in silent]
    if not inhibitory:
        found.append(Violation("inhibition", "network", "has no inhibitory population"))
    return tuple(found)


def unshared(network: Network, state: State | None = None) -> Violations:
    """No two synapses share a weight.

    Parameters
    ----------
    network : Network
    state : State, optional
        Not used.

    Returns
    -------
    tuple of Violation
    """
    return tuple(
        Violation("unshared", j.name, "one kernel serves all sites") for j in network.projections if isinstance(j.topology, SharedKernel)
    )


def unshared_copies(network: Network, state: State | None = None) -> Violations:
    """No two copies of a unit share a weight or a synaptic current.

    Parameters
    ----------
    network : Network
    state : State, optional
        Not used.

    Returns
    -------
    tuple of Violation
    """
    found = []
    for j in network.projections:
        source, target = network.population(j.source), network.population(j.target)
        if target.pools is not None and max(source.copies, target.copies) > 1:
            n = source.copies * target.copies // target.pools
            found.append(Violation("unshared_copies", j.name, f"one stored weight serves {n} synapses between copies of two units"))
    return tuple(found)


def local_fields(network: Network, state: State | None = None) -> Violations:
    """Cells reach their retinotopic neighbourhood only.

    Parameters
    ----------
    network : Network
    state : State, optional
        Not used.

    Returns
    -------
    tuple of Violation
    """
    return tuple(
        Violation("local_field", j.name, "every cell reaches every cell") for j in network.projections if isinstance(j.topology, Dense)
    )


def local_plasticity(network: Network, state: State | None = None) -> Violations:
    """Weights that changed did so by a local rule.

    Parameters
    ----------
    network : Network
    state : State, optional
        Without weights nothing can be said, and nothing is found.

    Returns
    -------
    tuple of Violation
    """
    if state is None:
        return ()
    from snn.state import initial_state

    born = initial_state(network, dt_ms=state.dt_ms, seed=state.seed)
    changed = [
        j.name
        for j in network.projections
        if j.rule is None and not np.allclose(state.weights(j.name), born.weights(j.name), rtol=1e-6, atol=0)
    ]
    return tuple(Violation("local_plasticity", name, "its weights differ from birth, but it has no local rule") for name in changed)


def spikes_only(network: Network, state: State | None = None) -> Violations:
    """Cells tell each other spikes, not graded values.

    Parameters
    ----------
    network : Network
    state : State, optional
        Not used.

    Returns
    -------
    tuple of Violation
    """
    return tuple(Violation("spikes", p.name, "sends a graded value") for p in network.populations if p.graded)


def no_max_pooling(network: Network, state: State | None = None) -> Violations:
    """Pooling is a sum over synapses; the description has no other kind, so nothing can violate this.

    Parameters
    ----------
    network : Network
    state : State, optional
        Not used.

    Returns
    -------
    tuple of Violation
        Empty.
    """
    return ()


Constraint = Callable[[Network, State | None], Violations]
CONSTRAINTS: dict[str, Constraint] = {
    "dale": dale,
    "inhibition": negative_routes,
    "unshared": unshared,
    "unshared_copies": unshared_copies,
    "local_field": local_fields,
    "local_plasticity": local_plasticity,
    "spikes": spikes_only,
    "no_max_pooling": no_max_pooling,
}


def violations(network: Network, state: State | None = None) -> Violations:
    """Check a network against every constraint.

    Parameters
    ----------
    network : Network
    state : State, optional
        Its weights.

    Returns
    -------
    tuple of Violation
        Empty when it obeys them all.
    """
    return tuple(v for check in CONSTRAINTS.values() for v in check(network, state))


def graded_quantities(network: Network) -> tuple[str, ...]:
    """List every graded quantity that passes between cells; for a spiking network there is none.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of str
        Names of populations that send numbers in place of spikes.
    """
    return tuple(p.name for p in network.populations if p.graded)
