"""Error cells born unbalanced: inhibitory plasticity calibrates them, and must then stop, or it explains errors away.

    python examples/error_balance.py --out error_balance.png

Left: the rate of error cells on still photographs, which the persistence path forecasts rightly, while inhibition learns
(`VogelsRate`). Middle: the same inhibitory weights, in units of what balances. Right: then the forecast is scaled by 1.2, which is an error
that lasts, and inhibition goes on at full speed, a hundred times slower, or not at all. Photographs that are shown to
measure were never learned from. With ``--drifts`` the circuit then learns to forecast drifts, and its error is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.recipes import RECIPES, STILL_FRAMES, still_photographs
from comparisons.statistics import t_interval
from plasticity.balance import ERRORS, balancing, calibrate, inhibition_of_errors
from plasticity.training import Plan, forecast_error, learn
from snn.engines.driver import Simulation
from snn.state import State
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie

SIZE, MISMATCH, BIAS, SETTLED = 8, 0.3, 1.2, 2
PLAIN = RECIPES["plain"]
PERSISTENCE = (
    "level0.target->level0.prediction/persistent_exc",
    "level0.target_inh->level0.prediction/persistent_inh",
)
SPEEDS = {"full speed": 1.0, "100 times slower": 0.01, "frozen": 0.0}


def unseen(speed_px: float, n_movies: int, n_frames: int = 10) -> tuple[Movie, ...]:
    """Parts of photographs that are never learned from."""
    return drifting_movies(photographs(True), n_movies, n_frames, SIZE, speed_px=(speed_px, speed_px), seed=99)


def rate_Hz(simulation: Simulation, scenes: Sequence[Movie]) -> float:
    """Mean rate of the error cells from the third frame of each scene on, nothing learning."""
    counts = []
    for scene in scenes:
        simulation.restart()
        shown = simulation.run(scene)
        counts.append(np.mean([shown.counts[name][SETTLED:].mean() for name in ERRORS]))
    return float(np.mean(counts)) * 1000.0 / scenes[0].frame_ms


def changed(state: State, arrays: dict[str, np.ndarray]) -> State:
    """The same state with other arrays."""
    return State({**state.arrays, **arrays}, state.step, state.seed, state.dt_ms, state.digest)


def course(job: Job, state: State, speed: float, scenes: Sequence[Movie], probe: Sequence[Movie], every: int) -> list[float]:
    """Rates of error cells on the probe while the forecast is biased and inhibition learns on the scenes."""
    born = job.network()
    network = balancing(born, PLAIN.balance_rule(job.spec(), speed)) if speed else born
    fresh = job.simulation(network).state()
    weights = {k: a for k, a in state.arrays.items() if k.startswith("weights/")}
    biased = {f"weights/{name}": BIAS * state.weights(name) for name in PERSISTENCE}
    simulation = job.simulation(network, changed(fresh, {**weights, **biased}))
    found = [rate_Hz(simulation, probe)]
    for first in range(0, len(scenes), every):
        learn(simulation, scenes[first : first + every], Plan(passes=1, eta_start=0.0, eta_end=0.0), seed=first)
        found.append(rate_Hz(simulation, probe))
    return found


def held_out(job: Job, network_state: State, drifts: int) -> float:
    """Learn to forecast drifts, and give the error over that of copying the last frame on photographs never seen."""
    simulation = job.simulation(job.network(), network_state)
    learn(simulation, job.source.model_copy(update={"n_movies": drifts}).learning(job.seed + 1), job.plan, seed=job.seed)
    totals = np.zeros(2)
    for movie in unseen(1.0, 60):
        simulation.restart()
        model, copy, n = forecast_error(simulation.run(movie), movie)
        totals += n * np.array([model, copy])
    return float(totals[0] / totals[1])


def say(label: str, values: Sequence[float], unit: str) -> None:
    """Print the mean over seeds and its interval."""
    mean, low, high = t_interval(values)
    print(f"{label:<44} {mean:.3f} [{low:.3f}, {high:.3f}] {unit}   " + " ".join(f"{v:.3f}" for v in values), flush=True)


class Subject:
    """A circuit of one seed, born unbalanced, while and after its error cells are calibrated.

    Parameters
    ----------
    seed : int
    stills : int
        Photographs on which it is calibrated.
    """

    def __init__(self, seed: int, stills: int) -> None:
        source = Source(frames="photographs", size=SIZE)
        self.job = Job(source=source, seed=seed, mismatch=MISMATCH, plan=Plan(passes=1, eta_start=0.8, eta_end=0.05))
        self.network, self.probe, self.every = self.job.network(), unseen(0.0, 20), max(1, stills // (1 if seed else 10))
        self.born = self.job.simulation(self.network).state()
        self.steps, self.rates_Hz = [0], [rate_Hz(self.job.simulation(self.network, self.born), self.probe)]
        scenes, rule = still_photographs(source, stills, seed), PLAIN.balance_rule(self.job.spec())
        self.calibrated = calibrate(self.job.simulation, self.network, scenes, rule, seed=seed, watch=self.watch)
        self.by_hand = self.job.model_copy(update={"mismatch": 0.0})
        self.hand = self.by_hand.simulation(self.by_hand.network()).state()

    def watch(self, done: int, simulation: Simulation) -> None:
        """Measure now and then what calibration has come to."""
        if done % self.every == 0:
            state = simulation.state()
            kept = {f"weights/{name}": state.arrays[f"weights/{name}"] for name in inhibition_of_errors(self.network)}
            self.steps.append(done)
            self.rates_Hz.append(rate_Hz(self.job.simulation(self.network, changed(self.born, kept)), self.probe))

    def balance(self, state: State) -> np.ndarray:
        """Inhibitory weights of error cells, in units of those that balance."""
        found = []
        for name in inhibition_of_errors(self.network):
            there = self.hand.weights(name) > 0
            found.append(state.weights(name)[there] / self.hand.weights(name)[there])
        return np.concatenate(found)

    def forecasts(self, drifts: int) -> dict[str, float]:
        """Held-out error after learning, by how the error cells were balanced."""
        found = {}
        for label, job, begun in (
            ("balanced by hand", self.by_hand, self.hand),
            ("uncalibrated", self.job, self.born),
            ("calibrated, frozen", self.job, self.calibrated),
            ("calibrated, 100 times slower", self.job.model_copy(update={"balance_after": 0.01}), self.calibrated),
            ("calibrated, full speed", self.job.model_copy(update={"balance_after": 1.0}), self.calibrated),
        ):
            fresh = job.simulation(job.network()).state()
            kept = {k: a for k, a in begun.arrays.items() if k.startswith("weights/")}
            found[f"forecast, {label}"] = held_out(job, changed(fresh, kept), drifts)
        return found


def main(out: Path, seeds: int = 1, first: int = 0, stills: int = 1600, frames: int = 10_000, drifts: int = 0) -> dict[str, list[float]]:
    """Calibrate, bias where frames are asked for, and draw the first seed."""
    results: list[dict[str, float]] = []
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11.0, 3.4), layout="constrained")
    for seed in range(first, first + seeds):
        one = Subject(seed, stills)
        born, after = one.balance(one.born), one.balance(one.calibrated)
        found = {
            "as predicted, balanced by hand": rate_Hz(one.by_hand.simulation(one.by_hand.network(), one.hand), one.probe),
            "as predicted, at birth": one.rates_Hz[0],
            "as predicted, calibrated": one.rates_Hz[-1],
            "rms of weights / balance - 1, at birth": float(np.sqrt(np.mean((born - 1.0) ** 2))),
            "rms of weights / balance - 1, calibrated": float(np.sqrt(np.mean((after - 1.0) ** 2))),
        }
        later = still_photographs(one.job.source, max(1, frames // STILL_FRAMES), seed + 1000)
        for label, speed in SPEEDS.items() if frames else ():
            told = course(one.job, one.calibrated, speed, later, one.probe, max(1, len(later) // 5) if seed == first else len(later))
            found |= {f"biased, {label}, frame 0": told[0], f"biased, {label}, frame {frames}": told[-1]}
            if seed == first:
                right.plot(np.linspace(0, frames, len(told)), told, "o-", ms=3, lw=1, label=label)
        if seed == first:
            left.semilogy(one.steps, one.rates_Hz, "o-", ms=3, color="0.2")
            bins = np.linspace(0.6, 1.6, 41)
            middle.hist([born, after], bins=bins, label=["at birth", "calibrated"], histtype="stepfilled", alpha=0.6)
        results.append(found | (one.forecasts(drifts) if drifts else {}))
        print(f"seed {seed}: " + "; ".join(f"{k} {v:.3f}" for k, v in results[-1].items()), flush=True)
    rates = {label: [r[label] for r in results] for label in results[0]}
    for label, values in rates.items():
        say(label, values, "of copying" if label.startswith("forecast") else "" if label.startswith("rms") else "Hz")
    left.axhline(PLAIN.balance_Hz, color="tab:red", ls="--", lw=1, label="target")
    left.set(xlabel="still photographs", ylabel="error cells (Hz)", title="as predicted")
    middle.set(xlabel="inhibition / what balances", ylabel="synapses", title="weights")
    right.set(xlabel="frames", ylabel="error cells (Hz)", ylim=(0, None), title="forecast scaled by 1.2")
    for axes in (left, middle, right):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    print(out)
    return rates


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("error_balance.png"))
    for option, default in (("seeds", 1), ("first", 0), ("stills", 1600), ("frames", 10_000), ("drifts", 0)):
        parser.add_argument(f"--{option}", type=int, default=default)
    given = parser.parse_args()
    main(given.out, given.seeds, given.first, given.stills, given.frames, given.drifts)
