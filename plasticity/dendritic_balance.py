"""Dendritic balance: inhibition that balances single branches, so that their potential is a coding error from which to learn."""

from __future__ import annotations

from typing import Literal

from snn._model import Finite, NonNegative, Positive
from snn.local import MODULATOR, SIGN, Expr, Rule, STEP_ms, Trace, Update, W, maximum, pre, signal, voltage


class BranchInput(Rule):
    """Input to a branch grows with the potential that its inhibition leaves while the cell is active.

    The target is one branch of a coding cell, with one input (or a few). In every step of ``dt``, with ``u`` the branch's potential
    above ``rest_mV`` and ``z`` the trace of the cell's spikes, a signal (``cell``):

        w <- w + modulator sign eta dt (unit_mV z u / max(floor_mV, w) - sign decay w)

    Where inhibition is balanced, ``u`` is ``w`` times what of the input no cell has told yet. So ``z u / w`` is the delta rule, and
    a cell is not taught what another one tells already. `BranchBalance` is the inhibition. With twice this rule's ``eta``, the same
    ``decay`` and weights of ``w**2 / unit_mV`` at birth, the cell's inhibition of its own branch stays ``w**2 / unit_mV``.

    Parameters
    ----------
    eta : float
        Pace, per millisecond.
    unit_mV : float
        Weight that stands for 1 in the code that is learned: a spike of the cell comes to tell ``w / unit_mV`` of the trace of
        arrivals.
    decay : float
        Loss in units of the gain; it sets the scale of weights, which balance leaves free.
    floor_mV : float
        Smallest weight by which the potential is divided.
    rest_mV : float
        Potential of a branch in balance.
    tau_ms : float
        Decay of the trace; that of the inhibition on the branch.

    References
    ----------
    Mikulasch, Rudelt & Priesemann (2021), https://doi.org/10.1073/pnas.2021925118, their learning by dendritic balance; division
    by the weight, decay and its ``decay`` of 0.005 are those of their code, https://github.com/Priesemann-Group/dendritic_balance,
    as is the floor, 0.002 of an input of 1.

    Notes
    -----
    *Departures.* A branch is a cell of a population of branches, whose potential follows its currents with a time constant; the
    paper's is their sum. It hears of the cell's spikes as a signal, and inhibition comes a step or more later. The input is
    spikes, or what a graded cell sends. Weights are magnitudes: what would be inhibitory input stays 0.
    """

    kind: Literal["branch_input"] = "branch_input"
    eta: NonNegative = 1e-4
    unit_mV: Positive = 0.1
    decay: NonNegative = 0.005
    floor_mV: Positive = 1e-3
    rest_mV: Finite = 0.0
    tau_ms: Positive = 10.0

    def traces(self) -> tuple[Trace, ...]:
        """Trace of the spikes of the cell to which the branch belongs."""
        return (Trace("cell", "signal", tau_ms=self.tau_ms),)

    def updates(self) -> tuple[Update, ...]:
        """One update in every step."""
        u: Expr = voltage() - self.rest_mV
        asked = SIGN * self.unit_mV * signal("cell") * u / maximum(W, self.floor_mV) - self.decay * W
        return (Update("step", W + MODULATOR * self.eta * STEP_ms * asked),)


class BranchBalance(Rule):
    """Inhibition of a branch, or of a whole cell, learns to leave nothing of what comes together with its source's spikes.

    In every step of ``dt``, with ``u`` the target's potential above ``rest_mV`` and ``z`` the trace of arrivals:

        w <- w + modulator eta dt (-sign z u - decay w)

    On the branches of a cell this is dendritic balance, and teaches `BranchInput`; on its soma it is somatic balance. An
    excitatory source learns to fill up what lacks.

    Parameters
    ----------
    eta : float
        Pace, per millisecond.
    decay, rest_mV
        As in `BranchInput`.
    tau_ms : float
        Decay of the trace; that of the receptor.

    References
    ----------
    Mikulasch, Rudelt & Priesemann (2021), https://doi.org/10.1073/pnas.2021925118, as in `BranchInput`.

    Notes
    -----
    *Departures.* As in `BranchInput`. Coding cells inhibit branches themselves, as the paper's do, so that their population is an
    inhibitory one.
    """

    kind: Literal["branch_balance"] = "branch_balance"
    eta: NonNegative = 2e-4
    decay: NonNegative = 0.005
    rest_mV: Finite = 0.0
    tau_ms: Positive = 10.0

    def traces(self) -> tuple[Trace, ...]:
        """Trace of arrivals."""
        return (Trace("z", "pre", tau_ms=self.tau_ms),)

    def updates(self) -> tuple[Update, ...]:
        """One update in every step."""
        u: Expr = voltage() - self.rest_mV
        return (Update("step", W - MODULATOR * self.eta * STEP_ms * (SIGN * pre("z") * u + self.decay * W)),)
