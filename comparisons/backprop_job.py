"""The job behind ``train-backprop``: the circuit, spiking or as rates, is trained by backprop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from comparisons.circuits import CircuitSettings
from comparisons.forecasters import CircuitForecaster
from comparisons.learning import save_weights, size_of
from comparisons.precision import rounded
from comparisons.trained import TrainedByBackprop
from conversion.backprop_plan import BackpropPlan
from snn._model import Positive
from snn.description import Network
from snn.engines.layout import Layout
from snn.errors import DescriptionError, sentence
from snn.state import State, initial_state
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from conversion.circuit_training import CircuitTrainable
    from conversion.rate_training import Trainer

CIRCUIT_PLAN = BackpropPlan(updates=300, batch=16, lr=0.05, lr_end=0.0025)


class BackpropJob(CircuitSettings):
    """Everything that determines a run of ``train-backprop``.

    Parameters
    ----------
    plan : BackpropPlan
        How it is trained.
    truncate : int
        Frames through which gradients reach back.
    slope : float
        Steepness of the surrogate of a spike, in units of the threshold.
    train_dt_ms : float
        Step, and delay of the short connections, while training; a multiple of ``dt_ms``. The trained weights are then
        those of the circuit at its own step.
    source, recipe, branches, levels, cells, ablations, overrides, seed, dt_ms, lag_ms, mismatch, weight_bits
        As in `CircuitSettings`.
    """

    kind: Literal["backprop"] = "backprop"
    plan: BackpropPlan = CIRCUIT_PLAN
    truncate: Annotated[int, Field(ge=1)] = 2
    slope: Positive = 0.3
    train_dt_ms: Positive = 5.0

    @model_validator(mode="after")
    def _can_be_trained_and_run(self) -> Self:
        steps = self.train_dt_ms / self.dt_ms
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-9:
            raise ValueError(f"train_dt_ms must be a multiple of dt_ms; got {self.train_dt_ms} and {self.dt_ms}")
        frame = self.source.frame_ms / self.train_dt_ms
        if abs(frame - round(frame)) > 1e-9 * frame or round(frame) < 2:
            raise ValueError(f"train_dt_ms must divide the frame of {self.source.frame_ms:g} ms; got {self.train_dt_ms}")
        if self.plan.noise:
            raise ValueError(f"plan.noise belongs to rate networks in milliseconds; got {self.plan.noise:g}")
        return self

    def network(self) -> Network:
        """As `CircuitSettings.network`.

        Raises
        ------
        DescriptionError
            Also if cells spike by chance, through which there are no gradients of a batch.
        """
        network = super().network()
        for p in network.populations:
            if p.stochastic:
                cure = "leave it out, such as the ablation 'noise', or learn by the local rule"
                raise DescriptionError(sentence(p.name, "spikes by chance, with which nothing is trained by backprop", cure=cure))
        return network

    def learner(self) -> BackpropLearner:
        """Build the circuit, ready to be trained.

        Returns
        -------
        BackpropLearner
        """
        from conversion.circuit_training import CircuitTrainable
        from conversion.rate_training import Trainer

        network = self.network()
        Layout(network, self.dt_ms)  # what cannot be run is not trained
        coarse = self.model_copy(update={"dt_ms": self.train_dt_ms, "lag_ms": self.train_dt_ms})
        trained = coarse.network()
        state = initial_state(trained, dt_ms=self.train_dt_ms, seed=self.seed)
        trainable = CircuitTrainable(trained, state, truncate=self.truncate, slope=self.slope)
        return BackpropLearner(self, network, trainable, Trainer(trainable, self.plan, self.seed))


class BackpropLearner(TrainedByBackprop):
    """A circuit in training.

    Parameters
    ----------
    job : BackpropJob
    network : Network
        At its own step.
    trainable : CircuitTrainable
        The same at the step of training.
    trainer : Trainer
    """

    def __init__(self, job: BackpropJob, network: Network, trainable: CircuitTrainable, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.job, self.network, self.trainable = job, network, trainable

    def description(self) -> str:
        """As `Learner.description`."""
        return self.network.to_json()

    def finish(self, folder: Path) -> dict[str, Any]:
        """As `Learner.finish`."""
        save_weights(folder / "weights.npz", self.state())
        return size_of(Layout(self.network, self.job.dt_ms))

    def state(self) -> State:
        """State of the circuit at its own step, at rest, with the trained weights of now."""
        born = initial_state(self.network, dt_ms=self.job.dt_ms, seed=self.job.seed)
        learned = State({**born.arrays, **self.trainable.trained()}, 0, born.seed, born.dt_ms, born.digest)
        return rounded(learned, self.network, self.job.weight_bits)

    def forecaster(self) -> CircuitForecaster:
        """As `Learner.forecaster`."""
        return CircuitForecaster(self.job.simulation(self.network, self.state()))

    def draw(self, folder: Path, movie: Movie) -> None:
        """As `Learner.draw`."""
        from comparisons.figures import draw_run

        draw_run(folder, self.job.simulation(self.network, self.state()), movie, self.curve, unit="update")
