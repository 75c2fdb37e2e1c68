"""What rules cost: time for each synaptic event on the event engine, of every rule of the package, and beside Brian2 C++.

    python benchmarks/rule_costs.py [--only PairSTDP,BCM] [--no-brian2] [--repeats 5] [--side 24] [--frames 10] [--out FILE]

An event is the arrival of a spike at a synapse; the time is that of the whole run, cells included, whenever the rule acts. Static synapses
are the floor. Every rule meets the same spikes (`rule_workload`). Runs alternate, Brian2's among them, one thread, CPU seconds, and the
least time of each counts, so that other work on the machine weighs on all of them alike. Results go to
benchmarks/results/rule_costs.json, from which ``python benchmarks/rules_page.py`` makes the tables of docs/rules.md; with ``--only`` the
others stay as they are there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rule_workload as workload

from plasticity import DendriticPrediction, PairSTDP
from plasticity.catalogue import CATALOGUE
from plasticity.rule_tables import acts
from snn.engines.event import EventEngine
from snn.local import Rule, Trace, Update, W, post, pre

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "rule_costs.json"
SAME_mV = 1e-3  # float32, of weights up to 2 mV
STATIC, TWO = "static", "static, two compartments"
PAIR = CATALOGUE[PairSTDP].rule
FORMS = ("groups", "documented")


class MyPair(Rule):
    """The additive pair rule, as a user would write it."""

    kind: Literal["my_pair"] = "my_pair"

    def traces(self) -> tuple[Trace, ...]:
        return Trace("before", "pre", tau_ms=20.0), Trace("after", "post", tau_ms=20.0)

    def updates(self) -> tuple[Update, ...]:
        return Update("post_spike", W + 0.2 * pre("before")), Update("pre_spike", W - 0.3 * post("after"))


class Ours:
    """One rule on the event engine, ready to run."""

    def __init__(self, rule: Rule, *, learns: bool = True, side: int, frames: int) -> None:
        described = workload.network(rule, side, learns=learns)
        self.frames, self.rasters = frames, workload.rasters(described, frames)
        self.simulation = EventEngine("float32").build(described, seed=1)
        self.born = self.simulation.state()
        self.events = workload.arrivals(described, self.rasters)
        self.how = next(iter(EventEngine().plan(described).values())) if learns else "no rule"
        self.targets_Hz, self.n_spikes = 0.0, 0

    def run(self) -> float:
        """CPU seconds."""
        self.simulation.resume(self.born)  # with the weights too, so that every round does the same
        begin = time.process_time()
        found = self.simulation.run(n_frames=self.frames, rasters=self.rasters, learn=True)
        took = time.process_time() - begin
        self.n_spikes = int(found.counts["out"].sum())
        self.targets_Hz = self.n_spikes * 1000.0 / (found.counts["out"][0].size * self.frames * workload.FRAME_ms)
        return took

    def weights(self) -> np.ndarray:
        """Weights in the order of `Network.edges`."""
        described = self.simulation.network
        j = described.projections[0]
        return self.simulation.state().weights(j.name).ravel()[described.edges(j).weight]


class Theirs:
    """One rule in Brian2's own binary."""

    def __init__(self, name: str, form: str, folder: Path, *, side: int = workload.SIDE, frames: int = workload.FRAMES) -> None:
        self.folder = folder / f"{name}_{form}"
        print(f"... g++ on {name}, {form}", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / "brian_rules.py"), name, form, "float32", str(side), str(frames), str(self.folder)]
        paths = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}, check=False)
        if done.returncode:
            raise RuntimeError(f"Brian2 could not run {name}, {form}: {done.stderr.strip() or done.stdout.strip()}")
        self.weights = np.load(self.folder / "weights.npy")
        self.n_spikes = int((self.folder / "spikes.txt").read_text())

    def run(self) -> float:
        """CPU seconds of the loop."""
        command = ["./main", "--results_dir", f"{self.folder / 'again'}/"]
        (self.folder / "again").mkdir(exist_ok=True)
        subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)
        return float((self.folder / "bench_cpu.txt").read_text())


