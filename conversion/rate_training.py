"""Training by backprop through time: Adam on windows of clips, with checkpoints from which it goes on byte for byte.

The trainer knows nothing of what it trains but the port `Trainable`; the rate PredNet is one, a circuit on the torch
engine is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from conversion.backprop_plan import BackpropPlan
from conversion.model_files import fill, load_tensors, save_tensors
from conversion.rate_prednet import RatePredNet
from snn.curve import Curve, Progress
from snn.errors import BlowUpError, MovieError, StateError, sentence
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

__all__ = ["BackpropPlan", "Trainable", "Trainer", "forecast", "one_thread", "window"]
Frames = NDArray[np.float64]


class Trainable(Protocol):
    """A model whose parameters have gradients."""

    @property
    def module(self) -> nn.Module:
        """Holder of the parameters."""

    def accumulate(self, clips: Tensor) -> tuple[float, Tensor]:
        """Show clips from rest and add the gradients of the loss.

        Parameters
        ----------
        clips : Tensor, shape (batch, n_frames, rows, cols)

        Returns
        -------
        loss : float
        forecast : Tensor, shape (batch, n_frames, rows, cols)
        """

    def project_(self) -> None:
        """Put parameters back into their range."""


class Trainer:
    """Trains a model, and can be put down after any update.

    Parameters
    ----------
    trainable : Trainable
    plan : BackpropPlan
    seed : int
        Of the choice of windows.
    """

    def __init__(self, trainable: Trainable, plan: BackpropPlan, seed: int) -> None:
        self.trainable, self.plan, self.seed = trainable, plan, seed
        self.curve = Curve()
        self.names = [name for name, p in trainable.module.named_parameters() if p.requires_grad]
        self.parameters = [p for p in trainable.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=plan.lr)

    def train(self, movies: Sequence[Movie], after: Callable[[], None] | None = None) -> Curve:
        """Train from where it stands to the end of the plan.

        Parameters
        ----------
        movies : sequence of Movie
            Learning clips.
        after : callable, optional
            Called after every update.

        Returns
        -------
        Curve

        Raises
        ------
        MovieError
            If a clip has fewer frames than a window.
        BlowUpError
            If the loss is not a number; no parameter is changed by that update.
        """
        for movie in movies:
            if movie.n_frames < self.plan.n_frames:
                raise MovieError(
                    sentence(
                        f"clip {movie.name!r}",
                        "has fewer frames than a training window",
                        got=movie.n_frames,
                        allowed=f">= {self.plan.n_frames}",
                        cure="give longer clips or a shorter window (--window)",
                    )
                )
        frames = [movie.frames.astype(np.float32) for movie in movies]
        with one_thread():
            for update in range(len(self.curve.points), self.plan.updates):
                self._update(update, window(frames, self.plan, stream(self.seed, "batch", update)))
                if after is not None:
                    after()
        return self.curve

    def _update(self, update: int, batch: NDArray[np.float32]) -> None:
        clips = torch.from_numpy(batch).to(self.parameters[0])
        self.optimizer.zero_grad()
        with chance(self.seed, update):
            loss, forecast = self.trainable.accumulate(clips)
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.plan.clip_norm or float("inf")))
        if not (np.isfinite(loss) and np.isfinite(norm)):
            where = f"update {update + 1} of {self.plan.updates}"
            cure = "begin anew with a lower learning rate; the last good state is kept"
            raise BlowUpError(sentence("training", f"the loss or its gradient is not a number in {where}", got=(loss, norm), cure=cure))
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.lr_at(update / self.plan.updates)
        self.optimizer.step()
        self.trainable.project_()
        scored = clips[:, FIRST_SCORED:]
        model = float(((forecast[:, FIRST_SCORED:] - scored) ** 2).mean()) if scored.numel() else float("nan")
        copy = float(((clips[:, FIRST_SCORED - 1 : -1] - scored) ** 2).mean()) if scored.numel() else float("nan")
        self.curve.points.append(Progress(update + 1, self.plan.updates, model, copy, scored.shape[0] * scored.shape[1]))

    def refuse_bad(self) -> None:
        """Raise where a parameter is not a number.

        Raises
        ------
        BlowUpError
            Naming the parameter.
        """
        for name, p in zip(self.names, self.parameters, strict=True):
            if not bool(torch.isfinite(p).all()):
                cure = "begin anew with a lower learning rate; the last good state is kept"
                raise BlowUpError(sentence(name, f"is not finite after update {len(self.curve.points)}", cure=cure))

    def save(self, path: Path) -> None:
        """Write parameters, moments of Adam and the curve.

        Parameters
        ----------
        path : Path
            A safetensors file.
        """
        tensors = {"curve": torch.from_numpy(self.curve.to_array())}
        for name, p in zip(self.names, self.parameters, strict=True):
            tensors[f"parameter/{name}"] = p.detach()
            for key, value in self.optimizer.state.get(p, {}).items():
                tensors[f"adam/{key}/{name}"] = value
        save_tensors(path, tensors, {"format": "training"})

    def load(self, path: Path) -> None:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path

        Raises
        ------
        StateError
            If the file is damaged or belongs to another architecture.
        """
        tensors, _ = load_tensors(path)
        if "curve" not in tensors:
            cure = "give the checkpoint of an unfinished run"
            raise StateError(sentence(str(path), "is no checkpoint of a training: it has no curve", cure=cure))
        fill(self.trainable.module, tensors, str(path), "parameter/")
        self.optimizer.state.clear()
        for name, p in zip(self.names, self.parameters, strict=True):
            moments = {key: tensors[f"adam/{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"adam/{key}/{name}" in tensors}
            if moments:
                self.optimizer.state[p] = moments
        self.curve = Curve.from_array(tensors["curve"].numpy())


def window(frames: Sequence[NDArray[np.float32]], plan: BackpropPlan, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a batch of windows; every window of every clip is as likely.

    Parameters
    ----------
    frames : sequence of ndarray, shape (n_frames, rows, cols)
    plan : BackpropPlan
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (batch, plan.n_frames, rows, cols)
    """
    ends = np.cumsum([len(clip) - plan.n_frames + 1 for clip in frames])
    chosen = rng.integers(ends[-1], size=plan.batch)
    clips = np.searchsorted(ends, chosen, side="right")
    starts = chosen - np.concatenate([[0], ends])[clips]
    batch = np.stack([frames[i][t : t + plan.n_frames] for i, t in zip(clips, starts, strict=True)])
    if plan.mirror:
        turned = rng.random(plan.batch) < 0.5
        batch[turned] = batch[turned, ..., ::-1]
    return batch


def forecast(model: RatePredNet, movie: Movie, record: bool = False) -> tuple[Frames, dict[str, Frames]]:
    """Show a movie, from rest, without learning.

    Parameters
    ----------
    model : RatePredNet
    movie : Movie
        Grey; shown to every colour channel.
    record : bool
        Whether to give the activity of all populations.

    Returns
    -------
    forecast : ndarray, shape (n_frames, rows, cols)
        Mean over colour channels.
    populations : dict of str to ndarray, shape (n_frames, rows, cols, features)
        Empty unless asked for.

    Raises
    ------
    MovieError
        If the frames have another size than the model.
    """
    shown = list(watch(model, movie))
    found = {
        name: np.stack([np.moveaxis(populations[name].numpy().astype(np.float64), 0, -1) for _, populations in shown])
        for name in (shown[0][1] if record else ())
    }
    return np.stack([expected for expected, _ in shown]), found


def watch(model: RatePredNet, movie: Movie) -> Iterator[tuple[Frames, dict[str, Tensor]]]:
    """Show a movie, from rest, and look at the model after each frame; no more than one frame is kept.

    Parameters
    ----------
    model : RatePredNet
    movie : Movie
        Grey; shown to every colour channel.

    Yields
    ------
    forecast : ndarray, shape (rows, cols)
        Mean over colour channels.
    populations : dict of str to Tensor, shape (channels, rows, cols)

    Raises
    ------
    MovieError
        If the frames have another size than the model.
    """
    spec = model.spec
    if movie.size != (spec.rows, spec.cols):
        cure = f"read it with size={spec.rows}"
        raise MovieError(
            sentence(
                f"movie {movie.name!r}", "has frames of another size than the model", got=movie.size, allowed=str(spec.size(0)), cure=cure
            )
        )
    memory = model.at_rest(1)
    for frame in movie.frames:
        with torch.no_grad(), one_thread():
            grey = torch.from_numpy(frame.copy()).to(next(model.parameters()))[None, None]
            expected, memory, populations = model.step(grey.expand(-1, spec.channels[0], -1, -1), memory)
            yield expected[0].mean(dim=0).numpy().astype(np.float64), {name: a[0] for name, a in populations.items()}


@contextmanager
def chance(seed: int, update: int) -> Iterator[None]:
    """Give torch's generator the state that belongs to an update, so that a training that was stopped goes on byte for byte.

    Parameters
    ----------
    seed, update : int

    Yields
    ------
    None
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream(seed, "noise", update).integers(2**31)))
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: results then do not depend on the number of cores, and sweeps run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
