"""Errors as potentials: a dendrite in which what comes meets what was foretold teaches, and no error cell does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._delta import normalised
from snn._model import Positive
from snn.local import Rule, Trace, Update, voltage


class ApicalError(Rule):
    """Normalised delta rule whose error is the potential of the target cell's own dendrite, once a frame.

    The dendrite is excited by what is to be foretold and inhibited by what the cell itself foretells, so that its potential ``D`` at the
    end of a frame is what of the frame was not foretold, of either sign. With ``x`` the frame mean of the presynaptic trace:

        w <- (1 - decay) w + modulator sign eta D x / (c + sum over the cell's synapses of x^2)

    Parameters
    ----------
    eta : float
        Share of the error that one frame's update would remove on its own input, at a modulator of 1.
    c : float
        Floor of the normaliser, in squared trace units.
    decay : float
        Share of the weight lost per frame.
    tau_pre_ms : float
        Decay of the presynaptic trace; that of the receptor it lands on.
    late : bool
        Whether of the presynaptic trace only the second half of a frame counts.

    References
    ----------
    Errors in apical dendrites: Sacramento, Costa, Bengio & Senn (2018), https://doi.org/10.48550/arXiv.1810.11393; predictive coding
    without error cells: Mikulasch, Rudelt, Wibral & Priesemann (2023), https://doi.org/10.1016/j.tins.2022.09.007. Normalisation:
    Nagumo & Noda (1967), https://doi.org/10.1109/TAC.1967.1098599.

    Notes
    -----
    *Departures.* In both papers the soma hears of the dendrite; here it does not (`TwoCompartment` with a ``coupling`` of 0), since what
    comes must not move its own forecast. The error is taken at the end of a frame; `TwoCompartment.tau_dend_ms` says over how long it is
    a mean.
    """

    kind: Literal["apical_error"] = "apical_error"
    eta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    c: Positive = 4.0
    decay: Annotated[float, Field(ge=0, lt=1)] = 1e-5
    tau_pre_ms: Positive = 20.0
    late: bool = True

    def traces(self) -> tuple[Trace, ...]:
        """Frame mean of the presynaptic trace."""
        return (Trace("x", "pre", tau_ms=self.tau_pre_ms, frame="mean", late=self.late),)

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        return (normalised(self.eta, voltage("dendrite"), 1.0, self.c, self.decay),)
