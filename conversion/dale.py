"""Dale's law for a trained circuit: cells of either sign become excitatory and inhibitory ones, and the rates stay.

A signed matrix is written ``W = P - B A`` with nothing below 0. Rates are never below 0, so an inhibitory cell that is
driven by ``A r`` is never rectified, and the circuit computes the same if both routes have the same time course.

======================== ============================================================== ===============================
route                    how the negative part gets there                               inhibitory cells
======================== ============================================================== ===============================
twin                     the cell has an inhibitory partner with the same inputs        one for each source unit
relay                    an inhibitory cell follows each source unit                    one for each source unit
feedforward_inhibition   an inhibitory cell before each target unit sums ``W-``         one for each target unit
parisien                 every weight is raised by ``e d``; one inhibitory cell a site  one for each source site, or one
                         with weights ``d`` takes ``e`` away again                      for a dense projection
======================== ============================================================== ===============================

The last three pass through one synapse more. With ``match_lag`` what excites passes through an excitatory cell of the same
kind, so that both routes have the same lag; the circuit then computes what the signed one does whose synapses all have
that further stage (`delayed`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from conversion.circuit import Circuit
from conversion.routes import Parts, feedforward, parisien, relay, staged, twin
from snn.constraints import dale
from snn.description import MIXED, Network
from snn.errors import ConversionError, nearest, sentence
from snn.state import State

Route = Literal["twin", "relay", "feedforward_inhibition", "parisien"]
ROUTES = {"twin": twin, "relay": relay, "feedforward_inhibition": feedforward, "parisien": parisien}


def route_dale(circuit: Circuit, route: Route = "twin", *, tau_ei_ms: float = 2.0, match_lag: bool = True) -> Circuit:
    """Make every cell excitatory or inhibitory.

    Parameters
    ----------
    circuit : Circuit
        With populations whose sign is mixed.
    route : {'twin', 'relay', 'feedforward_inhibition', 'parisien'}
        As the module says.
    tau_ei_ms : float
        Decay of the synapse onto interneurons; not used by ``twin``.
    match_lag : bool
        Whether excitation passes through cells of the same lag; ``twin`` has no lag to match.

    Returns
    -------
    Circuit
        Whose weights are all 0 or above.

    Raises
    ------
    ConversionError
        If there is no such route.
    """
    if route not in ROUTES:
        raise ConversionError(sentence("route", f"there is no route {route!r}", cure=nearest(route, ROUTES)))
    parts = Parts(circuit, tau_ei_ms, match_lag)
    found = ROUTES[route](parts)
    assert_dale(found.network, found.state())
    return found


def delayed(circuit: Circuit, *, tau_ei_ms: float = 2.0) -> Circuit:
    """Give every synapse of a signed circuit a further stage: what the routes through interneurons are equal to.

    Parameters
    ----------
    circuit : Circuit
    tau_ei_ms : float
        Decay of the further stage.

    Returns
    -------
    Circuit
        Still of either sign; each mixed population has a follower, of which all its synapses are.
    """
    return staged(Parts(circuit, tau_ei_ms, True))


def assert_dale(network: Network, state: State) -> None:
    """Raise unless all synapses of every cell have one sign.

    Parameters
    ----------
    network : Network
    state : State

    Raises
    ------
    ConversionError
        Naming the first population or projection that has both.
    """
    found = dale(network, state)
    if found:
        first = found[0]
        raise ConversionError(sentence(first.where, f"breaks Dale's law: {first.detail}", cure="route it with conversion.dale.route_dale"))


def share_of_synapses(circuit: Circuit) -> float:
    """Share of the synapses whose source has one sign.

    Parameters
    ----------
    circuit : Circuit

    Returns
    -------
    float
        1 when the circuit obeys Dale's law.
    """
    total = signed = 0
    for j in circuit.network.projections:
        n = int(np.count_nonzero(circuit.weights(j.name)))
        total += n
        fine = circuit.network.population(j.source).sign != MIXED and bool((circuit.weights(j.name) >= 0).all())
        signed += n if fine else 0
    return signed / max(total, 1)
