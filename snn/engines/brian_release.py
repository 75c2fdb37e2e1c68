"""Short-term depression and facilitation in Brian2: its usual pair of event-driven equations, on a synapse of each source cell to itself.

One such synapse a cell stands for all that the cell has in the projection. It has the projection's delay, runs before the spikes are
delivered, and leaves in the cell what each of its spikes is worth in this step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snn.engines.brian_cell_text import CellText
from snn.short_term import ShortTerm
from snn.state import Array

BEFORE_DELIVERY = -1
"""Order within the slot of deliveries, whose own orders begin with 0."""


@dataclass(frozen=True)
class ReleaseText:
    """Short-term plasticity of a projection in Brian2's words.

    Attributes
    ----------
    amount : str
        Variable of the source cell: share of the weight that its spike delivers in this step.
    model : str
        Equations.
    on_pre : str
        What a spike does.
    """

    amount: str
    model: str
    on_pre: str


def release_text(short: ShortTerm, number: int, source: CellText) -> ReleaseText:
    """Write down short-term plasticity, and the variable that it needs into the text of the source cells.

    Parameters
    ----------
    short : ShortTerm
    number : int
        Place of the projection in the description.
    source : CellText

    Returns
    -------
    ReleaseText
    """
    amount = f"amount_{number}"
    source.equations.append(f"{amount} : 1  # share of the weight that a spike delivers in this step")
    source.after.append(f"{amount} = 0")
    share, facilitates = repr(short.utilisation), short.facilitation_ms > 0
    falls = f"du/dt = -u/({short.facilitation_ms!r}*ms) : 1 (event-driven)" if facilitates else "u : 1"
    rises = f"dx/dt = (1 - x)/({short.recovery_ms!r}*ms) : 1 (event-driven)"
    # The product makes a copy; ``found`` is kept for the state, since what is left over does not tell it where u is 1.
    used = ("found = 1.0*x", f"{amount}_post += u*x", "x -= u*x")
    on_pre = (f"u += {share}*(1 - u)" if facilitates else f"u = {share}", *used)
    return ReleaseText(amount, "\n".join((falls, rises, "found : 1  # x before the spike")), "\n".join(on_pre))


class Releasing:
    """The synapses that hold what the source cells of a projection have left.

    Parameters
    ----------
    name : str
        Of the projection.
    synapses : brian2.Synapses
        Of each source cell to itself, in their order.
    dt_s : float
        Step.
    """

    def __init__(self, name: str, synapses: Any, dt_s: float) -> None:
        self.name, self.synapses, self.dt_s = name, synapses, dt_s

    def _values(self, variable: str) -> Any:
        return self.synapses.variables[variable].get_value()

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over what cells have left.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        """
        x, u = (np.asarray(arrays[f"{key}/{self.name}"], dtype=np.float64) for key in ("resources", "utilised"))
        self._values("found")[:], self._values("u")[:], self._values("x")[:] = x, u, x - u * x
        self._values("lastupdate")[:] = np.asarray(arrays[f"arrived/{self.name}"], dtype=np.float64) * self.dt_s

    def dump(self) -> dict[str, Array]:
        """Copy out what `load` reads, under the keys of ``snn.state``."""
        when = np.round(self._values("lastupdate") / self.dt_s).astype(np.int64)
        return {
            f"resources/{self.name}": self._values("found").copy(),
            f"utilised/{self.name}": self._values("u").copy(),
            f"arrived/{self.name}": when,
        }
