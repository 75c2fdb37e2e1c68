"""Voltage-based plasticity: what a cell that is held at a potential does to its synapses, and what pairings at several rates do.

    python examples/voltage_stdp.py --out voltage_stdp.png

The rule, its constants (visual cortex in slices) and both experiments are those of Clopath, Büsing, Vasilaki & Gerstner (2010),
https://doi.org/10.1038/nn.2479. In the first, cells are clamped while 100 spikes arrive, two a second. In the second, of Sjöström et al.
(2001), https://doi.org/10.1016/S0896-6273(01)00542-6, cells are made to fire 10 ms after an arrival or before it, five times, and that 15
times over. Spikes have the paper's shape: a peak of 2 ms, a depolarising afterpotential, an onset that moves up.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import VoltageSTDP
from snn.cells import LIF, AdEx, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

RULE = VoltageSTDP()
REST_mV = -70.6
BORN_mV = 0.5
HELD_mV = np.arange(-80.0, -29.0, 5.0)
RATES_Hz = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
GAPS_ms = (10.0, -10.0)
# Currents in mV are those of NEST's model of this cell over its leak of 30 nS; voltages count from rest.
CELL = AdEx(
    tau_mem_ms=281.0 / 30.0, v_onset_mV=20.2, onset_jump_mV=80.8, tau_onset_ms=50.0, sharpness_mV=2.0, coupling=4.0 / 30.0,
    adaptation_mV=80.5 / 30.0, tau_adaptation_ms=144.0, afterpotential_mV=400.0 / 30.0, tau_afterpotential_ms=40.0,
    v_threshold_mV=103.6, peak_mV=103.6, peak_ms=2.0, t_ref_ms=2.0, v_reset_mV=21.0,
)  # fmt: skip


def synapses(cell: LIF | AdEx, n: int, frame_ms: float, dt_ms: float) -> Network:
    """Pairs of a source and a cell, each with a teacher that makes the cell fire, and a current that holds it."""
    receptors = (Receptor(name="weak", kinetics="pulse"), Receptor(name="push", kinetics="pulse"))
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="teacher", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, n), cell=cell, receptors=receptors, biased=True),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="weak", topology=OneToOne(), weights=Constant(value_mV=BORN_mV), delay_ms=dt_ms,
                rule=RULE, w_max_mV=10.0,
            ),
            Projection(
                source="teacher", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=1000.0), delay_ms=dt_ms
            ),
        ),
    )  # fmt: skip


def clamp(held_mV: np.ndarray, dt_ms: float = 1.0) -> np.ndarray:
    """Weights, in per cent of what they were at first, after 100 arrivals at cells that are held at these potentials."""
    # A membrane that follows its current within a step.
    network = synapses(LIF(tau_mem_ms=1e-3, v_threshold_mV=1e6), len(held_mV), 500.0, dt_ms)
    born = engine("event").build(network, dt_ms=dt_ms).state()
    state = replace(born, arrays={**born.arrays, "bias/out": held_mV - REST_mV})
    simulation = engine("event").build(network, state=state, dt_ms=dt_ms)
    steps = round(500.0 / dt_ms)
    rasters = {name: np.zeros((102 * steps, len(held_mV)), bool) for name in ("in", "teacher")}
    rasters["in"][steps : 101 * steps : steps] = True
    simulation.run(n_frames=102, rasters=rasters, learn=True)
    return 100.0 / BORN_mV * simulation.state().weights("in->out/weak").ravel()


def pairings(rates_Hz: np.ndarray, gaps_ms: tuple[float, ...], number: int, repeats: int, dt_ms: float = 0.1) -> np.ndarray:
    """The same after so many pairings, so many times over, each time from rest; shape (gaps, rates)."""
    steps = round((200.0 + 1000.0 * number / float(rates_Hz.min())) / dt_ms)
    rasters = {name: np.zeros((steps, len(gaps_ms) * len(rates_Hz)), bool) for name in ("in", "teacher")}
    for k, (gap, rate) in enumerate((gap, rate) for gap in gaps_ms for rate in rates_Hz):
        times = np.rint((50.0 + 1000.0 / rate * np.arange(number)) / dt_ms).astype(int)
        rasters["in"][times, k] = True
        # The teacher's pulse fires the cell in the next step.
        rasters["teacher"][times + round(gap / dt_ms) - 1, k] = True
    network = synapses(CELL, len(gaps_ms) * len(rates_Hz), steps * dt_ms, dt_ms)
    simulation = engine("event").build(network, dt_ms=dt_ms)
    for _ in range(repeats):
        found = simulation.run(n_frames=1, rasters=rasters, learn=True).counts["out"]
        assert (found == number).all(), "a cell fired of itself, or not when it was told to"
        simulation.restart()
    return 100.0 / BORN_mV * simulation.state().weights("in->out/weak").reshape(len(gaps_ms), len(rates_Hz))


def main(out: Path) -> dict[str, list[float]]:
    """Do both experiments, print them and draw them; the numbers in per cent of the weight at first."""
    held = clamp(HELD_mV)
    # Ten seconds between pairings, at 0.1 Hz, are as good as a new beginning: nothing in the cell lasts longer than 0.15 s.
    rare = pairings(np.array([10.0]), GAPS_ms, 1, 75)
    rates, found = np.array([0.1, *RATES_Hz]), np.concatenate([rare, pairings(RATES_Hz, GAPS_ms, 5, 15)], axis=1)
    print("held at:  " + ", ".join(f"{v:g} mV {w:.0f} %" for v, w in zip(HELD_mV, held, strict=True)))
    words = ("pre 10 ms before post", "post 10 ms before pre")
    for word, row in zip(words, found, strict=True):
        print(f"{word}:  " + ", ".join(f"{r:g} Hz {w:.0f} %" for r, w in zip(rates, row, strict=True)))

    fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    for axes in (left, right):
        axes.axhline(100.0, color="0.7", lw=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    for theta, name in ((RULE.theta_low_mV, "θ low"), (RULE.theta_high_mV, "θ high")):
        left.axvline(REST_mV + theta, color="0.7", lw=0.8, ls=":")
        left.annotate(name, (REST_mV + theta, 300.0), rotation=90, va="top", ha="right", color="0.4")
    left.plot(HELD_mV, held, "o-", ms=4, color="tab:blue")
    left.set(xlabel="potential at which the cell is held (mV)", ylabel="weight (%)", title="100 arrivals", ylim=(40, 300))
    for word, row, colour in zip(words, found, ("tab:red", "tab:blue"), strict=True):
        right.plot(rates, row, "o-", ms=4, color=colour, label=word)
    right.set(xlabel="pairings per second (Hz)", ylabel="weight (%)", title="75 pairings")
    right.legend(frameon=False)
    fig.savefig(out, dpi=150)
    print(out)
    return {"held": held.tolist(), words[0]: found[0].tolist(), words[1]: found[1].tolist()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("voltage_stdp.png"))
    main(parser.parse_args().out)
