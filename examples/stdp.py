"""Spike-timing-dependent plasticity: the window of pairs, and how the rate of pairings turns depression into growth.

    python examples/stdp.py --out stdp.png

60 pairings of one spike before and one after the synapse, 10 ms apart, with the triplet rule of Pfister & Gerstner (2006),
https://doi.org/10.1523/JNEUROSCI.1425-06.2006, and with pairs alone; the experiment is that of Sjöström et al. (2001),
https://doi.org/10.1016/S0896-6273(01)00542-6.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import PairSTDP, TripletSTDP
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.local import Rule
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

TRIPLET = TripletSTDP()
PAIR = PairSTDP(a_plus_mV=4.6e-3, a_minus_mV=7e-3, tau_plus_ms=16.8, tau_minus_ms=33.7)
GAPS_ms = np.arange(-80, 81, 4)
RATES_Hz = np.array([0.1, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0])


def changes(rule: Rule, pairings: list[tuple[np.ndarray, np.ndarray]], dt_ms: float) -> np.ndarray:
    """Change of weight in mV, one for each pair of lists of spike times (whole multiples of the step)."""
    n = len(pairings)
    receptors = (Receptor(name="weak", kinetics="pulse"), Receptor(name="push", kinetics="pulse"))
    cell = LIF(tau_mem_ms=1.0, v_threshold_mV=1e6)
    steps = 3 + round(max(max(a.max(), b.max()) for a, b in pairings) / dt_ms)
    network = Network(
        frame_ms=steps * dt_ms,
        populations=(
            Population(name="in", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="teacher", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, n), cell=cell, receptors=receptors),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="weak", topology=OneToOne(), weights=Constant(value_mV=1.0), delay_ms=dt_ms,
                rule=rule, w_max_mV=10.0,
            ),
            # The teacher's pulse fires the cell in the next step.
            Projection(
                source="teacher", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=1e12), delay_ms=dt_ms
            ),
        ),
    )  # fmt: skip
    rasters = {"in": np.zeros((steps, n), bool), "teacher": np.zeros((steps, n), bool)}
    for k, (before, after) in enumerate(pairings):
        rasters["in"][np.rint(before / dt_ms).astype(int), k] = True
        rasters["teacher"][np.rint(after / dt_ms).astype(int) - 1, k] = True
    simulation = engine("event").build(network, dt_ms=dt_ms)
    simulation.run(n_frames=1, rasters=rasters, learn=True)
    return simulation.state().weights("in->out/weak").ravel() - 1.0


def main(out: Path) -> None:
    """Run both protocols and draw them."""
    window = changes(PAIR, [(np.array([200.0]), 200.0 + np.array([g])) for g in GAPS_ms], 1.0)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    left.axhline(0.0, color="0.7", lw=0.8)
    left.axvline(0.0, color="0.7", lw=0.8)
    left.plot(GAPS_ms, 100 * window, "o", ms=4, color="tab:blue", label="simulated")
    fine = np.linspace(-80.0, 80.0, 801)
    form = np.where(fine >= 0, PAIR.a_plus_mV * np.exp(-fine / PAIR.tau_plus_ms), -PAIR.a_minus_mV * np.exp(fine / PAIR.tau_minus_ms))
    left.plot(fine, 100 * form, "-", lw=1, color="0.4", label="two exponentials")
    left.set(xlabel="spike of the target after arrival (ms)", ylabel="change of weight (%)", title="one pair")
    left.legend(frameon=False)

    right.axhline(0.0, color="0.7", lw=0.8)
    for rule, style, name in ((TRIPLET, "-", "triplets"), (PAIR, ":", "pairs")):
        found = {10.0: [], -10.0: []}
        for rate in RATES_Hz:
            # Whole steps of 10 ms are exact here and make the slow protocols short to simulate.
            begins = 10.0 * np.rint((500.0 + np.arange(60) * 1000.0 / rate) / 10.0)
            both = changes(rule, [(begins, begins + gap) for gap in found], 10.0)
            for gap, change in zip(found, both, strict=True):
                found[gap].append(100 * change)
        for gap, colour, words in ((10.0, "tab:red", "pre 10 ms before post"), (-10.0, "tab:blue", "post 10 ms before pre")):
            right.plot(RATES_Hz, found[gap], style, marker="o", ms=3, color=colour, label=f"{name}, {words}")
            print(f"{name:8s} {gap:+5.0f} ms: " + ", ".join(f"{r:g} Hz {c:+.1f} %" for r, c in zip(RATES_Hz, found[gap], strict=True)))
    right.set(xlabel="pairings per second (Hz)", ylabel="change of weight (%)", title="60 pairings")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("stdp.png"))
    main(parser.parse_args().out)
