"""How long, in what steps and from what windows a model is trained by backprop."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from snn._model import Described, NonNegative, Positive

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, le=1e6)]


class BackpropPlan(Described):
    """How a model is trained by backprop through time.

    The published plan (18,750 updates of 4 clips of 10 frames; Adam at 0.001, at 0.0001 for the second half) is
    ``BackpropPlan(updates=18750, batch=4, lr=1e-3, schedule="step")``. The defaults are scaled to small frames: fewer
    and larger batches, a rate that falls smoothly.

    Parameters
    ----------
    updates : int
        Steps of Adam.
    batch : int
        Windows in a step.
    n_frames : int
        Frames of a window; the network begins each at rest.
    lr : float
        Learning rate at the beginning.
    lr_end : float
        Learning rate at the end.
    schedule : {'cosine', 'step'}
        Fall along a half cosine, or at once after half of the updates.
    clip_norm : float, optional
        Longest gradient; longer ones are shortened to it.
    mirror : bool
        Whether half of the windows, by chance, are shown mirrored left to right: twice the data where there is little.
    noise : float
        For networks in milliseconds: standard deviation of what is added to the rates of active units in every sub-step,
        as a share of the root mean square of their channel. A network that learns with noise forgets disturbances
        sooner, such as those of its spiking form.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104; Adam: Kingma & Ba (2015),
    https://doi.org/10.48550/arXiv.1412.6980; the cosine: Loshchilov & Hutter (2017),
    https://doi.org/10.48550/arXiv.1608.03983.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"noise"})

    updates: Count = 1200
    batch: Count = 32
    n_frames: Annotated[int, Field(ge=2)] = 10
    lr: Rate = 2e-3
    lr_end: Rate = 1e-4
    schedule: Literal["cosine", "step"] = "cosine"
    clip_norm: Positive | None = None
    mirror: bool = False
    noise: NonNegative = 0.0

    def lr_at(self, progress: float) -> float:
        """Learning rate at a given share of the whole.

        Parameters
        ----------
        progress : float
            0 at the beginning, 1 at the end.

        Returns
        -------
        float
        """
        if self.schedule == "step":
            return self.lr if progress < 0.5 else self.lr_end
        return self.lr_end + (self.lr - self.lr_end) * 0.5 * (1.0 + math.cos(math.pi * progress))
