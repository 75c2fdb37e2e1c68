"""Cell models: how one unit turns its synaptic current into spikes, or into a graded output.

All spiking cells and the rate unit share one membrane equation, with current ``I`` in mV (the voltage that it would
drive a leaky membrane to), so that "spike or rate" is one field of one population:

    tau_mem dV/dt = -V + I - a      (leaky)          tau_mem dV/dt = I - a      (not leaky)
    tau_adaptation da/dt = -a       a += adaptation_mV at each spike

Rest is 0 mV. Voltages are deviations from rest. Engines integrate these exactly (``engines/conventions.md``).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

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


class SpikeSource(Described):
    """Cell without a membrane whose spikes come from the encoder (or from a raster given to the run).

    References
    ----------
    The usual device of simulators, as in Stimberg, Brette & Goodman (2019), https://doi.org/10.7554/eLife.47314.
    """

    kind: Literal["source"] = "source"


Cell = Annotated[IF | LIF | AdaptiveLIF | RateUnit | SpikeSource, Field(discriminator="kind")]


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
