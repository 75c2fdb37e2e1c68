"""From a run folder to a subject of the battery."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from comparisons import run_folder
from comparisons.bars import load_bars
from comparisons.convert_job import ConvertJob
from comparisons.converting import calibration, rate_run, rate_weights, settling
from comparisons.evaluation import evaluate, pooled_ratio
from comparisons.inspection import CircuitRun, RateRun, Run, load_run
from comparisons.movies import PHOTOGRAPHS
from comparisons.responder import Responder
from comparisons.responders.circuit import CircuitResponder
from comparisons.responders.rate import RateResponder
from comparisons.scoring_runs import Frames, score_path
from plasticity.training import Plan
from snn.errors import ConversionError, MovieError, RunFolderError, SubjectError, sentence
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.stimuli.reading import read_movies

GATE_MOVIES, VALIDATION_SEED = 20, 1_000_002
"""Drifts of photographs on which the gate is measured, and constants are chosen; seed of the latter."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A run as a subject.

    Attributes
    ----------
    path : Path
        Its run folder.
    digest : str
        Of what its answers depend on, see `digest_of`.
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
    digest, source = digest_of(run), run.job.source
    if isinstance(run, RateRun):
        return Subject(run.path, digest, RateResponder(run.model, name, frame_ms=source.frame_ms, seed=run.job.seed))
    if isinstance(run, CircuitRun):
        born = _born(run.job, name, run.path) if isinstance(run.job, ConvertJob) else None
        responder = CircuitResponder(run.network, run.state, name, seed=run.job.seed, eta=_last_eta(run), born=born)
        return Subject(run.path, digest, responder)
    raise SubjectError(sentence(str(path), "is no run of a model"))  # pragma: no cover


def digest_of(run: Run) -> str:
    """Digest of what the answers of a run depend on: a run that is made again, elsewhere or later, has the same.

    Parameters
    ----------
    run : Run

    Returns
    -------
    str
        SHA-256 of its weights, its description and its settings, but for the places of other runs, whose digests stand beside them.
    """
    settings = run.job.model_dump(mode="json")
    lasting = {k: v for k, v in settings.items() if f"{k}_digest" not in settings}
    files = [run_folder.sha256(run.path / name) for name in (*run_folder.WEIGHTS, "description.json") if (run.path / name).is_file()]
    return hashlib.sha256(json.dumps([files, lasting], sort_keys=True).encode()).hexdigest()


def _born(job: ConvertJob, name: str, path: Path) -> Callable[[], CircuitResponder | None]:
    """Give what converts the rate model as it was before it learned, in the same way, on the same frames; once.

    It gives None where what it was at birth cannot be converted.

    Raises
    ------
    SubjectError
        If the run of the rate model is gone, or no longer what was converted.
    """

    @cache
    def convert() -> CircuitResponder | None:
        from conversion import pipeline
        from conversion.timed_prednet import rate_model

        try:
            run = rate_run(_beside(Path(job.model), path))
            if run_folder.sha256(rate_weights(run.path)) != job.model_digest:
                raise RunFolderError(sentence(job.model, "has other weights than those that were converted"))
        except RunFolderError as error:
            cure = "put its run back, convert it again, or leave untrained controls out (--no-untrained)"
            raise SubjectError(sentence(f"{name}: the rate model of its untrained control", str(error), cure=cure)) from error
        model = rate_model(run.job.model, run.job.seed)
        try:
            # At birth a population of errors can be silent on every calibration clip.
            recipe = job.recipe.model_copy(update={"dead": "keep_all"})
            found = pipeline.convert(model, recipe, calibration(job.source, recipe, settling(model)))
        except ConversionError:
            return None
        return CircuitResponder(found.network, found.state, f"{name}, untrained", seed=job.seed)

    return convert


def _beside(source: Path, path: Path) -> Path:
    """Where a run lies that another was made from; in the same folder as that one, if both have been moved together."""
    moved = path.parent / source.name
    return moved if moved.is_dir() and not source.exists() else source


def _last_eta(run: CircuitRun) -> float:
    """Rate at which a run ended to learn; where its rule has not taught it, that at which training ends by default, or it would unlearn."""
    plan = getattr(run.job, "plan", None)
    return float((plan if isinstance(plan, Plan) else Plan()).eta_end)


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
    return pooled_ratio(held_out_scores(path))


def held_out_scores(path: Path) -> dict[str, dict[str, Any]]:
    """Score a run on frames that it has not learned from, of the kind that it learned from.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.

    Returns
    -------
    dict of str to dict
        Per clip, what `comparisons.evaluation.evaluate` gives.

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
    return score_path(path, wanted)


def validation_scores(path: Path) -> dict[str, dict[str, Any]]:
    """Score a run on frames to choose constants on: its validation frames, or new drifts of the photographs that it learned from.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.

    Returns
    -------
    dict of str to dict
        Per clip, what `comparisons.evaluation.evaluate` gives; empty where no frames were kept for that.
    """
    run = load_run(path)
    source = run.job.source
    if source.frames == PHOTOGRAPHS:
        movies = source.model_copy(update={"n_movies": GATE_MOVIES}).learning(VALIDATION_SEED)
    else:
        movies = source.validation()
    return evaluate(run.forecaster, movies, *load_bars(run.path)) if movies else {}


def stretches(frames: str, clips: tuple[str, ...], n_movies: int, n_frames: int, responder: Responder) -> tuple[Movie, ...]:
    """Take movies of one length for a subject.

    Parameters
    ----------
    frames : str
        As in `Source`; of photographs, drifts of those that are never learned from, 0.5 to 2 px a frame.
    clips : tuple of str
        Names; empty means all.
    n_movies, n_frames : int
        How many, and how long.
    responder : Responder
        Says the size of a frame and its time.

    Returns
    -------
    tuple of Movie

    Raises
    ------
    MovieError
        If no clip is that long.
    """
    side = responder.frame_size[0]
    if frames == PHOTOGRAPHS:
        images = photographs(held_out=True)
        return drifting_movies(images, n_movies, n_frames, side, speed_px=(0.5, 2.0), seed=999, frame_ms=responder.frame_ms)
    read = read_movies(frames, size=side, clips=clips or None, frame_ms=responder.frame_ms)
    starts = [(m, t) for m in read for t in range(0, m.n_frames - n_frames + 1, n_frames)]
    if not starts:
        longest = max(m.n_frames for m in read)
        raise MovieError(sentence(frames, "no clip is long enough", got=longest, allowed=f">= {n_frames} frames", cure="lower --length"))
    kept = [starts[round(i)] for i in np.linspace(0, len(starts) - 1, min(n_movies, len(starts)))]
    return tuple(m.part(t, t + n_frames, f"{m.name} {t}") for m, t in kept)
