"""A sweep on a SLURM cluster: jobs of Dask workers, as many as there are runs to do, and no more than are allowed.

    python examples/slurm.py examples/ablations.toml --out runs/ablations --jobs 20 --queue normal
    python examples/slurm.py examples/ablations.toml --out runs/x --script          # prints what would be given to sbatch

Run it on a login node, in `tmux` or as a job of its own: it holds the scheduler, and submits a job for every worker. The folder must lie
on a file system that all nodes see. Whatever is cut off, by a time limit or by a fault, the same command goes on with: every run is
checkpointed, and one that is done is not done again. Needs `pip install dask-jobqueue`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from comparisons.progress import TerminalReporter
from comparisons.sweeps.cluster import THREADS
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import run_sweep

MEMORY, HOURS = "4GB", 4


def cluster_of(queue: str | None, hours: int = HOURS, memory: str = MEMORY, **options: Any) -> Any:
    """Describe the jobs: one worker on one core each, with one thread, since two would fight over it."""
    from dask_jobqueue import SLURMCluster

    return SLURMCluster(
        queue=queue,
        cores=1,
        processes=1,
        memory=memory,
        walltime=f"{hours}:00:00",
        job_script_prologue=[f"export {name}=1" for name in THREADS],
        # A worker ends before its job is killed, and another takes what it was at.
        worker_extra_args=["--lifetime", f"{60 * hours - 10}m", "--lifetime-stagger", "5m"],
        **options,
    )


def main(file: Path, out: Path, jobs: int, queue: str | None, hours: int, *, script: bool) -> None:
    """Do the sweep, or print the script of a job."""
    sweep = Sweep.read(file)
    with cluster_of(queue, hours) as cluster:
        if script:
            print(cluster.job_script())
            return
        cluster.adapt(minimum=0, maximum_jobs=min(jobs, sweep.n_runs))
        run_sweep(sweep, out, scheduler=cluster.scheduler_address, report=TerminalReporter())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=10, help="workers at the most")
    parser.add_argument("--queue", help="partition; that of the cluster when left out")
    parser.add_argument("--hours", type=int, default=HOURS, help="time limit of a job")
    parser.add_argument("--script", action="store_true", help="print the script of a job, and submit none")
    given = parser.parse_args()
    main(given.file, given.out, given.jobs, given.queue, given.hours, script=given.script)
