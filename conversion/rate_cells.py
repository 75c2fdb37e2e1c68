"""The parts of the rate PredNet: its convolution, with or without sharing and Dale's law, and three recurrent cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from conversion.rate_spec import RatePredNetSpec


def signs_of(n: int, spec: RatePredNetSpec) -> Tensor | None:
    """Give the sign of each channel of R; the last ones are inhibitory.

    Parameters
    ----------
    n : int
        Channels of R.
    spec : RatePredNetSpec

    Returns
    -------
    Tensor, shape (n,)
        +1 or -1; None without Dale's law.
    """
    if not spec.dale:
        return None
    n_inhibitory = min(n - 1, max(1, round(n * spec.inhibitory_share))) if n > 1 else 0
    return torch.cat([torch.ones(n - n_inhibitory), -torch.ones(n_inhibitory)])


def hard_sigmoid(x: Tensor) -> Tensor:
    """Piecewise linear sigmoid of Keras, ``clip(0.2 x + 0.5, 0, 1)``.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor
        Of the same shape.
    """
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


class Conv(nn.Module):
    """Convolution that keeps the size, with one kernel for all sites or one a site, and with signed sources if asked.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    size : (int, int)
        Rows and columns.
    spec : RatePredNetSpec
        Says the side of the kernel and whether it is shared.
    signs : Tensor, shape (n_in,), optional
        +1 or -1 for sources whose weights keep that sign, 0 for those with an inhibitory partner, whose weights are free.

    Notes
    -----
    ``weight`` has the shape ``(n_out, n_in, kernel, kernel)``, or unshared ``(rows * cols, n_out, n_in, kernel, kernel)``;
    ``bias`` is ``(n_out,)`` or ``(rows * cols, n_out)``.
    """

    def __init__(self, n_in: int, n_out: int, size: tuple[int, int], spec: RatePredNetSpec, signs: Tensor | None = None) -> None:
        super().__init__()
        sites = () if spec.shared else (size[0] * size[1],)
        self.kernel, self.size = spec.kernel, size
        self.weight = nn.Parameter(torch.zeros(*sites, n_out, n_in, spec.kernel, spec.kernel))
        self.bias = nn.Parameter(torch.zeros(*sites, n_out))
        self.signs: Tensor | None
        self.register_buffer("signs", signs, persistent=False)

    def reset(self, generator: torch.Generator) -> None:
        """Draw Glorot-uniform weights; sites start alike, and minorities of one sign start larger, so that signs balance.

        Parameters
        ----------
        generator : torch.Generator
        """
        n_out, n_in, *_ = self.weight.shape[-4:]
        limit = (6.0 / ((n_in + n_out) * self.kernel**2)) ** 0.5
        drawn = (2.0 * torch.rand(self.weight.shape[-4:], generator=generator) - 1.0) * limit
        if self.signs is not None:
            held = self.signs != 0
            share = (self.signs == self.signs[:, None]).double().mean(1) / held.double().mean().clamp(min=1e-9)
            gain = torch.where(held, 0.5 / share, 1.0).float()
            drawn = torch.where(held[:, None, None], drawn.abs() * (self.signs * gain)[:, None, None], drawn)
        with torch.no_grad():
            self.weight.copy_(drawn.expand_as(self.weight))
            self.bias.zero_()

    def project_(self) -> None:
        """Put weights that training has carried across 0 back to 0, where their sources have a sign."""
        if self.signs is not None:
            sign = self.signs[:, None, None]
            with torch.no_grad():
                self.weight.copy_(torch.where(sign * self.weight < 0, 0.0, self.weight))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve.

        Parameters
        ----------
        x : Tensor, shape (batch, n_in, rows, cols)

        Returns
        -------
        Tensor, shape (batch, n_out, rows, cols)
        """
        if self.weight.ndim == 4:
            return functional.conv2d(x, self.weight, self.bias, padding=self.kernel // 2)
        patches = functional.unfold(x, self.kernel, padding=self.kernel // 2).permute(2, 0, 1)
        y = torch.baddbmm(self.bias[:, None], patches, self.weight.flatten(2).transpose(1, 2))
        return y.permute(1, 2, 0).reshape(len(x), -1, *self.size)


class ConvLSTM(nn.Module):
    """The paper's cell: ``c = f c + i tanh(.)``, ``R = o tanh(c)``, gates ``i, f, o`` hard sigmoids of one convolution.

    Parameters
    ----------
    conv : Conv
        Gives four channels for each of R, in the order i, f, candidate, o.
    """

    def __init__(self, conv: Conv) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Step on.

        Parameters
        ----------
        x : Tensor, shape (batch, inputs, rows, cols)
        c : Tensor, shape (batch, r_channels, rows, cols)

        Returns
        -------
        R, c : Tensor
            Of the shape of ``c``.
        """
        i, f, candidate, o = self.conv(x).chunk(4, dim=1)
        c = hard_sigmoid(f) * c + hard_sigmoid(i) * torch.tanh(candidate)
        return hard_sigmoid(o) * torch.tanh(c), c


class SubLSTM(nn.Module):
    """Gates that subtract: ``c = f c + z - i``, ``R = sigmoid(c) - o``, all of ``z, i, o, f`` sigmoids of one convolution.

    With ``fixed`` the forget gate f is a learned constant in (0, 1) for each channel.

    Parameters
    ----------
    conv : Conv
        Gives z, i, o and, unless ``fixed``, f.
    n_r : int
        Channels of R.
    fixed : bool

    References
    ----------
    Costa et al. (2017), https://doi.org/10.48550/arXiv.1711.02448.
    """

    def __init__(self, conv: Conv, n_r: int, fixed: bool) -> None:
        super().__init__()
        self.conv = conv
        self.forget = nn.Parameter(torch.zeros(n_r, 1, 1)) if fixed else None

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """As `ConvLSTM.forward`."""
        gates = torch.sigmoid(self.conv(x))
        z, i, o, *f = gates.chunk(3 if self.forget is not None else 4, dim=1)
        c = (f[0] if self.forget is None else torch.sigmoid(self.forget)) * c + z - i
        return torch.sigmoid(c) - o, c


class Leaky(nn.Module):
    """Rectified leaky units: ``R = a R + (1 - a) ReLU(.)`` with ``a = exp(-1 / tau_frames)``, several constants side by side.

    Parameters
    ----------
    conv : Conv
        Gives one channel for each of R.
    n_r : int
        Channels of R.
    tau_frames : tuple of float
        Dealt out to the channels in turn.
    """

    def __init__(self, conv: Conv, n_r: int, tau_frames: tuple[float, ...]) -> None:
        super().__init__()
        self.conv = conv
        tau = torch.tensor([tau_frames[k % len(tau_frames)] for k in range(n_r)], dtype=torch.float64)
        keep = torch.where(tau > 0, torch.exp(-1.0 / tau.clamp(min=1e-9)), 0.0)
        self.keep: Tensor
        self.register_buffer("keep", keep.float()[:, None, None], persistent=False)

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """As `ConvLSTM.forward`; R and its memory are one."""
        r = self.keep * c + (1.0 - self.keep) * functional.relu(self.conv(x))
        return r, r
