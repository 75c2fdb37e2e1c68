"""The job behind ``train-rate``: the rate PredNet is trained by backprop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from comparisons.forecasters import RateForecaster
from comparisons.movies import Source
from comparisons.trained import TrainedByBackprop
from conversion.backprop_plan import BackpropPlan
from conversion.rate_spec import RatePredNetSpec
from snn._model import Described
from snn.recording import FORECAST, Recording
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet
    from conversion.rate_training import Trainer

WEIGHTS = "weights.safetensors"


class RateJob(Described):
    """Everything that determines a run of ``train-rate``.

    Parameters
    ----------
    source : Source
        What to learn from.
    model : RatePredNetSpec
        What learns.
    plan : BackpropPlan
        How.
    seed : int
    start : str, optional
        Run folder, or name of a shipped model, to begin with in place of chance; its sizes are the same.
    start_digest : str, optional
        SHA-256 of its weights.
    truncate : int, optional
        Frames through which gradients reach back; the whole window when left out.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"start", "start_digest", "truncate"})

    kind: Literal["rate"] = "rate"
    source: Source
    model: RatePredNetSpec
    plan: BackpropPlan = BackpropPlan()
    seed: Annotated[int, Field(ge=0)] = 0
    start: str | None = None
    start_digest: str | None = None
    truncate: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.model.rows, self.model.cols) != (self.source.size, self.source.size):
            raise ValueError(f"model and source differ in size; got {self.model.rows}x{self.model.cols} and {self.source.size}")
        if self.plan.noise and self.model.timing is None:
            raise ValueError(f"plan.noise belongs to a network in milliseconds (model.timing, --step-ms); got {self.plan.noise:g}")
        return self

    def learner(self) -> RateLearner:
        """Build the model, ready to be trained.

        Returns
        -------
        RateLearner

        Raises
        ------
        StateError
            If the model to begin with is of another kind or size, or no longer what it was.
        """
        from conversion.rate_trainable import RateTrainable
        from conversion.rate_training import Trainer
        from conversion.timed_prednet import rate_model

        model = rate_model(self.model, self.seed)
        learner = RateLearner(self, model, Trainer(RateTrainable(model, self.plan.noise, self.truncate), self.plan, self.seed))
        if self.start is not None:
            from comparisons.rate_models import begin_with

            learner.seen_before = begin_with(model, self.start, self.start_digest)
        return learner


class RateLearner(TrainedByBackprop):
    """A rate PredNet in training.

    Parameters
    ----------
    job : RateJob
    model : RatePredNet
    trainer : Trainer
    """

    def __init__(self, job: RateJob, model: RatePredNet, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.job, self.model = job, model

    def description(self) -> str:
        """As `Learner.description`."""
        return self.job.model.model_dump_json(indent=1)

    def finish(self, folder: Path) -> dict[str, Any]:
        """As `Learner.finish`."""
        from conversion.model_files import save_model

        save_model(folder / WEIGHTS, self.model)
        return size_of(self.model)

    def forecaster(self) -> RateForecaster:
        """As `Learner.forecaster`."""
        return RateForecaster(self.model)

    def draw(self, folder: Path, movie: Movie) -> None:
        """As `Learner.draw`."""
        from comparisons.figures import draw_forecast

        draw_forecast(folder, record(self.model, movie), movie, self.curve, unit="update")


def size_of(model: RatePredNet) -> dict[str, Any]:
    """Say what a summary should know of a rate model.

    Parameters
    ----------
    model : RatePredNet

    Returns
    -------
    dict
    """
    spec = model.spec
    units = sum(RateForecaster(model).cells.values())
    name = f"rate-prednet-{spec.levels}-{spec.cell}"
    return {"network": name, "n_units": units, "n_parameters": model.n_parameters, "multiply_adds_per_frame": model.multiply_adds}


def record(model: RatePredNet, movie: Movie) -> Recording:
    """Show a movie and keep what every population did, one step a frame.

    Parameters
    ----------
    model : RatePredNet
    movie : Movie

    Returns
    -------
    Recording
        ``counts`` holds activities.
    """
    from conversion.rate_training import forecast

    frames, populations = forecast(model, movie, record=True)
    return Recording(movie.n_frames, 1, movie.frame_ms, populations, {FORECAST: frames[..., np.newaxis]}, {})
