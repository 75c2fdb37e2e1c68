"""A recurrent network learns a time course by e-prop: eligibilities in the synapses, error spikes to tell them.

    python examples/eprop.py --out eprop.png

Forty cells that are connected at random hear one second of frozen spikes, again and again. Half of them raise what is read, half lower
it; two populations of error cells spike as far as the reading is below or above the time course that is wanted, and reach each cell with
the sign with which the cell is read: the symmetric e-prop of Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass (2020),
https://doi.org/10.1038/s41467-020-17236-y, their pattern generation (figure 3) in small. Input and recurrent weights learn, the reading
does not. Beside it a network that never learns, one whose error spikes reach the cells with signs that are shuffled, and one whose
recurrent weights are left as they are. The error is the mean square of reading less wanted, over the variance of what is wanted.

Departures: error spikes in the place of a number, weights that change at once and not after a batch, cells that break Dale's law (as in
the paper), no adapting threshold and no regularisation of rates.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import lfilter

from plasticity import EProp
from snn.cells import IF, LIF, SpikeSource
from snn.description import MIXED, Network, Population, Projection, Signal, Tap
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.recording import Record
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Constant, Normal

N_IN, N, N_WANTED, STEPS, TAU_ms = 30, 40, 10, 1000, 30.0
READ = np.where(np.arange(N) % 2 == 0, 1.0, -1.0)
QUANTUM_mV = 1.0
"""What a spike of a cell adds to the reading."""


def network(*, told: np.ndarray, eta_mV: float, recurrent: bool = True) -> Network:
    """Inputs, cells, and error cells that hear both the cells and what is wanted; ``told`` has the sign with which each cell is told."""
    up, down = (tuple((0, int(j)) for j in np.flatnonzero(told == sign)) for sign in (1.0, -1.0))
    excess = Signal(name="excess", taps=(Tap(population="low", pairs=up), Tap(population="high", pairs=down)))
    deficit = Signal(name="deficit", taps=(Tap(population="high", pairs=up), Tap(population="low", pairs=down)))
    rule = EProp(eta_mV=eta_mV, threshold_mV=1.0, width_mV=1.0, tau_mem_ms=20.0, tau_out_ms=TAU_ms)
    learns = {"rule": rule, "signals": (excess, deficit)}
    pulse, slow = Receptor(name="pulse", kinetics="pulse"), Receptor(name="slow", tau_ms=TAU_ms)
    # A current of 1 mV, one spike's worth of error, is worth 20 error spikes in a second.
    error = IF(tau_mem_ms=50.0, v_threshold_mV=1.0, reset_by_mV=1.0, v_floor_mV=0.0)
    weights = Constant(value_mV=0.0)
    return Network(
        frame_ms=float(STEPS),
        populations=(
            Population(name="in", shape=(1, 1, N_IN), cell=SpikeSource(), sign=MIXED),
            Population(name="wanted", shape=(1, 1, 2 * N_WANTED), cell=SpikeSource(), sign=MIXED),
            Population(
                name="cells", shape=(1, 1, N), cell=LIF(tau_mem_ms=20.0, v_threshold_mV=1.0, reset_by_mV=1.0), sign=MIXED,
                receptors=(pulse,),
            ),
            *(Population(name=name, shape=(1, 1, 1), cell=error, receptors=(slow,)) for name in ("low", "high")),
        ),
        projections=(
            Projection(
                source="in", target="cells", receptor="pulse", topology=Dense(), weights=Normal(scale_mV=0.25), delay_ms=1.0, **learns
            ),
            Projection(
                source="cells", target="cells", receptor="pulse", topology=Dense(), weights=Normal(scale_mV=0.1), delay_ms=1.0,
                **(learns if recurrent else {}),
            ),
            *(
                Projection(source=source, target=name, receptor="slow", topology=Dense(), weights=weights, delay_ms=1.0)
                for name in ("low", "high")
                for source in ("cells", "wanted")
            ),
        ),
    )  # fmt: skip


def built(net: Network, seed: int) -> Simulation:
    """Build it, with the weights by which error cells compare."""
    born = engine("event").build(net, dt_ms=1.0, seed=seed).state()
    wanted, arrays = np.repeat([1.0, -1.0], N_WANTED), dict(born.arrays)
    for name, sign in (("low", -1.0), ("high", 1.0)):
        arrays[f"weights/cells->{name}/slow"] = (sign * QUANTUM_mV * READ)[:, None]
        arrays[f"weights/wanted->{name}/slow"] = (-sign * QUANTUM_mV * wanted)[:, None]
    return engine("event").build(net, dt_ms=1.0, state=type(born)(arrays, born.step, born.seed, born.dt_ms, born.digest))


def filtered(spikes: np.ndarray) -> np.ndarray:
    """What a sum of spikes (steps,) comes to in a current of 30 ms."""
    return np.asarray(lfilter([1.0], [1.0, -np.exp(-1.0 / TAU_ms)], spikes))


def lesson(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Rasters of one second, and the time course that they ask for: a sum of four sines, in spikes of two signs."""
    rng, t = stream(seed, "eprop", "lesson"), np.arange(STEPS) / STEPS
    course = sum(rng.uniform(0.5, 1.5) * np.sin(2 * np.pi * (f * t + rng.random())) for f in (1, 2, 3, 5))
    course *= 4.0 / np.std(course)
    # Spikes per step whose low-pass is the course.
    asked = np.append(course[0], course[1:] - np.exp(-1.0 / TAU_ms) * course[:-1])
    raster = np.zeros((STEPS, 2 * N_WANTED), bool)
    for half, values in enumerate((np.maximum(asked, 0.0), np.maximum(-asked, 0.0))):
        counts = np.diff(np.floor(np.cumsum(values)), prepend=0.0).astype(int)
        assert counts.max() <= N_WANTED
        raster[:, half * N_WANTED : (half + 1) * N_WANTED] = np.arange(N_WANTED) < counts[:, None]
    wanted = filtered(raster[:, :N_WANTED].sum(axis=1) - raster[:, N_WANTED:].sum(axis=1))
    return {"in": rng.random((STEPS, N_IN)) < 0.04, "wanted": raster}, wanted


