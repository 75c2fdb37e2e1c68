"""Training of a recurrent rate network on a task, by backprop through time, until it does trials that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from pydantic import Field

from conversion.model_files import fill, load_tensors, save_tensors
from conversion.rate_rnn import RateRNN, RateRNNSpec
from conversion.rate_training import one_thread
from conversion.tasks import Task, Trials, score
from snn._model import Described, NonNegative, Positive
from snn.errors import BlowUpError, ConversionError, StateError, sentence
from snn.seeding import stream

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
FORMAT = "task_training"


class TaskPlan(Described):
    """How a network is trained on a task.

    Parameters
    ----------
    updates : int
        Steps of Adam after which it gives up.
    batch : int
        Trials in a step, drawn anew for each.
    lr : float
        Learning rate.
    clip_norm : float
        Longest gradient; longer ones are shortened to it.
    noise : float
        Standard deviation of a current that each unit gets in each step of training, in units of activity. What noise
        the network was trained with, that of spikes does not upset it.
    rest_weight : float
        Weight of the error while the response is not judged, over that while it is.
    activity_cost : float
        Factor of the mean squared activity in what training lowers.
    check_every : int
        Updates from one look at the held-out trials to the next.
    held_out : int
        Number of held-out trials.
    accuracy : float
        Training stops when so large a share of them is correct by both criteria of `conversion.tasks.correct`,
    in_a_row : int
        in so many looks in a row.

    References
    ----------
    Adam: Kingma & Ba (2015), https://doi.org/10.48550/arXiv.1412.6980; training recurrent networks with noise: Song, Yang
    & Wang (2016), https://doi.org/10.1371/journal.pcbi.1004792.
    """

    updates: Count = 800
    batch: Count = 32
    lr: Positive = 2e-3
    clip_norm: Positive = 1.0
    noise: NonNegative = 0.1
    rest_weight: NonNegative = 0.2
    activity_cost: NonNegative = 1e-3
    check_every: Count = 20
    held_out: Count = 200
    accuracy: Share = 0.98
    in_a_row: Count = 2


class Check(NamedTuple):
    """A look at held-out trials, which have no noise in the units.

    Attributes
    ----------
    update : int
        Updates so far.
    loss : float
        Weighted squared error of the output.
    peak, mean : float
        Share of correct trials by each criterion.
    """

    update: int
    loss: float
    peak: float
    mean: float


class TaskTrainer:
    """Trains a network on a task, and can be put down after any update.

    Parameters
    ----------
    model : RateRNN
    task : GoNoGo, Xor or ContextIntegration
    plan : TaskPlan
    seed : int
        Of trials and noise.

    Raises
    ------
    ConversionError
        If the network does not fit the task.
    """

    def __init__(self, model: RateRNN, task: Task, plan: TaskPlan, seed: int) -> None:
        for name, got, allowed in (
            ("n_inputs", model.spec.n_inputs, task.n_inputs),
            ("n_outputs", model.spec.n_outputs, task.n_outputs),
            ("step_ms", model.spec.step_ms, task.step_ms),
        ):
            if got != allowed:
                raise ConversionError(sentence(f"model.spec.{name}", f"does not fit the task {task.kind!r}", got=got, allowed=str(allowed)))
        self.model, self.task, self.plan, self.seed = model, task, plan, seed
        self.losses: list[float] = []
        self.checks: list[Check] = []
        self.optimizer = torch.optim.Adam(model.parameters(), lr=plan.lr)
        self._held_out = task.draw(plan.held_out, stream(seed, "held-out"))

    @property
    def succeeded(self) -> bool:
        """Whether the last looks at held-out trials were good enough."""
        last = self.checks[-self.plan.in_a_row :]
        return len(last) == self.plan.in_a_row and all(min(c.peak, c.mean) >= self.plan.accuracy for c in last)

    def train(self, after: Callable[[], None] | None = None) -> list[Check]:
        """Train from where it stands until it succeeds or the plan ends.

        Parameters
        ----------
        after : callable, optional
            Called after every update.

        Returns
        -------
        list of Check
            All looks at held-out trials.

        Raises
        ------
        BlowUpError
            If the loss is not a number; no parameter is changed by that update.
        """
        with one_thread():
            while len(self.losses) < self.plan.updates and not self.succeeded:
                self._update(len(self.losses))
                if len(self.losses) % self.plan.check_every == 0:
                    self.checks.append(self._check())
                if after is not None:
                    after()
        return self.checks

    def _update(self, update: int) -> None:
        plan, model = self.plan, self.model
        trials = self.task.draw(plan.batch, stream(self.seed, "batch", update))
        generator = torch.Generator().manual_seed(int(stream(self.seed, "noise", update).integers(2**63)))
        like = model.recurrent
        shape = trials.inputs.shape[1], plan.batch, model.spec.n_units
        noise = torch.randn(shape, generator=generator, dtype=like.dtype).mul_(plan.noise) if plan.noise else None
        self.optimizer.zero_grad()
        with _without_denormals():
            did = model(torch.from_numpy(trials.inputs).to(like), noise)
            error = self._error(did.output, trials)
            (error + plan.activity_cost * did.activity.square().mean()).backward()
            norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm))
        loss = float(error.detach())
        if not (np.isfinite(loss) and np.isfinite(norm)):
            where, cure = f"update {update + 1} of {plan.updates}", "begin anew with a lower learning rate"
            raise BlowUpError(sentence("training", f"the loss or its gradient is not a number in {where}", got=(loss, norm), cure=cure))
        self.optimizer.step()
        self.losses.append(loss)

    def _error(self, output: torch.Tensor, trials: Trials) -> torch.Tensor:
        weights = torch.from_numpy(np.where(trials.mask, 1.0, self.plan.rest_weight)[..., None]).to(output)
        missed = (output - torch.from_numpy(trials.targets).to(output)).square()
        return (weights * missed).sum() / (weights.sum() * missed.shape[2])

    def _check(self) -> Check:
        trials = self._held_out
        outputs = respond(self.model, trials)
        loss = float(self._error(torch.from_numpy(outputs), trials))
        return Check(len(self.losses), loss, score(outputs, trials, "peak"), score(outputs, trials, "mean"))

    def save(self, path: Path) -> None:
        """Write parameters, moments of Adam and what was seen so far.

        Parameters
        ----------
        path : Path
            A safetensors file.
        """
        tensors = {"losses": torch.tensor(self.losses, dtype=torch.float64), "checks": torch.tensor(self.checks, dtype=torch.float64)}
        for name, p in self.model.named_parameters():
            tensors[f"parameter/{name}"] = p.detach()
            for key, value in self.optimizer.state.get(p, {}).items():
                tensors[f"adam/{key}/{name}"] = value
        save_tensors(path, tensors, {"format": FORMAT, **self._about()})

    def load(self, path: Path) -> None:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path

        Raises
        ------
        StateError
            If the file is damaged or belongs to another network, task, plan or seed.
        """
        tensors, header = load_tensors(path)
        if header.get("format") != FORMAT:
            cure = "give the checkpoint of an unfinished training on a task"
            raise StateError(
                sentence(str(path), "is no checkpoint of a training on a task", got=header.get("format", "no format"), cure=cure)
            )
        for name, mine in self._about().items():
            if header.get(name) != mine:
                raise StateError(sentence(str(path), f"is of another {name}", got=header.get(name), allowed=str(mine)))
        fill(self.model, tensors, str(path), "parameter/")
        self.optimizer.state.clear()
        for name, p in self.model.named_parameters():
            moments = {key: tensors[f"adam/{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"adam/{key}/{name}" in tensors}
            if moments:
                self.optimizer.state[p] = moments
        self.losses = tensors["losses"].tolist()
        self.checks = [Check(int(n), *rest) for n, *rest in tensors["checks"].reshape(-1, 4).tolist()]

    def _about(self) -> dict[str, Any]:
        """What a checkpoint must have in common with this training."""
        described = {"spec": self.model.spec, "task": self.task, "plan": self.plan}
        return {**{name: value.model_dump(mode="json") for name, value in described.items()}, "seed": self.seed}


def untrained(task: Task, seed: int = 0, **sizes: Any) -> RateRNN:
    """Build a network for a task.

    Parameters
    ----------
    task : GoNoGo, Xor or ContextIntegration
    seed : int
        Of the initial weights.
    **sizes
        Other fields of `conversion.rate_rnn.RateRNNSpec`, such as ``n_units``.

    Returns
    -------
    RateRNN
        Whose initial input weights undo the division of signals by what a full channel stands for.
    """
    model = RateRNN(RateRNNSpec(n_inputs=task.n_inputs, n_outputs=task.n_outputs, step_ms=task.step_ms, **sizes), seed)
    with torch.no_grad():
        model.input.mul_(torch.tensor(task.full_inputs))
    return model


def respond(model: RateRNN, trials: Trials) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Let a rate network do a task, from rest, without noise in its units.

    Parameters
    ----------
    model : RateRNN
    trials : Trials

    Returns
    -------
    ndarray, shape (n_trials, n_steps, n_outputs)
    """
    with torch.no_grad(), one_thread():
        output = model(torch.from_numpy(trials.inputs).to(model.recurrent)).output
    return output.numpy().astype(np.float64)  # type: ignore[no-any-return]


@contextmanager
def _without_denormals() -> Iterator[None]:
    """Let numbers below the smallest normal one be 0: gradients that fade over hundreds of steps take three times as long else."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
