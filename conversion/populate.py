"""Units become populations of copies that share their synaptic currents, wired copy to copy."""

from __future__ import annotations

import numpy as np

from conversion.circuit import Circuit, FloatArray, rebuilt
from snn.errors import ConversionError, sentence
from snn.state import Array


def populate(circuit: Circuit, copies: int, fan_in: int | None = None) -> Circuit:
    """Make ``copies`` cells of every unit.

    One stored weight serves all pairs of copies of two units. With ``fan_in`` below ``copies`` each cell hears only every
    ``copies / fan_in``-th copy of a source: copies are later staggered in their order, so those that one cell hears are
    spread evenly over the stagger.

    Parameters
    ----------
    circuit : Circuit
        Of units without copies.
    copies : int
        Cells for each unit.
    fan_in : int, optional
        Copies of a source unit that reach one cell; all of them when left out.

    Returns
    -------
    Circuit
        With the same rates.

    Raises
    ------
    ConversionError
        If there are copies already, or a number is out of range.
    """
    fan_in = copies if fan_in is None else fan_in
    if not 1 <= copies <= 1024:
        raise ConversionError(sentence("copies", "is no number of copies", got=copies, allowed="1 to 1024"))
    if fan_in < 1 or copies % fan_in:
        raise ConversionError(sentence("fan_in", "must divide the number of copies", got=fan_in, allowed=f"a divisor of {copies}"))
    network = circuit.network
    have = next((p.name for p in network.populations if p.copies > 1), None)
    if have is not None:
        raise ConversionError(sentence(have, "has copies already", cure="populate a circuit once, as the last step before cells"))
    pools = copies // fan_in
    populations = [p.model_copy(update={"copies": copies, "pools": pools}) for p in network.populations]
    listed = [(j, circuit.weights(j.name) / fan_in) for j in network.projections]
    arrays: dict[str, Array] = {f"bias/{p.name}": np.repeat(circuit.bias(p.name), copies) for p in network.populations if p.biased}
    return rebuilt(circuit, populations, listed, arrays)


def stagger(copies: int) -> FloatArray:
    """Phases of the copies of a unit, evenly spread over one spike.

    Parameters
    ----------
    copies : int

    Returns
    -------
    ndarray, shape (copies,)
        ``(k + 1/2) / copies``.
    """
    phases: FloatArray = (np.arange(copies) + 0.5) / copies
    return phases


def halfway(copies: int) -> FloatArray:
    """Phases of copies that do not differ: all half a spike from the reset, which rounds without bias.

    Parameters
    ----------
    copies : int

    Returns
    -------
    ndarray, shape (copies,)
    """
    return np.full(copies, 0.5)
