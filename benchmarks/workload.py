"""The common workload: a layer of spike sources onto a recurrent layer of LIF cells, unshared 5x5 fields, from seeds alone.

32 x 32 sites: A, 8 spike sources a site (10 Hz Poisson, one fixed raster); B, 16 LIF cells a site (12 push, 4 pull),
3.0 million synapses A->B and 6.1 million B->B. Every engine gets this description, these weights and this raster.
"""

from __future__ import annotations

import numpy as np

from plasticity.stdp import PairSTDP
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.state import initial_state
from snn.synapses import Receptor
from snn.topology import LocalField, edges
from snn.weights import Uniform

STEPS = 1000  # of 1 ms: one biological second, one frame of the network
SIDE = 32
MEAN_A, MEAN_EXC, MEAN_INH = 1.75, 0.5, 2.0  # mV
TAU_MEM, TAU_SYN, THRESHOLD = 20.0, 5.0, 15.0
W_MAX = 3 * MEAN_A
RULE = PairSTDP(a_plus_mV=0.005 * MEAN_A, a_minus_mV=0.00525 * MEAN_A, tau_plus_ms=20.0, tau_minus_ms=20.0)
SEED = 1


def network(side: int = SIDE, *, learning: bool = False) -> Network:
    receptor = Receptor(name="g", tau_ms=TAU_SYN)
    a = Population(name="A", shape=(side, side, 8), cell=SpikeSource())
    cell = LIF(tau_mem_ms=TAU_MEM, v_threshold_mV=THRESHOLD, v_reset_mV=0.0, t_ref_ms=0.0)
    b = Population(name="B", shape=(side, side, 16), cell=cell, sign="mixed", receptors=(receptor,))
    common = {"target": "B", "receptor": "g", "delay_ms": 1.0}
    projections = (
        Projection(
            source="A",
            topology=LocalField(size=5),
            weights=Uniform(low_mV=0, high_mV=2 * MEAN_A),
            rule=RULE if learning else None,
            w_max_mV=W_MAX if learning else None,
            **common,
        ),
        Projection(
            source="B",
            topology=LocalField(size=5, pre_features=(0, 12)),
            weights=Uniform(low_mV=0, high_mV=2 * MEAN_EXC),
            label="push",
            **common,
        ),
        Projection(
            source="B",
            topology=LocalField(size=5, pre_features=(12, 16)),
            weights=Uniform(low_mV=-2 * MEAN_INH, high_mV=0),
            label="pull",
            **common,
        ),
    )
    return Network(name="benchmark", frame_ms=float(STEPS), populations=(a, b), projections=projections)


def raster(net: Network) -> np.ndarray:
    """Spikes of A: 10 Hz."""
    return np.random.default_rng(7).random((STEPS, net.population("A").n)) < 0.01


def synapses(net: Network) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Source cells, target cells and weights onto B, by source, for engines that want lists; as our engine draws them."""
    arrays = initial_state(net, dt_ms=1.0, seed=SEED).arrays
    found: dict[str, list[tuple[np.ndarray, ...]]] = {"A": [], "B": []}
    for j in net.projections:
        e = edges(j.topology, net.population(j.source).grid, net.population(j.target).grid)
        w = np.asarray(arrays[f"weights/{j.name}"]).ravel()[e.weight]
        found[j.source].append((e.pre.astype(np.int32), e.post.astype(np.int32), w))
    return {k: tuple(np.concatenate(x) for x in zip(*v, strict=True)) for k, v in found.items()}  # type: ignore[misc]


def n_synapses(net: Network) -> int:
    total = 0
    for j in net.projections:
        pre, post = net.population(j.source).grid, net.population(j.target).grid
        one = np.zeros(post.rows, dtype=int)  # the field is square and the grids are equal: count along one axis
        for r in range(pre.rows):
            one[max(0, r - 2) : r + 3] += 1
        f = j.topology.pre_features or (0, pre.features)  # type: ignore[union-attr]
        total += int(one.sum()) ** 2 * (f[1] - f[0]) * post.features
    return total


def events(net: Network, sent_a: np.ndarray, sent_b: np.ndarray) -> float:
    """Synaptic events: spikes times synapses that each reaches, from counts of shape (rows, cols, features)."""
    reach = np.array([min(net.population("B").shape[0], r + 3) - max(0, r - 2) for r in range(net.population("B").shape[0])])
    sites = np.outer(reach, reach) * net.population("B").shape[2]
    return float((sent_a.sum(-1) * sites).sum() + (sent_b.sum(-1) * sites).sum())
