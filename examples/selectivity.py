"""Cells that become selective: BCM finds one pattern of several, latent prediction finds what lasts; Oja's rule neither.

    python examples/selectivity.py --out selectivity.png

Left, three patterns in random order onto eight cells. With the sliding threshold of Bienenstock, Cooper & Munro (1982),
https://doi.org/10.1523/JNEUROSCI.02-01-00032.1982, each cell comes to answer one of them and no other; selectivity is theirs, 1 less the
mean answer over the greatest one, and where it ends is known: one pattern answered with the usual trace over its probability, the others
not at all. Oja's rule finds the greatest variance, and so does not end with a pattern but with a mixture of them.

Right, four sources that are on or off for ten frames and four that are on or off anew in each: the two directions of Halvagal & Zenke
(2023), https://doi.org/10.1038/s41593-023-01460-y, figure 2. What is fleeting is at first half as loud, then twice as loud; Oja's cells
go with what is loud, cells that foretell themselves with what lasts. Rates are never negative, so that what is louder has a higher mean
as well as a greater variance. Each cell learns by itself: there is no inhibition between cells, and which pattern a BCM cell takes is
left to chance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import BCM, LatentPrediction, Oja
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.local import Rule
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

STEPS, TAU_ms, FED = 40, 20.0, "in->out/r"
PATTERNS, N_CELLS = 3, 8
LOUDNESS = (0.5, 1.0, 2.0)
"""Of what is fleeting, over that of what lasts: how far spikes of a step go up when it is on."""


def cells(rule: Rule, n_in: int, n_out: int, *, w_max_mV: float, seed: int) -> Simulation:
    """Cells that count their input, every synapse with the rule."""
    network = Network(
        frame_ms=float(STEPS),
        populations=(
            Population(name="in", shape=(1, 1, n_in), cell=SpikeSource()),
            Population(
                name="out", shape=(1, 1, n_out), cell=IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0),
                receptors=(Receptor(name="r", kinetics="pulse"),),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Uniform(low_mV=0.05, high_mV=0.15), delay_ms=1.0,
                rule=rule, w_max_mV=w_max_mV,
            ),
        ),
    )  # fmt: skip
    return engine("event").build(network, seed=seed)


def patterned(frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of 6 sources in frames of one of three patterns, each of its own two sources above the rest; which it was."""
    which = rng.integers(PATTERNS, size=frames)
    rates = np.where(np.arange(2 * PATTERNS) // 2 == which[:, None], 0.30, 0.02)
    return (rng.random((frames, STEPS, 2 * PATTERNS)) < rates[:, None]).reshape(-1, 2 * PATTERNS), which


def answers(simulation: Simulation, seed: int) -> np.ndarray:
    """Mean trace of each cell (3, 8) for each pattern: spikes of a frame, times decay over frame."""
    raster, which = patterned(120, stream(seed, "selectivity", "test"))
    counts = simulation.run(n_frames=120, rasters={"in": raster}).counts["out"].reshape(120, N_CELLS)
    return np.stack([counts[which == k].mean(axis=0) for k in range(PATTERNS)]) * TAU_ms / STEPS


def selectivity(told: np.ndarray) -> np.ndarray:
    """1 less the mean answer over the greatest, of each cell; a cell that answers one of three patterns has 2/3."""
    return np.asarray(1.0 - told.mean(axis=0) / told.max(axis=0))


def course(rule: Rule, seed: int, blocks: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Selectivity (blocks + 1, 8) before learning and after each block of frames, and answers (3, 8) at the end."""
    simulation, rng = cells(rule, 2 * PATTERNS, N_CELLS, w_max_mV=3.0, seed=seed), stream(seed, "selectivity", "patterns")
    found = [selectivity(answers(simulation, seed))]
    for _ in range(blocks):
        simulation.run(n_frames=frames, rasters={"in": patterned(frames, rng)[0]}, learn=True)
        found.append(selectivity(answers(simulation, seed)))
    return np.array(found), answers(simulation, seed)


def film(frames: int, loudness: float, rng: np.random.Generator) -> np.ndarray:
    """Spikes of four sources that are on or off for ten frames, and of four that are on or off anew in each."""
    lasting = np.repeat(rng.random((frames // 10, 1)) < 0.5, 10, axis=0)
    fleeting = rng.random((frames, 1)) < 0.5
    rates = 0.02 + 0.14 * np.hstack([lasting, loudness * fleeting])
    return (rng.random((frames, STEPS, 8)) < np.repeat(rates, 4, axis=1)[:, None]).reshape(-1, 8)


def share_of_what_lasts(rule: Rule, loudness: float, seed: int, frames: int) -> np.ndarray:
    """Of the weights of each of six cells."""
    simulation = cells(rule, 8, 6, w_max_mV=1.0, seed=seed)
    simulation.run(n_frames=frames, rasters={"in": film(frames, loudness, stream(seed, "selectivity", "film"))}, learn=True)
    w = simulation.state().weights(FED)
    return np.asarray(w[:4].sum(axis=0) / w.sum(axis=0))


def main(out: Path, seeds: int = 2, blocks: int = 12, frames: int = 250, shown: int = 4000) -> dict[str, float | list[float]]:
    """Learn from patterns and from a film, draw both, and give the numbers that the figure shows."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(12.0, 3.6), layout="constrained")
    said: dict[str, float | list[float]] = {}
    x = np.arange(blocks + 1) * frames
    rules: tuple[tuple[str, Rule, str], ...] = (
        ("BCM", BCM(eta_mV=2e-4, usual=1.0, tau_ms=TAU_ms, share=0.05), "tab:red"),
        ("Oja", Oja(eta_mV=1e-4, unit_mV=0.3, tau_ms=TAU_ms), "tab:blue"),
    )
    for name, rule, colour in rules:
        found = [course(rule, seed, blocks, frames) for seed in range(seeds)]
        all_cells = np.concatenate([c for c, _ in found], axis=1)
        left.plot(x, all_cells, color=colour, lw=0.5, alpha=0.4)
        left.plot(x, all_cells.mean(axis=1), color=colour, lw=2, label=name)
        told = np.concatenate([t for _, t in found], axis=1)
        said[f"selectivity, {name}, before"] = float(all_cells[0].mean())
        said[f"selectivity, {name}, least"] = float(all_cells[-1].min())
        said[f"selectivity, {name}, greatest"] = float(all_cells[-1].max())
        order = np.sort(told, axis=0)[::-1]
        said[f"answers in order, {name}"] = order.mean(axis=1).tolist()
        said[f"cells of each pattern, {name}"] = np.bincount(told.argmax(axis=0), minlength=PATTERNS).tolist()
        middle.errorbar(
            np.arange(PATTERNS) + (0.06 if name == "Oja" else -0.06), order.mean(axis=1), order.std(axis=1), fmt="o", ms=5, color=colour,
            capsize=3, label=name,
        )  # fmt: skip
    left.axhline(1.0 - 1.0 / PATTERNS, color="0.7", lw=0.8)
    left.text(0, 1.0 - 1.0 / PATTERNS, " one pattern alone", fontsize=8, color="0.4", va="bottom")
    left.set(xlabel="frames seen", ylabel="selectivity", ylim=(0, 0.8), title="three patterns: each line a cell", xlim=(0, x[-1]))
    for y, label in ((PATTERNS, "fixed point of BCM"), (0.0, "")):
        middle.axhline(y, color="0.7", lw=0.8)
        middle.text(PATTERNS - 0.7, y, label, fontsize=8, color="0.4", ha="right", va="bottom")
    middle.set(xlabel="pattern, by the cell's answer", ylabel="answer (trace)", title="mean and spread of the cells, at the end")
    middle.set_xticks(range(PATTERNS), ["first", "second", "third"])
    films: tuple[tuple[str, Rule, str], ...] = (
        ("latent prediction", LatentPrediction(eta_mV=1e-3, variance=0.3, decay=1e-3), "tab:red"),
        ("Oja", Oja(eta_mV=1e-3, unit_mV=0.2), "tab:blue"),
    )
    for name, rule, colour in films:
        shares = np.array([np.concatenate([share_of_what_lasts(rule, r, s, shown) for s in range(seeds)]) for r in LOUDNESS])
        right.plot(LOUDNESS, shares, "o", ms=3, color=colour, alpha=0.3)
        right.plot(LOUDNESS, shares.mean(axis=1), "-", color=colour, lw=2, label=name)
        said[f"share of what lasts, {name}"] = shares.mean(axis=1).tolist()
        said[f"share of what lasts, {name}, least"] = shares.min(axis=1).tolist()
    right.axhline(0.5, color="0.7", lw=0.8)
    right.set(
        xlabel="what is fleeting: times as loud as what lasts", ylabel="weights on what lasts", xscale="log", ylim=(0, 1.05),
        title="a film: what lasts, and what is loud",
    )  # fmt: skip
    right.set_xticks(LOUDNESS, [f"{r:g}" for r in LOUDNESS])
    right.minorticks_off()
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    fig.savefig(out, dpi=150)
    for key, value in said.items():
        print(f"{key}: {', '.join(f'{v:.3g}' for v in (value if isinstance(value, list) else [value]))}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("selectivity.png"))
    main(parser.parse_args().out)
