"""Symmetric growth: feedback becomes the transpose of the forecast although neither sees the other.

    python examples/alignment.py --out alignment.png

A representation of spiking cells forecasts, error cells answer, and both synapses learn by one product of what they see at
their own ends, after Kolen & Pollack (1994), https://doi.org/10.1109/ICNN.1994.374486, and Akrout et al. (2019),
https://doi.org/10.48550/arXiv.1904.05391.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import SymmetricFeedback, SymmetricForecast
from plasticity.feedback import alignment_deg
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.engines import engine
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

FRAME_ms, FRAMES, DECAYS = 20.0, 300, (0.01, 0.03, 0.1)
N_REPRESENTATION, N_PREDICTION = 20, 12


def circuit(decay: float) -> Network:
    """What was seen drives the representation; errors come from sources, as if a scene were compared elsewhere."""
    halves = {"eta_mV": 2.0 * decay, "decay": decay, "tau_ms": 10.0}
    learned = {"weights": Uniform(low_mV=0.0, high_mV=1.0), "w_max_mV": 100.0}
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=3.0, threshold_jitter_mV=0.5)
    receptors = (Receptor(name="fast", tau_ms=4.0), Receptor(name="slow", tau_ms=9.0))
    signals = (Signal(name="excess", taps=(Tap(population="more"),)), Signal(name="deficit", taps=(Tap(population="less"),)))
    return Network(
        frame_ms=FRAME_ms,
        populations=(
            Population(name="scene", shape=(1, 1, N_REPRESENTATION), cell=SpikeSource()),
            Population(name="representation", shape=(1, 1, N_REPRESENTATION), cell=cell, receptors=receptors),
            Population(name="prediction", shape=(1, 1, N_PREDICTION), cell=cell, receptors=receptors),
            Population(name="more", shape=(1, 1, N_PREDICTION), cell=SpikeSource()),
            Population(name="less", shape=(1, 1, N_PREDICTION), cell=SpikeSource()),
        ),
        projections=(
            Projection(
                source="scene", target="representation", receptor="fast", topology=Dense(),
                weights=Uniform(low_mV=0.0, high_mV=0.4), delay_ms=1.0,
            ),
            Projection(
                source="representation", target="prediction", receptor="slow", topology=Dense(), delay_ms=FRAME_ms + 1.0,
                rule=SymmetricForecast(**halves), signals=signals, **learned,
            ),
            Projection(
                source="more", target="representation", receptor="slow", topology=Dense(), delay_ms=1.0,
                rule=SymmetricFeedback(**halves), **learned,
            ),
        ),
    )  # fmt: skip


def main(out: Path) -> None:
    """Learn with three rates of forgetting and draw."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11.0, 3.4), layout="constrained")
    there, back = "representation->prediction/slow", "more->representation/slow"
    for k, decay in enumerate(DECAYS):
        network, rng = circuit(decay), stream(0, "alignment")
        simulation = engine("event").build(network, seed=1)
        # What is asked for depends on what was seen, so that there is something to learn.
        link = rng.random((N_REPRESENTATION, N_PREDICTION)) < 0.2
        course, apart, ends = [], [], []
        for frame in range(FRAMES + 1):
            state = simulation.state()
            w, b = state.weights(there), state.weights(back)
            course.append(alignment_deg(network, state, there, back))
            apart.append(np.linalg.norm(b - w.T))
            if frame in (0, FRAMES):
                ends.append((w.ravel(), b.T.ravel()))
            seen = rng.random(N_REPRESENTATION) < 0.3
            shares = {"scene": 0.02 + 0.3 * seen, "more": 0.02 + 0.1 * (seen @ link > 1), "less": np.full(N_PREDICTION, 0.05)}
            rasters = {name: rng.random((round(FRAME_ms), len(share))) < share for name, share in shares.items()}
            simulation.run(n_frames=1, rasters=rasters, learn=frame > 0)
        colour = f"C{k}"
        # Nothing is learned in the first frame, when nothing had been forecast.
        falls = np.concatenate([[1.0], (1.0 - decay) ** np.arange(FRAMES)])
        left.plot(course, color=colour, label=f"decay {decay:g}")
        middle.semilogy(np.array(apart) / apart[0], color=colour, lw=3, alpha=0.4)
        middle.semilogy(falls, color=colour, ls="--", lw=1)
        off = np.abs(np.array(apart) / apart[0] / falls - 1.0)[falls > 1e-6].max()
        print(f"decay {decay:g}: {course[0]:.1f} to {course[-1]:.2e} degrees; off the closed form by at most {off:.1e} of it")
        if decay == DECAYS[1]:
            for (w, b), colour, words in zip(ends, ("0.7", "tab:green"), ("at first", f"after {FRAMES} frames"), strict=True):
                right.plot(w, b, ".", ms=4, color=colour, label=words)
    left.set(xlabel="frame", ylabel="angle (degrees)", ylim=(0, None), title="feedback and transposed forecast")
    left.legend(frameon=False)
    middle.set(xlabel="frame", ylabel="distance / distance at first", ylim=(1e-6, 2), title="dashed: (1 - decay)^frames")
    right.set(xlabel="weight of the forecast (mV)", ylabel="of the feedback (mV)", title=f"synapses, decay {DECAYS[1]:g}")
    right.legend(loc="upper left", bbox_to_anchor=(0.0, -0.2), ncols=2, frameon=False, handletextpad=0.2)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("alignment.png"))
    main(parser.parse_args().out)
