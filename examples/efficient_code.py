"""A network that learns to code its input: potentials become coding errors.

    python examples/efficient_code.py --out efficient_code.png

Twenty cells hear a signal of two dimensions, told by cells for either sign of each, and inhibit one another. Input weights become the
mean input of the moments at which a cell fires, inhibition takes away what a spike of another cell has told already (Brendel, Bourdoukan,
Vertechi, Machens & Denève 2020, https://doi.org/10.1371/journal.pcbi.1007692, figures 2 and 3, in shape). The error is what a linear
reading of the cells' traces leaves of a new signal, low-passed as membranes do it, fitted on another one. Potentials are put together
from spikes and weights, as the sum that the cells themselves have; balance is the correlation of what excites a cell with what inhibits
it, its own reset included. Controls: the network at birth; inhibition that learns while input weights do not, and the other way round;
and, since a network that has learned spends more spikes, as many spikes at the same rates by chance (Poisson spikes at the cells' rates
over 50 ms).

Departures from the paper: cells of one sign on either side of zero, inhibition that comes a step of 0.5 ms late and not at once, so that
two cells may tell the same, and a threshold and a reset that do not learn.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from plasticity import EfficientBalance, EfficientInput
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.recording import Record
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

N, COPIES, STEP_ms, TAU_ms, RATE_Hz = 20, 10, 0.5, 50.0, 50.0
THRESHOLD_mV, RESET_mV = 1.0, 2.0
FED, TOLD = "in->cells/pulse", "cells->cells/pulse"
DECAY = math.exp(-STEP_ms / TAU_ms)


def network(*, learns_input: bool = True, learns_balance: bool = True) -> Network:
    """Sources for either sign of two dimensions, and cells that inhibit each other."""
    # Inhibition has to follow what input weights do.
    slow, fast = 0.002, 0.01
    return Network(
        frame_ms=1000.0,
        populations=(
            Population(name="in", shape=(1, 1, 4 * COPIES), cell=SpikeSource()),
            Population(
                name="cells", shape=(1, 1, N), sign="inhibitory", receptors=(Receptor(name="pulse", kinetics="pulse"),),
                cell=LIF(tau_mem_ms=TAU_ms, v_threshold_mV=THRESHOLD_mV, reset_by_mV=RESET_mV, threshold_jitter_mV=0.1),
            ),
        ),
        projections=(
            Projection(
                source="in", target="cells", receptor="pulse", topology=Dense(), weights=Uniform(low_mV=0.0, high_mV=1.0), delay_ms=STEP_ms,
                rule=EfficientInput(eta=slow if learns_input else 0.0, gain_mV=0.3, tau_ms=TAU_ms), w_max_mV=10.0,
            ),
            Projection(
                source="cells", target="cells", receptor="pulse", topology=Dense(), weights=Uniform(low_mV=0.0, high_mV=2.0),
                delay_ms=STEP_ms, w_max_mV=10.0,
                rule=EfficientBalance(eta=fast if learns_balance else 0.0, beta=2.0, cost_mV=0.05, tau_ms=TAU_ms),
            ),
        ),
    )  # fmt: skip


def signal(seconds: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A slow signal (steps, 2), low-passed as membranes do it, and spikes (steps, 40) of regular cells whose rates are its halves."""
    steps = round(seconds * 1000.0 / STEP_ms)
    x = gaussian_filter1d(rng.standard_normal((steps, 2)), 200.0 / STEP_ms, axis=0, mode="wrap")
    x /= x.std(axis=0)
    halves = np.maximum(np.column_stack([x[:, 0], -x[:, 0], x[:, 1], -x[:, 1]]), 0.0)
    done = np.cumsum(np.repeat(halves, COPIES, axis=1), axis=0) * RATE_Hz * STEP_ms / 1000.0 + rng.random(4 * COPIES)
    raster = np.diff(np.floor(done), axis=0, prepend=0.0) > 0
    return np.asarray(lfilter([1.0 - DECAY], [1.0, -DECAY], x, axis=0)), raster


@dataclass(frozen=True)
class Heard:
    """What a network that does not learn makes of a signal: the signal, traces of its cells, and what reaches them."""

    x: np.ndarray
    traces: np.ndarray
    excitation: np.ndarray
    inhibition: np.ndarray
    rate_Hz: float


def heard(simulation: Simulation, seconds: int, rng: np.random.Generator) -> Heard:
    """Let it hear a new signal."""
    simulation.restart()
    x, raster = signal(seconds, rng)
    ran = simulation.run(n_frames=seconds, rasters={"in": raster}, record=Record(spikes=True))
    spikes = np.zeros((len(x), N))
    spikes[ran.spikes["cells"].steps, ran.spikes["cells"].cells] = 1.0
    state = simulation.state()
    arrived = np.vstack([np.zeros((1, 4 * COPIES)), raster[:-1]]) * DECAY
    met = np.vstack([np.zeros((1, N)), spikes[:-1]]) * DECAY

    def filtered(values: np.ndarray) -> np.ndarray:
        return np.asarray(lfilter([1.0], [1.0, -DECAY], values, axis=0))

    excitation = filtered(arrived @ state.weights(FED))
    inhibition = filtered(met @ state.weights(TOLD) + RESET_mV * spikes)
    return Heard(x, filtered(spikes), excitation, inhibition, ran.mean_rate_Hz("cells"))


