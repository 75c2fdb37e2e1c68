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


CIRCUIT = Minutes(1.4, 0.2)
CUTS = ("feedback", "inhibition", "context", "transients", "persistence")
QUICK: Mapping[str, Minutes] = MappingProxyType(
    {
        "prednet": Minutes(2.4, 0.05),
        "average": Minutes(2.4, 0.05),
        "leaky": Minutes(1.9, 0.05),
        "milliseconds": Minutes(6.5, 0.2),
        "spikes": Minutes(1.6, 2.2),
        "unshared": Minutes(1.6, 2.2),
        "circuit": Minutes(2.6, 0.2),
        "local": CIRCUIT,
    }
)
"""Frames of 16x16, measured in the quick ladder, two workers side by side; but for `average` and `unshared`, which it leaves out."""
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
