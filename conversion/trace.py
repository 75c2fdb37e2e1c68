"""From a trained model to a circuit of rate units, or a refusal that names what has no form in spikes."""

from __future__ import annotations

from torch import nn

from conversion.circuit import Circuit
from conversion.rate_prednet import RatePredNet
from conversion.timed_prednet import TimedPredNet
from conversion.trace_prednet import trace_prednet
from snn.errors import ConversionError, sentence

GATES = {
    "convlstm": "multiplies its memory with gates (ConvLSTM)",
    "sublstm": "multiplies its memory with a forget gate and is signed (subLSTM)",
}


def trace(model: nn.Module) -> Circuit:
    """Write a trained rate model as a circuit of rate units.

    Parameters
    ----------
    model : Module
        A `TimedPredNet`.

    Returns
    -------
    Circuit

    Raises
    ------
    ConversionError
        If the model has an operation that cells cannot do: multiplication by a gate, a maximum over inputs, steps of a frame.
    """
    if isinstance(model, TimedPredNet):
        return trace_prednet(model)
    if isinstance(model, RatePredNet):
        spec = model.spec
        cure = "distil it into the leaky network in milliseconds (spiking-prednet distil), then convert that"
        if spec.cell in GATES:
            raise ConversionError(
                sentence(f"model.cells ({spec.cell})", f"{GATES[spec.cell]}, which no cell under Dale's law does", cure=cure)
            )
        if spec.pooling == "max":
            raise ConversionError(sentence("model.pooling (max)", "takes a maximum over cells, which no synapse does", cure=cure))
        raise ConversionError(sentence("model.timing", "is missing: it runs frame by frame, without synapses", cure=cure))
    raise ConversionError(sentence(f"model ({type(model).__name__})", "cannot be traced", allowed="TimedPredNet"))
