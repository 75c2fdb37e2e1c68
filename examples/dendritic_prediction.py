"""A dendrite learns to foretell what a teacher does to the soma (Urbanczik & Senn 2014, figure 1 in small).

Two hundred inputs repeat one pattern of random spikes. A teacher nudges the soma towards a time course; the synapses on the
dendrite see the soma's spikes and their own dendrite only. Then the teacher is taken away, and the soma is left to its
dendrite. A control is shown everything and never learns. Numbers: correlation of the soma's potential, without a
teacher, with the time course that was taught, and the mean squared error between them.

    python examples/dendritic_prediction.py --out dendritic_prediction.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from plasticity import DendriticPrediction
from snn.cells import Escape, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

DT_ms, FRAME_ms, PATTERN_ms, INPUTS, RATE_Hz = 1.0, 5.0, 500.0, 200, 10.0
REPEATS, TOP_mV = 200, 20.0
FRAMES = round(PATTERN_ms / FRAME_ms)
CELL = TwoCompartment(tau_mem_ms=10.0, tau_dend_ms=10.0, coupling=20.0, nudge=40.0, v_threshold_mV=12.0, t_ref_ms=3.0, escape=Escape())
FAR = Receptor(name="far", tau_ms=3.0, compartment="dendrite")


def network() -> Network:
    """Excitatory and inhibitory inputs on the dendrite of one cell, a teacher on its soma."""
    rule = DendriticPrediction.of(CELL, FAR, eta_mV=1.5)
    joined = [
        Projection(
            source=name, target="cell", receptor="far", topology=Dense(), weights=Uniform(low_mV=0.2, high_mV=2.0), delay_ms=1.0,
            rule=rule, w_max_mV=1e3,
        )
        for name in ("exc", "inh")
    ]  # fmt: skip
    return Network(
        name="dendritic prediction",
        frame_ms=FRAME_ms,
        # The movie is the target: white is TOP_mV, and a teacher's current is its conductance times its target.
        encoder=Retina(luminance_mV=TOP_mV),
        populations=(
            Population(name="exc", shape=(1, 1, INPUTS // 2), cell=SpikeSource()),
            Population(name="inh", shape=(1, 1, INPUTS // 2), cell=SpikeSource(), sign="inhibitory"),
            Population(name="cell", shape=(1, 1, 1), cell=CELL, drive="luminance", drive_gain=CELL.nudge, receptors=(FAR,)),
        ),
        projections=tuple(joined),
    )


def target_mV() -> np.ndarray:
    """Time course that is taught, one value a frame: two slow waves, made to repeat with the pattern."""
    t = np.arange(FRAMES) / FRAMES
    return np.asarray(8.0 + 4.0 * np.sin(2 * np.pi * 2 * t) + 3.0 * np.cos(2 * np.pi * t))


def pattern(seed: int) -> dict[str, np.ndarray]:
    """Spikes that every repetition shows; shape (steps, cells) each."""
    rng = stream(seed, "example", "pattern")
    steps = round(PATTERN_ms / DT_ms)
    return {name: rng.random((steps, INPUTS // 2)) < RATE_Hz * DT_ms / 1000.0 for name in ("exc", "inh")}


def left_alone(simulation: Simulation, spikes: dict[str, np.ndarray]) -> tuple[np.ndarray, int]:
    """Potential of the soma in each frame of the second of two repetitions, without a teacher, and spikes in it."""
    alone = simulation.network.override("cell.cell", CELL.model_copy(update={"nudge": 0.0}))
    tested, dark = engine("event").build(alone, state=simulation.state(), dt_ms=DT_ms), Movie(np.zeros((1, 1, 1)), FRAME_ms)
    tested.restart()
    found, fired = [], 0
    per_frame = round(FRAME_ms / DT_ms)
    for t in range(2 * FRAMES):
        part = slice((t % FRAMES) * per_frame, (t % FRAMES + 1) * per_frame)
        got = tested.run(dark, rasters={name: s[part] for name, s in spikes.items()})
        found.append(float(tested.state().arrays["v/cell"][0]))
        fired += int(got.counts["cell"].sum()) * (t >= FRAMES)
    return np.array(found[FRAMES:]), fired


def score(v: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Correlation with, and mean squared distance from, the time course that was taught."""
    return float(np.corrcoef(v, wanted)[0, 1]), float(((v - wanted) ** 2).mean())


def main(out: Path, repeats: int = REPEATS) -> dict[str, float]:
    """Teach, compare with a control that never learns, draw; give the numbers."""
    spikes, wanted = pattern(1), target_mV()
    lesson = Movie((wanted / TOP_mV).reshape(-1, 1, 1), FRAME_ms)
    taught, control = (engine("event").build(network(), dt_ms=DT_ms, seed=1) for _ in range(2))
    before, _ = left_alone(taught, spikes)
    errors = [(0, score(before, wanted)[1])]
    for k in range(1, repeats + 1):
        for simulation in (taught, control):
            simulation.run(lesson, rasters=spikes, learn=simulation is taught)
        if k % 20 == 0:
            errors.append((k, score(left_alone(taught, spikes)[0], wanted)[1]))
    after, fired = left_alone(taught, spikes)
    never, _ = left_alone(control, spikes)
    numbers = {}
    for name, v in (("before", before), ("after", after), ("control", never)):
        r, error = numbers[f"correlation {name}"], numbers[f"error {name}"] = score(v, wanted)
        print(f"{name:8s} correlation {r:6.3f}   mean squared error {error:8.2f} mV^2")
    print(f"spikes in {PATTERN_ms:.0f} ms without the teacher: {fired}")

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    course, falls = figure.subplots(1, 2, width_ratios=(2, 1))
    t = (np.arange(FRAMES) + 1) * FRAME_ms
    course.plot(t, wanted, color="black", lw=2, label="taught")
    course.plot(t, after, color="tab:blue", label=f"dendrite alone, after {repeats} repetitions")
    course.plot(t, never, color="tab:orange", lw=1, label="control that never learned")
    course.set(xlabel="time in the pattern (ms)", ylabel="potential of the soma (mV above rest)", ylim=(None, 19.0))
    course.legend(fontsize=8)
    falls.plot(*zip(*errors, strict=True), "o-", color="tab:blue", label="learning")
    falls.axhline(score(never, wanted)[1], color="tab:orange", label="control")
    falls.set(xlabel="repetitions", ylabel="mean squared error (mV$^2$)", yscale="log")
    falls.legend(fontsize=8)
    figure.savefig(out, dpi=120)
    return numbers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("dendritic_prediction.png"))
    main(parser.parse_args().out)
