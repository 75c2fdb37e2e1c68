"""Numbers of a spike with an upswing: what `AdEx` adds to the step of a leaky cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snn.cells import AdEx

MOST_UPSWING = 50.0
"""Exponent of the upswing at which it is cut, which only a peak that is held could reach."""


@dataclass(frozen=True)
class UpswingLaw:
    """Numbers of a spike with an upswing, of `AdEx`.

    What a spike sets, the afterpotential and the onset, needs no state of its own: it is a function of the steps since then.

    Attributes
    ----------
    onset, sharpness : float
        In mV.
    coupling : float
        What a step adds to the adaptation for each mV.
    peak : float
        In mV.
    peak_steps : int
        For how long it is held.
    after, after_rate : float
        What the afterpotential adds to V in the step after the spike, in mV; how much less its logarithm is each step later.
    jump, jump_rate : float
        How far the onset lies above its rest in the step after the spike, in mV; as above.
    """

    onset: float
    sharpness: float
    coupling: float
    peak: float
    peak_steps: int
    after: float
    after_rate: float
    jump: float
    jump_rate: float


def upswing_law(cell: AdEx, gain: float, dt_ms: float) -> UpswingLaw:
    """Compute the numbers of a step.

    Parameters
    ----------
    cell : AdEx
    gain : float
        Effect on V of a current that decays as the afterpotential does.
    dt_ms : float
        Step.

    Returns
    -------
    UpswingLaw
    """
    return UpswingLaw(
        onset=cell.v_onset_mV,
        sharpness=cell.sharpness_mV,
        coupling=cell.coupling * -math.expm1(-dt_ms / cell.tau_adaptation_ms),
        peak=cell.peak_mV,
        peak_steps=round(cell.peak_ms / dt_ms),
        after=gain * cell.afterpotential_mV,
        after_rate=dt_ms / cell.tau_afterpotential_ms,
        jump=cell.onset_jump_mV,
        jump_rate=dt_ms / cell.tau_onset_ms,
    )
