"""From a trained model to a circuit of rate units, or a refusal that names what has no form in spikes."""

from __future__ import annotations

from torch import nn

from conversion.circuit import Circuit
from conversion.rate_prednet import RatePredNet
from conversion.rate_rnn import RateRNN
from conversion.timed_prednet import TimedPredNet
from conversion.trace_layers import trace_layers
from conversion.trace_prednet import trace_prednet
from conversion.trace_rnn import trace_rnn
from snn.errors import ConversionError, sentence

GATES = {
    "convlstm": "multiplies its memory with gates (ConvLSTM)",
    "sublstm": "multiplies its memory with a forget gate, and passes it, signed, through a sigmoid (subLSTM)",
}
FIXED = "passes a signed memory through a sigmoid, which saturates on both sides (subLSTM with a fixed forget gate)"


def trace(model: nn.Module, input_size: tuple[int, int] | None = None) -> Circuit:
    """Write a trained rate model as a circuit of rate units.

    Parameters
    ----------
    model : Module
        A `TimedPredNet`, a `RateRNN`, or a feed-forward `Sequential`.
    input_size : (int, int), optional
        Rows and columns of the images of a feed-forward network.

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
    if isinstance(model, RateRNN):
        return trace_rnn(model)
    if isinstance(model, nn.Sequential):
        if input_size is None:
            raise ConversionError(
                sentence("input_size", "is needed for a feed-forward network", cure="give rows and columns of its images")
            )
        return trace_layers(model, input_size)
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
    raise ConversionError(sentence(f"model ({type(model).__name__})", "cannot be traced", allowed="TimedPredNet, RateRNN or Sequential"))
