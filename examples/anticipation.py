"""A cell that learns to fire before a sequence is over: prediction in a single cell.

    python examples/anticipation.py --out anticipation.png

Inputs come one after another, 2 ms apart, again and again. Each synapse learns to foretell its own next input from the potential of the
cell (Saponati & Vinck 2023, https://doi.org/10.1038/s41467-023-40651-w, figures 1 and 2): those of the first inputs grow, those of the
last shrink, and the spike moves to the front. Beside it, the same inputs in another order each time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import SingleCellPrediction
from plasticity.testing import taught
from snn.cells import LIF
from snn.engines import engine
from snn.recording import Record
from snn.seeding import stream

N, GAP_ms, FRAME_ms, STEP_ms = 10, 2.0, 60.0, 0.5
CELL = LIF(tau_mem_ms=10.0, v_threshold_mV=2.0)


def learned(repeats: int, *, ordered: bool) -> tuple[np.ndarray, np.ndarray]:
    """First spike after the first input (repeats,) in ms, NaN where there is none, and weights (repeats, N) in mV."""
    network = taught(SingleCellPrediction(eta=1e-3), N, 1, cell=CELL, tau_syn_ms=2.0, frame_ms=FRAME_ms, step_ms=STEP_ms, w_max_mV=100.0)
    simulation = engine("event").build(network.override("in->out/weak.weights.value_mV", 3.0), dt_ms=STEP_ms)
    steps, rng = round(FRAME_ms / STEP_ms), stream(0, "anticipation")
    begins = 10
    when = begins + np.arange(N) * round(GAP_ms / STEP_ms)
    first, weights = np.full(repeats, np.nan), np.empty((repeats, N))
    for k in range(repeats):
        pre = np.zeros((steps, N), bool)
        pre[when if ordered else rng.permutation(when), np.arange(N)] = True
        given = {"in": pre, "teacher": np.zeros((steps, 1), bool)}
        spikes = simulation.run(n_frames=1, rasters=given, record=Record(spikes=True), learn=True).spikes["out"].steps
        if len(spikes):
            first[k] = (spikes[0] - begins) * STEP_ms
        weights[k] = simulation.state().weights("in->out/weak").ravel()
    return first, weights


def main(out: Path, repeats: int = 400) -> dict[str, float]:
    """Run both, draw them, and give the numbers that the figure shows."""
    found = {name: learned(repeats, ordered=name == "in order") for name in ("in order", "another order each time")}
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.4), layout="constrained")
    said: dict[str, float] = {}
    last = repeats // 20
    for (name, (first, weights)), colour in zip(found.items(), ("tab:red", "0.5"), strict=True):
        left.plot(first, ".", ms=2.5, color=colour, label=name)
        right.plot(np.arange(1, N + 1), weights[-1], "o-", ms=4, color=colour, label=name)
        said[f"first spikes, {name}"] = float(np.nanmedian(first[:last]))
        said[f"last spikes, {name}"] = float(np.nanmedian(first[-last:]))
        said[f"first half of the weights, {name}"] = float(weights[-1, : N // 2].sum() / weights[-1].sum())
    left.axhline(GAP_ms * (N - 1), color="0.7", lw=0.8)
    left.text(repeats, GAP_ms * (N - 1), "last input ", fontsize=8, color="0.4", ha="right", va="bottom")
    left.set(xlabel="repetition", ylabel="first spike after the first input (ms)", ylim=(0, None))
    right.axhline(3.0, color="0.7", lw=0.8)
    right.text(N, 3.0, "at birth", fontsize=8, color="0.4", ha="right", va="bottom")
    right.set(xlabel="place in the sequence", ylabel="weight at the end (mV)", ylim=(0, None))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=8, markerscale=3)
    fig.savefig(out, dpi=150)
    for name, value in said.items():
        print(f"{name}: {value:.2f}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("anticipation.png"))
    main(parser.parse_args().out)
