"""How long a ladder takes: what a network of each rung has taken, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Minutes(NamedTuple):
    """What a network takes, of one core.

    Attributes
    ----------
    make, ask : float
        To make and score it; and to ask it, and its controls, for one phenomenon.
    """

    make: float
    ask: float


QUICK: Mapping[str, Minutes] = MappingProxyType({})
FULL: Mapping[str, Minutes] = MappingProxyType({})
