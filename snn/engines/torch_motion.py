"""What moves in a network of the torch engine, and what a frame of it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from snn.engines.torch_release import Left


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
    left : dict of str to Left
        What source cells have left, of each projection with short-term plasticity.
    """

    v: dict[str, Tensor]
    a: dict[str, Tensor]
    last: dict[str, Tensor]
    total: dict[str, Tensor]
    g: dict[tuple[str, str], Tensor]
    flight: dict[str, list[Tensor]]
    step: int = 0
    left: dict[str, Left] = field(default_factory=dict)

    def detached(self) -> Motion:
        """Cut the graph: gradients do not reach further back."""

        def cut(tensors: dict[Any, Tensor]) -> dict[Any, Tensor]:
            return {k: t.detach() for k, t in tensors.items()}

        flight = {k: [t.detach() for t in line] for k, line in self.flight.items()}
        left = {k: held.detached() for k, held in self.left.items()}
        return Motion(cut(self.v), cut(self.a), cut(self.last), cut(self.total), cut(self.g), flight, self.step, left)


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
