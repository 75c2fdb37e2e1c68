"""Cell models: how one unit turns its synaptic current into spikes, or into a graded output.

All spiking cells and the rate unit share one membrane equation, with current ``I`` in mV (the voltage that it would
drive a leaky membrane to), so that "spike or rate" is one field of one population:

    tau_mem dV/dt = -V + I - a      (leaky)          tau_mem dV/dt = I - a      (not leaky)
    tau_adaptation da/dt = -a       a += adaptation_mV at each spike

Rest is 0 mV. Voltages are deviations from rest. Engines integrate these exactly (``engines/conventions.md``). A cell of
two compartments has a dendrite beside, with an equation of the same form.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from snn._model import Described, Finite, NonNegative, Positive


class _Membrane(Described):
    compartments: ClassVar[tuple[str, ...]] = ()
    """Potentials besides that of the soma, which rules may read by name."""

    tau_mem_ms: Positive
    v_floor_mV: Finite | None = None


class _Spiking(_Membrane):
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


class IF(_Spiking):
    """Integrate-and-fire cell without a leak: it spikes at a rate proportional to its current.

    ``tau_mem dV/dt = I``; spike when ``V >= v_threshold - jitter``. With ``tau_rest_ms``, in a step that begins with a
    current of 0 or less, ``tau_rest dV/dt = -V`` in its place: inhibition that outweighs excitation shunts the cell to
    rest, so that it does not remember how much it was inhibited.

    Parameters
    ----------
    tau_mem_ms : float
        Integration constant: a current of 1 mV raises V by 1 mV in this time.
    v_threshold_mV : float
        Nominal threshold.
    reset_by_mV : float, optional
        Amount subtracted from V at a spike (soft reset). When left out, V is set to ``v_reset_mV``.
    v_reset_mV : float
        Value after a spike when ``reset_by_mV`` is left out.
    t_ref_ms : float
        Refractory time during which V is held.
    threshold_jitter_mV : float
        The threshold of each cell lies this much or less below the nominal one (uniform, seeded), so that ties at
        threshold do not happen.
    v_floor_mV : float, optional
        V never falls below it.
    tau_rest_ms : float, optional
        Return to rest while the current is not above 0.

    References
    ----------
    Lapicque (1907), J Physiol Pathol Gen 9:620; modern notation in Brunel & van Rossum (2007),
    https://doi.org/10.1007/s00422-007-0190-0. Soft reset: Rueckauer et al. (2017),
    https://doi.org/10.3389/fnins.2017.00682.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"tau_rest_ms"})

    kind: Literal["if"] = "if"
    tau_rest_ms: Positive | None = None


class LIF(_Spiking):
    """Leaky integrate-and-fire cell.

    ``tau_mem dV/dt = -V + I``; spike when ``V >= v_threshold - jitter``.

    Parameters
    ----------
    tau_mem_ms : float
        Membrane time constant.
    v_threshold_mV, reset_by_mV, v_reset_mV, t_ref_ms, threshold_jitter_mV, v_floor_mV
        As in `IF`.

    References
    ----------
    Brunel & van Rossum (2007), https://doi.org/10.1007/s00422-007-0190-0.
    """

    kind: Literal["lif"] = "lif"


class AdaptiveLIF(_Spiking):
    """Leaky cell whose every spike adds an opposing current.

    ``tau_mem dV/dt = -V + I - a``; ``a += adaptation_mV`` at a spike. With a soft reset of the same size and an
    adaptation that never decays it is a change coder: after ``k`` spikes it has told ``k * adaptation_mV`` of ``I``,
    and it is silent until ``I`` has moved on by another half step.

    Parameters
    ----------
    tau_mem_ms : float
        Membrane time constant.
    adaptation_mV : float
        Current added by one spike.
    tau_adaptation_ms : float, optional
        Decay of the adaptation; left out, it does not decay.
    v_threshold_mV, reset_by_mV, v_reset_mV, t_ref_ms, threshold_jitter_mV, v_floor_mV
        As in `IF`.

    References
    ----------
    Treves (1993), https://doi.org/10.1088/0954-898X_4_3_002; as a predictive (sigma-delta) coder: Bohte (2012),
    "Efficient spike-coding with multiplicative adaptation in a spike response model", NIPS 25; Yoon (2017),
    https://doi.org/10.1109/TNNLS.2016.2526029.
    """

    kind: Literal["adaptive_lif"] = "adaptive_lif"
    adaptation_mV: NonNegative
    tau_adaptation_ms: Positive | None = None


class RateUnit(_Membrane):
    """Graded unit: the same membrane, an output proportional to its depolarisation.

    ``r = gain_Hz_per_mV * max(0, V - v_threshold)``; in a step of ``dt`` it sends ``n = r dt`` "spikes", a real number,
    through the same synapses and delays. ``reset_by_mV`` is taken from V for each spike so sent; with
    ``gain dt reset_by = 1`` this is the limit of a soft-reset cell with infinitely many, infinitely small spikes.

    Parameters
    ----------
    tau_mem_ms : float
        Membrane time constant (``leaky``) or integration constant.
    leaky : bool
        Whether V leaks to 0.
    gain_Hz_per_mV : float
        Slope of the output.
    v_threshold_mV : float
        Depolarisation at which the output begins.
    reset_by_mV : float
        Taken from V per spike sent.
    adaptation_mV : float
        Opposing current added per spike sent.
    tau_adaptation_ms : float, optional
        Decay of the adaptation; left out, it does not decay.
    v_floor_mV : float, optional
        V never falls below it.

    References
    ----------
    Dayan & Abbott (2001), Theoretical Neuroscience, chapter 7; the graded limit of soft reset follows from
    Rueckauer et al. (2017), https://doi.org/10.3389/fnins.2017.00682.
    """

    kind: Literal["rate"] = "rate"
    leaky: bool = True
    gain_Hz_per_mV: Positive
    v_threshold_mV: NonNegative = 0.0
    reset_by_mV: NonNegative = 0.0
    adaptation_mV: NonNegative = 0.0
    tau_adaptation_ms: Positive | None = None


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


