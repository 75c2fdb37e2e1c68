"""Three tasks on which recurrent networks are compared: Go/NoGo, XOR of two pulses, context-dependent integration.

Inputs are channels in [0, 1]; a signal of either sign is two of them, its positive and its negative part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from snn._model import Described, NonNegative, Positive
from snn.errors import ConversionError, sentence
from snn.seeding import stream
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
Criterion = Literal["peak", "mean"]
RESPONSE, SILENCE = 0.7, 0.3
"""Output that counts as a response, and output below which there is none."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of a task.

    Attributes
    ----------
    inputs : ndarray, shape (n_trials, n_steps, n_inputs)
        In [0, 1].
    targets : ndarray, shape (n_trials, n_steps, n_outputs)
        What the output should be, at all times.
    mask : ndarray of bool, shape (n_trials, n_steps)
        When the response is judged.
    answers : ndarray of int, shape (n_trials,)
        The right response: 1, -1 or, for none, 0.
    step_ms : float
    """

    inputs: FloatArray
    targets: FloatArray
    mask: NDArray[np.bool_]
    answers: NDArray[np.int64]
    step_ms: float

    def __len__(self) -> int:
        return len(self.inputs)

    def movies(self) -> list[Movie]:
        """Write the inputs as movies with one row, a column for each channel, and a frame for each step.

        Returns
        -------
        list of Movie
            One a trial.
        """
        return [Movie(trial[:, None, :], self.step_ms, f"trial {i}") for i, trial in enumerate(self.inputs)]


class _Task(Described):
    n_inputs: ClassVar[int]
    n_outputs: ClassVar[int] = 1

    trial_ms: Positive
    onset_ms: NonNegative = 250.0
    stimulus_ms: Positive
    step_ms: Positive = 5.0

    @property
    def full_inputs(self) -> tuple[float, ...]:
        """What 1 stands for in each channel, in the units of the published task."""
        return (1.0,) * self.n_inputs

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        for name, value in self:
            if name.endswith("_ms") and abs(value / self.step_ms - round(value / self.step_ms)) > 1e-9:
                raise ValueError(f"{name} must be a whole number of steps of {self.step_ms} ms; got {value}")
        if self._judged()[0] >= self.trial_ms:
            raise ValueError(f"trial_ms must leave time to respond after {self._judged()[0]} ms; got {self.trial_ms}")
        return self

    def trials(self, n_trials: int, seed: int) -> Trials:
        """Draw trials.

        Parameters
        ----------
        n_trials : int
        seed : int

        Returns
        -------
        Trials
            With inputs of shape (n_trials, n_steps, n_inputs).
        """
        return self.draw(n_trials, stream(seed, "trials", type(self).__name__))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials from a random stream.

        Parameters
        ----------
        n_trials : int
        rng : numpy.random.Generator

        Returns
        -------
        Trials
            With inputs of shape (n_trials, n_steps, n_inputs).
        """
        n_steps = round(self.trial_ms / self.step_ms)
        inputs, answers = np.zeros((n_trials, n_steps, self.n_inputs)), np.zeros(n_trials, dtype=np.int64)
        self._fill(inputs, answers, rng)
        targets, mask = np.zeros((n_trials, n_steps, self.n_outputs)), np.zeros((n_trials, n_steps), dtype=bool)
        targets[:, self._span(*self._told())] = answers[:, None, None]
        mask[:, self._span(*self._judged())] = True
        return Trials(inputs, targets, mask, answers, self.step_ms)

    def _span(self, begin_ms: float, end_ms: float) -> slice:
        return slice(round(begin_ms / self.step_ms), round(end_ms / self.step_ms))

    def _told(self) -> tuple[float, float]:
        """When the target differs from 0."""
        return self.onset_ms + self.stimulus_ms, self.trial_ms

    def _judged(self) -> tuple[float, float]:
        """When the response is judged."""
        return self._told()

    def _fill(self, inputs: FloatArray, answers: NDArray[np.int64], rng: np.random.Generator) -> None:
        raise NotImplementedError


