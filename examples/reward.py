"""Reward that comes seconds late finds the synapse that earned it; surprise says when to learn.

    python examples/reward.py --out reward.png

Above, the distal reward of Izhikevich (2007), https://doi.org/10.1093/cercor/bhl152, figures 1 and 2, scaled down: 500 plastic synapses,
of 50 inputs that fire at 2 Hz by chance onto 10 cells. One synapse is chosen. Whenever its input comes up to 10 ms before its cell fires,
by chance as it is at first, dopamine is released after 1 to 3 s, and it decays over 200 ms. Nothing tells which synapse was meant, and in
the time between many others see such pairs. As a control, as much dopamine at random times. The paper has a network of 1000 cells with
connections among them and hours; here cells are not connected to one another and it is 25 minutes. There is no tonic dopamine.

Below, surprise as the third factor (Liakoni et al. 2021, https://doi.org/10.1162/neco_a_01352, for the form of the factor). One group of
inputs comes before the spike of a cell, which is missing in 1 of 10 cases, and another after it; every 300 frames they change places.
Error cells send as many spikes as forecast and outcome differ by, the forecast being the mean weight of the group that comes first.
Beside it, the same pairs with a constant in the place of surprise: the mean that surprise had. Forecast and error are computed here and
not by cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import RewardModulatedSTDP, SurpriseModulatedSTDP
from plasticity.testing import taught
from snn.cells import LIF
from snn.engines import engine
from snn.recording import Record
from snn.seeding import stream

N_PRE, N_POST, RATE_Hz, STEP_ms, FRAME_ms = 50, 10, 2.0, 2.0, 200.0
STEPS = round(FRAME_ms / STEP_ms)
BORN_mV, MOST_mV, WINDOW_ms, DOPAMINE_ms = 1.0, 5.0, 10.0, 200.0
REWARDED = RewardModulatedSTDP(a_plus_mV=0.35, a_minus_mV=0.525)
GROUP, USUAL, SPIKES, STAY = 10, 4.0, 10, 300
"""Inputs of a group, half of what surprise can do, error spikes of a forecast that is all wrong, and frames between two changes."""


def distal(seed: int, frames: int, releases: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Weights (frames, 500) in mV, the chosen synapse first, and frames at which dopamine was released: when earned, or as given."""
    cell = LIF(tau_mem_ms=20.0, v_threshold_mV=7.0)
    network = taught(REWARDED, N_PRE, N_POST, cell=cell, frame_ms=FRAME_ms, step_ms=STEP_ms, w_max_mV=MOST_mV)
    simulation = engine("event").build(network.override("in->out/weak.weights.value_mV", BORN_mV), dt_ms=STEP_ms, seed=seed)
    rng = stream(seed, "reward", "earned" if releases is None else "given")
    dopamine, found, weights, heard = np.zeros(frames + 100), [], np.empty((frames, N_PRE * N_POST)), -1e9
    # What a release is worth in each frame: its decay, of which all frames together have 1.
    fades = -np.diff(np.exp(-np.arange(21) * FRAME_ms / DOPAMINE_ms))
    for at in () if releases is None else releases:
        dopamine[at : at + 20] += fades
        found.append(at)
    for t in range(frames):
        given = {name: rng.random((STEPS, n)) < RATE_Hz * STEP_ms / 1000.0 for name, n in (("in", N_PRE), ("teacher", N_POST))}
        ran = simulation.run(n_frames=1, rasters=given, record=Record(spikes=True), learn=True, modulator=dopamine[t])
        weights[t] = simulation.state().weights("in->out/weak").reshape(-1)
        if releases is not None:
            continue
        came = np.append(heard, t * STEPS + np.flatnonzero(given["in"][:, 0]))
        heard = came[-1]
        for step in t * STEPS + ran.spikes["out"].steps[ran.spikes["out"].cells == 0]:
            # An arrival in the step of a spike comes before it, as for the rule.
            if (step - came[came <= step].max()) * STEP_ms <= WINDOW_ms:
                at = int((step * STEP_ms + rng.uniform(1000.0, 3000.0)) // FRAME_ms)
                dopamine[at : at + 20] += fades
                found.append(at)
    return weights, np.array(found)


def surprised(seed: int, changes: int, constant: float | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean weight (frames, 2) of both groups in units of the bound, weight moved per synapse and frame, and third factors."""
    rng, frames = stream(seed, "reward", "surprise"), STAY * (changes + 1)
    asked = {"a_plus_mV": 0.1, "a_minus_mV": 0.12, "tau_c_ms": 100.0}
    rule = SurpriseModulatedSTDP(**asked, usual=USUAL) if constant is None else RewardModulatedSTDP(**asked)
    network = taught(rule, 2 * GROUP, 1, frame_ms=100.0, w_max_mV=1.0)
    simulation = engine("event").build(network.override("in->out/weak.weights.value_mV", 0.5), dt_ms=1.0)
    w, course, moved, factors = np.full((2, GROUP), 0.5), np.empty((frames, 2)), np.empty(frames), np.empty(frames)
    for t in range(frames):
        first, outcome = t // STAY % 2, rng.random() < 0.9
        pre, push = rng.random((100, 2 * GROUP)) < 0.003, np.zeros((100, 1), bool)
        for group, at in ((first, 20), (1 - first, 40)):
            pre[at, group * GROUP : (group + 1) * GROUP] |= rng.random(GROUP) < 0.8
        push[30] = outcome
        errors, count = np.zeros((100, 1), bool), rng.binomial(SPIKES, abs(outcome - w[first].mean()))
        errors[50 : 50 + count] = True
        factors[t] = count / (USUAL + count) if constant is None else constant
        told = {"teacher.surprise": errors} if constant is None else {}
        simulation.run(n_frames=1, rasters={"in": pre, "teacher": push} | told, learn=True, modulator=1.0 if constant is None else constant)
        before, w = w, simulation.state().weights("in->out/weak").reshape(2, GROUP)
        course[t], moved[t] = w.mean(axis=1), np.abs(w - before).mean()
    return course, moved, factors


def until_known(course: np.ndarray) -> list[int]:
    """Frames after each change until the group that now comes first is 0.5 ahead of the other; as many as there are where it never is."""
    found = []
    for k in range(1, len(course) // STAY):
        ahead = np.diff(course[k * STAY : (k + 1) * STAY], axis=1)[:, 0] * (1 if k % 2 else -1)
        found.append(int(np.argmax(ahead > 0.5)) if (ahead > 0.5).any() else STAY)
    return found


def main(out: Path, seeds: int = 1, minutes: float = 25.0, changes: int = 4) -> dict[str, list[float]]:
    """Run both experiments with their controls, draw them, and give the numbers that the figure shows."""
    frames = round(minutes * 60_000.0 / FRAME_ms)
    fig, ((course, heap), (groups, pace)) = plt.subplots(2, 2, figsize=(10.0, 6.4), layout="constrained", width_ratios=(2, 1))
    said: dict[str, list[float]] = {}
    t = np.arange(frames) * FRAME_ms / 60_000.0
    for seed in range(seeds):
        earned, when = distal(seed, frames)
        by_chance, _ = distal(seed, frames, stream(seed, "reward", "random times").integers(frames, size=len(when)))
        said.setdefault("rewards", []).append(float(len(when)))
        said.setdefault("rewards in the first and last third", []).extend(
            [float((when < frames / 3).sum()), float((when > frames * 2 / 3).sum())]
        )
        for name, w in (("earned", earned), ("at random times", by_chance)):
            said.setdefault(f"chosen synapse (mV), {name}", []).append(float(w[-1, 0]))
            said.setdefault(f"mean of the others (mV), {name}", []).append(float(w[-1, 1:].mean()))
            said.setdefault(f"synapses above it, {name}", []).append(float((w[-1, 1:] >= w[-1, 0]).sum()))
        if seed:
            continue
        course.fill_between(t, *np.percentile(earned[:, 1:], [1, 99], axis=1), color="0.88", lw=0, label="98 % of the others")
        course.plot(t, earned[:, 1:].mean(axis=1), color="0.5", label="their mean")
        course.plot(t, earned[:, 0], color="tab:red", lw=2, label="the chosen synapse, rewards that it earned")
        course.plot(t, by_chance[:, 0], color="tab:blue", label="the same, as many rewards at random times")
        heap.hist(earned[-1, 1:], bins=np.linspace(0, MOST_mV, 41), color="0.6", label="the others")
        heap.axvline(earned[-1, 0], color="tab:red", lw=2, label="the chosen one")
    course.set(xlabel="time (minutes)", ylabel="weight (mV)", ylim=(0, 1.35 * MOST_mV), xlim=(0, t[-1]), title="reward comes 1 to 3 s late")
    course.set_yticks(range(6))
    heap.set(xlabel="weight at the end (mV)", ylabel="synapses", yscale="log")

    found, moved, factors = surprised(0, changes)
    fixed, moved_fixed, _ = surprised(0, changes, constant=float(factors[STAY:].mean()))
    said["third factor, mean"] = [float(factors[STAY:].mean())]
    settled, after = (np.arange(len(moved)) % STAY >= 200) & (np.arange(len(moved)) >= STAY), np.arange(len(moved)) % STAY < 50
    after[:STAY] = False
    for name, c, m, style in (("surprise", found, moved, "-"), ("constant", fixed, moved_fixed, ":")):
        said[f"frames until known, {name}"] = [float(x) for x in until_known(c)]
        said[f"moved after a change over moved when settled, {name}"] = [float(m[after].mean() / m[settled].mean())]
        for k, colour in enumerate(("tab:red", "tab:blue")):
            groups.plot(c[:, k], style, color=colour, lw=1.2, label=f"group {k + 1}, {name}")
        since = np.array([np.diff(c[k * STAY : (k + 1) * STAY], axis=1)[:, 0] * (1 if k % 2 else -1) for k in range(1, changes + 1)])
        pace.plot(since.mean(axis=0), style, color="black", label=name)
    for k in range(1, changes + 1):
        groups.axvline(k * STAY, color="0.8", lw=0.8)
    groups.set(xlabel="frame", ylabel="mean weight (mV)", title="which group comes before the spike changes", ylim=(0, 1.35))
    pace.axhline(0.5, color="0.8", lw=0.8)
    pace.set(xlabel="frames since a change", ylabel="the right group is ahead by (mV)")
    for axes in (course, heap, groups, pace):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7, ncols=2 if axes in (course, groups) else 1)
    fig.savefig(out, dpi=150)
    for name, values in said.items():
        print(f"{name}: {', '.join(f'{x:.3g}' for x in values)}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reward.png"))
    parser.add_argument("--seeds", type=int, default=1, help="how many of the distal reward")
    given = parser.parse_args()
    main(given.out, given.seeds)
