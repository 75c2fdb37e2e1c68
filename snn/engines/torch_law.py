"""Propagators of a population as torch sees them: functions of a membrane constant that may have a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snn.cells import IF, RateUnit
from snn.description import Population
from snn.engines.layout import propagators

Number = Tensor | float


@dataclass(frozen=True, eq=False)
class Law:
    """The numbers of `Propagators`; those that depend on the membrane constant may be tensors.

    Attributes
    ----------
    v, drive, adaptation : Tensor or float
        Factors on V, on constant currents and (subtracted) on the adaptation.
    receptor_gain : tuple of Tensor or float
    receptor_decay : tuple of float
    adaptation_decay, adaptation_step : float
    refractory_steps : int
    soft : bool
    rest : float or None
    reset_by, v_reset, floor, gain : float
        As in `Propagators`.
    """

    v: Number
    drive: Number
    adaptation: Number
    receptor_gain: tuple[Number, ...]
    receptor_decay: tuple[float, ...]
    adaptation_decay: float
    adaptation_step: float
    refractory_steps: int
    soft: bool
    reset_by: float
    v_reset: float
    floor: float
    gain: float
    rest: float | None


def law_of(population: Population, tau_mem_ms: Tensor, dt_ms: float) -> Law:
    """Compute the propagators of a population; with a gradient where its membrane constant has one.

    Parameters
    ----------
    population : Population
    tau_mem_ms : Tensor, shape ()
    dt_ms : float
        Step.

    Returns
    -------
    Law
    """
    now, tau_ms = population, float(tau_mem_ms.detach())
    if abs(tau_ms - float(population.cell.tau_mem_ms)) > 1e-12:  # type: ignore[union-attr]
        cell = population.cell.model_copy(update={"tau_mem_ms": tau_ms})
        now = population.model_copy(update={"cell": cell})
    plain = propagators(now, dt_ms)
    changed = _differentiable(population, tau_mem_ms, dt_ms) if tau_mem_ms.requires_grad else {}
    return Law(**{k: x for k, x in (vars(plain) | changed).items() if k not in ("dendrite", "upswing")})


def _differentiable(population: Population, tau: Tensor, dt_ms: float) -> dict[str, Any]:
    cell = population.cell
    leaky = cell.leaky if isinstance(cell, RateUnit) else not isinstance(cell, IF)
    v: Number = torch.exp(-dt_ms / tau) if leaky else 1.0
    drive = -torch.expm1(-dt_ms / tau) if leaky else dt_ms / tau

    def gain(tau_ms: float | None) -> Number:
        """Effect of a decaying current; its slope from the closed form, or near equal constants from the limit's."""
        if tau_ms is None:
            return drive
        decay = torch.exp(torch.as_tensor(-dt_ms / tau_ms, dtype=tau.dtype))
        if not leaky:
            return tau_ms / tau * (1.0 - decay)
        x = 1.0 / tau - 1.0 / tau_ms
        small = x * dt_ms
        series = dt_ms * (1.0 + small / 2.0 + small**2 / 6.0) if abs(float(small.detach())) < 1e-5 else torch.expm1(small) / x
        return torch.exp(-dt_ms / tau) / tau * series

    gains = tuple(v if r.kinetics == "pulse" else 0.0 if r.kinetics == "gate" else gain(r.tau_ms) for r in population.receptors)
    return {"v": v, "drive": drive, "adaptation": gain(getattr(cell, "tau_adaptation_ms", None)), "receptor_gain": gains}
