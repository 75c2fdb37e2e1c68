"""Short ways to write populations and projections of small networks."""

from __future__ import annotations

from typing import Any

from snn.cells import Cell
from snn.description import Population, Projection, Sign
from snn.synapses import Receptor
from snn.topology import Topology
from snn.weights import Constant, Uniform, Weights


def cells(
    name: str, shape: tuple[int, int, int], cell: Cell, receptors: str = "", sign: Sign = "excitatory", copies: int = 1
) -> Population:
    """Make a population.

    Parameters
    ----------
    name : str
    shape : (int, int, int)
    cell : Cell
    receptors : str
        Written ``fast 3 slow 9 stay push``: a number is a decay in ms.
    sign : {'excitatory', 'inhibitory', 'mixed'}
    copies : int

    Returns
    -------
    Population
    """
    words, found = receptors.split(), []
    for i, word in enumerate(words):
        if word in ("stay", "push"):
            found.append(Receptor(name=word, kinetics="integrating" if word == "stay" else "pulse"))
        elif not word.replace(".", "").isdigit():
            found.append(Receptor(name=word, tau_ms=float(words[i + 1])))
    return Population(name=name, shape=shape, cell=cell, receptors=tuple(found), sign=sign, copies=copies)


def join(
    source: str, target: str, receptor: str, topology: Topology, weights: Weights | float, delay_ms: float = 1.0, **more: Any
) -> Projection:
    """Make a projection.

    Parameters
    ----------
    source, target, receptor : str
    topology : Topology
    weights : Weights or float
        A number is a constant in mV.
    delay_ms : float
    **more
        Further fields.

    Returns
    -------
    Projection
    """
    weights = Constant(value_mV=weights) if isinstance(weights, float) else weights
    return Projection(source=source, target=target, receptor=receptor, topology=topology, weights=weights, delay_ms=delay_ms, **more)


def even(low_mV: float, high_mV: float) -> Uniform:
    """Draw weights evenly.

    Parameters
    ----------
    low_mV, high_mV : float

    Returns
    -------
    Uniform
    """
    return Uniform(low_mV=low_mV, high_mV=high_mV)