def chance(traces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Traces of Poisson spikes at the rates that traces have."""
    # A trace less its decay is the spikes themselves; their rate is taken over some 50 ms round each step.
    rate = gaussian_filter1d(traces - DECAY * np.vstack([np.zeros((1, N)), traces[:-1]]), 25.0 / STEP_ms, axis=0)
    return np.asarray(lfilter([1.0], [1.0, -DECAY], (rng.random(rate.shape) < rate).astype(float), axis=0))


def judged(simulation: Simulation, seed: int, seconds: int = 10) -> dict[str, float]:
    """Error, spread of potentials, balance and rate, of signals that were not learned from."""
    fit, test = (heard(simulation, seconds, stream(seed, "efficient code", name)) for name in ("fit", "test"))
    read = np.linalg.lstsq(np.column_stack([fit.traces, np.ones(len(fit.x))]), fit.x, rcond=None)[0]
    told = np.column_stack([test.traces, np.ones(len(test.x))]) @ read
    potential = test.excitation - test.inhibition
    by_chance = [chance(h.traces, stream(seed, "efficient code", "chance", str(k))) for k, h in enumerate((fit, test))]
    blind = np.linalg.lstsq(np.column_stack([by_chance[0], np.ones(len(fit.x))]), fit.x, rcond=None)[0]
    guessed = np.column_stack([by_chance[1], np.ones(len(fit.x))]) @ blind
    pairs = zip(test.excitation.T, test.inhibition.T, strict=True)
    return {
        "error": float(((told - test.x) ** 2).sum() / (test.x**2).sum()),
        "error of chance": float(((guessed - test.x) ** 2).sum() / (test.x**2).sum()),
        "spread (mV)": float(potential.std(axis=0).mean()),
        "balance": float(np.mean([np.corrcoef(e, i)[0, 1] for e, i in pairs if i.any()])),
        "rate (Hz)": test.rate_Hz,
    }


def main(out: Path, seeds: int = 2, blocks: int = 5, seconds: int = 10) -> dict[str, list[float]]:
    """Learn, with controls, draw, and give the numbers that the figure shows."""
    kinds = {"both": {}, "inhibition alone": {"learns_input": False}, "input alone": {"learns_balance": False}}
    said: dict[str, list[float]] = {}
    courses: dict[str, list[dict[str, float]]] = {}
    for name, kind in kinds.items():
        for seed in range(seeds):
            simulation = engine("event").build(network(**kind), dt_ms=STEP_ms, seed=seed)
            born = simulation.state()
            course, rng = [judged(simulation, seed)], stream(seed, "efficient code", "lessons")
            for k in range(blocks):
                simulation.run(n_frames=seconds, rasters={"in": signal(seconds, rng)[1]}, learn=True)
                if seed == 0 or k == blocks - 1:
                    course.append(judged(simulation, seed))
            for key, value in course[-1].items():
                said.setdefault(f"{key}, {name}", []).append(value)
            if name == "both":
                for key, value in course[0].items():
                    said.setdefault(f"{key}, at birth", []).append(value)
            if seed == 0:
                courses[name] = course
                if name == "both":
                    shown = {"at birth": born, "learned": simulation.state()}
    for key, values in said.items():
        print(f"{key}: {', '.join(f'{x:.3g}' for x in values)}")
    draw(out, courses, shown, seconds)
    print(out)
    return said


def draw(out: Path, courses: dict[str, list[dict[str, float]]], shown: dict, seconds: int) -> None:
    fig = plt.figure(figsize=(11.0, 6.2), layout="constrained")
    upper, lower = fig.subfigures(2, 1)
    keys = {"error": "error of the reading", "spread (mV)": "spread of potentials (mV)", "balance": "balance", "rate (Hz)": "rate (Hz)"}
    for axes, (key, label) in zip(upper.subplots(1, 4), keys.items(), strict=True):
        for (name, course), colour in zip(courses.items(), ("tab:red", "tab:blue", "0.5"), strict=True):
            axes.plot(np.arange(len(course)) * seconds, [c[key] for c in course], "o-", ms=3, color=colour, label=name)
        axes.set(xlabel="seconds learned", ylabel=label, yscale="log" if key in ("error", "spread (mV)") else "linear")
        axes.spines[["top", "right"]].set_visible(False)
        if key == "error":
            axes.plot(np.arange(len(courses["both"])) * seconds, [c["error of chance"] for c in courses["both"]], ":", color="tab:red")
            axes.plot([], [], ":", color="tab:red", label="both: Poisson at its rates")
            axes.set_ylim(3e-3, 2.0)
            axes.legend(frameon=False, fontsize=7, title="what learns", title_fontsize=7, loc="upper left")
    panels = lower.subplots(2, 2, sharex=True, sharey="row")
    for (name, state), column in zip(shown.items(), panels.T, strict=True):
        simulation = engine("event").build(network(), state=state, dt_ms=STEP_ms)
        found = heard(simulation, 6, stream(0, "efficient code", "fit"))
        read = np.linalg.lstsq(found.traces, found.x, rcond=None)[0]
        part = slice(4000, 8000)
        t = np.arange(4000) * STEP_ms
        column[0].plot(t, (found.traces @ read)[part], color="tab:red", lw=0.8)
        column[0].plot(t, found.x[part], color="black", lw=1.2)
        column[0].set_title(f"{name}: signal (black) and its reading (red)", fontsize=9)
        column[1].plot(t, (found.excitation - found.inhibition)[part][:, :4], lw=0.6)
        column[1].set_title("potentials of four cells", fontsize=9)
        column[1].set_xlabel("time (ms)")
    panels[1, 0].set_ylabel("mV")
    for axes in panels.ravel():
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("efficient_code.png"))
    main(parser.parse_args().out)
