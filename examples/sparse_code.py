"""E-I Net: spiking cells that see photographs come to prefer bars and edges, because inhibition keeps them apart.

    python examples/sparse_code.py --out sparse_code.png

Excitatory and inhibitory cells of King, Zylberberg & DeWeese (2013), https://doi.org/10.1523/JNEUROSCI.4188-12.2013, with
three local rules: Oja's on what comes in, correlation measuring between the cells, and a target rate for each cell. Input
are whitened patches of the photographs in scikit-image, as spikes of on and off cells. A cell's field is what it weighs
the on cells above the off cells; it counts as oriented and localised where a Gabor function explains at least 0.7 of its
variance, with its middle inside the patch and its width across the bars (sigma) at most a quarter of the patch. The same
share of the untrained network is the control. Along their bars most fields reach across a patch of this size.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import least_squares

from plasticity import CorrelationMeasuring, Oja, TargetRate
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.seeding import stream
from snn.stimuli import photographs
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Constant, Uniform

SIDE, N_EXC, N_INH = 12, 64, 36
STEPS, AT_ONCE, UNLEARNED = 50, 200, 1000
SPIKES_PER_SD = 2.5
R2_OF_A_GABOR = 0.7


def whitened() -> list[np.ndarray]:
    """Photographs with a flat spectrum up to where pixels blur it, and with equal contrast everywhere."""
    found = []
    for image in (photographs(held_out=False) | photographs(held_out=True)).values():
        rows, cols = (np.fft.fftfreq(n) for n in image.shape)
        radius = np.hypot(rows[:, None], cols[None])
        flat = np.real(np.fft.ifft2(np.fft.fft2(image) * radius * np.exp(-((radius / 0.35) ** 4))))
        local = np.sqrt(gaussian_filter(flat**2, 8.0)) + 0.1 * flat.std()
        found.append(flat / local / (flat / local).std())
    return found


def patches(images: list[np.ndarray], n: int, rng: np.random.Generator) -> np.ndarray:
    """Random patches (n, SIDE, SIDE), turned by random right angles; those with next to nothing in them are left out."""
    found = []
    while len(found) < n:
        image = images[rng.integers(len(images))]
        row, col = (rng.integers(5, size - SIDE - 5) for size in image.shape)
        patch = image[row : row + SIDE, col : col + SIDE]
        if patch.std() >= 0.3:
            patch = np.rot90(patch - patch.mean(), rng.integers(4))[:: rng.choice([-1, 1])]
            found.append(patch / np.sqrt(0.5 * (1.0 + patch.var())))
    return np.array(found)


def spikes(shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Regular trains of on and off cells (n * STEPS, SIDE * SIDE * 2), each with a random phase."""
    counts = np.stack([np.maximum(shown, 0.0), np.maximum(-shown, 0.0)], axis=-1).reshape(len(shown), 1, -1) * SPIKES_PER_SD
    told = np.floor(counts * np.arange(STEPS + 1)[:, None] / STEPS + rng.random(counts.shape))
    return (np.diff(told, axis=1) > 0).reshape(len(shown) * STEPS, -1)


