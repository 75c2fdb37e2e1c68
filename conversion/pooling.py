"""Maximum pooling becomes average pooling, which is a sum over synapses.

The mean over a square is smaller than its maximum, so each channel is made stronger by ``E[max] / E[mean]``, measured on
clips. A rectified convolution before the pooling takes the factor into its weights and bias. The network then still needs a
short training (`fine_tuned`): only on average is a gain what a maximum was.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from conversion.backprop_plan import BackpropPlan
from conversion.rate_prednet import RatePredNet
from conversion.rate_trainable import RateTrainable, coloured
from conversion.rate_training import Trainer, one_thread
from conversion.timed_prednet import rate_model
from snn.errors import ConversionError, sentence
from snn.stimuli.movie import Movie

SHORT = BackpropPlan(updates=100, batch=16, lr=5e-4, lr_end=5e-5)
"""Training after the exchange."""


def average_pooling(model: RatePredNet, movies: Sequence[Movie]) -> tuple[RatePredNet, list[Tensor]]:
    """Put average pooling in the place of maximum pooling.

    Parameters
    ----------
    model : RatePredNet
        With maximum pooling; it is not changed.
    movies : sequence of Movie
        Clips on which the gains are measured.

    Returns
    -------
    model : RatePredNet
    gains : list of Tensor, shape (channels,)
        Per pooled level, the factor of each channel.

    Raises
    ------
    ConversionError
        If the model does not take maxima, or a channel is silent on all clips.
    """
    if model.spec.pooling != "max":
        raise ConversionError(sentence("model.pooling", "is no maximum", got=model.spec.pooling, allowed="max"))
    gains = [_gain(*sums, f"level{level + 1}.target") for level, sums in enumerate(_sums(model, movies))]
    new = rate_model(type(model.spec)(**{**model.spec.model_dump(), "pooling": "average"}))
    new.load_state_dict(model.state_dict())
    with torch.no_grad():
        for conv, gain in zip(new.ascend, gains, strict=True):
            conv.weight.mul_(gain[:, None, None, None])  # type: ignore[operator]
            conv.bias.mul_(gain)  # type: ignore[operator]
    return new, gains


def fine_tuned(model: RatePredNet, movies: Sequence[Movie], plan: BackpropPlan = SHORT, seed: int = 0) -> tuple[RatePredNet, float]:
    """Train a model a little longer.

    Parameters
    ----------
    model : RatePredNet
        It is not changed.
    movies : sequence of Movie
        Learning clips.
    plan : BackpropPlan
    seed : int

    Returns
    -------
    model : RatePredNet
    ratio : float
        Error over that of copying the last frame, in the last part of the training.
    """
    new = copy.deepcopy(model)
    curve = Trainer(RateTrainable(new, plan.noise), plan, seed).train(movies)
    return new, curve.ratio()


def average_layers(model: nn.Sequential, images: Tensor) -> tuple[nn.Sequential, list[Tensor]]:
    """Put average pooling in the place of every `MaxPool2d` of a feed-forward network.

    Parameters
    ----------
    model : Sequential
        In which a rectified convolution stands before each pooling; it is not changed.
    images : Tensor, shape (n, channels, rows, cols)
        On which the gains are measured.

    Returns
    -------
    model : Sequential
    gains : list of Tensor, shape (channels,)
        Per pooling.

    Raises
    ------
    ConversionError
        If something else than a rectified convolution stands before a pooling, or its squares overlap.
    """
    new = copy.deepcopy(model)
    gains = []
    for i, layer in enumerate(model):
        if not isinstance(layer, nn.MaxPool2d):
            continue
        conv = new[i - 2] if i >= 2 else None
        if not isinstance(conv, nn.Conv2d) or not isinstance(new[i - 1], nn.ReLU):
            cure = "let Conv2d and ReLU stand before it; fold batch norms first (conversion.folding)"
            raise ConversionError(sentence(f"layer {i} (MaxPool2d)", "does not follow a rectified convolution", cure=cure))
        side = layer.kernel_size
        if not isinstance(side, int) or layer.stride != side or layer.padding != 0:
            raise ConversionError(sentence(f"layer {i} (MaxPool2d)", "has squares that overlap or are padded", got=repr(layer)))
        with torch.no_grad():
            x = new[:i](images)
            gain = _gain(_means(functional.max_pool2d(x, side)), _means(functional.avg_pool2d(x, side)), f"layer {i} (MaxPool2d)")
            conv.weight.mul_(gain[:, None, None, None])
            if conv.bias is not None:
                conv.bias.mul_(gain)
        new[i] = nn.AvgPool2d(side)
        gains.append(gain)
    return new, gains


def _sums(model: RatePredNet, movies: Sequence[Movie]) -> list[tuple[Tensor, Tensor]]:
    """Per pooled level, mean maximum and mean of every channel."""
    found: list[tuple[Tensor, Tensor]] = [(torch.zeros(n), torch.zeros(n)) for n in model.spec.channels[1:]]
    with torch.no_grad(), one_thread():
        for movie in movies:
            memory = model.at_rest(1)
            frames = coloured(torch.from_numpy(movie.frames.copy()).to(next(model.parameters()))[None], model)
            for t in range(movie.n_frames):
                _, memory, _ = model.step(frames[:, t], memory)
                for level, conv in enumerate(model.ascend):
                    x = functional.relu(conv(memory.e[level]))
                    most, mean = found[level]
                    found[level] = most + _means(functional.max_pool2d(x, 2)), mean + _means(functional.avg_pool2d(x, 2))
    return found


def _means(x: Tensor) -> Tensor:
    """Mean of each channel of (batch, channels, rows, cols)."""
    return x.mean(dim=(0, 2, 3))


def _gain(most: Tensor, mean: Tensor, where: str) -> Tensor:
    if bool((mean <= 0).any()):
        silent = torch.nonzero(mean <= 0).flatten().tolist()
        raise ConversionError(sentence(where, "has channels that are silent on all clips", got=silent[:8], cure="give other clips"))
    return most / mean
