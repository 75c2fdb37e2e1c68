"""Small trained models that come with the package, so that commands start in seconds: run folders like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comparisons import run_folder
from comparisons.corners import corner_job
from comparisons.learning import DRIFT_PLAN, Job
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.progress import Reporter
from comparisons.rate_job import RateJob
from comparisons.running import AnyJob, run_job
from conversion.backprop_plan import BackpropPlan
from conversion.rate_spec import RatePredNetSpec, Timing

DRIFTS = Source(frames=PHOTOGRAPHS, size=16, n_movies=9600)


def _rate(cell: Any, updates: int) -> RateJob:
    spec = RatePredNetSpec(rows=16, cols=16, channels=(1, 32), r_channels=(32, 32), cell=cell, error_norm="rms")
    return RateJob(source=DRIFTS, model=spec, plan=BackpropPlan(updates=updates))


def _longer(job: RateJob, updates: int) -> RateJob:
    """Nothing bounds rectified units but what they have learned: on windows of 10 frames alone they grew without end after 20."""
    source = job.source.model_copy(update={"n_movies": 2400, "n_frames": 40})
    plan = job.plan.model_copy(update={"updates": updates, "batch": 8, "n_frames": 40})
    return job.model_copy(update={"source": source, "plan": plan, "truncate": 10})


def _in_milliseconds(lower: int, upper: int) -> RateJob:
    channels: dict[str, Any] = {"channels": (1, lower), "r_channels": (lower, upper)}
    spec = RatePredNetSpec(rows=16, cols=16, **channels, cell="leaky", pooling="average", error_norm="rms", timing=Timing())
    source = DRIFTS.model_copy(update={"n_movies": 6400})
    return RateJob(source=source, model=spec, plan=BackpropPlan(updates=600, batch=16, lr=3e-3, clip_norm=1.0))


def jobs() -> Mapping[str, AnyJob]:
    """List the models and how they were made, all on photographs drifting 1 px a frame.

    Returns
    -------
    mapping of str to AnyJob
    """
    few = DRIFTS.model_copy(update={"n_movies": 1200})
    return {
        "drift-leaky": _longer(_rate("leaky", 1200), 1200),
        "drift-leaky-ms": _in_milliseconds(16, 32),
        "drift-leaky-ms-small": _longer(_in_milliseconds(8, 16), 800),
        "drift-convlstm": _rate("convlstm", 900),
        "drift-sublstm": _rate("sublstm", 800),
        "drift-spiking": Job(source=few, plan=DRIFT_PLAN),
        "drift-spiking-backprop": corner_job("spiking", "backprop", 160.0, seed=0),
    }


def remake(out: Path, report: Reporter) -> None:
    """Make every shipped model anew, from nothing; what is finished is kept, what was killed goes on.

    Parameters
    ----------
    out : Path
        Folder for the run folders.
    report : Reporter
    """
    for name, job in jobs().items():
        if not (out / name).exists():
            report.say(name)
            run_job(job, out / name, resume=run_folder.can_resume(out / name), figures=False, report=report)


def table() -> str:
    """List the shipped models.

    Returns
    -------
    str
    """
    lines = [f"{'model':<26}{'network':<26}{'trained weights':>16}{'size':>9}  {'error / copy-last while learning':<34}frames"]
    for folder in sorted(p for p in run_folder.SHIPPED.glob("*") if p.is_dir()):
        summary, config = run_folder.read_json(folder / "summary.json"), run_folder.read_json(folder / "config.json")
        numbers = summary.get("n_parameters", summary.get("n_plastic"))
        size = sum(p.stat().st_size for p in folder.rglob("*"))
        ratio = f"{summary['ratio_while_learning']:.3f}"
        lines.append(
            f"{folder.name:<26}{summary['network']:<26}{numbers:>16}{size / 1e6:>6.2f} MB  {ratio:<34}"
            f"{config['source']['frames']}, {config['source']['size']}x{config['source']['size']}"
        )
    lines.append("use a name in place of a run folder, for example: spiking-prednet evaluate drift-leaky --frames photographs")
    return "\n".join(lines)
