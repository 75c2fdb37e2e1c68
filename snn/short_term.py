"""Short-term depression and facilitation: how much of its weight a spike delivers, by the spikes that its cell sent before."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from snn._model import Described, NonNegative, Positive


class ShortTerm(Described):
    """Resources that every spike uses a share of, and that come back; a field of `Projection`, not a learning rule.

    Each source cell has two numbers for a projection, which all its synapses there share: the resources ``x`` that are there, and
    the share ``u`` of them that a spike uses. The n-th spike, a time ``dt`` after the one before, finds

    ``u_n = U + u_(n-1) (1 - U) exp(-dt / facilitation_ms)`` and ``x_n = 1 + (x_(n-1) - u_(n-1) x_(n-1) - 1) exp(-dt / recovery_ms)``

    and delivers ``weight * u_n * x_n``. A clip begins with all resources there and no facilitation: the first spike finds ``u = U``,
    ``x = 1`` and delivers ``weight * U``, not ``weight``. Both stay within [0, 1], so that no spike delivers more than its weight.

    The weight itself, which rules read and change, is not touched.

    Parameters
    ----------
    utilisation : float
        ``U``, the share of the resources that a spike of a rested cell uses; above 0, at most 1.
    recovery_ms : float
        Time constant with which resources come back: depression.
    facilitation_ms : float
        Time constant with which ``u`` falls back after a spike; 0 for a ``u`` that is always ``U``.

    References
    ----------
    Tsodyks & Markram (1997), https://doi.org/10.1073/pnas.94.2.719; Tsodyks, Pawelzik & Markram (1998),
    https://doi.org/10.1162/089976698300017502, equations 2.1 to 2.4; Tsodyks, Uziel & Markram (2000),
    https://doi.org/10.1523/JNEUROSCI.20-01-j0003.2000, for values of cortical synapses.

    Notes
    -----
    These are NEST's ``tsodyks2_synapse`` with ``U``, ``tau_rec`` and ``tau_fac``, begun with ``x = 1`` and ``u = U``: what it sends is the
    same to 1e-13. NEST's default ``u`` is 0.5 whatever ``U`` is, and its first spike delivers that. They are also Brian2's usual pair
    ``dx/dt = (1 - x)/tau_rec``, ``du/dt = -u/tau_fac`` with ``u += U*(1 - u)``, then ``x -= u*x`` at a spike, begun with ``x = 1`` and
    ``u = 0``. NEST's ``tsodyks_synapse`` is another: it also follows the resources while they act, and differs where their time
    constant there is not short beside ``recovery_ms``.

    *Departures.* None in the equations. In the papers ``u`` and ``x`` belong to a synapse; those of one cell and one projection see the
    same spikes and have the same constants, so one pair of numbers stands for all of them.
    """

    utilisation: Annotated[float, Field(gt=0, le=1)]
    recovery_ms: Positive
    facilitation_ms: NonNegative = 0.0

    def steady(self, rate_Hz: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute what each spike of a regular train finds once all that came before the train is forgotten.

        Parameters
        ----------
        rate_Hz : float or array_like
            Spikes per second; above 0.

        Returns
        -------
        u, x : ndarray, shape as ``rate_Hz``
            Their product is the share of the weight that a spike delivers.

        Raises
        ------
        ValueError
            If a rate is not above 0.
        """
        rates_Hz = np.asarray(rate_Hz, dtype=np.float64)
        if not (rates_Hz > 0).all():
            raise ValueError(f"ShortTerm.steady: rate_Hz must be > 0; got {rate_Hz!r}")
        interval_ms = 1000.0 / rates_Hz
        back = np.exp(-interval_ms / self.recovery_ms)
        kept = np.exp(-interval_ms / self.facilitation_ms) if self.facilitation_ms else np.zeros_like(interval_ms)
        u = self.utilisation / (1.0 - (1.0 - self.utilisation) * kept)
        x = (1.0 - back) / (1.0 - (1.0 - u) * back)
        return u, x

    @property
    def limiting_Hz(self) -> float:
        """Rate ``1 / (U recovery)`` above which a depressing synapse delivers, in a second, little more however often it is used."""
        return 1000.0 / (self.utilisation * self.recovery_ms)

    @property
    def peak_Hz(self) -> float:
        """Rate ``1 / sqrt(U facilitation recovery)`` near which a facilitating synapse delivers most per spike; inf without."""
        return 1000.0 / math.sqrt(product) if (product := self.utilisation * self.facilitation_ms * self.recovery_ms) else math.inf

    @property
    def summary(self) -> str:
        """The constants on one line."""
        return f"short-term U {self.utilisation:g}, recovery {self.recovery_ms:g} ms, facilitation {self.facilitation_ms:g} ms"