class TwoCompartment(_Spiking):
    """Leaky cell with a dendrite, whose potential predicts that of the soma.

    With ``D`` the potential of the dendrite, ``I`` the currents on the soma and ``J`` those on the dendrite (receptors say
    on which they land; external current flows into the soma):

        tau_mem dV/dt = -V + coupling (D - V) - nudge V + I
        tau_dend dD/dt = -D + back_coupling (V - D) + J

    Left to itself the soma follows the dendrite, to ``attenuation * D`` with ``attenuation = coupling / (1 + coupling)``.
    A teacher is a conductance ``nudge`` towards a target: it opens a leak, here for all the time that the cell is
    described so, and brings the current ``I = nudge * target``. Where the dendrite predicts the target, the teacher moves
    nothing. To take the teacher away set ``nudge=0`` and its current to 0.

    Without ``escape`` it spikes at ``V >= v_threshold - jitter``.

    Parameters
    ----------
    tau_mem_ms : float
        Time constant of the soma alone.
    tau_dend_ms : float
        Time constant of the dendrite alone.
    coupling : float
        Conductance from dendrite to soma, in units of the leak of the soma.
    back_coupling : float
        Conductance from soma to dendrite, in units of the leak of the dendrite.
    nudge : float
        Conductance of the teacher, in units of the leak of the soma.
    escape : Escape, optional
        Spikes by chance.
    reset_by_mV : float, optional
        As in `IF`; it may be 0, and is when left out: the soma goes on through its spikes. With None, V is set to
        ``v_reset_mV``.
    v_threshold_mV, v_reset_mV, threshold_jitter_mV, v_floor_mV
        As in `IF`, of the soma.
    t_ref_ms : float
        Time after a spike in which no other comes; both potentials go on.

    References
    ----------
    Urbanczik & Senn (2014), https://doi.org/10.1016/j.neuron.2013.11.030.

    Notes
    -----
    *Departures.* Synapses bring currents, on the soma too. The paper's teacher changes the sum of its excitatory and
    inhibitory conductance from moment to moment; here the sum is ``nudge``, and its target moves. The paper's dendrite is
    ``back_coupling=0``.
    """

    compartments: ClassVar[tuple[str, ...]] = ("dendrite",)

    kind: Literal["two_compartment"] = "two_compartment"
    tau_dend_ms: Positive
    coupling: NonNegative
    back_coupling: NonNegative = 0.0
    nudge: NonNegative = 0.0
    escape: Escape | None = None
    reset_by_mV: NonNegative | None = 0.0

    @property
    def attenuation(self) -> float:
        """Share of the potential of the dendrite that the soma reaches by itself."""
        return self.coupling / (1.0 + self.coupling)


class SpikeSource(Described):
    """Cell without a membrane whose spikes come from the encoder, from a raster given to the run, or by chance.

    Parameters
    ----------
    rate_Hz : float, optional
        Of each cell its own: in every step of ``dt`` it spikes with the probability ``rate dt``, which must be below 1 and is a
        Poisson process as far as it is small.

    References
    ----------
    The usual device of simulators, as in Stimberg, Brette & Goodman (2019), https://doi.org/10.7554/eLife.47314.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"rate_Hz"})

    kind: Literal["source"] = "source"
    rate_Hz: Positive | None = None


Cell = Annotated[IF | LIF | AdaptiveLIF | TwoCompartment | RateUnit | SpikeSource, Field(discriminator="kind")]


def rate_twin(cell: IF | LIF | AdaptiveLIF, *, dt_ms: float) -> RateUnit:
    """Return the rate unit that a soft-reset spiking cell becomes when its spikes get infinitely small and many.

    Parameters
    ----------
    cell : IF, LIF or AdaptiveLIF
        A cell with a soft reset and no refractory time.
    dt_ms : float
        Step of the simulation; the twin sends its whole depolarisation in each step.

    Returns
    -------
    RateUnit

    Raises
    ------
    ValueError
        If the cell resets to a value or is refractory: such a cell has no exact rate twin.
    """
    if cell.reset_by_mV is None or cell.t_ref_ms > 0:
        raise ValueError(
            f"cell {cell.kind!r}: only a soft reset without refractory time has an exact rate twin; set reset_by_mV and t_ref_ms=0"
        )
    return RateUnit(
        tau_mem_ms=cell.tau_mem_ms,
        leaky=not isinstance(cell, IF),
        gain_Hz_per_mV=1000.0 / (dt_ms * cell.reset_by_mV),
        reset_by_mV=cell.reset_by_mV,
        v_floor_mV=cell.v_floor_mV,
        adaptation_mV=cell.adaptation_mV if isinstance(cell, AdaptiveLIF) else 0.0,
        tau_adaptation_ms=cell.tau_adaptation_ms if isinstance(cell, AdaptiveLIF) else None,
    )
