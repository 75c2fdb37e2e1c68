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
FULL_CIRCUIT = Minutes(3.9, 0.15)
FULL: Mapping[str, Minutes] = MappingProxyType(
    {
        "prednet": Minutes(5.9, 0.06),
        "average": Minutes(4.1, 0.07),
        "leaky": Minutes(4.0, 0.07),
        "milliseconds": Minutes(15.0, 0.2),
        "spikes": Minutes(9.9, 6.2),
        "unshared": Minutes(10.2, 6.6),
        "circuit": Minutes(7.0, 0.2),
        "local": FULL_CIRCUIT,
    }
    | {
        f"local-{name}": FULL_CIRCUIT
        for name in (
            "shared",
            "signed",
            "one-threshold",
            "no-lag-match",
            *(f"{bits}-bit" for bits in (16, 8, 4)),
            *(f"no-{cut}" for cut in CUTS),
        )
    }
    # A network of rates passes on every activity in every step; one of spikes, spikes. Not measured.
    | {"local-rates": Minutes(9 * FULL_CIRCUIT.make, 9 * FULL_CIRCUIT.ask)}
)
"""Frames of 24x24: medians of the full ladder, two workers side by side with other work; ablated circuits, by the circuit."""
