"""Homeostasis of firing rates: a threshold that integrates, beside one that only adapts.

    python examples/homeostasis.py --out homeostasis.png

Six cells with drives that differ threefold. Those whose threshold is the weight of a tonic inhibitory synapse, moved as by
Földiák (1990), https://doi.org/10.1007/BF02331346, end at one rate. Those with an adaptation that rises with each spike and
decays slowly, the adaptive threshold of Diehl & Cook (2015), https://doi.org/10.3389/fncom.2015.00099, fire less, but in
proportion to their drive.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import TargetRate
from snn.cells import LIF, AdaptiveLIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.state import State
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Constant

TARGET_Hz, SECONDS = 10.0, 100
DRIVES_mV = np.linspace(6.0, 18.0, 6)
CELL = LIF(tau_mem_ms=10.0, v_threshold_mV=5.0, t_ref_ms=2.0)
ADAPTIVE = AdaptiveLIF(tau_mem_ms=10.0, v_threshold_mV=5.0, t_ref_ms=2.0, adaptation_mV=0.07, tau_adaptation_ms=10_000.0)


def rates_Hz(cell: LIF | AdaptiveLIF, rule: TargetRate | None) -> np.ndarray:
    """Rate of each cell in each second (SECONDS, 6)."""
    n = len(DRIVES_mV)
    plastic = {"rule": rule, "w_max_mV": 100.0} if rule else {}
    network = Network(
        frame_ms=100.0,
        populations=(
            Population(name="noise", shape=(1, 1, 20), cell=SpikeSource()),
            Population(name="tonic", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory"),
            Population(
                name="cell", shape=(1, 1, n), cell=cell, biased=True,
                receptors=(Receptor(name="in", kinetics="pulse"), Receptor(name="tonic", tau_ms=20.0)),
            ),
        ),
        projections=(
            Projection(source="noise", target="cell", receptor="in", topology=Dense(), weights=Constant(value_mV=0.1), delay_ms=1.0),
            Projection(
                source="tonic", target="cell", receptor="tonic", topology=Dense(), weights=Constant(value_mV=0.0), delay_ms=1.0, **plastic
            ),
        ),
    )  # fmt: skip
    born = engine("event").build(network).state()
    state = State({**born.arrays, "bias/cell": DRIVES_mV}, born.step, born.seed, born.dt_ms, born.digest)
    simulation = engine("event").build(network, state=state)
    rng, steps = stream(0, "homeostasis"), SECONDS * 1000
    rasters = {"noise": rng.random((steps, 20)) < 0.03, "tonic": np.arange(steps)[:, None] % 5 == 0}
    counts = simulation.run(n_frames=SECONDS * 10, rasters=rasters, learn=True).counts["cell"]
    return counts.reshape(SECONDS, 10, n).sum(axis=1)


def main(out: Path) -> None:
    """Run the three kinds of cell and draw."""
    kinds = (
        ("neither", CELL, None, "0.6"),
        ("adaptation", ADAPTIVE, None, "tab:orange"),
        ("target rate", CELL, TargetRate(eta_mV=0.02, target_Hz=TARGET_Hz), "tab:blue"),
    )
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    for name, cell, rule, colour in kinds:
        course = rates_Hz(cell, rule)
        end = course[SECONDS // 2 :].mean(axis=0)
        print(f"{name:12s} " + ", ".join(f"{d:g} mV {r:.2f} Hz" for d, r in zip(DRIVES_mV, end, strict=True)))
        left.plot(np.arange(SECONDS) + 0.5, course, color=colour, lw=0.8)
        right.plot(DRIVES_mV, end, "o-", color=colour, label=name)
    for axes in (left, right):
        axes.axhline(TARGET_Hz, color="tab:red", ls="--", lw=1, zorder=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_yscale("log")
    left.set(xlabel="time (s)", ylabel="rate (Hz)", title="six cells of each kind, target dashed")
    right.set(xlabel="drive (mV)", ylabel="rate of the second half (Hz)", title="where they settle")
    right.legend(frameon=False)
    fig.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("homeostasis.png"))
    main(parser.parse_args().out)