def taught(seed: int, epochs: int, *, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Error (epochs,) of each repetition, reading (steps,) of the last one, what was wanted, and the rate of the cells in Hz."""
    rasters, wanted = lesson(seed)
    told = stream(seed, "eprop", "shuffled").permutation(READ) if kind == "shuffled" else READ
    eta_mV = 0.0 if kind == "never" else 2e-3
    simulation = built(network(told=told, eta_mV=eta_mV, recurrent=kind != "input alone"), seed)
    errors = np.empty(epochs)
    for k in range(epochs):
        simulation.restart()
        # The last third learns more slowly, so that it comes to rest.
        ran = simulation.run(
            n_frames=1, rasters=rasters, record=Record(spikes=True), learn=eta_mV > 0, modulator=1.0 if k < 2 * epochs // 3 else 0.3
        )
        sent = np.zeros(STEPS)
        np.add.at(sent, ran.spikes["cells"].steps, READ[ran.spikes["cells"].cells])
        reading = QUANTUM_mV * filtered(sent)
        errors[k] = ((reading - wanted) ** 2).mean() / wanted.var()
    return errors, reading, wanted, ran.mean_rate_Hz("cells")


def main(out: Path, seeds: int = 2, epochs: int = 120) -> dict[str, list[float]]:
    """Teach, with controls, draw, and give the numbers that the figure shows."""
    kinds = {"e-prop": "tab:red", "input alone": "tab:orange", "shuffled": "tab:blue", "never": "0.5"}
    labels = {"input alone": "recurrent weights fixed", "shuffled": "shuffled signs", "never": "never learns"}
    fig, (course, falls) = plt.subplots(1, 2, figsize=(10.0, 3.6), layout="constrained", width_ratios=(3, 2))
    said: dict[str, list[float]] = {}
    for name, colour in kinds.items():
        # A network that never learns says the same in each repetition.
        found = [taught(seed, epochs if name != "never" else 2, kind=name) for seed in range(seeds)]
        said[f"error before, {name}"] = [float(e[0]) for e, _, _, _ in found]
        said[f"error after, {name}"] = [float(e[-5:].mean()) for e, _, _, _ in found]
        said[f"rate (Hz), {name}"] = [rate for _, _, _, rate in found]
        label = labels.get(name, name)
        for k, (errors, reading, wanted, _) in enumerate(found):
            falls.plot(errors if name != "never" else np.full(epochs, errors[-1]), color=colour, lw=1, label=None if k else label)
            if k == 0 and name in ("e-prop", "never"):
                course.plot(reading, color=colour, lw=1, label=label)
            if k == 0 and name == "never":
                course.plot(wanted, color="black", lw=1.5, label="wanted")
    course.set(xlabel="time (ms)", ylabel="reading (mV)", xlim=(0, STEPS))
    low, high = course.get_ylim()
    course.set_ylim(low, high + 0.25 * (high - low))
    course.legend(frameon=False, fontsize=8, ncols=3)
    falls.set(xlabel="repetition", ylabel="error, of the variance", yscale="log", ylim=(0.15, 20.0))
    falls.legend(frameon=False, fontsize=8)
    for axes in (course, falls):
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    for name, values in said.items():
        print(f"{name}: {', '.join(f'{x:.3g}' for x in values)}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("eprop.png"))
    main(parser.parse_args().out)
