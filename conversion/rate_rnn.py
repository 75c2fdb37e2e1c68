"""A recurrent rate network of rectified units whose memory is its synapses, in milliseconds, as its spiking form will be.

With ``s`` for what has passed a synapse (``tau ds/dt = r - s``):

    r = ReLU(W_rec s_r + W_in s_u + b)        o = W_out s_r

``x = W_rec s_r + W_in s_u + b`` obeys ``tau dx/dt = -x + W_rec r + W_in u + b``, the usual form of such a network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn

from conversion.model_files import fill, load_tensors, save_tensors
from snn._edit import first_error
from snn._model import Described, NonNegative, Positive
from snn.errors import ConversionError, StateError, sentence

Count = Annotated[int, Field(ge=1)]
FORMAT = "rate_rnn"
GAIN = 1.5
"""Of the initial recurrent weights: activity neither dies out nor runs away before training."""


class RateRNNSpec(Described):
    """Sizes and time constants of the recurrent rate network.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Channels in [0, 1], and channels that are read out.
    n_units : int
        Recurrent units.
    tau_syn_ms : float
        Decay of a synaptic current.
    step_ms : float
        Time for which inputs and rates are constant.
    hop_ms : float
        Lag of a connection over that of its synapse: half a step of the spiking form at 1 ms.
    """

    n_inputs: Count
    n_outputs: Count
    n_units: Count = 250
    tau_syn_ms: Positive = 20.0
    step_ms: Positive = 5.0
    hop_ms: NonNegative = 0.5

    @model_validator(mode="after")
    def _hops_within_a_step(self) -> Self:
        if self.hop_ms > self.step_ms / 2:
            raise ValueError(f"hop_ms must be half of step_ms or less; got {self.hop_ms} and {self.step_ms}")
        return self


class Trajectory(NamedTuple):
    """What the network does over some trials.

    Attributes
    ----------
    activity : Tensor, shape (n_trials, n_steps, n_units)
        Rate of each unit during each step.
    output : Tensor, shape (n_trials, n_steps, n_outputs)
        What is read at the end of each step.
    """

    activity: Tensor
    output: Tensor


class RateRNN(nn.Module):
    """Recurrent network of rectified rate units.

    In step ``k`` the rates are ``r_k = ReLU(W_rec s + W_in s_u + b)`` with the synaptic currents ``s`` in the middle of the
    step, less ``hop_ms``. A current is an exact linear filter of rates that are constant within steps. Where ``s`` depends
    on ``r_k`` itself, it is first computed with ``r_{k-1}`` in its place, and then with the ``r_k`` so found. With a step of
    1 ms it does not depend on it, and the network is its spiking form with infinitely small spikes.

    Parameters
    ----------
    spec : RateRNNSpec
    seed : int
        Of the initial weights.

    References
    ----------
    Task-trained networks of this kind: Kim, Li & Sejnowski (2019), https://doi.org/10.1073/pnas.1905926116; Song, Yang &
    Wang (2016), https://doi.org/10.1371/journal.pcbi.1004792. Training with the kernel of deployment: lpRNN,
    https://doi.org/10.48550/arXiv.1905.10692.

    Notes
    -----
    *Departures* from Kim et al.: rectified units without a ceiling; one time constant; weights of either sign everywhere;
    input weights are learned and units have a bias; no bias of the read-out; what is read has passed a synapse.
    """

    def __init__(self, spec: RateRNNSpec, seed: int = 0) -> None:
        super().__init__()
        self.spec = spec
        n = spec.n_units
        generator = torch.Generator().manual_seed(seed)
        self.recurrent = nn.Parameter(torch.randn(n, n, generator=generator) * (GAIN / math.sqrt(n)))
        self.input = nn.Parameter(torch.randn(n, spec.n_inputs, generator=generator))
        self.bias = nn.Parameter(torch.zeros(n))
        self.readout = nn.Parameter(torch.randn(spec.n_outputs, n, generator=generator) / n)

    def forward(self, inputs: Tensor, noise: Tensor | None = None) -> Trajectory:
        """Show inputs, from rest.

        Parameters
        ----------
        inputs : Tensor, shape (n_trials, n_steps, n_inputs)
            In [0, 1].
        noise : Tensor, shape (n_steps, n_trials, n_units), optional
            Further current of each unit in each step.

        Returns
        -------
        Trajectory

        Raises
        ------
        ConversionError
            If the inputs have another number of channels than the network.
        """
        spec = self.spec
        if inputs.ndim != 3 or inputs.shape[2] != spec.n_inputs:
            allowed = f"(n_trials, n_steps, {spec.n_inputs})"
            raise ConversionError(sentence("inputs", "do not fit the network", got=tuple(inputs.shape), allowed=allowed))
        middle, end = (math.exp(-t / spec.tau_syn_ms) for t in (spec.step_ms / 2 - spec.hop_ms, spec.step_ms))
        drive = torch.addmm(self.bias, self._passed(inputs, middle, end).flatten(0, 1), self.input.T)
        drive = drive.unflatten(0, (inputs.shape[1], -1))
        if noise is not None:
            drive = drive + noise
        s = r = inputs.new_zeros(len(inputs), spec.n_units)
        weight = self.recurrent.T
        rates, currents = [], []
        for current in drive.unbind(0):
            r = torch.relu(torch.addmm(current, torch.lerp(r, s, middle), weight))
            if middle < 1:
                r = torch.relu(torch.addmm(current, torch.lerp(r, s, middle), weight))
            s = torch.lerp(r, s, end)
            rates.append(r)
            currents.append(s)
        return Trajectory(torch.stack(rates, dim=1), torch.stack(currents, dim=1) @ self.readout.T)

    @staticmethod
    def _passed(inputs: Tensor, middle: float, end: float) -> Tensor:
        """Inputs behind their synapses, (n_steps, n_trials, n_inputs)."""
        s, found = torch.zeros_like(inputs[:, 0]), []
        for u in inputs.unbind(1):
            found.append(torch.lerp(u, s, middle))
            s = torch.lerp(u, s, end)
        return torch.stack(found)


def refined(model: RateRNN, step_ms: float) -> RateRNN:
    """Give the same network at a smaller step; show it each input as often as the old step holds the new one.

    Parameters
    ----------
    model : RateRNN
    step_ms : float
        At 1 ms it is exactly what `conversion.trace_rnn.trace_rnn` describes.

    Returns
    -------
    RateRNN
        With weights of its own.

    Raises
    ------
    ConversionError
        If the old step does not hold the new one a whole number of times.
    """
    spec = model.spec
    ratio = spec.step_ms / step_ms if step_ms > 0 else 0.0
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-9:
        raise ConversionError(
            sentence("step_ms", "must divide the step of the model", got=step_ms, allowed=f"{spec.step_ms} / 1, 2, 3, ...")
        )
    found = RateRNN(RateRNNSpec(**{**spec.model_dump(), "step_ms": step_ms})).to(model.recurrent)
    found.load_state_dict(model.state_dict())
    return found


def save_rnn(path: Path, model: RateRNN, about: Mapping[str, Any] | None = None) -> None:
    """Write a recurrent rate network, all or nothing.

    Parameters
    ----------
    path : Path
        A safetensors file.
    model : RateRNN
    about : mapping of str to object, optional
        Where it comes from, for the header; anything that JSON writes.
    """
    header = {"format": FORMAT, "spec": model.spec.model_dump(mode="json"), "about": dict(about or {})}
    save_tensors(path, dict(model.named_parameters()), header)


def load_rnn(path: Path) -> tuple[RateRNN, dict[str, Any]]:
    """Read what `save_rnn` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    model : RateRNN
        In single precision.
    about : dict
        Where it comes from.

    Raises
    ------
    StateError
        If the file is damaged, holds something else, or does not fit its own description.
    """
    tensors, header = load_tensors(path)
    if header.get("format") != FORMAT:
        raise StateError(sentence(str(path), "holds no recurrent rate network", got=header.get("format", "no format"), allowed=FORMAT))
    try:
        spec, about = RateRNNSpec(**header["spec"]), dict(header["about"])
    except (KeyError, TypeError, ValueError) as error:
        why = first_error(error) if isinstance(error, ValidationError) else str(error)
        cure = "it was made by another version"
        raise StateError(sentence(str(path), f"has a description that cannot be read ({why})", cure=cure)) from error
    model = RateRNN(spec)
    fill(model, tensors, str(path))
    return model, about
