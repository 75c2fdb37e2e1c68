"""PredNet in milliseconds: the rate network whose every connection has the time course that its spiking form will have.

With ``s`` for what has passed a synapse (``tau ds/dt = r - s``), for each level and at every moment of frame t:

    R     = ReLU(conv(s_R one frame ago, s_E one frame ago, upsampled s_R of the level above))
    Ahat  = ReLU(conv(s_R))
    E     = [ReLU(s_Ahat - A), ReLU(A - s_Ahat)]
    A_0   = the frame, as a current from the eye;   A_{l+1} = pooled synaptic current of ReLU(conv(s_E))

No chain of connections without the long delay closes a loop, so a frame is computed population by population, all its
sub-steps at once: rates are constant within a sub-step, and a synapse is an exact linear filter of them. The forecast is
a mean of Ahat over the second half of the frame that begins and ends gently. Nothing of frame t reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from conversion.rate_cells import Leaky
from conversion.rate_prednet import RatePredNet, Trajectory
from conversion.rate_spec import RatePredNetSpec, Timing

__all__ = ["Filter", "TimedMemory", "TimedPredNet", "rate_model", "second_half", "tau_of"]


BIAS = 0.1
"""Initial bias of R."""


def tau_of(n: int, spec: RatePredNetSpec) -> Tensor:
    """Give the time constant of the synapses of each channel of R; channels of one constant lie side by side.

    Parameters
    ----------
    n : int
        Channels of R.
    spec : RatePredNetSpec

    Returns
    -------
    Tensor, shape (n,)
        In ms.
    """
    assert spec.timing is not None
    taus = [spec.timing.tau_syn_ms if tau == 0 else tau * spec.timing.frame_ms for tau in spec.tau_frames]
    return torch.tensor([taus[k * len(taus) // n] for k in range(n)], dtype=torch.float64)


def second_half(timing: Timing) -> Tensor:
    """Weights of the sub-steps in the mean over the second half of a frame, a raised cosine, as `RateReadout` reads it.

    Parameters
    ----------
    timing : Timing

    Returns
    -------
    Tensor, shape (n_steps,)
        Their sum is 1.
    """
    n = timing.n_steps
    edges = ((torch.arange(n + 1, dtype=torch.float64) / n - 0.5) * 2.0).clamp(0.0, 1.0)
    taken = edges - torch.sin(2.0 * torch.pi * edges) / (2.0 * torch.pi)
    return taken[1:] - taken[:-1]


class Filter:
    """A synapse over one frame: rates, constant within sub-steps, in; currents at the middle of the sub-steps out.

    Parameters
    ----------
    tau_ms : Tensor, shape (channels,) or ()
        Time constants.
    timing : Timing
    lag_ms : float
        Further lag; below half a sub-step in size.
    """

    def __init__(self, tau_ms: Tensor, timing: Timing, lag_ms: float) -> None:
        h, n = timing.step_ms, timing.n_steps
        tau = tau_ms.double().reshape(-1, 1, 1)
        now = (torch.arange(n, dtype=torch.float64) + 0.5) * h - lag_ms
        begun = torch.arange(n, dtype=torch.float64) * h
        since = now[:, None] - begun[None, :]
        passed = torch.exp(-(since - h).clamp(min=0.0) / tau) - torch.exp(-since.clamp(min=0.0) / tau)
        self.mix = torch.where(since > 0, passed, 0.0)
        self.carry = torch.exp(-now / tau[:, 0])
        last = n * h - begun
        self.end_mix = torch.exp(-(last - h) / tau[:, 0]) - torch.exp(-last / tau[:, 0])
        self.end_carry = torch.exp(-n * h / tau[:, 0, 0])

    def __call__(self, rates: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Filter a frame.

        Parameters
        ----------
        rates : Tensor, shape (batch, n_steps, channels, rows, cols)
        before : Tensor, shape (batch, channels, rows, cols)
            Current at the end of the frame before.

        Returns
        -------
        currents : Tensor, shape (batch, n_steps, channels, rows, cols)
        after : Tensor, shape (batch, channels, rows, cols)
            Current at the end of this frame.
        """
        mix, carry, end_mix, end_carry = (x.to(rates) for x in (self.mix, self.carry, self.end_mix, self.end_carry))
        one = len(mix) == 1
        n = rates.shape[2]
        mix, carry = (mix.expand(n, -1, -1), carry.expand(n, -1)) if one else (mix, carry)
        end_mix, end_carry = (end_mix.expand(n, -1), end_carry.expand(n)) if one else (end_mix, end_carry)
        currents = torch.einsum("ckj,bjcxy->bkcxy", mix, rates) + carry.T[None, :, :, None, None] * before[:, None]
        after = torch.einsum("cj,bjcxy->bcxy", end_mix, rates) + end_carry[:, None, None] * before
        return currents, after


