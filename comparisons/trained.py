"""What every learner has that is trained by backprop: its trainer, put down and taken up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from snn.curve import Curve
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from conversion.rate_training import Trainer


class TrainedByBackprop:
    """The part of a `Learner` that a trainer does.

    Parameters
    ----------
    trainer : Trainer
    """

    checkpoint = "checkpoint.safetensors"

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.seen_before: dict[str, list[str]] = {}

    @property
    def curve(self) -> Curve:
        """As `Learner.curve`."""
        return self.trainer.curve

    def learn(self, movies: Sequence[Movie], after: Callable[[], None]) -> None:
        """As `Learner.learn`."""
        self.trainer.train(movies, after)

    def refuse_bad(self) -> None:
        """As `Learner.refuse_bad`."""
        self.trainer.refuse_bad()

    def save(self, path: Path) -> None:
        """As `Learner.save`."""
        self.trainer.save(path)

    def load(self, path: Path) -> None:
        """As `Learner.load`."""
        self.trainer.load(path)
