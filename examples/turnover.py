"""Few synapses find the inputs that matter: depression takes synapses away, chance brings others.

    python examples/turnover.py --out turnover.png

Each of 8 cells has 10 synapses among 60 inputs, all of which fire at 10 Hz. Twelve of them take four fifths of their spikes from one
train; they are what there is to be found. STDP takes away synapses that do not help to fire the cell, synaptic scaling holds its rate,
and between days of 5 s each cell grows as many synapses at new places as it has lost. Beside it the same without growth, and the same
with twelve inputs that share nothing. Turnover by depression and chance instead of noise in weights, as in Kappel, Habenschuss,
Legenstein & Maass (2015), https://doi.org/10.1371/journal.pcbi.1004485, and Bellec, Kappel, Maass & Legenstein (2018),
https://doi.org/10.48550/arXiv.1711.05136; scaling as in van Rossum, Bi & Turrigiano (2000),
https://doi.org/10.1523/JNEUROSCI.20-23-08812.2000.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import PairSTDP, Structural, SynapticScaling
from plasticity.turnover import regrown
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant

N, N_CELLS, MATTER, SYNAPSES, RATE_Hz, DAY_s = 60, 8, 12, 10, 10.0, 5
BORN_mV, MOST_mV, TARGET_Hz, FED = 0.5, 4.0, 8.0, "in->out/r"
RULE = Structural(
    rules=(PairSTDP(a_plus_mV=0.04, a_minus_mV=0.048), SynapticScaling(eta=0.02, target_Hz=TARGET_Hz, tau_ms=1000.0)),
)


def network() -> Network:
    """Inputs with the rules, and a background that is each cell's own and does not learn."""
    pulse = Receptor(name="r", kinetics="pulse")
    return Network(
        frame_ms=1000.0,
        populations=(
            Population(name="in", shape=(1, 1, N), cell=SpikeSource()),
            Population(name="background", shape=(1, 1, N_CELLS), cell=SpikeSource(rate_Hz=300.0)),
            Population(name="out", shape=(1, 1, N_CELLS), cell=LIF(tau_mem_ms=20.0, v_threshold_mV=6.0), receptors=(pulse,)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Constant(value_mV=0.0), delay_ms=1.0, rule=RULE,
                w_max_mV=MOST_mV,
            ),
            Projection(
                source="background", target="out", receptor="r", topology=OneToOne(), weights=Constant(value_mV=0.7), delay_ms=1.0
            ),
        ),
    )  # fmt: skip


def inputs(rng: np.random.Generator, share: float) -> np.ndarray:
    """Spikes of a second; the inputs that matter take ``share`` of theirs from one common train."""
    rate = RATE_Hz / 1000.0
    raster = rng.random((1000, N)) < rate
    # A common event, of twice their rate, reaches each of them with the probability of half the share.
    common = (rng.random((1000, 1)) < 2.0 * rate) & (rng.random((1000, MATTER)) < 0.5 * share)
    raster[:, :MATTER] = common | (rng.random((1000, MATTER)) < rate * (1.0 - share))
    return raster


def lived(seed: int, days: int, *, turns: bool, share: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Weights (days + 1, 60, 8) in mV at the end of each day, and rates (days,) in Hz."""
    net = network()
    simulation, rng = engine("event").build(net, dt_ms=1.0, seed=seed), stream(seed, "turnover", "days")
    simulation.resume(regrown(simulation.state(), net, FED, n_synapses=SYNAPSES, born_mV=BORN_mV, seed=seed))
    found, rates = [simulation.state().weights(FED)], []
    for _ in range(days):
        raster = np.concatenate([inputs(rng, share) for _ in range(DAY_s)])
        rates.append(simulation.run(n_frames=DAY_s, rasters={"in": raster}, learn=True).mean_rate_Hz("out"))
        found.append(simulation.state().weights(FED))
        if turns:
            simulation.resume(regrown(simulation.state(), net, FED, n_synapses=SYNAPSES, born_mV=BORN_mV, seed=seed))
    return np.array(found), np.array(rates)


def main(out: Path, seeds: int = 2, days: int = 60) -> dict[str, list[float]]:
    """Live with and without turnover, draw what has become of the synapses, and give the numbers that the figure shows."""
    kinds = {
        "turnover": ({"turns": True}, "tab:red"),
        "no turnover": ({"turns": False}, "tab:blue"),
        "turnover, nothing shared": ({"turns": True, "share": 0.0}, "0.5"),
    }
    fig = plt.figure(figsize=(10.5, 5.6), layout="constrained")
    upper, lower = fig.subfigures(1, 2, width_ratios=(1.1, 1))
    course, number = upper.subplots(2, 1, sharex=True)
    pages = lower.subplots(1, 3, sharey=True)
    said: dict[str, list[float]] = {}
    for (name, (kind, colour)), page in zip(kinds.items(), pages, strict=True):
        for seed in range(seeds):
            w, rates = lived(seed, days, **kind)
            strong = w > BORN_mV
            said.setdefault(f"weight on what matters, {name}", []).append(float(w[-1, :MATTER].sum() / w[-1].sum()))
            said.setdefault(f"synapses that grew on what matters, {name}", []).append(float(strong[-1, :MATTER].sum()))
            said.setdefault(f"synapses that grew elsewhere, {name}", []).append(float(strong[-1, MATTER:].sum()))
            said.setdefault(f"synapses of a cell, {name}", []).append(float((w[-1] > 0).sum() / N_CELLS))
            said.setdefault(f"rate (Hz), {name}", []).append(float(rates[-10:].mean()))
            label = name if seed == 0 else None
            if seed == 0:
                image = page.imshow(w[-1], cmap="Greys", vmin=0.0, vmax=MOST_mV, aspect="auto", interpolation="nearest")
            course.plot(np.arange(days + 1), w[:, :MATTER].sum(axis=(1, 2)) / w.sum(axis=(1, 2)), color=colour, label=label)
            number.plot(np.arange(days + 1), strong[:, :MATTER].sum(axis=(1, 2)) / N_CELLS, color=colour)
        page.axhline(MATTER - 0.5, color="tab:red", lw=0.8)
        page.set_title(name.replace(", ", ",\n"), fontsize=9)
        page.set_xlabel("cell")
    pages[0].set_ylabel("input; those above the line matter")
    lower.colorbar(image, ax=pages, label="weight at the end (mV)", shrink=0.6)
    course.axhline(MATTER / N, color="0.8", lw=0.8)
    course.text(days, MATTER / N, "chance ", fontsize=8, color="0.4", ha="right", va="bottom")
    course.set(ylabel="weight on inputs that matter", ylim=(0, 1.05))
    course.legend(frameon=False, fontsize=8)
    number.set(xlabel="day", ylabel="their synapses that grew,\nof a cell", ylim=(0, None))
    for axes in (course, number):
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    for key, values in said.items():
        print(f"{key}: {', '.join(f'{x:.3g}' for x in values)}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("turnover.png"))
    main(parser.parse_args().out)
