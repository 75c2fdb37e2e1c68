"""What moves in a network of the torch engine, and what a frame of it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass
class Motion:
    """Everything that moves, per population; tensors of shape (batch, n).

    Attributes
    ----------
    v, a, last, total : dict of str to Tensor
        Membrane, adaptation, step of the last spike, spikes sent since the clip began.
    g : dict of (str, str) to Tensor
        Current of each receptor.
    flight : dict of str to list of Tensor
        What was sent in the last steps, latest last.
    step : int
        Steps done.
    """

    v: dict[str, Tensor]
    a: dict[str, Tensor]
    last: dict[str, Tensor]
    total: dict[str, Tensor]
    g: dict[tuple[str, str], Tensor]
    flight: dict[str, list[Tensor]]
    step: int = 0

    def detached(self) -> Motion:
        """Cut the graph: gradients do not reach further back."""

        def cut(tensors: dict[Any, Tensor]) -> dict[Any, Tensor]:
            return {k: t.detach() for k, t in tensors.items()}

        flight = {k: [t.detach() for t in line] for k, line in self.flight.items()}
        return Motion(cut(self.v), cut(self.a), cut(self.last), cut(self.total), cut(self.g), flight, self.step)


@dataclass(frozen=True, eq=False)
class FrameSums:
    """What every population sent in a frame.

    Attributes
    ----------
    counts, late : dict of str to Tensor, shape (batch, n)
        Spikes; and each weighted by the share of the frame's second half that follows it.
    sent : list of dict of str to Tensor
        Step by step; empty unless asked for.
    """

    counts: dict[str, Tensor]
    late: dict[str, Tensor]
    sent: list[dict[str, Tensor]]
