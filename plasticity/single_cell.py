"""Prediction in a single cell: each synapse learns to foretell its own next input from the potential of the cell."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Rule, STEP_ms, Trace, Update, W, post_sum, pre, voltage


class SingleCellPrediction(Rule):
    """Learning to fire early: a cell's weights come to foretell its inputs.

    In every step of ``dt``, with ``x`` the trace of arrivals, which decays as the receptor does, ``v`` the potential before they
    reach it and ``u`` the weight, in units of ``unit_mV`` and ``scale_mV``, and ``p = dv/du`` what the arrivals before have left of
    it in the potential:

        e = x - v u,    w <- w + modulator eta dt w (v e + p sum over the cell's synapses of e u)

    ``e`` is what the synapse did not foretell of its own input, the sum a number of the whole cell. Of a sequence that comes
    again and again the first inputs grow and the last ones shrink, and the cell fires before the sequence is over.

    Parameters
    ----------
    eta : float
        Share of the weight that a millisecond changes for factors of 1.
    unit_mV : float
        Potential that counts as 1; the paper's threshold is 2 of them.
    scale_mV : float
        Weight that counts as 1: one that alone would raise the potential by ``unit_mV`` in a step of the paper's, 0.05 ms, is
        ``unit_mV tau_mem_ms / 0.05``.
    tau_mem_ms, tau_syn_ms : float
        Time constants of the cell, a `LIF`, and of the receptor; they differ.

    References
    ----------
    Saponati & Vinck (2023), https://doi.org/10.1038/s41467-023-40651-w; time constants and ``eta``, 3e-4 in 0.05 ms, are
    those of their code, https://github.com/matteosaponati/predictive_neuron.

    Notes
    -----
    *Departures.* The potential is the one after the reset of a spike, by which the paper's comes down a step later. Weights
    are magnitudes; the factor ``w``, which keeps their sign, is the paper's.
    """

    kind: Literal["single_cell_prediction"] = "single_cell_prediction"
    eta: NonNegative = 6e-3
    unit_mV: Positive = 1.0
    scale_mV: Positive = 200.0
    tau_mem_ms: Positive = 10.0
    tau_syn_ms: Positive = 2.0

    @model_validator(mode="after")
    def _two_times(self) -> Self:
        if abs(self.tau_mem_ms - self.tau_syn_ms) < 1e-3 * self.tau_mem_ms:
            raise ValueError(
                f"tau_mem_ms and tau_syn_ms must differ by a thousandth at least, or p is no difference of two traces; "
                f"got {self.tau_mem_ms} and {self.tau_syn_ms}"
            )
        return self

    def traces(self) -> tuple[Trace, ...]:
        """Two traces of the arrivals, whose difference is the potential that they leave."""
        return (Trace("x", "pre", tau_ms=self.tau_syn_ms), Trace("slow", "pre", tau_ms=self.tau_mem_ms))

    def updates(self) -> tuple[Update, ...]:
        """One update in every step."""
        x, u, v = pre("x"), W * (1.0 / self.scale_mV), voltage() * (1.0 / self.unit_mV)
        psp = self.tau_syn_ms / (self.tau_mem_ms - self.tau_syn_ms) * (pre("slow") - x)
        e = x - v * u
        step = v * e + self.scale_mV / self.unit_mV * psp * post_sum(e * u)
        return (Update("step", W + MODULATOR * self.eta * STEP_ms * W * step),)
