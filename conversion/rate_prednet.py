"""PredNet, whole: the rate network that everything else is compared with.

For each frame t, first from the top level down, then from the bottom up (l is the level):

    R_l(t)   = cell(R_l(t-1), E_l(t-1), upsampled R_{l+1}(t))
    Ahat_l(t) = ReLU(conv(R_l(t))), at level 0 no more than ``pixel_max``
    E_l(t)   = [ReLU(Ahat_l - A_l), ReLU(A_l - Ahat_l)]
    A_0(t)   = the frame;  A_{l+1}(t) = pool(ReLU(conv(E_l(t))))

So R, and with it the forecast, sees the input of t-1 and not of t. In the names of the spiking circuit: A is ``target``,
Ahat ``prediction``, E the pair ``error_neg``, ``error_pos`` (in this order in the arrays), R ``representation``.

Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from conversion.rate_cells import Conv, ConvLSTM, Leaky, SubLSTM, signs_of
from conversion.rate_spec import RatePredNetSpec

RMS_FLOOR = 1e-6
"""Added to a mean square, so that its root has a slope where there is no error."""


class Memory(NamedTuple):
    """What the network carries from frame to frame.

    Attributes
    ----------
    r, c, e : tuple of Tensor
        Per level, R, the cell's memory, and the errors; shape (batch, channels, rows, cols).
    """

    r: tuple[Tensor, ...]
    c: tuple[Tensor, ...]
    e: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What the network did with a batch of clips.

    Attributes
    ----------
    forecast : Tensor, shape (batch, n_frames, channels, rows, cols)
        What it expected each frame to be.
    errors : Tensor, shape (n_frames, levels)
        Size of the errors of each level, as ``error_norm`` says.
    populations : dict of str to Tensor, shape (batch, n_frames, channels, rows, cols)
        Activity under the names of the spiking circuit; empty unless it was asked for.
    memory : Memory
        With which the next frame goes on.
    """

    forecast: Tensor
    errors: Tensor
    populations: dict[str, Tensor]
    memory: Memory


