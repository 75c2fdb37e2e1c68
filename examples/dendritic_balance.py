"""Cells that learn single bars where bars come in pairs: inhibition that balances branches, beside inhibition of the soma.

    python examples/dendritic_balance.py --out dendritic_balance.png

Eight cells see pictures of 4x4 pixels with a horizontal and a vertical bar, which in 70 % of them belong together (Mikulasch,
Rudelt & Priesemann 2021, https://doi.org/10.1073/pnas.2021925118, their bars). Each input has a branch of its own on each cell.
With dendritic balance the spikes of all cells inhibit every branch: its potential is what no cell has told yet, and from it the
branch learns. With somatic balance the spikes of the others inhibit the cell as a whole, and a branch is inhibited by its own cell
alone, so that it learns from pairs of its input and its cell. All else is the same. Below, pictures of one bar, at fewer spikes, where
cells have no reason to fire together: there both learn.

Branches and the trunk in which they add up are graded cells whose resting potential is raised, so that what they send can go both ways.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import BranchBalance, BranchInput, TargetRate
from snn.cells import Escape, RateUnit, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection, Signal, Tap
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant, Uniform

SIDE, N_CELLS, FRAME_STEPS = 4, 8, 100
N_INPUTS = SIDE * SIDE
BRANCH_mV, TRUNK_mV = 20.0, 200.0
"""Potential of a branch and of a trunk in balance."""
SUM_mV = math.e - 1.0
"""Weight of a pulse in every step with which a membrane of 1 ms rests at the pulses' own size."""
PICTURES = {"pairs": (0.7, 15.0, 1.0), "single": (None, 5.0, 0.7)}
"""Share of pairs that always come together (None for no pairs), rate of cells in Hz, and share of pictures that it takes."""
FED = "in->branches/exc"


