"""Running means that a synapse keeps for itself."""

from __future__ import annotations

from collections.abc import Mapping

from snn.local import Expr, own


def followed(latest: Mapping[str, Expr], share: float) -> dict[str, Expr]:
    """Move variables of the synapse's own towards what is latest.

    Parameters
    ----------
    latest : mapping of str to Expr
        By name of the variable. One that follows 1 says how much of the mean has been seen, by which others are corrected for
        their beginning at 0.
    share : float
        Of the distance.

    Returns
    -------
    dict of str to Expr
    """
    return {name: own(name) + share * (value - own(name)) for name, value in latest.items()}