class RatePredNet(nn.Module):
    """PredNet for any number of levels and channels.

    Parameters
    ----------
    spec : RatePredNetSpec
    seed : int
        Of the initial weights.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104; (2020),
    https://doi.org/10.1038/s42256-020-0170-9.

    Notes
    -----
    *Departures*: other cells, average pooling, unshared weights and Dale's law are on offer beside what was published. The
    gates of a cell are one convolution, drawn as one, so that their initial weights span 0.7 of the published range.

    Examples
    --------
    >>> model = RatePredNet(RatePredNetSpec(rows=128, cols=160, channels=(3, 48, 96, 192)))
    >>> model.n_parameters
    6915948
    """

    def __init__(self, spec: RatePredNetSpec, seed: int = 0) -> None:
        super().__init__()
        self.spec = spec
        levels = range(spec.levels)
        signs = [signs_of(n, spec) for n in spec.r]
        self.cells = nn.ModuleList(self._cell(level, signs) for level in levels)
        self.predict = nn.ModuleList(Conv(spec.r[i], spec.channels[i], spec.size(i), spec, signs[i]) for i in levels)
        self.ascend = nn.ModuleList(Conv(2 * spec.channels[i], spec.channels[i + 1], spec.size(i), spec) for i in levels[:-1])
        self.read: Conv | None = Conv(spec.r[0], spec.channels[0], spec.size(0), spec, signs[0]) if spec.loss == "direct" else None
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, Conv):
                module.reset(generator)

    def _cell(self, level: int, signs: list[Tensor | None]) -> nn.Module:
        spec, own = self.spec, signs[level]
        all_signs = None
        if own is not None:
            above = signs[level + 1] if level + 1 < spec.levels else None
            all_signs = torch.cat([own, torch.zeros(2 * spec.channels[level]), torch.zeros(0) if above is None else above])
        conv = Conv(spec.inputs(level), spec.n_gates * spec.r[level], spec.size(level), spec, all_signs)
        if spec.cell == "convlstm":
            return ConvLSTM(conv)
        if spec.cell == "sublstm":
            return SubLSTM(conv, spec.r[level], spec.fixed_forget)
        return Leaky(conv, spec.r[level], spec.tau_frames)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters())

    @property
    def multiply_adds(self) -> int:
        """Multiplications of a weight with an activity in one frame, borders counted as if they were inside; none of what is cut."""
        total = 0
        for module in self.modules():
            if isinstance(module, Conv):
                n_out, n_in, k, _ = module.weight.shape[-4:]
                total += n_out * n_in * k * k * module.size[0] * module.size[1]
        spec = self.spec
        for level, n in enumerate(spec.r):
            rows, cols = spec.size(level)
            total -= spec.n_gates * n * spec.deaf(level) * spec.kernel**2 * rows * cols
        return total

    def project_(self) -> None:
        """Put every weight back into the range that Dale's law allows, after a step of training."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.project_()

    def at_rest(self, batch: int) -> Memory:
        """Memory before the first frame: all zero.

        Parameters
        ----------
        batch : int

        Returns
        -------
        Memory
        """
        like = next(self.parameters())

        def zeros(channels: tuple[int, ...]) -> tuple[Tensor, ...]:
            return tuple(like.new_zeros(batch, n, *self.spec.size(level)) for level, n in enumerate(channels))

        return Memory(zeros(self.spec.r), zeros(self.spec.r), zeros(tuple(2 * n for n in self.spec.channels)))

    def step(self, frame: Tensor, memory: Memory) -> tuple[Tensor, Memory, dict[str, Tensor]]:
        """Show one frame.

        Parameters
        ----------
        frame : Tensor, shape (batch, channels, rows, cols)
        memory : Memory

        Returns
        -------
        forecast : Tensor, shape (batch, channels, rows, cols)
            What was expected before the frame was seen.
        memory : Memory
        populations : dict of str to Tensor, shape (batch, channels, rows, cols)
        """
        spec, top = self.spec, self.spec.levels - 1
        r, c, e = list(memory.r), list(memory.c), list(memory.e)
        for level in range(top, -1, -1):
            own, kept = memory.r[level], memory.c[level]
            if "recurrence" in spec.cut:
                own, kept = torch.zeros_like(own), torch.zeros_like(kept)
            inputs = [own, memory.e[level]]
            if level < top:
                above = functional.interpolate(r[level + 1], scale_factor=2, mode="nearest")
                inputs.append(torch.zeros_like(above) if "feedback" in spec.cut else above)
            r[level], c[level] = self.cells[level](torch.cat(inputs, dim=1), kept)
        forecast, a = frame, frame
        populations: dict[str, Tensor] = {}
        for level in range(spec.levels):
            ahat = functional.relu(self.predict[level](r[level]))
            if level == 0:
                ahat = forecast = torch.clamp(ahat, max=spec.pixel_max)
            error_neg, error_pos = functional.relu(ahat - a), functional.relu(a - ahat)
            if "error_sign" in spec.cut:
                error_neg = error_pos = (error_neg + error_pos) / 2
            e[level] = torch.cat([error_neg, error_pos], dim=1)
            here = {"target": a, "prediction": ahat, "error_pos": error_pos, "error_neg": error_neg, "representation": r[level]}
            populations |= {f"level{level}.{name}": activity for name, activity in here.items()}
            if level < top:
                pool = functional.max_pool2d if spec.pooling == "max" else functional.avg_pool2d
                a = pool(functional.relu(self.ascend[level](e[level])), 2)
        if self.read is not None:
            forecast = torch.clamp(functional.relu(self.read(r[0])), max=spec.pixel_max)
        return forecast, Memory(tuple(r), tuple(c), tuple(e)), populations

    def forward(self, clips: Tensor, memory: Memory | None = None, record: bool = False) -> Trajectory:
        """Show clips, frame by frame.

        Parameters
        ----------
        clips : Tensor, shape (batch, n_frames, channels, rows, cols)
            Luminance in [0, 1].
        memory : Memory, optional
            With which to begin; at rest when left out.
        record : bool
            Whether to keep the activity of all populations.

        Returns
        -------
        Trajectory
        """
        memory = self.at_rest(len(clips)) if memory is None else memory
        forecasts, errors, kept = [], [], []
        for t in range(clips.shape[1]):
            forecast, memory, populations = self.step(clips[:, t], memory)
            forecasts.append(forecast)
            errors.append(torch.stack([self._norm(e) for e in memory.e]))
            if record:
                kept.append(populations)
        stacked = {name: torch.stack([one[name] for one in kept], dim=1) for name in (kept[0] if kept else ())}
        return Trajectory(torch.stack(forecasts, dim=1), torch.stack(errors), stacked, memory)

    def _norm(self, e: Tensor) -> Tensor:
        """Size of errors of shape (batch, channels, rows, cols), as ``spec.error_norm`` says."""
        return e.mean() if self.spec.error_norm == "mean" else (e.square().mean(dim=(1, 2, 3)) + RMS_FLOOR).sqrt().mean()

    def loss(self, trajectory: Trajectory, clips: Tensor, skip: int = 1) -> Tensor:
        """Compute what training lowers: mean error of the frames after the first, weighted over levels.

        Parameters
        ----------
        trajectory : Trajectory
        clips : Tensor, shape (batch, n_frames, channels, rows, cols)
        skip : int
            Frames at the beginning that do not count: the first, which nothing foretells; none where the network did not begin
            at rest.

        Returns
        -------
        Tensor, shape ()
        """
        if self.spec.loss == "direct":
            missed = (trajectory.forecast[:, skip:] - clips[:, skip:]).abs().flatten(0, 1)
            return self._norm(missed)
        weights = trajectory.errors.new_full((self.spec.levels,), 0.1 if self.spec.loss == "L_all" else 0.0)
        weights[0] = 1.0
        return (trajectory.errors[skip:] @ weights).mean()
