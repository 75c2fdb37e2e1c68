"""The normalised delta rule: what rules have in common that differ in where they take their error from."""

from __future__ import annotations

from snn.local import MODULATOR, SIGN, Expr, Update, W, post_sum, pre


def normalised(eta: float, error: Expr, share: Expr | float, c: float, decay: float) -> Update:
    """Move weights so that they would have missed by less, whatever the input is like, at the end of a frame.

    Parameters
    ----------
    eta : float
        Share of the error that one update would remove on its own input, at a modulator of 1.
    error : Expr
        Of the target, as the synapse sees it.
    share : Expr or float
        Part of it for which the target answers.
    c : float
        Floor of the normaliser, in squared units of the trace.
    decay : float
        Share of the weight lost per frame.

    Returns
    -------
    Update
        It reads the presynaptic trace ``x``.
    """
    x = pre("x")
    step = MODULATOR * SIGN * eta * error * share / (c + post_sum(x * x))
    return Update("frame_end", W * (1.0 - decay) + step * x)