class TimedMemory(NamedTuple):
    """What the network carries from frame to frame.

    Attributes
    ----------
    late_r, late_e : tuple of Tensor, shape (batch, n_steps, channels, rows, cols)
        Per level, currents of R and E in the frame before, as they arrive one frame later.
    r, e, prediction, target : tuple of Tensor, shape (batch, channels, rows, cols)
        Per level, currents at the end of the frame before; ``target`` has no level 0.
    """

    late_r: tuple[Tensor, ...]
    late_e: tuple[Tensor, ...]
    r: tuple[Tensor, ...]
    e: tuple[Tensor, ...]
    prediction: tuple[Tensor, ...]
    target: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class _Filters:
    """Filters of a level: to its neighbours, and to where it arrives one frame later."""

    r: Filter
    late_r: Filter
    plain: Filter
    late: Filter


class TimedPredNet(RatePredNet):
    """PredNet in milliseconds.

    Parameters
    ----------
    spec : RatePredNetSpec
        With ``timing``.
    seed : int
        Of the initial weights.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104.

    Notes
    -----
    *Departures*: synapses with time courses; the forecast has no ceiling inside the network, ``pixel_max`` cuts only what
    is read out; what is trained is the error of the forecast as it is read, not the error units themselves.
    """

    def __init__(self, spec: RatePredNetSpec, seed: int = 0) -> None:
        if spec.timing is None:
            raise ValueError("TimedPredNet needs spec.timing; got None; a network of one step a frame is a RatePredNet")
        super().__init__(spec, seed)
        self.timing = timing = spec.timing
        self._noise = 0.0
        # Rectified units that begin below 0 on every frame never learn; these begin a little above.
        with torch.no_grad():
            for cell in self.cells:
                cell.conv.bias.fill_(BIAS)  # type: ignore[union-attr,operator]
        syn = torch.tensor(timing.tau_syn_ms)
        # A delay of a whole frame begins with the spike, so it is half a step of the spiking form short of a frame.
        self.filters = [
            _Filters(
                Filter(tau_of(n, spec), timing, timing.hop_ms),
                Filter(tau_of(n, spec), timing, -timing.hop_ms),
                Filter(syn, timing, timing.hop_ms),
                Filter(syn, timing, -timing.hop_ms),
            )
            for n in spec.r
        ]

    @property
    def multiply_adds(self) -> int:
        """As `RatePredNet.multiply_adds`, for all sub-steps of a frame."""
        return super().multiply_adds * self.timing.n_steps

    @contextmanager
    def noisy(self, noise: float) -> Iterator[None]:
        """Make the rates of active units noisy, as those of cells that spike are, as long as the context lasts.

        Parameters
        ----------
        noise : float
            Standard deviation in every sub-step, as a share of the root mean square of the channel; from torch's generator.

        Yields
        ------
        None
        """
        self._noise = noise
        try:
            yield
        finally:
            self._noise = 0.0

    def _rates(self, drive: Tensor) -> Tensor:
        """Rectify drives of shape (batch, n_steps, channels, rows, cols); noise may make single rates negative, as rounding does."""
        rates = functional.relu(drive)
        if self._noise == 0.0:
            return rates
        size = rates.detach().square().mean(dim=(0, 1, 3, 4), keepdim=True).sqrt()
        return rates + self._noise * size * torch.randn_like(rates) * (rates > 0)

    def at_rest(self, batch: int) -> TimedMemory:  # type: ignore[override]
        """As `RatePredNet.at_rest`."""
        spec, like, n = self.spec, next(self.parameters()), self.timing.n_steps
        levels = range(spec.levels)

        def zeros(level: int, channels: int, *steps: int) -> Tensor:
            return like.new_zeros(batch, *steps, channels, *spec.size(level))

        return TimedMemory(
            tuple(zeros(i, spec.r[i], n) for i in levels),
            tuple(zeros(i, 2 * spec.channels[i], n) for i in levels),
            tuple(zeros(i, spec.r[i]) for i in levels),
            tuple(zeros(i, 2 * spec.channels[i]) for i in levels),
            tuple(zeros(i, spec.channels[i]) for i in levels),
            tuple(zeros(i, spec.channels[i + 1]) for i in levels[:-1]),
        )

    def step(self, frame: Tensor, memory: TimedMemory) -> tuple[Tensor, TimedMemory, dict[str, Tensor]]:  # type: ignore[override]
        """As `RatePredNet.step`; populations are means over the second half of the frame."""
        forecast, after, populations = self.moments(frame, memory)
        weights = second_half(self.timing).to(frame)
        return forecast, after, {name: torch.einsum("k,bkcxy->bcxy", weights, x) for name, x in populations.items()}

    def moments(self, frame: Tensor, memory: TimedMemory) -> tuple[Tensor, TimedMemory, dict[str, Tensor]]:
        """Show one frame, and give the activity in each of its sub-steps.

        Parameters
        ----------
        frame : Tensor, shape (batch, channels, rows, cols)
        memory : TimedMemory

        Returns
        -------
        forecast : Tensor, shape (batch, channels, rows, cols)
        memory : TimedMemory
        populations : dict of str to Tensor, shape (batch, n_steps, channels, rows, cols)
            ``target`` above level 0 has the size of the level below, from which it is pooled.
        """
        spec, n = self.spec, self.timing.n_steps
        levels = range(spec.levels)
        late_r, late_e, r_end, e_end, p_end, t_end = (list(x) for x in memory)
        s_r: list[Tensor] = [frame] * spec.levels
        found: dict[str, Tensor] = {}
        for level in reversed(levels):
            inputs = [memory.late_r[level], memory.late_e[level]]
            if level + 1 < spec.levels:
                inputs.append(functional.interpolate(s_r[level + 1].flatten(0, 1), scale_factor=2.0).unflatten(0, (-1, n)))
            cell = self.cells[level]
            assert isinstance(cell, Leaky)
            r = self._rates(_each(cell.conv, torch.cat(inputs, dim=2)))
            s_r[level], r_end[level] = self.filters[level].r(r, memory.r[level])
            late_r[level], _ = self.filters[level].late_r(r, memory.r[level])
            found[f"level{level}.representation"] = r
        a = frame[:, None].expand(-1, n, -1, -1, -1)
        for level in levels:
            filters = self.filters[level]
            prediction = self._rates(_each(self.predict[level], s_r[level]))
            s_prediction, p_end[level] = filters.plain(prediction, memory.prediction[level])
            e = self._rates(torch.cat([s_prediction - a, a - s_prediction], dim=2))
            late_e[level], e_end[level] = filters.late(e, memory.e[level])
            error_neg, error_pos = e.chunk(2, dim=2)
            found |= {f"level{level}.{k}": x for k, x in (("prediction", prediction), ("error_pos", error_pos), ("error_neg", error_neg))}
            if level + 1 < spec.levels:
                s_e, _ = filters.plain(e, memory.e[level])
                target = self._rates(_each(self.ascend[level], s_e))
                s_target, t_end[level] = filters.plain(target, memory.target[level])
                a = functional.avg_pool2d(s_target.flatten(0, 1), 2).unflatten(0, (-1, n))
                found[f"level{level + 1}.target"] = target
        read = torch.einsum("k,bkcxy->bcxy", second_half(self.timing).to(frame), found["level0.prediction"])
        after = TimedMemory(*(tuple(x) for x in (late_r, late_e, r_end, e_end, p_end, t_end)))
        return torch.clamp(read, max=spec.pixel_max), after, found

    def loss(self, trajectory: Trajectory, clips: Tensor, skip: int = 1) -> Tensor:
        """Compute what training lowers: size of the error of the forecast, as ``error_norm`` says, after the first frame.

        Parameters
        ----------
        trajectory : Trajectory
        clips : Tensor, shape (batch, n_frames, channels, rows, cols)
        skip : int
            As `RatePredNet.loss`.

        Returns
        -------
        Tensor, shape ()
        """
        missed = (trajectory.forecast[:, skip:] - clips[:, skip:]).flatten(0, 1)
        return self._norm(torch.cat([functional.relu(missed), functional.relu(-missed)], dim=1))


def rate_model(spec: RatePredNetSpec, seed: int = 0) -> RatePredNet:
    """Build the model that a description asks for.

    Parameters
    ----------
    spec : RatePredNetSpec
    seed : int
        Of the initial weights.

    Returns
    -------
    RatePredNet
        A `TimedPredNet` where ``spec.timing`` is given.
    """
    return RatePredNet(spec, seed) if spec.timing is None else TimedPredNet(spec, seed)


def _each(conv: torch.nn.Module, x: Tensor) -> Tensor:
    """Apply a convolution to every sub-step of (batch, n_steps, channels, rows, cols)."""
    y: Tensor = conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return y
