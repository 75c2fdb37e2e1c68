"""The work behind ``seeds``: the circuit learns drifting photographs with several seeds, as spikes and as rates.

Every run is scored with frozen weights on photographs that none has seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from comparisons.bars import load_bars
from comparisons.evaluation import evaluate, pooled_ratio
from comparisons.inspection import load_run
from comparisons.learning import DRIFT_PLAN, Job
from comparisons.making import learned
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.processes import processes
from comparisons.progress import TerminalReporter
from comparisons.run_folder import write_json

TESTS = {"1 px": (1.0, 1.0), "0.5-2 px": (0.5, 2.0)}
TEST_MOVIES, TEST_SEED = 60, 999
RATE_SHARE = 4


def jobs(seeds: int, n_movies: int) -> dict[str, Job]:
    """List the runs.

    Parameters
    ----------
    seeds : int
        Number of seeds.
    n_movies : int
        Drifts to learn from; rate cells, which are slower to simulate and learn with less noise, see a quarter.

    Returns
    -------
    dict of str to Job
    """
    found = {}
    for seed in range(seeds):
        sizes: tuple[tuple[Literal["spiking", "rate"], int], ...] = (("spiking", n_movies), ("rate", max(1, n_movies // RATE_SHARE)))
        for cells, n in sizes:
            source = Source(frames=PHOTOGRAPHS, size=16, n_movies=n)
            found[f"{cells}-{seed}"] = Job(source=source, plan=DRIFT_PLAN, cells=cells, seed=seed)
    return found


def run_seeds(out: Path, *, seeds: int, n_movies: int, workers: int) -> str:
    """Learn and score all; finished runs are kept, unfinished ones go on.

    Parameters
    ----------
    out : Path
        Folder for the runs.
    seeds, n_movies, workers : int
        Seeds, drifts per seed, processes.

    Returns
    -------
    str
        A table.
    """
    report = TerminalReporter()
    report.begin("seeds")
    scores: dict[str, dict[str, Any]] = {}
    todo = sorted(jobs(seeds, n_movies).items(), key=lambda item: item[1].cells)
    with processes(workers) as pool:
        waiting = {name: pool.submit(run_and_score, job, out / name) for name, job in todo}
        for done, (name, future) in enumerate(waiting.items(), start=1):
            scores[name] = future.result()
            report.step(done, len(todo), name)
    report.end()
    write_json(out / "scores.json", scores)
    return tabulate(scores, out)


def run_and_score(job: Job, folder: Path) -> dict[str, Any]:
    """Learn, unless that is done, and score on photographs never seen.

    A finished run is used again only if it is of this very job.

    Parameters
    ----------
    job : Job
    folder : Path
        Run folder.

    Returns
    -------
    dict
        Per test and clip, what `evaluate` gives.

    Raises
    ------
    StateError
        If the folder holds a run of other settings.
    """
    learned(job, folder)
    run = load_run(folder)
    bars = load_bars(folder)
    found: dict[str, Any] = {}
    for test, (slow, fast) in TESTS.items():
        source = job.source.model_copy(update={"n_movies": TEST_MOVIES, "speed_min_px": slow, "speed_max_px": fast})
        found[test] = evaluate(run.forecaster, source.held_out(run.clips, TEST_SEED), *bars)
    return found


def tabulate(scores: dict[str, dict[str, Any]], out: Path) -> str:
    """Print the scores of all seeds.

    Parameters
    ----------
    scores : dict
        Per run, what `run_and_score` gives.
    out : Path
        Where the runs are.

    Returns
    -------
    str
    """
    lines = [
        "held-out photographs (astronaut, coffee), weights frozen; error / error of copying the last frame",
        f"{'drift a frame':<16}{'cells':<10}{'per seed':<28}{'mean':>7}{'gated shift':>13}{'one frame':>11}{'spikes/px/frame':>17}",
    ]
    for test in TESTS:
        for cells in ("spiking", "rate"):
            runs = [s[test] for name, s in sorted(scores.items()) if name.startswith(cells)]
            per_seed = [pooled_ratio(r) for r in runs]
            clips = [c for r in runs for c in r.values()]
            spikes = "-" if cells == "rate" else f"{np.mean([c['spikes_per_frame'] for c in clips]) / 256:.1f}"
            bars = [float(np.mean([pooled_ratio(r, key) for r in runs])) for key in ("mse_gated_shift", "mse_one_frame")]
            lines.append(
                f"{test:<16}{cells:<10}{'  '.join(f'{x:.3f}' for x in per_seed):<28}"
                f"{np.mean(per_seed):>7.3f}{bars[0]:>13.3f}{bars[1]:>11.3f}{spikes:>17}"
            )
    lines.append(f"runs and figures: {out}/spiking-0/figures and beside it")
    return "\n".join(lines)
