"""What cell models share: a membrane, a threshold, and spikes by chance."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from snn._model import Described, Finite, NonNegative, Positive


class Membrane(Described):
    compartments: ClassVar[tuple[str, ...]] = ()
    """Potentials besides that of the soma, which rules may read by name."""

    tau_mem_ms: Positive
    v_floor_mV: Finite | None = None


class Spiking(Membrane):
    v_threshold_mV: Positive
    reset_by_mV: Positive | None = None
    v_reset_mV: Finite = 0.0
    t_ref_ms: NonNegative = 0.0
    threshold_jitter_mV: NonNegative = 0.0

    @model_validator(mode="after")
    def _fires_above_rest(self) -> Self:
        if self.threshold_jitter_mV >= self.v_threshold_mV:
            raise ValueError(
                f"threshold_jitter_mV must be below v_threshold_mV, or cells fire at rest; "
                f"got {self.threshold_jitter_mV} and {self.v_threshold_mV}"
            )
        highest = max(self.v_floor_mV or 0.0, self.v_reset_mV if self.reset_by_mV is None else 0.0)
        if highest >= self.v_threshold_mV - self.threshold_jitter_mV:
            raise ValueError(f"v_floor_mV and v_reset_mV must be below every threshold; got {highest} and {self.v_threshold_mV}")
        return self


class Escape(Described):
    """Spikes by chance, at a rate that grows with the potential, in place of a sharp threshold.

    ``phi(V) = rate_max_Hz / (1 + k exp((v_threshold - V) / width_mV))``; in a step of ``dt`` a cell that is not refractory
    spikes with the probability ``1 - exp(-phi dt)``. For that the threshold is drawn anew in every step, with the
    distribution that gives just this, so that engines need no more than a threshold that moves.

    Parameters
    ----------
    rate_max_Hz : float
        Highest rate.
    k : float
        At the threshold the rate is ``1 / (1 + k)`` of the highest.
    width_mV : float
        Change of the potential over which the rate far below threshold grows by a factor of e.

    References
    ----------
    Urbanczik & Senn (2014), https://doi.org/10.1016/j.neuron.2013.11.030; the defaults are those of NEST's
    ``pp_cond_exp_mc_urbanczik``. Escape noise: Gerstner & Kistler (2002), https://doi.org/10.1017/CBO9780511815706.
    """

    rate_max_Hz: Positive = 150.0
    k: Positive = 0.5
    width_mV: Positive = 3.0

    def rate_Hz(self, above_mV: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the rate of a cell.

        Parameters
        ----------
        above_mV : ndarray
            Potential less threshold.

        Returns
        -------
        ndarray, shape as ``above_mV``
        """
        rate: NDArray[np.float64] = self.rate_max_Hz / (1.0 + self.k * np.exp(-above_mV / self.width_mV))
        return rate

    def moved_mV(self, drawn: NDArray[np.float64], dt_ms: float) -> NDArray[np.float64]:
        """Say how far the threshold moves for a step, by inversion of the probability of a spike.

        Parameters
        ----------
        drawn : ndarray
            Uniform numbers in [0, 1).
        dt_ms : float
            Step.

        Returns
        -------
        ndarray, shape as ``drawn``
            In mV; infinite where no potential is enough.
        """
        # A cell spikes where its rate is at least this one.
        with np.errstate(divide="ignore", over="ignore"):
            rate_Hz = -np.log1p(-drawn) * (1000.0 / dt_ms)
            odds = np.maximum(self.rate_max_Hz / rate_Hz - 1.0, 0.0) / self.k
            moved: NDArray[np.float64] = -self.width_mV * np.log(odds)
        return moved
