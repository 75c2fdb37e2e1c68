"""Sizes and constants of the circuit."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from snn._model import Described, NonNegative, Positive
from snn.encoding import Retina
from snn.errors import DescriptionError, sentence


class Gating(Described):
    """How one of K branches comes to be heard.

    Parameters
    ----------
    pool_px : int
        Side of the neighbourhood whose errors decide, even.
    pooled_spikes : int
        Errors that one spike of the cells that pool them stands for.
    sharpness_mV : float
        Drive that a selector gains over a rival whose branch errs more by the whole range of luminance.
    tonic_mV : float
        Drive of a selector without errors; its threshold is 1 mV and its membrane constant 1 ms, so this is also about
        the number of spikes a step at a site.
    rivalry_mV : float
        What a selector's spike takes from each of the others, below their threshold of 1; ``sharpness_mV / (tonic_mV
        (1 - rivalry_mV))`` is the slope of the share of a branch over its advantage.
    depth_mV : float
        How far below rest a losing selector can be driven; the deeper, the slower the change of mind.
    tau_evidence_ms, tau_gate_ms : float
        Decay of what errors, and of what selectors, do.
    opening : float
        What a spike of a selector adds to the gate that it opens and to the inhibition that divides; 1 over it is the
        number of spikes at which a branch that alone is heard is half open.
    """

    pool_px: Annotated[int, Field(ge=2)] = 6
    pooled_spikes: Annotated[int, Field(ge=1)] = 4
    sharpness_mV: Positive = 2.0
    tonic_mV: Positive = 0.1
    rivalry_mV: Annotated[float, Field(ge=0, lt=1)] = 0.6
    depth_mV: NonNegative = 1.0
    tau_evidence_ms: Positive = 30.0
    tau_gate_ms: Positive = 15.0
    opening: Positive = 2.0


class HiddenLayer(Described):
    """Constants of a learned representation.

    Parameters
    ----------
    field : int
        Side of the local field on the retinal channels, odd.
    field_mV : float
        Sum of the weights, at birth and where a rule holds it, that a cell has from each retinal population by each of
        its two routes. Its threshold is 1 mV.
    depth_mV : float
        How far below rest inhibition can drive a cell of the layer; the deeper, the less it fires when both routes are alike,
        and the longer it remembers.
    credit_mV : float
        Threshold of the credit cells: the credit that one of their spikes stands for.
    initial_feedback_mV : float
        Scale of the random weights of errors on credit cells at birth. It should be small beside what they learn, as that of
        the forecast: what birth made unlike, only decay takes away.
    """

    field: Annotated[int, Field(ge=1)] = 3
    field_mV: Positive = 8.0
    depth_mV: NonNegative = 0.3
    credit_mV: Positive = 0.2
    initial_feedback_mV: NonNegative = 0.003


class CoarseSteps(Described):
    """A second pair of luminance cells in coarse steps, quick, beside the fine pair, which tells what is left and waits.

    Each pair takes off what the other has told, so that together they tell the luminance to half a fine step. A jump of many
    fine steps costs few spikes and is told sooner, since a cell sends one spike a step of the simulation at most.

    Parameters
    ----------
    steps : int
        Fine steps that a coarse spike stands for; 1 is no coarse pair.
    tau_coarse_ms, tau_fine_ms : float
        Membrane constants of the two pairs. The fine one must be the slower: a coarse spike takes two lags to tell it that
        nothing is left to be said.
    threshold : float
        Share of its step at which a coarse cell fires.

    Notes
    -----
    Retinal ganglion cells of one place likewise differ in threshold and speed: phasic cells of high gain, tonic ones.
    """

    steps: Annotated[int, Field(ge=1)] = 1
    tau_coarse_ms: Positive = 1.0
    tau_fine_ms: Positive = 20.0
    threshold: Annotated[float, Field(ge=0.5, lt=1)] = 0.6


class PredNetSpec(Described):
    """Sizes and constants of the circuit.

    Parameters
    ----------
    rows, cols : int
        Size of a frame; each level above has half of it.
    levels : int
        Number of levels.
    channels : tuple of int
        Target channels per level; level 0 has 1 (grey). Levels beyond the tuple take its last entry.
    branches : int
        Gated branches of the forecast at level 0; 1 is the plain circuit without gates.
    gating : Gating
        How the branches compete.
    hidden : int
        Cells a site of a representation that is learned, at level 0; 0 takes the retinal channels as they are.
    hidden_layer : HiddenLayer
        Its constants.
    field : int
        Side of the local field of the forecast, odd.
    feedback_field : int
        Side of the field that a representation reaches in the level below, even.
    frame_ms : float
        Time of a frame and delay of the forecast.
    lag_ms : float
        Delay of the short connections, at least the step of the simulation; excitatory routes that run beside an
        inhibitory partner take twice as long, so that both arrive together.
    retina : Retina
        Gains of the eye.
    target_step, forecast_step, branch_step : float
        Luminance that one spike of ``target``, ``prediction`` and ``branch`` stands for.
    coarse : CoarseSteps
        Coarse steps of ``target`` at level 0, beside the fine ones.
    tau_change_ms : float
        Membrane constant of the change cells.
    tau_forecast_ms : float
        Decay of the synapses that carry the forecast.
    error_threshold_ms : float
        Forecast error (luminance) times time at which an error cell fires.
    initial_forecast_mV : float
        Scale of the random forecast weights at birth; 0 starts from copying.
    w_max_mV : float
        Bound of a forecast weight.
    contrast, transient, feedback : bool
        Whether these channels exist.
    pool_gain : float
        Spikes of ``pool`` per mean spike of the errors below.
    apical_ms : float
        Membrane constant of the dendrites of prediction cells in which what comes meets what they foretold, for rules that learn from
        that in place of error cells (`plasticity.ApicalError`); 0 is no dendrite.
    mismatch : float
        How unequal the two routes of an error cell of level 0 are at birth: each weight from an inhibitory partner is drawn
        evenly from within this share around the one that balances excitation. 0 is balanced by hand.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104; (2020),
    https://doi.org/10.1038/s42256-020-0170-9.

    Notes
    -----
    *Departures* from PredNet: spikes, Dale's law, unshared weights, average pooling, no gates, forecast as a correction
    of the last frame, learned by a local rule.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"mismatch", "hidden", "hidden_layer", "coarse", "apical_ms"})

    rows: Annotated[int, Field(ge=1)]
    cols: Annotated[int, Field(ge=1)]
    levels: Annotated[int, Field(ge=1)] = 1
    channels: tuple[Annotated[int, Field(ge=1)], ...] = (1, 4)
    branches: Annotated[int, Field(ge=1)] = 1
    gating: Gating = Gating()
    hidden: Annotated[int, Field(ge=0)] = 0
    hidden_layer: HiddenLayer = HiddenLayer()
    field: Annotated[int, Field(ge=1)] = 5
    feedback_field: Annotated[int, Field(ge=2)] = 4
    frame_ms: Positive = 50.0
    lag_ms: Positive = 1.0
    retina: Retina = Retina()
    target_step: Positive = 1 / 32
    forecast_step: Positive = 1 / 32
    branch_step: Positive = 1 / 64
    coarse: CoarseSteps = CoarseSteps()
    tau_change_ms: Positive = 5.0
    tau_forecast_ms: Positive = 20.0
    error_threshold_ms: Positive = 0.5
    initial_forecast_mV: NonNegative = 0.0
    w_max_mV: Positive = 64.0
    contrast: bool = True
    transient: bool = True
    feedback: bool = True
    pool_gain: Positive = 1.0
    apical_ms: NonNegative = 0.0
    mismatch: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def size(self, level: int) -> tuple[int, int]:
        """Rows and columns of a level.

        Parameters
        ----------
        level : int

        Returns
        -------
        (int, int)

        Raises
        ------
        DescriptionError
            If the frame cannot be halved that often.
        """
        factor = 2**level
        if self.rows % factor or self.cols % factor:
            raise DescriptionError(
                sentence(
                    "prednet.rows, cols",
                    f"cannot be halved for level {level}",
                    got=(self.rows, self.cols),
                    allowed=f"multiples of {2 ** (self.levels - 1)}",
                )
            )
        return self.rows // factor, self.cols // factor

    def n_channels(self, level: int) -> int:
        """Target channels of a level.

        Parameters
        ----------
        level : int

        Returns
        -------
        int
        """
        return 1 if level == 0 else self.channels[min(level, len(self.channels) - 1)]

    @property
    def error_quantum_mV(self) -> float:
        """Mean forecast error over the second half of a frame that one error spike stands for."""
        return 2.0 * self.error_threshold_ms * self.retina.luminance_mV / self.frame_ms
