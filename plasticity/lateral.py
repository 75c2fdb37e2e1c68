"""What replaces weight sharing: in sleep, cells of one kind are drawn to what they all answer on average."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from snn._model import Positive
from snn.local import MODULATOR, SIGN, Const, Rule, State, Trace, Update, W, maximum, minimum, own, post, post_sum, signal


class LateralEqualising(Rule):
    """Anti-Hebbian learning about the lateral mean, tagged where a pattern is and written when it has been everywhere.

    In a frame of sleep a pattern comes to one site after another, whose cell is held in an up state for so long and is silent
    otherwise. Each arrival while the cell is up tags the synapse:

        e <- e + min(u, 1)

    with ``u`` a short trace of the spikes that hold the cell up. At the end of the frame ``z`` is the number of spikes with
    which the cell has answered, and two pools have told everybody how many spikes all cells of its kind have answered with
    (``all``), and how many have held them up (``sites``), in one unit. With ``n`` the spikes that held this cell up,
    ``zbar = n all / sites`` is what cells answer on average, and

        w <- w - modulator sign eta grain_mV (z - zbar) e / (c + sum over the cell's synapses of e^2)

    ``sign`` is the synapse's transmitter. Tags begin anew.

    Parameters
    ----------
    eta : float
        Share of the difference from the mean that one pattern removes.
    grain_mV : float
        Weight for which one arrival makes the cell answer with one spike.
    c : float
        Floor of the normaliser, in squared arrivals.
    tau_up_ms : float
        Decay of the trace that tells that the cell is up.

    References
    ----------
    Dynamic weight sharing: Pogodin, Mehta, Lillicrap & Latham (2021), https://doi.org/10.48550/arXiv.2106.13031.
    Tagging and capture: Frey & Morris (1997), https://doi.org/10.1038/385533a0.

    Notes
    -----
    *Departures.* The paper shows a pattern to all cells of a pool at once, which fields that overlap do not allow: here it
    comes to one site after another, and a tag waits for the mean. The mean is told by pools as a signal; it is not
    subtracted in the membrane by inhibition. The paper's term that pulls weights back to those before the sleep is left
    out: it keeps the mean of the weights where it is, which an exact mean does by itself.
    """

    kind: Literal["lateral_equalising"] = "lateral_equalising"
    eta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    grain_mV: Positive = 0.3
    c: Positive = 1.0
    tau_up_ms: Positive = 2.0

    def traces(self) -> tuple[Trace, ...]:
        """Spikes of the frame: the cell's own, those that hold it up, and what the pools tell; and whether it is up now."""
        return (
            Trace("z", "post", frame="sum"),
            Trace("u", "signal", tau_ms=self.tau_up_ms, of="up"),
            *(Trace(name, "signal", frame="sum") for name in ("up", "all", "sites")),
        )

    def states(self) -> tuple[State, ...]:
        """Arrivals of the frame while the cell was up."""
        return (State("tag"),)

    def updates(self) -> tuple[Update, ...]:
        """Tags at arrivals, weights at the end of a frame."""
        tag = own("tag")
        mean = signal("up") * signal("all") / maximum(signal("sites"), 1.0)
        step = MODULATOR * SIGN * self.eta * self.grain_mV * (post("z") - mean) / (self.c + post_sum(tag * tag))
        return (
            Update("pre_spike", None, {"tag": tag + minimum(signal("u"), 1.0)}),
            Update("frame_end", W - step * tag, {"tag": Const(0.0)}),
        )