def circuit(balance: str, *, eta: float, rate_Hz: float) -> Network:
    """Inputs, their branches on each cell, trunks, cells; ``balance`` is 'dendritic' or 'somatic'."""
    graded = RateUnit(tau_mem_ms=1.0, gain_Hz_per_mV=1000.0)
    # The dendrite of this cell is not used: what it is wanted for is spikes by chance.
    soma = TwoCompartment(
        tau_mem_ms=1.0, tau_dend_ms=2.0, coupling=0.0, v_threshold_mV=10.0, t_ref_ms=3.0,
        escape=Escape(rate_max_Hz=1000.0, k=1.0, width_mV=0.25),
    )  # fmt: skip
    places = [(i, j, i * N_CELLS + j) for i in range(N_INPUTS) for j in range(N_CELLS)]
    of_input, of_cell, to_trunk = (tuple(p) for p in zip(*(((i, b), (j, b), (b, j)) for i, j, b in places), strict=True))
    fast, slow = Receptor(name="sum", kinetics="pulse"), (Receptor(name="exc", tau_ms=10.0), Receptor(name="inh", tau_ms=10.0))
    signals = (Signal(name="cell", taps=(Tap(population="cells", pairs=of_cell),)),)
    at_branch, at_trunk = (BranchBalance(eta=2 * eta, rest_mV=rest) for rest in (BRANCH_mV, TRUNK_mV))
    inhibits = {"source": "cells", "receptor": "inh", "weights": Constant(value_mV=0.0), "delay_ms": 1.0, "w_max_mV": 1000.0}
    adds = {"receptor": "sum", "weights": Constant(value_mV=SUM_mV), "delay_ms": 1.0}
    whom = Dense() if balance == "dendritic" else OneToOne(pairs=of_cell)
    others = () if balance == "dendritic" else (Projection(target="trunk", topology=Dense(), rule=at_trunk, **inhibits),)
    return Network(
        frame_ms=float(FRAME_STEPS),
        populations=(
            Population(name="in", shape=(1, 1, N_INPUTS), cell=SpikeSource()),
            Population(name="tonic", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory"),
            Population(name="branches", shape=(1, 1, len(places)), cell=graded, biased=True, bias_mV=BRANCH_mV, receptors=slow),
            Population(
                name="trunk", shape=(1, 1, N_CELLS), cell=graded, biased=True, bias_mV=TRUNK_mV - N_INPUTS * BRANCH_mV,
                receptors=(fast, slow[1]),
            ),
            Population(
                name="cells", shape=(1, 1, N_CELLS), cell=soma, sign="inhibitory", biased=True, bias_mV=30.0 - TRUNK_mV, receptors=(fast,)
            ),
        ),
        projections=(
            Projection(
                source="in", target="branches", receptor="exc", topology=OneToOne(pairs=of_input), delay_ms=1.0, w_max_mV=10.0,
                weights=Uniform(low_mV=0.02, high_mV=0.06), rule=BranchInput(eta=eta, rest_mV=BRANCH_mV), signals=signals,
            ),
            Projection(target="branches", topology=whom, rule=at_branch, **inhibits),
            *others,
            Projection(source="branches", target="trunk", topology=OneToOne(pairs=to_trunk), **adds),
            Projection(source="trunk", target="cells", topology=OneToOne(), **adds),
            Projection(
                source="tonic", target="cells", receptor="sum", topology=Dense(), weights=Constant(value_mV=20.0 * SUM_mV), delay_ms=1.0,
                rule=TargetRate(target_Hz=rate_Hz), w_max_mV=1000.0,
            ),
        ),
    )  # fmt: skip


def bar(k: int) -> np.ndarray:
    """Picture (4, 4) of bar ``k``: rows, then columns."""
    picture = np.zeros((SIDE, SIDE))
    picture[(k, slice(None)) if k < SIDE else (slice(None), k - SIDE)] = 1.0
    return picture


def pictures(n: int, together: float | None, rng: np.random.Generator) -> np.ndarray:
    """Pictures (n, 16) of two bars, which in a share ``together`` are row and column of one number; of one bar for None."""
    first, other = rng.integers(2 * SIDE, size=n), rng.integers(2 * SIDE, size=n)
    second = first if together is None else np.where(rng.random(n) < together, (first + SIDE) % (2 * SIDE), other)
    bars = np.array([bar(k).ravel() for k in range(2 * SIDE)])
    return np.maximum(bars[first], bars[second])


def shown(simulation: Simulation, seen: np.ndarray, rng: np.random.Generator, *, learn: bool) -> np.ndarray:
    """Spikes of each cell (n, 8) while pictures are shown for 100 ms each; a bright pixel spikes in half of the steps."""
    lit = np.repeat(seen, FRAME_STEPS, axis=0)
    rasters = {"in": rng.random(lit.shape) < 0.5 * lit, "tonic": np.ones((len(lit), 1), bool)}
    recording = simulation.run(n_frames=len(seen), rasters=rasters, learn=learn)
    return np.asarray(recording.counts["cells"], dtype=float).reshape(len(seen), N_CELLS)


def unexplained(spikes: np.ndarray, seen: np.ndarray) -> float:
    """Share of the variance of pictures that a linear reading of spike counts leaves; fitted on one half, taken on the other."""
    x, half = np.column_stack([spikes, np.ones(len(spikes))]), len(seen) // 2
    read = np.linalg.lstsq(x[:half], seen[:half], rcond=None)[0]
    test = seen[half:]
    return float(((test - x[half:] @ read) ** 2).sum() / ((test - test.mean(axis=0)) ** 2).sum())


def bars_learned(fields: np.ndarray) -> int:
    """How many of the eight bars are the field of some cell (8, 16), with a cosine above 0.9."""
    bars = np.array([bar(k).ravel() / math.sqrt(SIDE) for k in range(2 * SIDE)])
    return int(((fields / np.linalg.norm(fields, axis=1, keepdims=True) @ bars.T).max(axis=0) > 0.9).sum())


def learned(balance: str, kind: str, seed: int, n: int, *, eta: float = 5e-4) -> tuple[np.ndarray, float, float]:
    """Fields (8, 16) in mV, unexplained share of pictures, and mean rate in Hz, after ``n`` pictures; of 500 that are new."""
    rng, (together, rate_Hz, _) = stream(seed, "dendritic balance"), PICTURES[kind]
    simulation = engine("event").build(circuit(balance, eta=eta, rate_Hz=rate_Hz), dt_ms=1.0, seed=seed)
    for begin in range(0, n, 500):
        shown(simulation, pictures(min(500, n - begin), together, rng), rng, learn=True)
    test = pictures(500, together, rng)
    spikes = shown(simulation, test, rng, learn=False)
    fields = simulation.state().weights(FED).reshape(N_INPUTS, N_CELLS).T
    return fields, unexplained(spikes, test), float(spikes.mean() * 1000.0 / FRAME_STEPS)


def main(out: Path, seeds: Collection[int] = (0,), n: int = 2400) -> dict[str, list[float]]:
    """Learn with both kinds of balance, draw the fields of the first seed, and give the numbers that the figure shows."""
    fig, axes = plt.subplots(2, 2, figsize=(8.0, 4.2), layout="constrained")
    said: dict[str, list[float]] = {}
    for row, kind in zip(axes, PICTURES, strict=True):
        for panel, balance in zip(row, ("dendritic", "somatic"), strict=True):
            found = [learned(balance, kind, seed, round(PICTURES[kind][2] * n)) for seed in seeds]
            said[f"bars learned, {kind}, {balance}"] = [float(bars_learned(fields)) for fields, _, _ in found]
            said[f"unexplained, {kind}, {balance}"] = [share for _, share, _ in found]
            said[f"rate, {kind}, {balance}"] = [rate for _, _, rate in found]
            tiles = found[0][0].reshape(N_CELLS, SIDE, SIDE)
            page = np.full((2 * SIDE + 1, 4 * SIDE + 3), np.nan)
            for k, tile in enumerate(tiles):
                page[k // 4 * (SIDE + 1) :, k % 4 * (SIDE + 1) :][:SIDE, :SIDE] = tile / tiles.max()
            panel.imshow(page, cmap="gray", vmin=0.0, vmax=1.0)
            bars, share = said[f"bars learned, {kind}, {balance}"][0], said[f"unexplained, {kind}, {balance}"][0]
            panel.set_title(f"{balance} balance, {kind}: {bars:.0f} of 8 bars, {100 * share:.0f} % unexplained", fontsize=8)
            panel.set_axis_off()
    # Thresholds find the rate, and nothing else learns.
    said["unexplained, pairs, never learned"] = [learned("dendritic", "pairs", seed, 500, eta=0.0)[1] for seed in seeds]
    fig.savefig(out, dpi=150)
    for name, values in said.items():
        print(f"{name}: {', '.join(f'{x:.3g}' for x in values)}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("dendritic_balance.png"))
    parser.add_argument("--seeds", type=int, default=1, help="how many; each takes half a minute")
    given = parser.parse_args()
    main(given.out, range(given.seeds))
