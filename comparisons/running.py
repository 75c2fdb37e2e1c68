"""From a job to a finished run folder, in steps that survive a kill, whatever it is that learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from comparisons import run_folder
from comparisons.bars import fit_bars, save_bars
from comparisons.evaluation import evaluate, refuse_short
from comparisons.forecasters import Forecaster
from comparisons.movies import PHOTOGRAPHS, Source, merged, seen
from comparisons.progress import Reporter
from comparisons.scoring import check_frames
from snn.curve import Curve
from snn.errors import BlowUpError, SpikingPrednetError, StateError, sentence
from snn.stimuli.movie import Movie

CHECKPOINT_S = 10.0
EXAMPLE_SEED = 1_000_001
MOVIES_LISTED = 20


class Learner(Protocol):
    """Something that learns from movies and can be put down and taken up again."""

    checkpoint: str
    """Name of its checkpoint file."""
    seen_before: dict[str, list[str]]
    """Frames from which the model that it began with had learned; empty where it began with chance."""

    @property
    def curve(self) -> Curve:
        """Errors while learning, so far."""

    def description(self) -> str:
        """What it is, as JSON."""

    def learn(self, movies: Sequence[Movie], after: Callable[[], None]) -> None:
        """Learn, from where it stands to the end; ``after`` is called whenever it can be put down.

        Parameters
        ----------
        movies : sequence of Movie
        after : callable
        """

    def refuse_bad(self) -> None:
        """Raise `BlowUpError` where a weight is not a number."""

    def save(self, path: Path) -> None:
        """Write everything from which it goes on.

        Parameters
        ----------
        path : Path
        """

    def load(self, path: Path) -> None:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path
        """

    def finish(self, folder: Path) -> dict[str, Any]:
        """Write the learned weights into a run folder, and say what the summary should know.

        Parameters
        ----------
        folder : Path

        Returns
        -------
        dict
        """

    def forecaster(self) -> Forecaster:
        """Give the model with its present weights, to be scored."""

    def draw(self, folder: Path, movie: Movie) -> None:
        """Draw figures.

        Parameters
        ----------
        folder : Path
        movie : Movie
            Frames that were not learned from.
        """


class AnyJob(Protocol):
    """Everything that determines a run."""

    @property
    def source(self) -> Source:
        """What to learn from."""

    @property
    def seed(self) -> int:
        """Seed of everything."""

    def learner(self) -> Learner:
        """Build what learns."""

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """Give the settings as a dict.

        Parameters
        ----------
        mode : str
            As in pydantic.
        """


def run_job(
    job: AnyJob,
    out: Path,
    *,
    resume: bool = False,
    figures: bool = True,
    report: Reporter | None = None,
    checkpoint_s: float = CHECKPOINT_S,
    watch: Callable[[Curve], None] | None = None,
) -> dict[str, Any]:
    """Learn, and leave a run folder.

    Nothing is written before the model is built and every movie is read; what fails before it has learned anything
    leaves nothing behind.

    Parameters
    ----------
    job : AnyJob
    out : Path
        The run folder to make.
    resume : bool
        Go on with an unfinished run of the same job.
    figures : bool
        Whether to draw figures.
    report : Reporter, optional
        Shows progress.
    checkpoint_s : float
        Time between checkpoints; 0 leaves one after every step.
    watch : callable, optional
        Called after every step with the errors so far; what it raises ends the run, which can be resumed.

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    RunFolderError
        If the folder exists already or cannot be written.
    StateError
        If the checkpoint belongs to another job, or the clips have changed.
    BlowUpError
        If the model leaves the range in which it means anything; the last good state is kept.
    """
    report = report or Reporter()
    run_folder.refuse_taken(out, resume=resume)
    learner = job.learner()
    movies, validation = job.source.learning(job.seed + 1), job.source.validation()
    for movie in validation:
        refuse_short(movie)
    for movie in movies:
        check_frames(movie.frames, f"clip {movie.name!r}")
    clips = merged(learner.seen_before, {} if job.source.frames == PHOTOGRAPHS else seen([*movies, *validation]))
    partial = (_resumed if resume else _begun)(job, learner, clips, out)
    first, saved = len(learner.curve.points), time.monotonic()

    def after() -> None:
        nonlocal saved
        point = learner.curve.points[-1]
        report.step(point.done, point.total, f"error / copy-last {learner.curve.ratio():.3f}")
        if watch is not None:
            watch(learner.curve)
        if time.monotonic() - saved >= checkpoint_s:
            learner.refuse_bad()
            learner.save(partial / learner.checkpoint)
            saved = time.monotonic()

    report.begin("learning", first)
    try:
        learner.learn(movies, after)
    except BlowUpError as error:
        raise BlowUpError(f"{error} in {partial / learner.checkpoint}") from error
    except SpikingPrednetError:
        if not learner.curve.points:
            run_folder.discard(partial)
        raise
    finally:
        report.end()
    learner.save(partial / learner.checkpoint)
    summary = _finish(job, learner, movies, validation, partial, report)
    if figures:
        report.say("figures")
        learner.draw(partial, example(job, movies))
    run_folder.finish(partial, out)
    return summary