class GoNoGo(_Task):
    """Respond after a pulse, and be silent when there was none; half of the trials have one.

    Parameters
    ----------
    trial_ms, onset_ms, stimulus_ms : float
        Length of a trial, beginning of the pulse, its length. From its end to that of the trial the output should be 1.
    step_ms : float

    References
    ----------
    Kim, Li & Sejnowski (2019), https://doi.org/10.1073/pnas.1905926116; times as in their code (rkim35/spikeRNN).
    """

    n_inputs: ClassVar[int] = 1

    kind: Literal["go_nogo"] = "go_nogo"
    trial_ms: Positive = 1000.0
    stimulus_ms: Positive = 125.0

    def _fill(self, inputs: FloatArray, answers: NDArray[np.int64], rng: np.random.Generator) -> None:
        answers[:] = rng.integers(2, size=len(answers))
        inputs[:, self._span(self.onset_ms, self.onset_ms + self.stimulus_ms), 0] = answers[:, None]


class Xor(_Task):
    """Tell whether two pulses, one after the other, had the same sign: 1 if they had, -1 if not.

    Parameters
    ----------
    trial_ms, onset_ms, stimulus_ms : float
        Length of a trial, beginning of the first pulse, length of each.
    delay_ms : float
        Between the end of the first and the beginning of the second pulse.
    reaction_ms : float
        From the end of the second pulse to the beginning of the response that is wanted.
    response_ms : float
        Length of that response.
    grace_ms : float
        Its beginning is not judged.
    step_ms : float

    References
    ----------
    Kim, Li & Sejnowski (2019), https://doi.org/10.1073/pnas.1905926116; times as in their code (rkim35/spikeRNN).

    Notes
    -----
    *Departures*: channels are the positive and negative parts of the two signals; what comes after the wanted response
    is not judged, where they look for a peak until the end of the trial.
    """

    n_inputs: ClassVar[int] = 4

    kind: Literal["xor"] = "xor"
    trial_ms: Positive = 1500.0
    stimulus_ms: Positive = 250.0
    delay_ms: NonNegative = 50.0
    reaction_ms: NonNegative = 50.0
    response_ms: Positive = 500.0
    grace_ms: NonNegative = 150.0

    @model_validator(mode="after")
    def _ends_in_time(self) -> Self:
        if self._told()[1] > self.trial_ms or self.grace_ms >= self.response_ms:
            raise ValueError(f"the response must end within the trial, at {self.trial_ms} ms, and outlast grace_ms; got {self._told()[1]}")
        return self

    def _told(self) -> tuple[float, float]:
        begin = self.onset_ms + 2 * self.stimulus_ms + self.delay_ms + self.reaction_ms
        return begin, begin + self.response_ms

    def _judged(self) -> tuple[float, float]:
        begin, end = self._told()
        return begin + self.grace_ms, end

    def _fill(self, inputs: FloatArray, answers: NDArray[np.int64], rng: np.random.Generator) -> None:
        signs = 2 * rng.integers(2, size=(len(answers), 2)) - 1
        answers[:] = signs.prod(axis=1)
        for pulse in range(2):
            begin = self.onset_ms + pulse * (self.stimulus_ms + self.delay_ms)
            span = self._span(begin, begin + self.stimulus_ms)
            for part, sign in enumerate((1, -1)):
                inputs[:, span, 2 * pulse + part] = (signs[:, pulse] == sign)[:, None]


