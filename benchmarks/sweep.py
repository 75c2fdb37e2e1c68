"""What a sweep costs beside its runs: share of the cores' time that is work, and what a second worker gains.

``python benchmarks/sweep.py --runs 200`` does short runs (about a second each) with two workers and prints how much of two cores' time
went into runs, then the same runs in a loop of one process, with one worker and with two, alternating, and the ratios of their times. The
peer is the loop: ``comparisons.sweeps.work.work`` one run after another, without Dask. Run it on a machine with two free cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import run_sweep
from comparisons.sweeps.work import task_of, work
from plasticity.training import Plan

WARM = 2
"""Seeds beyond those measured, run once before so that compiled kernels lie in the cache."""


def sweep_of(n: int, movies: int, first: int = 0) -> Sweep:
    """Give n runs that differ in the seed."""
    job = Job(source=Source(frames="photographs", size=16, n_movies=movies), plan=Plan(passes=1, eta_start=0.8, eta_end=0.05))
    return Sweep(run=job, seeds=tuple(range(first, first + n)))


def loop(n: int, movies: int) -> float:
    """Do the runs one after another in this process; wall seconds."""
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        for point in sweep_of(n, movies).points():
            found = work(task_of(point, Path(out)))
            assert found.status == "done", found.error
        return time.perf_counter() - began


def swept(n: int, movies: int, workers: int) -> tuple[float, float]:
    """Do the runs as a sweep; wall seconds, and seconds that runs took, added up."""
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        table = run_sweep(sweep_of(n, movies), out, workers=workers)
        wall = time.perf_counter() - began
        assert (table["status"] == "done").all()
        return wall, float(table["seconds"].sum())


def main(n: int, movies: int, repeats: int) -> None:
    """Measure and print."""
    loop(WARM, movies)
    wall, inside = swept(n, movies, 2)
    one_run = inside / n
    print(f"{n} runs of {one_run:.2f} s, two workers: {wall:.0f} s; {inside / (2 * wall):.1%} of two cores' time is runs")
    few = max(10, n // 5)
    found: dict[str, list[float]] = {"loop": [], "one worker": [], "two workers": []}
    for _ in range(repeats):
        found["loop"].append(loop(few, movies))
        found["one worker"].append(swept(few, movies, 1)[0])
        found["two workers"].append(swept(few, movies, 2)[0])
    best = {name: min(times) for name, times in found.items()}
    for name, seconds in best.items():
        print(f"{few} runs, {name:<12}{seconds:>8.1f} s {best['loop'] / seconds:>6.2f} x the loop")
    print(f"two workers: {best['one worker'] / best['two workers']:.2f} x the throughput of one")
    print(json.dumps({"share": inside / (2 * wall), "run_s": one_run, **best}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--movies", type=int, default=30, help="drifts of a run: sets its length")
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    main(asked.runs, asked.movies, asked.repeats)