def _begun(job: AnyJob, learner: Learner, clips: dict[str, list[str]], out: Path) -> Path:
    partial = run_folder.begin(out, resume=False)
    try:
        run_folder.write_json(partial / "config.json", job.model_dump(mode="json"))
        run_folder.write_json(partial / "clips.json", clips)
        run_folder.write_text(partial / "description.json", learner.description())
        learner.save(partial / learner.checkpoint)
    except SpikingPrednetError:
        run_folder.discard(partial)
        raise
    return partial


def _resumed(job: AnyJob, learner: Learner, clips: dict[str, list[str]], out: Path) -> Path:
    partial = run_folder.begin(out, resume=True)
    if run_folder.read_json(partial / "config.json") != job.model_dump(mode="json"):
        cure = "give the same options as in the first call, or remove it and start anew"
        raise StateError(sentence(str(partial), "was begun with other settings", cure=cure))
    if run_folder.read_json(partial / "clips.json") != clips:
        cure = "give the same frames as in the first call, or remove it and start anew"
        raise StateError(sentence(str(partial), f"was begun with other frames than {job.source.frames} holds now", cure=cure))
    learner.load(partial / learner.checkpoint)
    return partial


def _finish(
    job: AnyJob, learner: Learner, movies: Sequence[Movie], validation: Sequence[Movie], partial: Path, report: Reporter
) -> dict[str, Any]:
    report.say("bars")
    bars = fit_bars(movies)
    save_bars(partial, *bars)
    points = learner.curve.points
    run_folder.write_text(partial / "curve.csv", learner.curve.to_csv())
    summary: dict[str, Any] = {
        **learner.finish(partial),
        "seed": job.seed,
        "steps": len(points),
        "movies": {m.name: m.source for m in movies[:MOVIES_LISTED]},
        "ratio_while_learning": learner.curve.ratio(),
        "validation": evaluate(learner.forecaster(), validation, *bars) if validation else {},
        "versions": run_folder.versions(),
    }
    run_folder.write_json(partial / "summary.json", summary)
    return summary


def example(job: AnyJob, movies: Sequence[Movie]) -> Movie:
    """Choose frames to draw: of the validation, or fresh drifts of the learned photographs; never held-out ones.

    Figures are looked at while constants are chosen, and the held-out frames are for one look at the end.

    Parameters
    ----------
    job : AnyJob
    movies : sequence of Movie
        The learning movies, for when there is no validation.

    Returns
    -------
    Movie
        At most 24 frames, of the clip in which most moves.
    """
    if job.source.frames == PHOTOGRAPHS:
        found = job.source.model_copy(update={"n_movies": 8}).learning(EXAMPLE_SEED)
    else:
        found = job.source.validation() or tuple(movies)
    parts = [m.part(0, min(24, m.n_frames)) for m in found]
    return max(parts, key=lambda m: float(np.diff(m.frames, axis=0).std()))
