"""What a sweep costs beside its runs: throughput beside plain loops, and what a second worker gains.

``python benchmarks/sweep.py --runs 200`` does short runs (about a second each) in four ways, and prints the times of each and their ratios:

- one loop: ``comparisons.sweeps.work.work``, one run after another in a process of its own, without Dask;
- two loops: two such processes side by side, half of the runs each. They share memory and caches as two workers do, so that what a sweep
  with two workers needs more than they is what Dask, tables and the start of workers cost;
- a sweep with one worker, and with two.

Every process begins anew, as a worker does, and all kernels have been compiled before. Run it on a machine with two free cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import run_sweep
from comparisons.sweeps.work import task_of, work
from plasticity.training import Plan


def sweep_of(seeds: range, movies: int) -> Sweep:
    """Give runs that differ in the seed."""
    job = Job(source=Source(frames="photographs", size=16, n_movies=movies), plan=Plan(passes=1, eta_start=0.8, eta_end=0.05))
    return Sweep(run=job, seeds=tuple(seeds))


def loop(seeds: range, movies: int) -> None:
    """Do runs one after another in this process."""
    with tempfile.TemporaryDirectory() as out:
        for point in sweep_of(seeds, movies).points():
            found = work(task_of(point, Path(out)))
            assert found.status == "done", found.error


def loops(n: int, movies: int, processes: int) -> float:
    """Do runs in plain processes side by side; wall seconds."""
    context, began = get_context("spawn"), time.perf_counter()
    shares = [range(k * n // processes, (k + 1) * n // processes) for k in range(processes)]
    started = [context.Process(target=loop, args=(share, movies)) for share in shares]
    for process in started:
        process.start()
    for process in started:
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - began


def swept(n: int, movies: int, workers: int) -> float:
    """Do runs as a sweep; wall seconds."""
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        table = run_sweep(sweep_of(range(n), movies), out, workers=workers)
        assert (table["status"] == "done").all()
        return time.perf_counter() - began


def main(n: int, movies: int, part: int) -> None:
    """Measure and print."""
    loops(2, movies, 1)  # kernels are compiled
    few = n // part
    one_loop, one_worker = loops(few, movies, 1), swept(few, movies, 1)
    two_loops, two_workers = loops(n, movies, 2), swept(n, movies, 2)
    rows = {
        "one loop": (few, one_loop),
        "one worker": (few, one_worker),
        "two loops side by side": (n, two_loops),
        "two workers": (n, two_workers),
    }
    for name, (runs, seconds) in rows.items():
        print(f"{name:<24}{runs:>5} runs{seconds:>8.1f} s{runs / seconds:>8.2f} runs a second")
    print(f"two workers do {two_loops / two_workers:.1%} of what two loops side by side do")
    print(f"and {one_worker / few * n / two_workers:.2f} x the throughput of one worker")
    print(f"and {one_loop / few * n / two_workers:.2f} x that of one loop")
    print(json.dumps(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--movies", type=int, default=5, help="drifts of a run: sets its length")
    parser.add_argument("--part", type=int, default=4, help="one worker and one loop do this part of the runs")
    asked = parser.parse_args()
    main(asked.runs, asked.movies, asked.part)
