"""How long a ladder takes: what a network of each rung has taken."""

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


CIRCUIT = Minutes(1.5, 0.5)
CUTS = ("feedback", "inhibition", "context", "transients", "persistence")
QUICK: Mapping[str, Minutes] = MappingProxyType(
    {
        "prednet": Minutes(1.3, 0.2),
        "average": Minutes(1.3, 0.2),
        "leaky": Minutes(0.9, 0.2),
        "milliseconds": Minutes(6.0, 0.7),
        "spikes": Minutes(2.0, 4.0),
        "unshared": Minutes(2.0, 4.0),
        "circuit": Minutes(2.5, 0.5),
        "local": CIRCUIT,
    }
)
"""Frames of 16x16."""
PIXELS = (24 / 16) ** 2
FULL: Mapping[str, Minutes] = MappingProxyType(
    {name: Minutes(m.make * PIXELS, m.ask * PIXELS) for name, m in QUICK.items()}
    | {
        f"local-{name}": Minutes(CIRCUIT.make * PIXELS, CIRCUIT.ask * PIXELS)
        for name in (
            "shared",
            "signed",
            "one-threshold",
            "no-lag-match",
            *(f"{bits}-bit" for bits in (16, 8, 4)),
            *(f"no-{cut}" for cut in CUTS),
        )
    }
    # A network of rates passes on every activity in every step; one of spikes, spikes.
    | {"local-rates": Minutes(9 * CIRCUIT.make * PIXELS, 9 * CIRCUIT.ask * PIXELS)}
)
"""Frames of 24x24: those of 16x16, by the number of pixels; not measured."""