def circuit() -> Network:
    """On and off cells drive E; E drives I; I inhibits both; a tonic source holds the thresholds."""
    tau_ms = 4.0
    receptors = tuple(Receptor(name=name, kinetics="pulse") for name in ("exc", "inh", "tonic"))

    def between(source: str, target: str, start_mV: float, unit_mV: float, w_max_mV: float) -> Projection:
        rule = CorrelationMeasuring(eta_mV=2.0, unit_mV=unit_mV, tau_ms=tau_ms)
        return Projection(
            source=source, target=target, receptor="exc" if source == "E" else "inh", topology=Dense(),
            weights=Uniform(low_mV=0.0, high_mV=start_mV), delay_ms=1.0, rule=rule, w_max_mV=w_max_mV,
        )  # fmt: skip

    def threshold(target: str, target_Hz: float) -> Projection:
        rule = TargetRate(eta_mV=8e-4, target_Hz=target_Hz)
        return Projection(
            source="tonic", target=target, receptor="tonic", topology=Dense(), weights=Constant(value_mV=0.1), delay_ms=1.0, rule=rule,
            w_max_mV=20.0,
        )  # fmt: skip

    exc = LIF(tau_mem_ms=10.0, v_threshold_mV=1.0, threshold_jitter_mV=0.01)
    inh = LIF(tau_mem_ms=5.0, v_threshold_mV=0.5, threshold_jitter_mV=0.01)
    return Network(
        name="E-I Net",
        frame_ms=float(STEPS),
        populations=(
            Population(name="input", shape=(SIDE, SIDE, 2), cell=SpikeSource()),
            Population(name="tonic", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory"),
            Population(name="E", shape=(1, 1, N_EXC), cell=exc, receptors=receptors),
            Population(name="I", shape=(1, 1, N_INH), cell=inh, receptors=receptors, sign="inhibitory"),
        ),
        projections=(
            Projection(
                source="input", target="E", receptor="exc", topology=Dense(), weights=Uniform(low_mV=0.03, high_mV=0.06), delay_ms=1.0,
                rule=Oja(eta_mV=0.1, unit_mV=0.035, tau_ms=tau_ms), w_max_mV=50.0,
            ),
            between("E", "I", 0.5, 0.3, 5.0),
            between("I", "E", 0.0, 0.3, 5.0),
            between("I", "I", 0.0, 0.1, 1.0),
            threshold("E", 2.0),
            threshold("I", 4.0),
        ),
    )  # fmt: skip


def fields(simulation: Simulation) -> np.ndarray:
    """What each E cell weighs on above off (N_EXC, SIDE, SIDE)."""
    w = simulation.state().weights("input->E/exc").reshape(SIDE, SIDE, 2, -1)
    return np.moveaxis(w[:, :, 0] - w[:, :, 1], -1, 0)


def gabor(p: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Gabor function of amplitude, middle (2), direction, wave number, phase and the logarithms of two widths."""
    a, r, c, turn, k, phase, across, along = p
    u = (rows - r) * np.sin(turn) + (cols - c) * np.cos(turn)
    v = (rows - r) * np.cos(turn) - (cols - c) * np.sin(turn)
    return a * np.exp(-0.5 * (u / np.exp(across)) ** 2 - 0.5 * (v / np.exp(along)) ** 2) * np.cos(k * u + phase)


def fit(field: np.ndarray) -> tuple[float, np.ndarray]:
    """Best r^2 of a Gabor function over several starts, and its parameters."""
    rows, cols = np.mgrid[:SIDE, :SIDE].astype(float)
    field = (field - field.mean()) / field.std()
    energy = field**2
    r, c = (energy * rows).sum() / energy.sum(), (energy * cols).sum() / energy.sum()
    half = np.log([0.5, 0.5]), np.log([2.0 * SIDE, 2.0 * SIDE])
    bounds = ([-20, 0, 0, -10, 0.15, -20, *half[0]], [20, SIDE - 1, SIDE - 1, 10, np.pi, 20, *half[1]])
    padded = np.abs(np.fft.fft2(field, (64, 64)))[:, :32]
    padded[:2, :2] = 0
    peak = np.unravel_index(np.argmax(padded), padded.shape)
    k_row, k_col = 2 * np.pi * np.fft.fftfreq(64)[peak[0]], 2 * np.pi * peak[1] / 64
    peak_turn = np.arctan2(k_row, k_col)
    best, at = -np.inf, np.zeros(8)
    for turn, k in ((peak_turn, np.hypot(k_row, k_col)), (peak_turn, 0.5), (peak_turn + 0.8, 0.6)):
        for phase in (0.0, 0.5 * np.pi):
            start = np.clip([2.0, r, c, turn, k, phase, np.log(2.0), np.log(3.0)], *bounds)
            found = least_squares(lambda p: (gabor(p, rows, cols) - field).ravel(), start, bounds=bounds, max_nfev=60)
            r2 = 1.0 - 2.0 * found.cost / (field**2).sum()
            if r2 > best:
                best, at = r2, found.x
            if best > 0.85:
                return best, at
    return best, at


def counts_as_gabor(r2: float, p: np.ndarray) -> bool:
    """Whether a fit is good enough, lies inside the patch and is narrow across its bars."""
    return bool(r2 >= R2_OF_A_GABOR and 0 < p[1] < SIDE - 1 and 0 < p[2] < SIDE - 1 and np.exp(p[6]) <= SIDE / 4)


def main(out: Path, n: int, seed: int) -> None:
    """Train, fit and draw."""
    rng, images = stream(seed, "patches"), whitened()
    simulation = engine("event").build(circuit(), seed=seed)
    untrained = fields(simulation)
    for done in range(0, n, AT_ONCE):
        shown = patches(images, AT_ONCE, rng)
        rasters = {"input": spikes(shown, rng), "tonic": np.ones((AT_ONCE * STEPS, 1), bool)}
        # Thresholds settle and mean rates are taken before anything else learns; then the step falls to a tenth.
        modulator = 0.0 if done < UNLEARNED else 2.0 * 0.05 ** (done / n)
        recording = simulation.run(n_frames=AT_ONCE, rasters=rasters, learn=True, modulator=modulator)
    trained = fields(simulation)
    together = np.corrcoef(recording.counts["E"].reshape(AT_ONCE, -1).T)
    print(f"E {recording.mean_rate_Hz('E'):.2f} Hz, I {recording.mean_rate_Hz('I'):.2f} Hz")
    print(f"mean |correlation| of E counts {np.nanmean(np.abs(together[np.triu_indices(N_EXC, 1)])):.3f}")
    share = {}
    for name, which in (("untrained", untrained), ("trained", trained)):
        fits = [fit(f) for f in which]
        share[name] = np.mean([counts_as_gabor(*f) for f in fits])
        print(f"{name}: {share[name]:.0%} oriented and localised; median r^2 {np.median([f[0] for f in fits]):.2f}")
        across, along = np.exp(np.median([f[1][6:] for f in fits], axis=0))
        print(f"  median widths (sigma) {across:.1f} px across and {along:.1f} px along, in patches of {SIDE} px")
    fig = plt.figure(figsize=(10.0, 5.6), layout="constrained")
    for part, (name, which) in zip(fig.subfigures(1, 2), (("untrained", untrained), ("trained", trained)), strict=True):
        axes = part.subplots(8, 8).ravel()
        for ax, field in zip(axes, which, strict=True):
            top = np.abs(field).max()
            ax.imshow(field, cmap="gray", vmin=-top, vmax=top)
            ax.axis("off")
        part.suptitle(f"{name}: {share[name]:.0%} of {N_EXC} fields fit a Gabor function")
    fig.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sparse_code.png"))
    parser.add_argument("--patches", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.out, given.patches, given.seed)
