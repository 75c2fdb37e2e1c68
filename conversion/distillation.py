"""Distillation: a network that has no form in spikes teaches one that has, population by population.

Multiplicative gates, max-pooling and signed R have no circuit under Dale's law. The network in milliseconds
(`conversion.timed_prednet`) has one; here it learns the forecasts of any rate PredNet, and to do inside what that does
inside, at the rate of one comparison a frame: the teacher's activity in it, against the mean of the student's over its
second half.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from conversion.distil_plan import DistilPlan, channels_of, directly, populations_of, refuse_unlike
from conversion.rate_cells import signs_of
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from conversion.rate_trainable import coloured, noisy
from conversion.timed_prednet import TimedMemory, TimedPredNet, second_half

__all__ = ["DistilPlan", "DistilTrainable", "ReadOut", "arranged", "inherit", "mismatch", "observe", "r_order"]

SILENT = 1e-6
"""Variance of a population, of squared luminance at level 0, below which it has nothing to teach."""
FLOOR = 1e-6
"""Added to a mean square in units of the teacher's variance, so that its root has a slope where nothing differs."""


class ReadOut(nn.Module):
    """Linear read-out of one population at each site, the same at all of them.

    Parameters
    ----------
    n_in, n_out : int
        Channels read and told.
    generator : torch.Generator
        Draws the weights.
    """

    def __init__(self, n_in: int, n_out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, generator=generator) * n_in**-0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Read.

        Parameters
        ----------
        x : Tensor, shape (batch, n_frames, n_in, rows, cols)

        Returns
        -------
        Tensor, shape (batch, n_frames, n_out, rows, cols)
        """
        return torch.einsum("oi,btixy->btoxy", self.weight, x) + self.bias[:, None, None]


class DistilTrainable:
    """A student with its teacher, as something to train.

    Parameters
    ----------
    teacher : RatePredNet
        Stays as it is; it is copied.
    student : RatePredNet
        In milliseconds. Where the plan says so it begins with weights of the teacher.
    plan : DistilPlan
    seed : int
        Of the read-outs, which are thrown away in the end.
    noise : float
        Of the student's rates, as `BackpropPlan.noise`.

    Raises
    ------
    ConversionError
        As for `refuse_unlike`.
    """

    def __init__(self, teacher: RatePredNet, student: RatePredNet, plan: DistilPlan, seed: int = 0, noise: float = 0.0) -> None:
        refuse_unlike(teacher.spec, student.spec)
        self.plan, self.student, self.noise = plan, student, noise
        self.teacher = copy.deepcopy(teacher).requires_grad_(False).to(next(student.parameters()))
        self.inherited = inherit(student, teacher) if plan.from_teacher else ()
        self.compared = {name: kind for name, kind in populations_of(student.spec.levels).items() if getattr(plan, kind)}
        generator = torch.Generator().manual_seed(seed)
        readouts = {
            _key(name): ReadOut(channels_of(name, student.spec), channels_of(name, teacher.spec), generator)
            for name in self.compared
            if not directly(name, teacher.spec, student.spec)
        }
        self.readouts = nn.ModuleDict(readouts).to(next(student.parameters()))
        self.module: nn.Module = nn.ModuleDict({"student": student, "readouts": self.readouts})

    def accumulate(self, clips: Tensor) -> tuple[float, Tensor]:
        """As `Trainable.accumulate`."""
        with noisy(self.student, self.noise):
            terms, forecast = self.terms(clips)
        loss = torch.stack([getattr(self.plan, kind) * term for kind, term in terms.items()]).sum()
        loss.backward()
        return float(loss.detach()), forecast.detach().mean(dim=2)

    def terms(self, clips: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Compare student and teacher, from rest, on the frames after the first.

        Parameters
        ----------
        clips : Tensor, shape (batch, n_frames, rows, cols)

        Returns
        -------
        terms : dict of str to Tensor, shape ()
            Per field of `DistilPlan` that counts, not yet weighed.
        forecast : Tensor, shape (batch, n_frames, channels, rows, cols)
            Of the student.
        """
        shown = coloured(clips, self.student)
        with torch.no_grad():
            # A teacher of colours sees the same grey in each; the student, whose eye knows luminance only, reads it out.
            _, taught = _stacked(self.teacher, coloured(clips, self.teacher), {*self.compared, "level0.prediction"})
        forecast, learned = _stacked(self.student, shown, self.compared)
        found: dict[str, list[Tensor]] = {}
        for name, kind in self.compared.items():
            told = self.readouts[_key(name)](learned[name]) if _key(name) in self.readouts else learned[name]
            asked = arranged(name, taught[name], self.teacher.spec, self.student.spec)
            found.setdefault(kind, []).append(mismatch(told[:, 1:], asked[:, 1:]))
        if self.plan.frame:
            found["frame"] = [mismatch(forecast[:, 1:], shown[:, 1:], taught["level0.prediction"][:, 1:])]
        return {kind: torch.stack(terms).mean() for kind, terms in found.items()}, forecast

    def project_(self) -> None:
        """As `Trainable.project_`."""
        self.student.project_()


def mismatch(learned: Tensor, taught: Tensor, scale: Tensor | None = None) -> Tensor:
    r"""Root mean square of a difference, over the standard deviation of what is taught.

    .. math:: \left\langle \sqrt{\langle (s - a)^2 \rangle_{cxy} / \sigma^2 + \epsilon} \right\rangle_{bt}

    with s ``learned``, a ``taught``, :math:`\sigma^2` the variance of ``scale`` around the mean of each channel, averaged
    over channels; 0 where that is below `SILENT`.

    Parameters
    ----------
    learned, taught : Tensor, shape (batch, n_frames, channels, rows, cols)
    scale : Tensor, shape (batch, n_frames, channels, rows, cols), optional
        What varies; ``taught`` when left out.

    Returns
    -------
    Tensor, shape ()
    """
    scale = taught if scale is None else scale
    variance = scale.var(dim=(0, 1, 3, 4), correction=0).mean()
    squares = (learned - taught).square().mean(dim=(2, 3, 4))
    return torch.where(variance > SILENT, (squares / variance.clamp(min=SILENT) + FLOOR).sqrt().mean(), 0.0)


