"""Joint learning in rates, by backprop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from comparisons.neural.joint import Answers, Condition
from comparisons.neural.joint_material import Films, Material
from comparisons.progress import Reporter
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from conversion.rate_training import one_thread
from snn.errors import BlowUpError, sentence
from snn.seeding import stream

UPDATES, BATCH, LR, CLIP_NORM = 600, 8, 2e-3, 1.0
DECAY = 1e-2
"""Of the weights of the readout, which are many for what is known of each unit (AdamW)."""


@dataclass(frozen=True, eq=False)
class TaughtPredNet:
    """A rate PredNet and what reads responses from it.

    Attributes
    ----------
    model : RatePredNet
    readout : torch.nn.Linear
        From the representation of level 0, a frame after what it answers.
    """

    model: RatePredNet
    readout: nn.Linear


def learned(material: Material, condition: Condition, *, seed: int = 0, report: Reporter | None = None) -> TaughtPredNet:
    """Train a rate PredNet, and a readout of responses, on films.

    Weights that make the forecast from the representation follow its error alone, those of the readout that of responses; all others
    follow ``forecast`` times the one plus ``share`` times the other, in variances of the units. The gradients of all but the readout of
    responses are shortened together where they are too long.

    Parameters
    ----------
    material : Material
    condition : Condition
    seed : int
        Of weights and windows.
    report : Reporter, optional
        Is told of each update.

    Returns
    -------
    TaughtPredNet

    Raises
    ------
    BlowUpError
        If a loss is not a finite number.
    """
    films, report = material.shuffled(seed) if condition.shuffled else material.learn, report or Reporter()
    rows, cols = films.movies[0].size
    model = RatePredNet(
        RatePredNetSpec(rows=rows, cols=cols, channels=(1, 8), r_channels=(8, 16), cell="leaky", pooling="average", error_norm="rms"), seed
    )
    shown = torch.from_numpy(np.stack([movie.frames for movie in films.movies]).astype(np.float32))[:, :, None]
    spread = films.responses[0].std(axis=(0, 1))
    told = torch.from_numpy(((films.responses[0] - films.responses[0].mean(axis=(0, 1))) / spread).astype(np.float32))
    readout = nn.Linear(model.spec.r[0] * rows * cols, told.shape[-1])
    nn.init.zeros_(readout.weight)
    nn.init.zeros_(readout.bias)
    forecasting = list(model.predict.parameters())
    rest = [p for p in model.parameters() if not any(p is q for q in forecasting)]
    optimizer = torch.optim.AdamW(
        [{"params": [*model.parameters()], "weight_decay": 0.0}, {"params": [*readout.parameters()], "weight_decay": DECAY}], lr=LR
    )
    report.begin("learn")
    with one_thread():
        for update in range(UPDATES):
            chosen = torch.from_numpy(stream(seed, "joint batch", update).integers(len(shown), size=BATCH))
            clips = shown[chosen]
            trajectory = model(clips, record=True)
            forecast_loss = model.loss(trajectory, clips)
            # What was seen in a frame is in the representation a frame later.
            seen = trajectory.populations["level0.representation"][:, 1:].flatten(2)
            response_loss = (readout(seen) - told[chosen][:, :-1]).square().mean()
            if not (torch.isfinite(forecast_loss) and torch.isfinite(response_loss)):
                got, cure = (float(forecast_loss), float(response_loss)), "use a smaller share"
                raise BlowUpError(sentence("joint training", f"a loss is not a number in update {update + 1}", got=got, cure=cure))
            _accumulate(forecast_loss, response_loss, condition, forecasting, rest, list(readout.parameters()))
            nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            for group in optimizer.param_groups:
                group["lr"] = LR * 0.5 * (1 + np.cos(np.pi * update / UPDATES))
            optimizer.step()
            report.step(update + 1, UPDATES)
    report.end()
    return TaughtPredNet(model, readout)


def _accumulate(
    forecast_loss: Tensor,
    response_loss: Tensor,
    condition: Condition,
    forecasting: list[nn.Parameter],
    rest: list[nn.Parameter],
    reading: list[nn.Parameter],
) -> None:
    """Set the gradients: each readout's from its own loss, those of the rest from both as the condition says."""
    own = torch.autograd.grad(forecast_loss, [*forecasting, *rest], retain_graph=True, allow_unused=True)
    other = torch.autograd.grad(response_loss, [*reading, *rest], allow_unused=True)
    for p, grad in zip([*forecasting, *reading], [*own[: len(forecasting)], *other[: len(reading)]], strict=True):
        p.grad = grad
    for p, a, b in zip(rest, own[len(forecasting) :], other[len(reading) :], strict=True):
        parts = [weight * g for weight, g in ((float(condition.forecast), a), (condition.share, b)) if g is not None and weight]
        p.grad = sum(parts) if parts else None  # type: ignore[assignment]


def answers(learner: TaughtPredNet, films: Films) -> Answers:
    """Show films with weights frozen.

    Parameters
    ----------
    learner : TaughtPredNet
    films : Films

    Returns
    -------
    Answers
        What the representation knows of a frame, it tells in the next; it is put back.
    """
    shown = torch.from_numpy(np.stack([movie.frames for movie in films.movies]).astype(np.float32))[:, :, None]
    with one_thread(), torch.no_grad():
        trajectory = learner.model(shown, record=True)
        seen = trajectory.populations["level0.representation"].flatten(2)
        later = torch.cat([seen[:, 1:], torch.zeros_like(seen[:, :1])], dim=1)
        foretold = learner.readout(later)
    return Answers(
        trajectory.forecast[:, :, 0].numpy().astype(np.float64), foretold.numpy().astype(np.float64), later.numpy().astype(np.float64)
    )
