"""Speed of the event engine beside Brian2 and torch, and beside what the memory of this machine allows: `make bench`.

    python benchmarks/run.py [--only static,stdp,growth,circuit,gated,torch,bandwidth] [--repeats 3]

Every engine runs in a process of its own, on one thread, one after another. "CPU s" are CPU seconds of that process per
biological second, median of the repetitions, simulation loop only; set-up is printed apart. On a busy machine CPU time
is inflated by shared caches, so ratios below about 1.5 mean nothing. Results also go to benchmarks/results/latest.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PARTS = ("static", "stdp", "growth", "circuit", "gated", "torch", "bandwidth")
PRECISIONS = ("float64", "float32")
WANTED = 8.0  # times faster than Brian2 C++ standalone
GROWTH = 1.2
WANTED_GATED = 3.0
Result = dict[str, Any]


class Bench:
    """Runs workers once each and remembers what they found."""

    def __init__(self, repeats: int, folder: Path) -> None:
        self.repeats, self.folder = str(repeats), folder
        self.done: dict[str, Result] = {}
        self.notes: list[str] = []
        self.verdicts: dict[str, bool] = {}

    def worker(self, label: str, script: str, *arguments: str) -> Result:
        if label not in self.done:
            print(f"... {label}", file=sys.stderr, flush=True)
            names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
            paths = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
            env = os.environ | dict.fromkeys(names, "1") | {"PYTHONPATH": os.environ.get("BENCH_PYTHONPATH", paths)}
            run = subprocess.run([sys.executable, str(HERE / script), *arguments], capture_output=True, text=True, env=env, check=False)
            if run.returncode:
                reason = (run.stderr.strip().splitlines() or ["no message"])[-1]
                self.done[label] = {"failed": reason}
            else:
                self.done[label] = json.loads(run.stdout.strip().splitlines()[-1])
            self.save()
        return self.done[label]

    def event(self, mode: str, precision: str, side: int = 32) -> Result:
        spikes = [str(self.spikes(f"event {mode} {precision}"))] if precision == "float64" and side == 32 else []
        size = "" if side == 32 else f" {side}x{side}"
        return self.worker(f"event {mode} {precision}{size}", "event_worker.py", mode, precision, str(side), self.repeats, *spikes)

    def brian(self, mode: str, precision: str) -> Result:
        label = f"brian2 C++ {mode} {precision}"
        folder = self.folder / label.replace(" ", "_")
        return self.worker(label, "brian_worker.py", mode, precision, self.repeats, str(folder), str(self.spikes(label)))

    def spikes(self, label: str) -> Path:
        return self.folder / (label.replace(" ", "_") + ".npz")

    def compare(self, mode: str, other: str) -> None:
        """Ratio of speeds, and in float64 whether the spikes and weights agree."""
        best = min((self.brian(other, p) for p in PRECISIONS), key=lambda r: r.get("s_per_bio_s", np.inf))
        for precision in PRECISIONS:
            ours, theirs = self.event(mode, precision), self.brian(other, precision)
            if "failed" in ours or "failed" in theirs:
                continue
            ratio = theirs["s_per_bio_s"] / ours["s_per_bio_s"]
            self.notes.append(
                f"{mode} {precision}: {ratio:.1f} x faster than Brian2 C++ ({other}, {precision}), "
                f"{best['s_per_bio_s'] / ours['s_per_bio_s']:.1f} x its faster precision (wanted {WANTED:g} x)"
            )
            self.verdicts[f"{mode} {precision} against {other}"] = ratio >= WANTED
        names = [self.spikes(f"event {mode} float64"), self.spikes(f"brian2 C++ {other} float64")]
        if all(n.exists() for n in names):
            ours, theirs = (np.load(n) for n in names)
            sets = [set(zip(x["steps"].tolist(), x["cells"].tolist(), strict=True)) for x in (ours, theirs)]
            text = f"{mode}: float64 against Brian2 ({other}): {len(sets[0] ^ sets[1])} of {len(sets[0])} spikes differ"
            if len(theirs["w"]):
                a, b = np.sort(ours["w"]), np.sort(theirs["w"][theirs["w"] != 0])
                same = len(a) == len(b)
                text += (
                    f"; sorted weights differ by at most {np.abs(a - b).max():.1e} mV" if same else f"; {len(a)} and {len(b)} weights > 0"
                )
            self.notes.append(text)
            self.verdicts[f"{mode} spikes equal ({other})"] = sets[0] == sets[1]

    # ---- parts

    def static(self) -> None:
        self.compare("static", "static")

    def stdp(self) -> None:
        self.compare("stdp", "stdp")
        self.compare("stdp", "stdp_documented")

    def torch(self) -> None:
        ours, theirs = self.event("static", "float32"), self.worker("torch sparse static float32", "torch_worker.py", "40")
        if "failed" not in ours and "failed" not in theirs:
            self.notes.append(f"static float32: {theirs['s_per_bio_s'] / ours['s_per_bio_s']:.0f} x faster than a sparse torch loop")

    def circuit(self) -> None:
        for mode in ("static", "learning"):
            for side in ("16", "32"):
                for precision in PRECISIONS:
                    self.worker(
                        f"circuit {side}x{side} {mode}, event {precision}", "circuit_worker.py", "event", precision, side, "20", mode
                    )
            target = "cython"
            theirs = self.worker(f"circuit 16x16 {mode}, brian engine {target}", "circuit_worker.py", "brian", target, "16", "4", mode)
            if "failed" in theirs:
                target = "numpy"
                theirs = self.worker(f"circuit 16x16 {mode}, brian engine {target}", "circuit_worker.py", "brian", target, "16", "4", mode)
            ours = self.done[f"circuit 16x16 {mode}, event float64"]
            if "failed" not in ours and "failed" not in theirs:
                ratio = theirs["ms_per_frame"] / ours["ms_per_frame"]
                self.notes.append(f"circuit 16x16 {mode}, float64: {ratio:.0f} x faster than the brian engine ({target})")

    def gated(self) -> None:
        """The circuit that learns, as it is used: gated branches and two levels, beside Brian2's compiled code."""
        shape = ("learning", "6", "2")
        ours = {p: self.worker(f"gated 32x32 learning, event {p}", "circuit_worker.py", "event", p, "32", "10", *shape) for p in PRECISIONS}
        theirs = self.worker("gated 32x32 learning, brian engine cython", "circuit_worker.py", "brian", "cython", "32", "2", *shape)
        for precision, r in ours.items():
            if "failed" in r:
                continue
            self.notes.append(
                f"gated 32x32 learning, event {precision}: {1000 / r['ms_per_frame']:.1f} frames a second; memory alone would allow "
                f"{1000 / r['bound_ms_per_frame']:.0f}"
            )
            if "failed" not in theirs:
                ratio = theirs["ms_per_frame"] / r["ms_per_frame"]
                self.notes.append(
                    f"gated 32x32 learning, {precision}: {ratio:.1f} x faster than Brian2 C++ (cython), wanted {WANTED_GATED:g} x"
                )
                self.verdicts[f"gated learning {precision}"] = ratio >= WANTED_GATED

    def bandwidth(self) -> None:
        for mode in ("static", "stdp") if "event stdp float32" in self.done else ("static",):
            for precision in PRECISIONS:
                r = self.event(mode, precision)
                if "failed" in r:
                    continue
                least = r["bytes_per_event"] / r["random_block_GBps"]
                self.notes.append(
                    f"{mode} {precision}: {r['ns_per_event']:.2f} ns a synaptic event; reading its {r['bytes_per_event']} bytes of "
                    f"{r['weights_MB']:.0f} MB in random blocks at {r['random_block_GBps']:.1f} GB/s takes {least:.2f} ns"
                )

    def growth(self) -> None:
        small, large = self.event("static", "float32"), self.event("static", "float32", 64)
        if "failed" in small or "failed" in large:
            return
        cost = large["ns_per_event"] / small["ns_per_event"]
        memory = small["random_block_GBps"] / large["random_block_GBps"]
        self.verdicts["growth"] = cost <= GROWTH * memory
        self.notes.append(
            f"growth: 4 x the cells cost {cost:.2f} x per event ({small['ns_per_event']:.2f} -> {large['ns_per_event']:.2f} ns); "
            f"bandwidth falls {memory:.2f} x; allowed {GROWTH * memory:.2f} x"
        )

    # ---- report

    def save(self) -> None:
        """Write what is known by now, so that an interrupted run leaves its numbers."""
        about = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        found = {"about": about, "runs": self.done, "notes": self.notes, "verdicts": self.verdicts}
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / "latest.json").write_text(json.dumps(found, indent=1) + "\n")

    def table(self) -> str:
        head = f"{'run':46} {'CPU s':>8} {'best':>8} {'wall s':>8} {'rate Hz':>8} {'build s':>8} {'compile s':>9} {'peak MB':>8}"
        lines = [head, "-" * len(head)]
        for label, r in self.done.items():
            if "failed" in r:
                lines.append(f"{label:46} failed: {r['failed'][:60]}")
                continue
            cells = [r["s_per_bio_s"], r["best_s"], r["wall_s"], r.get("rate_Hz", np.nan), r["build_s"], r.get("compile_s", np.nan)]
            form = "{:>8.4f} {:>8.4f} {:>8.4f} {:>8.2f} {:>8.1f} {:>9.1f} {:>8.0f}"
            lines.append(f"{label:46} " + form.format(*cells, r["peak_MB"]).replace("nan", "  -"))
        lines += ["", *self.notes, "", *(f"{'pass' if ok else 'FAIL'}  {what}" for what, ok in self.verdicts.items())]
        return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    chosen = given.only.split(",")
    wrong = set(chosen) - set(PARTS)
    if wrong:
        parser.error(f"unknown part {sorted(wrong)[0]!r}; choose from {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.repeats, Path(folder))
        parts: dict[str, Callable[[], None]] = {p: getattr(bench, p) for p in PARTS}
        for part in PARTS:
            if part in chosen:
                parts[part]()
    bench.save()
    print(bench.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