def observe(model: RatePredNet, clips: Tensor) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Show clips, from rest, and give what can be compared with another network, frame by frame.

    Of a network in milliseconds these are means over the second half of the frame, as its forecast is read: of A-hat and E
    as they are, of A after pooling, of R as the current that it makes in its synapses, since A-hat is read from that.

    Parameters
    ----------
    model : RatePredNet
    clips : Tensor, shape (batch, n_frames, channels, rows, cols)

    Yields
    ------
    forecast : Tensor, shape (batch, channels, rows, cols)
    populations : dict of str to Tensor, shape (batch, channels, rows, cols)
    """
    memory = model.at_rest(len(clips))
    for t in range(clips.shape[1]):
        forecast, memory, populations = model.step(clips[:, t], memory)
        if isinstance(model, TimedPredNet) and isinstance(memory, TimedMemory):
            weights = second_half(model.timing).to(clips)
            for level, late in enumerate(memory.late_r):
                populations[f"level{level}.representation"] = torch.einsum("k,bkcxy->bcxy", weights, late)
                if level:
                    populations[f"level{level}.target"] = functional.avg_pool2d(populations[f"level{level}.target"], 2)
        yield forecast, populations


def inherit(student: RatePredNet, teacher: RatePredNet) -> tuple[str, ...]:
    """Let a student begin with the weights of a leaky teacher that fit it.

    Channels of R are put in the order of the time constants, which the two deal out differently; kernels that the teacher
    shares go to every site of a student that does not. Nothing is copied of a teacher with gates, or into a student
    under Dale's law of a teacher without.

    Parameters
    ----------
    student : RatePredNet
        Is changed.
    teacher : RatePredNet

    Returns
    -------
    tuple of str
        The parameters that were copied.
    """
    old, new = teacher.spec, student.spec
    if old.cell != "leaky" or (new.dale and not old.dale):
        return ()
    order = [r_order(old, new, level) for level in range(old.levels)]
    born, copied = dict(student.named_parameters()), []
    with torch.no_grad():
        for name, p in teacher.named_parameters():
            kind, level = name.split(".")[0], int(name.split(".")[1])
            value = p.detach().to(born[name])
            if kind == "cells":
                value = value[..., order[level], :, :, :] if name.endswith("weight") else value[..., order[level]]
            if name.endswith("weight") and kind != "ascend":
                value = value[..., _sources(kind, level, old, order), :, :]
            if value.shape != born[name].shape[-value.ndim :]:
                continue
            born[name].copy_(value.expand_as(born[name]))
            copied.append(name)
    student.project_()
    return tuple(copied)


def r_order(teacher: RatePredNetSpec, student: RatePredNetSpec, level: int) -> Tensor:
    """Say which channel of the teacher's R stands for each channel of the student's: those of like time constants.

    One step a frame, constants are dealt out to the channels in turn; in milliseconds they lie in blocks.

    Parameters
    ----------
    teacher, student : RatePredNetSpec
    level : int

    Returns
    -------
    Tensor, shape (r_channels,)
        Of the teacher's R as it is where the two are not compared channel by channel.
    """
    n = teacher.r[level]
    if teacher.cell != "leaky" or student.r[level] != n:
        return torch.arange(n)
    sorted_ = []
    for spec in (teacher, student):
        k, m = torch.arange(n), len(spec.tau_frames)
        tau = torch.tensor(spec.tau_frames)[k % m if spec.timing is None else k * m // n]
        signs = signs_of(n, spec) if teacher.dale and student.dale else None
        tau = tau if signs is None else tau - signs * (1.0 + tau.max())  # excitatory channels come first
        sorted_.append(torch.argsort(tau, stable=True))
    return sorted_[0][torch.argsort(sorted_[1])]


def arranged(population: str, taught: Tensor, teacher: RatePredNetSpec, student: RatePredNetSpec) -> Tensor:
    """Put the channels of what a teacher does in the order of the student's.

    Parameters
    ----------
    population : str
    taught : Tensor, shape (batch, n_frames, channels, rows, cols) or (batch, channels, rows, cols)
    teacher, student : RatePredNetSpec

    Returns
    -------
    Tensor, shape as ``taught``
    """
    level, _, name = population.removeprefix("level").partition(".")
    return taught[..., r_order(teacher, student, int(level)), :, :] if name == "representation" else taught


def _sources(kind: str, level: int, spec: RatePredNetSpec, order: list[Tensor]) -> Tensor:
    """Which inputs of the teacher's convolution become each input of the student's."""
    if kind == "predict":
        return order[level]
    errors = torch.arange(2 * spec.channels[level]) + spec.r[level]
    above = [order[level + 1] + spec.r[level] + 2 * spec.channels[level]] if level + 1 < spec.levels else []
    return torch.cat([order[level], errors, *above])


def _stacked(model: RatePredNet, clips: Tensor, names: Iterable[str]) -> tuple[Tensor, dict[str, Tensor]]:
    """Show clips and stack frames in dimension 1."""
    frames = list(observe(model, clips))
    forecast = torch.stack([told for told, _ in frames], dim=1)
    return forecast, {name: torch.stack([found[name] for _, found in frames], dim=1) for name in names}


def _key(population: str) -> str:
    """A population's name without the dot, which names of modules must not have."""
    return population.replace(".", "_")