class ContextIntegration(_Task):
    """Tell the sign of the mean of that one of two noisy signals which the context names.

    Each signal is ``+-offset`` plus white noise, one value a step. The context is a constant 1 in one of two channels.

    Parameters
    ----------
    trial_ms, onset_ms, stimulus_ms : float
        Length of a trial, beginning and length of the signals. From their end to that of the trial the output should be
        the sign.
    grace_ms : float
        The beginning of the response is not judged.
    offset : float
        Size of the mean, in standard deviations of the noise.
    full : float
        Size of a signal, in standard deviations of the noise, that drives a channel with 1; larger ones are cut.
    step_ms : float

    References
    ----------
    Mante, Sussillo, Shenoy & Newsome (2013), https://doi.org/10.1038/nature12742; as set by Kim, Li & Sejnowski (2019),
    https://doi.org/10.1073/pnas.1905926116, and their code (rkim35/spikeRNN).

    Notes
    -----
    *Departures*: channels are the positive and negative parts of the signals, divided by ``full`` and cut at 1. All times
    are half of the published ones, with which a network needs many times longer to learn; those are ``trial_ms=2500,
    onset_ms=250, stimulus_ms=1000, grace_ms=250``.
    """

    n_inputs: ClassVar[int] = 6

    kind: Literal["context_integration"] = "context_integration"
    trial_ms: Positive = 1250.0
    onset_ms: NonNegative = 125.0
    stimulus_ms: Positive = 500.0
    grace_ms: NonNegative = 125.0
    offset: Positive = 0.5
    full: Positive = 4.0

    @property
    def full_inputs(self) -> tuple[float, ...]:
        """As `_Task.full_inputs`."""
        return (self.full,) * 4 + (1.0,) * 2

    def _judged(self) -> tuple[float, float]:
        begin, end = self._told()
        return begin + self.grace_ms, end

    def _fill(self, inputs: FloatArray, answers: NDArray[np.int64], rng: np.random.Generator) -> None:
        signs, context = 2 * rng.integers(2, size=(len(answers), 2)) - 1, rng.integers(2, size=len(answers))
        answers[:] = np.take_along_axis(signs, context[:, None], axis=1)[:, 0]
        span = self._span(self.onset_ms, self.onset_ms + self.stimulus_ms)
        signal = self.offset * signs[:, None, :] + rng.standard_normal((len(answers), span.stop - span.start, 2))
        for channel in range(2):
            for part, sign in enumerate((1, -1)):
                inputs[:, span, 2 * channel + part] = np.clip(sign * signal[..., channel] / self.full, 0.0, 1.0)
            inputs[:, :, 4 + channel] = (context == channel)[:, None]


Task = Annotated[GoNoGo | Xor | ContextIntegration, Field(discriminator="kind")]
TASKS: dict[str, type[GoNoGo] | type[Xor] | type[ContextIntegration]] = {
    "go_nogo": GoNoGo,
    "xor": Xor,
    "context_integration": ContextIntegration,
}


def correct(outputs: FloatArray, trials: Trials, criterion: Criterion = "peak") -> NDArray[np.bool_]:
    """Judge each trial.

    ========= ==================================================================================================
    criterion a trial is correct when, while it is judged (``trials.mask``),
    ========= ==================================================================================================
    peak      answer 1: the output is above 0.7 at least once; -1: below -0.7 at least once; 0: always between
              -0.3 and 0.3. The published criterion.
    mean      the mean output is nearer to the answer than to the next other one: above 0.5, below -0.5, or
              between them. A single spike does not make it true.
    ========= ==================================================================================================

    Parameters
    ----------
    outputs : ndarray, shape (n_trials, n_steps, 1)
    trials : Trials
    criterion : {'peak', 'mean'}

    Returns
    -------
    ndarray of bool, shape (n_trials,)

    Raises
    ------
    ConversionError
        If the outputs have another shape than the targets, or there is no such criterion.

    References
    ----------
    Kim, Li & Sejnowski (2019), https://doi.org/10.1073/pnas.1905926116; thresholds and windows as in their code.

    Notes
    -----
    *Departures*: silence is asked of the size of the output; they ask it of the output of their spiking network.
    """
    if outputs.shape != trials.targets.shape:
        raise ConversionError(sentence("outputs", "do not fit the trials", got=outputs.shape, allowed=str(trials.targets.shape)))
    output, mask, answers = outputs[..., 0], trials.mask, trials.answers
    if criterion == "peak":
        high, low = np.where(mask, output, -np.inf).max(axis=1), np.where(mask, output, np.inf).min(axis=1)
        silent = np.maximum(high, -low) < SILENCE
        return np.where(answers == 0, silent, np.where(answers > 0, high > RESPONSE, low < -RESPONSE))
    if criterion == "mean":
        mean = np.where(mask, output, 0.0).sum(axis=1) / mask.sum(axis=1)
        near: NDArray[np.bool_] = np.clip(np.rint(mean), -1, 1) == answers
        return near
    raise ConversionError(sentence("criterion", "there is no such criterion", got=criterion, allowed="'peak' or 'mean'"))


def score(outputs: FloatArray, trials: Trials, criterion: Criterion = "peak") -> float:
    """Share of correct trials, as `correct` judges them.

    Parameters
    ----------
    outputs : ndarray, shape (n_trials, n_steps, 1)
    trials : Trials
    criterion : {'peak', 'mean'}

    Returns
    -------
    float
        Between 0 and 1.
    """
    return float(correct(outputs, trials, criterion).mean())
