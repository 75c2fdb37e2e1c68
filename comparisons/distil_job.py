"""The job behind ``distil``: a trained rate PredNet teaches one that converts to spikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from comparisons import run_folder
from comparisons.forecasters import RateForecaster
from comparisons.movies import PHOTOGRAPHS, Source, clip_of, seen
from comparisons.rate_job import WEIGHTS, record, size_of
from comparisons.rate_models import TrainedRate, open_rate, open_same
from comparisons.trained import TrainedByBackprop
from conversion.backprop_plan import BackpropPlan
from conversion.distil_plan import DistilPlan
from conversion.rate_spec import RatePredNetSpec
from snn._model import Described
from snn.errors import MovieError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import MIN_HELD_OUT

if TYPE_CHECKING:
    from conversion.distillation import DistilTrainable
    from conversion.rate_training import Trainer

REPORT_MOVIES = 60
"""Drifts of held-out photographs on which the report is made: those that ``evaluate`` scores on."""


class DistilJob(Described):
    """Everything that determines a run of ``distil``.

    Parameters
    ----------
    source : Source
        What both networks are shown.
    teacher : str
        Run folder, shipped model or file of the network that teaches.
    teacher_digest : str
        SHA-256 of its file of weights.
    model : RatePredNetSpec
        What learns.
    match : DistilPlan
        What it is to match.
    plan : BackpropPlan
        How it is trained.
    seed : int
    """

    kind: Literal["distil"] = "distil"
    source: Source
    teacher: str
    teacher_digest: str
    model: RatePredNetSpec
    match: DistilPlan = DistilPlan()
    plan: BackpropPlan = BackpropPlan()
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.model.rows, self.model.cols) != (self.source.size, self.source.size):
            raise ValueError(f"model and source differ in size; got {self.model.rows}x{self.model.cols} and {self.source.size}")
        if self.model.timing is None:
            raise ValueError("model.timing is missing, so the student has no form in spikes; got None")
        if self.model.timing.frame_ms != self.source.frame_ms:
            raise ValueError(f"model and source differ in frame_ms; got {self.model.timing.frame_ms:g} and {self.source.frame_ms:g}")
        return self

    def learner(self) -> DistilLearner:
        """Build both networks, ready to be trained.

        Returns
        -------
        DistilLearner

        Raises
        ------
        StateError
            If the teacher is no longer what it was.
        """
        from conversion.distillation import DistilTrainable
        from conversion.rate_training import Trainer
        from conversion.timed_prednet import rate_model

        teacher = open_same(self.teacher, self.teacher_digest)
        student = rate_model(self.model, self.seed)
        trainable = DistilTrainable(teacher.model, student, self.match, self.seed, self.plan.noise)
        return DistilLearner(self, teacher, trainable, Trainer(trainable, self.plan, self.seed))


class DistilLearner(TrainedByBackprop):
    """A rate PredNet that is taught by another.

    Parameters
    ----------
    job : DistilJob
    teacher : TrainedRate
    trainable : DistilTrainable
    trainer : Trainer
    """

    def __init__(self, job: DistilJob, teacher: TrainedRate, trainable: DistilTrainable, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.job, self.teacher, self.trainable, self.model = job, teacher, trainable, trainable.student
        self.learned_from: tuple[Movie, ...] = ()
        self.seen_before = dict(teacher.clips or {})

    def description(self) -> str:
        """As `Learner.description`."""
        return self.job.model.model_dump_json(indent=1)

    def learn(self, movies: Sequence[Movie], after: Callable[[], None]) -> None:
        """As `Learner.learn`; a teacher that has nothing to teach is refused first."""
        from conversion.distil_report import refuse_untaught

        self.learned_from = tuple(movies)
        refuse_untaught(self.teacher.model, movies)
        super().learn(movies, after)

    def finish(self, folder: Path) -> dict[str, Any]:
        """As `Learner.finish`; the report is part of the summary."""
        from conversion.distil_report import distillation_report
        from conversion.model_files import save_model

        about = {"distilled_from": self.job.teacher, "teacher_digest": self.job.teacher_digest}
        save_model(folder / WEIGHTS, self.model, about)
        which, movies = self.unseen(folder)
        known = {digest for frames in (self.teacher.clips or {}).values() for digest in frames}
        told = sum(digest in known for frames in seen(movies).values() for digest in frames)
        spec = self.teacher.model.spec
        report = {
            **about,
            "teacher_network": f"rate-prednet-{spec.levels}-{spec.cell}",
            "teacher_parameters": self.teacher.model.n_parameters,
            "begun_with": list(self.trainable.inherited),
            "frames": which,
            "frames_teacher_learned_from": None if self.teacher.clips is None else told,
            **distillation_report(self.teacher.model, self.model, movies, clip_of),
        }
        return {**size_of(self.model), "distillation": report}

    def unseen(self, folder: Path) -> tuple[str, tuple[Movie, ...]]:
        """Choose what to report on.

        Parameters
        ----------
        folder : Path
            Run folder, which says what was learned from.

        Returns
        -------
        which : str
            ``'held-out'``; ``'validation'`` where nothing is held out; ``'learning'`` where there is neither.
        movies : tuple of Movie
        """
        source = self.job.source
        if source.frames == PHOTOGRAPHS:
            return "held-out", source.model_copy(update={"n_movies": REPORT_MOVIES}).held_out({})
        if source.hold_out >= MIN_HELD_OUT:
            return "held-out", source.held_out(run_folder.read_json(folder / "clips.json"))
        validation = source.validation()
        return ("validation", validation) if validation else ("learning", self.learned_from)

    def forecaster(self) -> RateForecaster:
        """As `Learner.forecaster`."""
        return RateForecaster(self.model)

    def draw(self, folder: Path, movie: Movie) -> None:
        """As `Learner.draw`."""
        from comparisons.figures import draw_forecast

        draw_forecast(folder, record(self.model, movie), movie, self.curve, unit="update")


def teacher_for(path: Path, source: Source) -> TrainedRate:
    """Open a teacher, and see that it can watch the frames.

    Parameters
    ----------
    path : Path
        Run folder, name of a shipped model, or ``.safetensors`` file.
    source : Source

    Returns
    -------
    TrainedRate

    Raises
    ------
    MovieError
        If the frames have another size.
    """
    teacher = open_rate(path)
    size = teacher.model.spec.size(0)
    if size != (source.size, source.size):
        cure = f"give --size {size[0]}" if size[0] == size[1] else "only teachers of square frames can be distilled"
        raise MovieError(sentence("--size", f"the teacher {path} sees frames of {size[0]}x{size[1]}", got=source.size, cure=cure))
    return teacher


def report_table(report: dict[str, Any]) -> str:
    """Print what distillation cost as a plain table.

    Parameters
    ----------
    report : dict
        ``distillation`` of a summary.

    Returns
    -------
    str
    """

    def number(value: float | None) -> str:
        return "-" if value is None or value != value else f"{value:.3f}"

    lines = [f"{'population':<28}{'NRMSE':>8}{'correlation':>13}  compared with that of the teacher"]
    words = {"directly": "channel by channel", "linear": "through a linear read-out"}
    for name, row in report["populations"].items():
        lines.append(f"{name:<28}{number(row['nrmse']):>8}{number(row['correlation']):>13}  {words[row['compared']]}")
    taught, learned = report["teacher"], report["student"]
    passed = {True: "passed", False: "not passed"}
    lines.append(
        f"{report['frames']} frames: error / copy-last of the teacher {number(taught['ratio'])}, of the student "
        f"{number(learned['ratio'])}; gate {report['gate']:g}: {passed[learned['gate_passed']]}"
    )
    if report["frames"] == "learning":
        lines.append("nothing was held out: these frames were learned from, so the gate says little")
    if report["frames_teacher_learned_from"]:
        lines.append(f"the teacher has learned from {report['frames_teacher_learned_from']} of these frames")
    return "\n".join(lines)
