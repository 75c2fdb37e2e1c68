"""From a run folder to a subject of the battery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from comparisons import run_folder
from comparisons.evaluation import pooled_ratio
from comparisons.inspection import CircuitRun, RateRun, load_run
from comparisons.responder import Responder
from comparisons.responders.circuit import CircuitResponder
from comparisons.responders.rate import RateResponder
from comparisons.scoring_runs import Frames, score_path
from snn.errors import SubjectError, sentence

GATE_MOVIES = 20
"""Drifts of photographs on which the gate is measured."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A run as a subject.

    Attributes
    ----------
    path : Path
        Its run folder.
    digest : str
        SHA-256 of its manifest: it changes with any file of the run.
    responder : Responder
    """

    path: Path
    digest: str
    responder: Responder


def open_subject(path: Path, name: str) -> Subject:
    """Open a run.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.
    name : str
        What the model is called.

    Returns
    -------
    Subject

    Raises
    ------
    RunFolderError
        If it is not a finished run or a file of it has changed.
    SubjectError
        If it is the run of something that cannot be asked.
    """
    run = load_run(path)
    digest, source = run_folder.sha256(run.path / run_folder.MANIFEST), run.job.source
    if isinstance(run, RateRun):
        return Subject(run.path, digest, RateResponder(run.model, name, frame_ms=source.frame_ms, seed=run.job.seed))
    if isinstance(run, CircuitRun):
        return Subject(run.path, digest, CircuitResponder(run.network, run.state, name, seed=run.job.seed))
    raise SubjectError(sentence(str(path), "is no run of a model"))  # pragma: no cover


def held_out_ratio(path: Path) -> float:
    """Measure the gate: error on frames that a run has not learned from, of the kind that it learned from.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.

    Returns
    -------
    float
        As a share of the error of copying the last frame.

    Raises
    ------
    MovieError
        If the run held nothing out.
    """
    run = load_run(path)
    source = run.job.source
    wanted = Frames(
        source.frames, source.clips, "held-out", n_movies=GATE_MOVIES, speed_px=source.speed_px, direction_deg=source.direction_deg
    )
    return pooled_ratio(score_path(path, wanted))
