"""The workload on which rules are timed: sources onto cells that a teacher fires, so that every rule meets the same spikes.

24 x 24 sites of 8 sources and 16 cells, fields of 5, 1.7 million synapses with weights of their own, 1 ms, frames of 50 ms. What a rule
costs depends on how often either side of a synapse fires. Were cells fired by what they learn, rules would be compared at other rates;
so their threshold is out of reach, and a pulse from a teacher of their own takes them over it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plasticity import PairSTDP, RewardModulatedSTDP, TripletSTDP, VogelsSTDP, WeightDependentSTDP
from plasticity.catalogue import CATALOGUE
from snn.cells import LIF, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection, Sign
from snn.local import Rule
from snn.seeding import stream
from snn.synapses import Receptor
from snn.testing.rules import cell_for, signals_of
from snn.topology import LocalField, OneToOne
from snn.weights import Constant, Uniform

SIDE, FRAMES, FRAME_ms = 24, 10, 50.0
SOURCES_Hz, TARGETS_Hz, SIGNALS_Hz = 20.0, 10.0, 20.0
W_MAX_mV, NEVER_mV = 2.0, 1e6
PUSH_mV = 1000 * NEVER_mV
PEERS: tuple[type[Rule], ...] = (PairSTDP, TripletSTDP, VogelsSTDP, WeightDependentSTDP, RewardModulatedSTDP)
"""Rules that Brian2 runs beside ours."""


def network(rule: Rule, side: int = SIDE, *, learns: bool = True) -> Network:
    """One projection that learns, from sources to cells, and a teacher.

    Parameters
    ----------
    rule : Rule
    side : int
        Sites along an edge.
    learns : bool
        False for the same synapses without their rule, on the cell that the rule needs.

    Returns
    -------
    Network
    """
    # No refractory time, so that cells fire whenever they are told, on every engine.
    cell, fast = cell_for(rule, v_threshold_mV=NEVER_mV, t_ref_ms=0.0)
    if isinstance(cell, TwoCompartment):
        # A cell that spikes by chance would have a rate of its own, and one that is not reset would go on firing.
        cell = cell.model_copy(update={"escape": None, "reset_by_mV": None})
    sign: Sign = CATALOGUE[type(rule)].source if type(rule) in CATALOGUE else "excitatory"
    shape, signals = (side, side, 16), signals_of(rule) if learns else ()
    return Network(
        name=f"cost of {rule.kind}",
        frame_ms=FRAME_ms,
        populations=(
            Population(name="in", shape=(side, side, 8), cell=SpikeSource(), sign=sign),
            Population(name="push", shape=shape, cell=SpikeSource()),
            Population(name="out", shape=shape, cell=cell, receptors=(fast, Receptor(name="push", kinetics="pulse"))),
            *(Population(name=s.taps[0].population, shape=shape, cell=SpikeSource()) for s in signals),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="fast", topology=LocalField(size=5), weights=Uniform(low_mV=0.0, high_mV=W_MAX_mV),
                delay_ms=1.0, rule=rule if learns else None, signals=signals, w_max_mV=W_MAX_mV if learns else None,
            ),
            Projection(
                source="push", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=PUSH_mV), delay_ms=1.0,
            ),
        ),
    )  # fmt: skip


def rasters(described: Network, n_frames: int = FRAMES) -> dict[str, NDArray[np.bool_]]:
    """Spikes of all sources, the same for all rules.

    Parameters
    ----------
    described : Network
    n_frames : int
        Frames of `FRAME_ms`.

    Returns
    -------
    dict of str to ndarray of bool, shape (n_steps, n_cells)
    """
    rates, steps = {"in": SOURCES_Hz, "push": TARGETS_Hz}, n_frames * round(FRAME_ms)
    found = {
        p.name: stream(0, "benchmark", "rules", p.name).random((steps, p.n)) < rates.get(p.name, SIGNALS_Hz) / 1000.0
        for p in described.populations
        if isinstance(p.cell, SpikeSource)
    }
    # Brian2 resets a cell after what arrives in the step of its spike, ours before: no two pushes in a row.
    # The last one would be heard after the end.
    found["push"][1:] &= ~found["push"][:-1]
    found["push"][-1] = False
    return found


def arrivals(described: Network, given: dict[str, NDArray[np.bool_]]) -> float:
    """Count what is called an event: arrivals of spikes at the synapses that learn."""
    return float((given["in"].sum(axis=0) * described.out_degree(described.projections[0])).sum())


def membrane(described: Network) -> tuple[float, float]:
    """Decays of the cell and of its receptor, in ms, for engines that are told in words."""
    out = described.population("out")
    assert isinstance(out.cell, LIF) and out.receptors[0].tau_ms is not None
    return out.cell.tau_mem_ms, out.receptors[0].tau_ms
