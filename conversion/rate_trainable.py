"""The rate PredNet as something that `conversion.rate_training` trains."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from conversion.rate_prednet import Memory, RatePredNet
from conversion.timed_prednet import TimedPredNet
from snn.errors import DescriptionError, sentence


class RateTrainable:
    """The rate PredNet as something to train.

    Parameters
    ----------
    model : RatePredNet
    noise : float
        As `BackpropPlan.noise`; only a `TimedPredNet` takes any.
    truncate : int, optional
        Frames through which gradients reach back; activity goes on through the whole window. All when left out.

    References
    ----------
    Williams & Peng (1990), https://doi.org/10.1162/neco.1990.2.4.490.
    """

    def __init__(self, model: RatePredNet, noise: float = 0.0, truncate: int | None = None) -> None:
        self.module: nn.Module = model
        self.model = model
        self.noise = noise
        self.truncate = truncate

    def accumulate(self, clips: Tensor) -> tuple[float, Tensor]:
        """As `Trainable.accumulate`."""
        shown = coloured(clips, self.model)
        n_frames = shown.shape[1]
        stretch = self.truncate or n_frames
        total, forecasts, memory = 0.0, [], None
        for start in range(0, n_frames, stretch):
            part = shown[:, start : start + stretch]
            skip = 1 if start == 0 else 0
            with noisy(self.model, self.noise):
                trajectory = self.model(part, memory)
            memory = detached(trajectory.memory)
            forecasts.append(trajectory.forecast.detach())
            if part.shape[1] > skip:
                loss = self.model.loss(trajectory, part, skip) * ((part.shape[1] - skip) / (n_frames - 1))
                loss.backward()
                total += float(loss.detach())
        return total, torch.cat(forecasts, dim=1).mean(dim=2)

    def project_(self) -> None:
        """As `Trainable.project_`."""
        self.model.project_()


def detached(memory: Memory) -> Memory:
    """Cut a memory from the graph that it came from.

    Parameters
    ----------
    memory : Memory

    Returns
    -------
    Memory
    """
    return type(memory)(*(tuple(x.detach() for x in part) for part in memory))


def coloured(clips: Tensor, model: RatePredNet) -> Tensor:
    """Show grey frames to every colour channel.

    Parameters
    ----------
    clips : Tensor, shape (batch, n_frames, rows, cols)
    model : RatePredNet

    Returns
    -------
    Tensor, shape (batch, n_frames, channels, rows, cols)
    """
    return clips[:, :, None].expand(-1, -1, model.spec.channels[0], -1, -1)


def noisy(model: RatePredNet, noise: float) -> AbstractContextManager[None]:
    """Make the rates of a model noisy, as long as the context lasts.

    Parameters
    ----------
    model : RatePredNet
    noise : float
        As `BackpropPlan.noise`.

    Returns
    -------
    context manager

    Raises
    ------
    DescriptionError
        If there is to be noise and the model is no network in milliseconds.
    """
    if isinstance(model, TimedPredNet):
        return model.noisy(noise)
    if noise:
        raise DescriptionError(sentence("noise", "belongs to a network in milliseconds", got=noise, cure="give it timing (--step-ms)"))
    return nullcontext()
