"""Training on long windows with gradients that reach back through few frames: what is shown, what is lowered, what is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from comparisons.movies import Source
from comparisons.rate_job import RateJob
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.rate_trainable import RateTrainable
from conversion.timed_prednet import rate_model

TINY = RatePredNetSpec(rows=8, cols=8, channels=(1, 4), r_channels=(4, 4), cell="leaky")
MODELS = {
    "leaky": TINY,
    "convlstm": TINY.model_copy(update={"cell": "convlstm"}),
    "direct": TINY.model_copy(update={"loss": "direct"}),
    "milliseconds": TINY.model_copy(update={"pooling": "average", "timing": Timing()}),
}


def clips(n_frames: int = 7) -> Tensor:
    return torch.from_numpy(np.random.default_rng(3).random((2, n_frames, 8, 8), dtype=np.float32))


def gradients(spec: RatePredNetSpec, truncate: int | None, shown: Tensor) -> tuple[float, Tensor, list[Tensor]]:
    trainable = RateTrainable(rate_model(spec, 1), truncate=truncate)
    loss, forecast = trainable.accumulate(shown)
    return loss, forecast, [p.grad.clone() for p in trainable.module.parameters() if p.grad is not None]


@pytest.mark.parametrize("name", MODELS)
def test_the_loss_and_the_forecasts_are_those_of_the_whole_window(name: str) -> None:
    """Oracle: the model on the window in one piece; stretches that do not divide it, and one frame."""
    whole_loss, whole, told = gradients(MODELS[name], None, clips())
    for stretch in (1, 3, 7, 20):
        loss, forecast, found = gradients(MODELS[name], stretch, clips())
        assert loss == pytest.approx(whole_loss, rel=1e-5), stretch
        torch.testing.assert_close(forecast, whole, rtol=1e-5, atol=1e-6)
        same = all(torch.allclose(a, b, rtol=1e-4, atol=1e-7) for a, b in zip(found, told, strict=True))
        assert same == (stretch >= 7), stretch


def test_gradients_end_where_a_stretch_begins() -> None:
    """Oracle: autograd through the model's own steps, with the memory made a constant after frames 3 and 6."""
    shown, model = clips()[:, :, None], RatePredNet(TINY, 1)
    memory, errors = model.at_rest(2), []
    for t in range(7):
        if t in (3, 6):
            memory = type(memory)(*(tuple(x.detach() for x in part) for part in memory))
        _, memory, _ = model.step(shown[:, t], memory)
        if t:
            errors.append(memory.e[0].mean())
    wanted = torch.autograd.grad(torch.stack(errors).mean(), list(model.parameters()), allow_unused=True)
    _, _, found = gradients(TINY, 3, clips())
    assert len(found) == sum(g is not None for g in wanted)
    for a, b in zip(found, (g for g in wanted if g is not None), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-8)


def test_jobs_without_it_are_written_as_before() -> None:
    """Oracle: the field came later, and runs that were made before keep their names."""
    job: Any = RateJob(source=Source(frames="photographs", size=8), model=TINY)
    assert "truncate" not in job.model_dump()
    longer = RateJob(source=Source(frames="photographs", size=8), model=TINY, truncate=5)
    assert longer.model_dump()["truncate"] == 5
    trainable: Any = longer.learner().trainer.trainable
    assert trainable.truncate == 5
    with pytest.raises(ValidationError, match="truncate"):
        RateJob(source=Source(frames="photographs", size=8), model=TINY, truncate=0)
