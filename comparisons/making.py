"""Runs that are made unless they are there already, and then must be what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from comparisons import run_folder
from comparisons.convert_job import ConvertJob
from comparisons.converting import convert_run, rate_weights
from comparisons.inspection import read_job
from comparisons.progress import Reporter
from comparisons.running import AnyJob, run_job
from conversion.recipe import Recipe
from snn.curve import Curve
from snn.errors import StateError, sentence


def learned(
    job: AnyJob, folder: Path, report: Reporter | None = None, *, figures: bool = True, watch: Callable[[Curve], None] | None = None
) -> None:
    """Learn, unless that is done; what was stopped goes on.

    Parameters
    ----------
    job : AnyJob
    folder : Path
        Run folder.
    report : Reporter, optional
    figures : bool
        Whether to draw any.
    watch : callable, optional
        As in `run_job`.

    Raises
    ------
    StateError
        If the folder holds a run of other settings.
    """
    if folder.exists():
        refuse_other(folder, job)
        return
    run_job(job, folder, resume=run_folder.can_resume(folder), figures=figures, report=report, watch=watch)


def converted(source: Path, folder: Path, recipe: Recipe, report: Reporter | None = None) -> None:
    """Convert a run, unless that is done.

    Parameters
    ----------
    source : Path
        Run folder of the rate model.
    folder : Path
        Run folder to make.
    recipe : Recipe
    report : Reporter, optional

    Raises
    ------
    StateError
        If the folder holds a conversion of another model, or by another recipe.
    """
    if not folder.exists():
        convert_run(source, folder, recipe, report=report)
        return
    job = read_job(run_folder.read_json(folder / "config.json"))
    if not isinstance(job, ConvertJob) or job.recipe != recipe or job.model_digest != run_folder.sha256(rate_weights(source)):
        raise _other(folder)


def refuse_other(folder: Path, job: AnyJob) -> None:
    """Raise where a run folder is not of a job.

    Parameters
    ----------
    folder : Path
    job : AnyJob

    Raises
    ------
    StateError
    """
    if read_job(run_folder.read_json(folder / "config.json")) != job:
        raise _other(folder)


def _other(folder: Path) -> StateError:
    return StateError(sentence(str(folder), "holds a run of other settings", cure="choose another --out, or remove it"))
