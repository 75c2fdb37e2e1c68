"""A small PredNet in milliseconds in which every channel does something and every rectification acts, and what it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.timed_prednet import TimedPredNet
from snn.stimuli.movie import Movie
from snn.testing import random_walk

SIZE = 8
SIZES: dict[str, Any] = {"rows": SIZE, "cols": SIZE, "channels": (1, 3), "r_channels": (3, 3), "tau_frames": (0.0, 1.0)}


@pytest.fixture(scope="session")
def tiny() -> Callable[..., TimedPredNet]:
    """Makes the model; arguments are fields of its description, and the seed of its weights."""

    def made(seed: int = 15, timing: Timing | None = None, **more: Any) -> TimedPredNet:
        settings = {**SIZES, "cell": "leaky", "pooling": "average", "timing": timing or Timing(), **more}
        model, generator = TimedPredNet(RatePredNetSpec(**settings), seed).double(), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, p in model.named_parameters():
                # Sites that share no kernel begin with the same one, and scatter around it.
                share = 1 if model.spec.shared else len(p)
                drawn = torch.randn(p.shape[share > 1 :], generator=generator, dtype=p.dtype).expand(p.shape)
                p += 0.1 * drawn + (0.1 if name.endswith("bias") else 0.0) + (0.15 if name == "predict.0.bias" else 0.0)
                if share > 1:
                    p += 0.02 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
        return model

    return made


@pytest.fixture(scope="session")
def walk() -> Callable[..., Movie]:
    """Makes a movie of a number of frames for it."""

    def made(n_frames: int = 10, seed: int = 1) -> Movie:
        return Movie(0.15 + 0.5 * random_walk(n_frames, SIZE, SIZE, seed=seed).frames)

    return made
