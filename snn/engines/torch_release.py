"""Short-term depression and facilitation of one projection on tensors, batched over clips."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from snn.engines.plain_release import ReleaseLaw
from snn.state import NEVER, Array


class Left(NamedTuple):
    """What source cells have left; tensors of shape (batch, n_pre).

    Attributes
    ----------
    x, u : Tensor
        Resources after what happened in the step ``when``, and the share of them that it used.
    when : Tensor
        Step of the last spike to arrive; where gradients flow, the last step.
    found : Tensor
        Resources before the last spike.
    """

    x: Tensor
    u: Tensor
    when: Tensor
    found: Tensor

    def detached(self) -> Left:
        """Cut the graph: gradients do not reach further back."""
        return Left(*(t.detach() for t in self))

    def dump(self, name: str) -> dict[str, Array]:
        """Copy out what `held` reads, of the first clip, under the keys of ``snn.state``.

        Parameters
        ----------
        name : str
            Of the projection.

        Returns
        -------
        dict of str to ndarray, shape (n_pre,)
        """
        found, u = (t[0].cpu().numpy().astype(np.float64) for t in (self.found, self.u))
        return {f"resources/{name}": found, f"utilised/{name}": u, f"arrived/{name}": self.when[0].cpu().numpy().copy()}


def held(arrays: Mapping[str, Array], name: str, like: Tensor) -> Left:
    """Read what source cells have left from a state, for a batch of one.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Under the keys of ``snn.state``.
    name : str
        Of the projection.
    like : Tensor
        Gives device and kind of number.

    Returns
    -------
    Left
    """
    found, u = (torch.from_numpy(np.array(arrays[f"{key}/{name}"])).to(like.device, like.dtype)[None] for key in ("resources", "utilised"))
    when = torch.from_numpy(np.array(arrays[f"arrived/{name}"])).to(like.device, torch.int64)[None]
    return Left(found - u * found, u, when, found)


def all_left(batch: int, n: int, dtype: torch.dtype, device: torch.device) -> Left:
    """Give what cells have left that have sent nothing yet.

    Parameters
    ----------
    batch, n : int
        Clips and cells.
    dtype : dtype
        Of torch.
    device : device
        Of torch.

    Returns
    -------
    Left
        Tensors of shape (batch, n).
    """
    one = torch.ones(batch, n, dtype=dtype, device=device)
    return Left(one, torch.zeros_like(one), torch.full((batch, n), NEVER, dtype=torch.int64, device=device), one)


def use(law: ReleaseLaw, arrived: Tensor, left: Left, n: int) -> tuple[Tensor, Left]:
    """Let the spikes of a step use resources.

    Where gradients flow, resources and u are brought up in every step, for all cells, so that a spike that nearly came counts there with
    the slope of its surrogate. Where none do, they are brought up at spikes alone, to the bit as often as a state is saved between.

    Parameters
    ----------
    law : ReleaseLaw
    arrived : Tensor, shape (batch, n_pre)
        Spikes that reach the synapses in this step.
    left : Left
        Before.
    n : int
        Number of the step.

    Returns
    -------
    amounts : Tensor, shape (batch, n_pre)
        Each spike times the share of the weight that it delivers.
    left : Left
        After.
    """
    gap = (n - left.when).to(left.x.dtype)
    x = 1.0 + (left.x - 1.0) * torch.exp(-gap * law.recovery)
    fallen = left.u * torch.exp(-gap * law.facilitation) if math.isfinite(law.facilitation) else torch.zeros_like(left.u)
    u = law.utilisation + fallen * (1.0 - law.utilisation)
    now = torch.full_like(left.when, n)
    if arrived.requires_grad or left.x.requires_grad:
        return arrived * (u * x), Left(x - arrived * (u * x), fallen + arrived * (u - fallen), now, x)
    fired = arrived > 0
    after = (x - u * x, u, now, x)
    return arrived * (u * x), Left(*(torch.where(fired, new, old) for new, old in zip(after, left, strict=True)))
