"""What rules of pairs of spikes share: a trace on each side."""

from __future__ import annotations

from snn._model import Positive
from snn.local import Rule, Trace


class PairRule(Rule):
    """A rule that sees a trace ``x`` of arrivals and a trace ``y`` of the target's spikes."""

    tau_plus_ms: Positive = 20.0
    tau_minus_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """One trace on each side."""
        return (Trace("x", "pre", tau_ms=self.tau_plus_ms), Trace("y", "post", tau_ms=self.tau_minus_ms))