def alternate(runs: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each, in turn; the first round, which may compile, does not count."""
    took: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            seconds = run()
            if repeat:
                took[name].append(seconds)
        print(f"... round {repeat} of {repeats}", file=sys.stderr, flush=True)
    return took


def measure(
    names: tuple[str, ...], repeats: int, *, brian2: bool, folder: Path, side: int = workload.SIDE, frames: int = workload.FRAMES
) -> dict[str, Any]:
    """Time rules beside static synapses, and beside Brian2 those that it runs.

    Parameters
    ----------
    names : tuple of str
        Rules of the package.
    repeats : int
        Rounds.
    brian2 : bool
        Whether Brian2 runs too.
    folder : Path
        Where its projects go.
    side, frames : int
        Size and length of the workload.

    Returns
    -------
    dict
        ``rules``, ``floors`` and ``brian2``, by name.
    """
    size = {"side": side, "frames": frames}
    ours = {STATIC: Ours(PAIR, learns=False, **size), TWO: Ours(CATALOGUE[DendriticPrediction].rule, learns=False, **size)}
    ours |= {k.__name__: Ours(entry.rule, **size) for k, entry in CATALOGUE.items() if k.__name__ in names}
    if "PairSTDP" in names:
        ours["MyPair"] = Ours(MyPair(), **size)
    peers = [STATIC, *(k.__name__ for k in workload.PEERS if k.__name__ in names)] if brian2 else []
    theirs = {(name, form): Theirs(name, form, folder, **size) for name in peers for form in (FORMS if name != STATIC else FORMS[:1])}
    runs = {name: one.run for name, one in ours.items()} | {f"brian2 {name} {form}": one.run for (name, form), one in theirs.items()}
    took = alternate(runs, repeats)
    events = ours[STATIC].events
    ns = {name: 1e9 * min(seconds) / events for name, seconds in took.items()}
    found: dict[str, Any] = {"rules": {}, "floors": {name: round(ns[name], 2) for name in (STATIC, TWO)}, "brian2": {}}
    rules = {k.__name__: entry.rule for k, entry in CATALOGUE.items()} | {"MyPair": MyPair()}
    for name in (name for name in ours if name not in (STATIC, TWO)):
        found["rules"][name] = {
            "ns_per_event": round(ns[name], 2),
            "median_ns": round(1e9 * float(np.median(took[name])) / events, 2),
            "times_static": round(ns[name] / ns[STATIC], 2),
            "acts": acts(rules[name]),
            "how": ours[name].how,
            "targets_Hz": round(ours[name].targets_Hz, 2),
        }
    for name in peers:
        forms = {form: ns[f"brian2 {name} {form}"] for form in FORMS if (name, form) in theirs}
        faster = min(forms, key=forms.__getitem__)
        rounds = np.divide(took[f"brian2 {name} {faster}"], took[name])
        found["brian2"][name] = {
            "event_ns": round(ns[name], 2),
            "ns_per_event": {form: round(value, 2) for form, value in forms.items()},
            "rounds": [round(float(rounds.min()), 2), round(float(rounds.max()), 2)],
        }
        for form in forms:
            if theirs[name, form].n_spikes != ours[name].n_spikes:
                raise RuntimeError(f"{name}, {form}: Brian2's cells fire {theirs[name, form].n_spikes} times, ours {ours[name].n_spikes}")
        if name != STATIC:
            apart = {form: float(np.abs(theirs[name, form].weights - ours[name].weights()).max()) for form in forms}
            if max(apart.values()) > SAME_mV:
                raise RuntimeError(f"{name}: Brian2's weights differ from ours, so the two do not do the same; at most by {apart} mV")
            found["brian2"][name]["difference_mV"] = max(apart.values())
    found["workload"] = {**size, "sources_Hz": workload.SOURCES_Hz, "targets_Hz": round(ours[STATIC].targets_Hz, 2),
                         "signals_Hz": workload.SIGNALS_Hz, "frame_ms": workload.FRAME_ms, "arrivals": events,
                         "synapses": len(ours[STATIC].weights()), "precision": "float32", "repeats": repeats}  # fmt: skip
    return found


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=tuple(k.__name__ for k in CATALOGUE))
    parser.add_argument("--no-brian2", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", type=int, default=workload.SIDE)
    parser.add_argument("--frames", type=int, default=workload.FRAMES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    unknown = set(given.only) - {k.__name__ for k in CATALOGUE}
    if unknown:
        parser.error(f"no rule of the package: {', '.join(sorted(unknown))}")
    some = len(given.only) < len(CATALOGUE) and given.out.exists()
    before = json.loads(given.out.read_text(encoding="utf-8")) if some else {}
    if some and (given.side, given.frames) != (before["workload"]["side"], before["workload"]["frames"]):
        parser.error(f"{given.out} holds another workload: {before['workload']}; give the same --side and --frames, or another --out")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.only, given.repeats, brian2=not given.no_brian2, folder=Path(folder), side=given.side, frames=given.frames)
    about = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    found["about"] = {**about, "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1)}
    if some:
        # Ratios to static synapses are of one run each; the rest of the file stays as it was measured.
        found = {
            **before,
            **{part: {**before[part], **found[part]} for part in ("rules", "brian2")},
            "added": before.get("added", {}) | dict.fromkeys(given.only, found["about"] | found["floors"] | {"repeats": given.repeats}),
        }
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, rule in found["rules"].items():
        print(f"{name:<24}{rule['ns_per_event']:8.2f} ns an event, {rule['times_static']:6.2f} x static; {rule['acts']}; {rule['how']}")
    for name, peer in found["brian2"].items():
        print(f"{name:<24}{min(peer['ns_per_event'].values()) / peer['event_ns']:8.2f} times as fast as Brian2 C++; {peer}")


if __name__ == "__main__":
    main()
