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

from pydantic import Field, model_validator

from snn._membrane import Escape, Membrane, Spiking
from snn._model import Described, Finite, NonNegative, Positive

__all__ = ["IF", "LIF", "AdEx", "AdaptiveLIF", "Cell", "Escape", "RateUnit", "SpikeSource", "TwoCompartment", "rate_twin"]


class IF(Spiking):
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


class LIF(Spiking):
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


class AdaptiveLIF(Spiking):
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


class AdEx(Spiking):
    """Adaptive exponential integrate-and-fire cell: a spike has an upswing, and, where it is asked for, a peak that lasts.

    ``tau_mem dV/dt = -V + sharpness exp((V - onset) / sharpness) + I - a``, ``tau_adaptation da/dt = coupling V - a``; spike when
    ``V >= v_threshold - jitter``, which lies in the upswing; then ``a += adaptation_mV`` and V is set to ``v_reset``. With
    ``peak_ms`` V stays at ``peak_mV`` for that time first, and ``a`` as it is: what rules see that read the potential. A spike may
    also set, not add to, a depolarising afterpotential ``z`` that joins the current, ``tau_afterpotential dz/dt = -z``, and move
    the onset up, from where it comes back: ``tau_onset d(onset)/dt = v_onset - onset``.

    Parameters
    ----------
    tau_mem_ms : float
        Membrane time constant.
    v_onset_mV : float
        Where the upswing begins; the threshold of the paper.
    sharpness_mV : float
        Its slope factor.
    v_threshold_mV : float
        Where the upswing counts as a spike; some sharpnesses above ``v_onset_mV``.
    coupling : float
        Conductance of adaptation below threshold, in units of the leak.
    adaptation_mV : float
        Current added by one spike.
    tau_adaptation_ms : float
        Decay of the adaptation.
    peak_mV, peak_ms : float
        Potential of a spike, and for how long it is held, rounded to whole steps as ``t_ref_ms`` is; 0 ms for none.
    afterpotential_mV, tau_afterpotential_ms : float
        What ``z`` is set to at a spike, 0 for none, and its decay, which goes on while the peak is held.
    onset_jump_mV, tau_onset_ms : float
        How far above ``v_onset_mV`` a spike sets the onset, 0 for none, and its way back, which goes on while the peak is held.
    reset_by_mV : None
        There is none: what the upswing overshoots by means nothing.
    v_reset_mV, t_ref_ms, threshold_jitter_mV, v_floor_mV
        As in `IF`; ``t_ref_ms`` counts from the spike and is at least ``peak_ms``.

    References
    ----------
    Brette & Gerstner (2005), https://doi.org/10.1152/jn.00686.2005. A peak that is held, afterpotential and moving onset: Clopath,
    Büsing, Vasilaki & Gerstner (2010), https://doi.org/10.1038/nn.2479, as NEST 3.10, ``aeif_psc_delta_clopath``, has them.

    Notes
    -----
    *Departures.* Voltages count from rest, and currents are in mV: those of the papers over the leak conductance. In a step the
    upswing and the coupling are those of the step's beginning, and the rest is integrated exactly (exponential Euler): use steps
    of 0.1 ms or less.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"afterpotential_mV", "tau_afterpotential_ms", "onset_jump_mV", "tau_onset_ms"})

    kind: Literal["adex"] = "adex"
    v_onset_mV: Positive
    sharpness_mV: Positive = 2.0
    coupling: NonNegative = 0.0
    adaptation_mV: NonNegative = 0.0
    tau_adaptation_ms: Positive = 144.0
    peak_mV: Finite = 0.0
    peak_ms: NonNegative = 0.0
    afterpotential_mV: NonNegative = 0.0
    tau_afterpotential_ms: Positive = 40.0
    onset_jump_mV: NonNegative = 0.0
    tau_onset_ms: Positive = 50.0
    reset_by_mV: None = None

    @model_validator(mode="after")
    def _upswing(self) -> Self:
        if self.v_threshold_mV - self.threshold_jitter_mV < self.v_onset_mV:
            got = f"{self.v_threshold_mV} less {self.threshold_jitter_mV} and {self.v_onset_mV}"
            raise ValueError(f"v_threshold_mV must lie above v_onset_mV, in the upswing, jitter included; got {got}")
        if (self.v_threshold_mV - self.v_onset_mV) / self.sharpness_mV > 50.0:
            got = f"{self.v_threshold_mV}, {self.v_onset_mV} and {self.sharpness_mV}"
            raise ValueError(f"v_threshold_mV is more than 50 sharpnesses above v_onset_mV, where the upswing is without bound; got {got}")
        if self.t_ref_ms < self.peak_ms:
            raise ValueError(f"t_ref_ms must be at least peak_ms; got {self.t_ref_ms} and {self.peak_ms}")
        return self


class RateUnit(Membrane):
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


class TwoCompartment(Spiking):
    """Leaky cell with a dendrite, whose potential predicts that of the soma.

    With ``D`` the potential of the dendrite, ``I`` the currents on the soma and ``J`` those on the dendrite (receptors say
    on which they land; external current flows into the soma):

        tau_mem dV/dt = -V + coupling (D - V) - nudge V + I - a
        tau_dend dD/dt = -D + back_coupling (V - D) + J

    with ``a`` an adaptation current as in `AdaptiveLIF`, none when left out. A dendrite with a ``coupling`` of 0 is not heard by the soma:
    rules that read its potential are.

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
    adaptation_mV : float
        Current that each spike takes away from the soma.
    tau_adaptation_ms : float, optional
        Decay of that; without, it lasts.
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
    later_fields: ClassVar[frozenset[str]] = frozenset({"adaptation_mV", "tau_adaptation_ms"})

    kind: Literal["two_compartment"] = "two_compartment"
    tau_dend_ms: Positive
    coupling: NonNegative
    back_coupling: NonNegative = 0.0
    nudge: NonNegative = 0.0
    escape: Escape | None = None
    adaptation_mV: NonNegative = 0.0
    tau_adaptation_ms: Positive | None = None
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


Cell = Annotated[IF | LIF | AdaptiveLIF | AdEx | TwoCompartment | RateUnit | SpikeSource, Field(discriminator="kind")]


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
