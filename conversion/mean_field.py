"""What a network in milliseconds loses when its sub-steps become the steps of its spiking form: the cost of tracing.

A network is trained with sub-steps of 5 or 10 ms, within which rates are constant. Its spiking form runs at 1 ms, and so
does the circuit of rate units that it is made from, the mean field of the spikes. The two differ before any spike is made.
"""

from __future__ import annotations

import numpy as np
import torch

from conversion.activity import watch
from conversion.circuit import DT_MS, Circuit, FloatArray
from conversion.rate_spec import Timing
from conversion.timed_prednet import TimedPredNet
from snn.stimuli.movie import Movie

TINY = 1e-30
AGREE = 0.02
"""NRMSE up to which both count as the same."""
SHOWN, SETTLING = 10, 3
"""Frames shown, and those of them that are not compared: both begin at rest."""


def mean_field(model: TimedPredNet, circuit: Circuit, movie: Movie) -> dict[str, float]:
    """Compare a network in milliseconds with its circuit of rate units.

    Parameters
    ----------
    model : TimedPredNet
    circuit : Circuit
        As `conversion.trace.trace` gives it.
    movie : Movie
        Its first frames are shown, from rest.

    Returns
    -------
    dict of str to float
        Per population, root mean square of the difference of both means over sub-steps (over as few of them as are whole
        steps of the circuit), over the root mean square of the circuit's; 0 where both are silent.
    """
    shown = movie.part(0, min(SHOWN, movie.n_frames))
    many = _in_a_bin(model.timing)
    told = list(watch(circuit, shown, bin_ms=many * model.timing.step_ms))
    first = min(SETTLING, shown.n_frames - 1)
    memory, like = model.at_rest(1), next(model.parameters())
    missed: dict[str, float] = {}
    size: dict[str, float] = {}
    for t, frame in enumerate(shown.frames):
        with torch.no_grad():
            _, memory, populations = model.moments(torch.from_numpy(frame.copy()).to(like)[None, None], memory)
        if t < first:
            continue
        for name, x in populations.items():
            meant: FloatArray = told[t][name]
            steps = x[0].permute(0, 2, 3, 1).double().numpy()
            gap = steps.reshape(len(meant), many, *steps.shape[1:]).mean(axis=1) - meant
            missed[name] = missed.get(name, 0.0) + float((gap**2).sum())
            size[name] = size.get(name, 0.0) + float((meant**2).sum())
    return {name: float(np.sqrt(missed[name] / max(size[name], TINY))) for name in missed}


def _in_a_bin(timing: Timing) -> int:
    """The fewest sub-steps that are whole steps of the circuit and divide a frame."""
    fits = (k for k in range(1, timing.n_steps + 1) if timing.n_steps % k == 0 and (k * timing.step_ms) % DT_MS == 0)
    return next(fits, timing.n_steps)
