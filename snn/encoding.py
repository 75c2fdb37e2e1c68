"""The retina: from a movie to the currents (or spike probabilities) of the first cells.

Graded signals exist only inside the eye: photoreceptors, horizontal and bipolar cells. What leaves it is spikes.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from snn._model import Described, Positive

FloatArray = NDArray[np.float64]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd, so that the square has a middle")
    return value


class Channel(NamedTuple):
    """One output of the retina: how many features it has, and whether it is a current or a spike probability."""

    features: int
    stochastic: bool


CHANNELS = {
    "change": Channel(2, False),
    "luminance": Channel(1, False),
    "contrast": Channel(2, False),
    "transient": Channel(2, False),
    "regular": Channel(2, False),
    "poisson": Channel(2, True),
}


class Retina(Described):
    """What each channel sends to the cells that it drives.

    ========== ============================================================================================
    channel    features, and current in mV for luminance x in [0, 1]
    ========== ============================================================================================
    change     brighter, darker: ``+-(x - grey) luminance_mV``; with change-coding cells, sigma-delta spikes
    luminance  ``x luminance_mV``, as it is
    contrast   on, off: ``+-(x - surround mean) contrast_gain luminance_mV``
    transient  on, off: ``+-(x_t - x_{t-1}) transient_gain luminance_mV``; zero in the first frame of a clip
    regular    bright, dark: ``x`` and ``1 - x`` times ``luminance_mV`` (plain rate coding, an ablation)
    poisson    bright, dark: spike probability a step ``x`` and ``1 - x`` times ``poisson_rate_Hz dt`` (ablation)
    ========== ============================================================================================

    Parameters
    ----------
    luminance_mV : float
        Current that stands for the step from black to white.
    grey : float
        Luminance to which the eye is adapted when a clip begins.
    surround_px : int
        Side of the square over which the surround mean is taken (cut at the border of the frame).
    contrast_gain, transient_gain : float
        Gains of the two channels.
    poisson_rate_Hz : float
        Rate for full luminance.

    References
    ----------
    Sigma-delta: Yoon (2017), https://doi.org/10.1109/TNNLS.2016.2526029. Centre-surround and transient cells:
    Masland (2012), https://doi.org/10.1016/j.neuron.2012.10.002.
    """

    luminance_mV: Positive = 32.0
    grey: Annotated[float, Field(ge=0, le=1)] = 0.45
    surround_px: Annotated[int, Field(ge=3), AfterValidator(_odd)] = 5
    contrast_gain: Positive = 0.5
    transient_gain: Positive = 0.5
    poisson_rate_Hz: Positive = 200.0

    def encode(self, frames: FloatArray, before: FloatArray | None, channel: str) -> FloatArray:
        """Compute one channel for consecutive frames.

        Parameters
        ----------
        frames : ndarray, shape (n_frames, rows, cols)
            Luminance in [0, 1].
        before : ndarray, shape (rows, cols), or None
            The frame shown before the first one; None at the beginning of a clip.
        channel : str
            A name in ``CHANNELS``.

        Returns
        -------
        ndarray, shape (n_frames, rows, cols, features)
            Current in mV, or for ``poisson`` a rate in Hz.
        """
        if channel == "luminance":
            return frames[..., np.newaxis] * self.luminance_mV
        if channel == "regular":
            return np.stack([frames, 1.0 - frames], axis=-1) * self.luminance_mV
        if channel == "poisson":
            return np.stack([frames, 1.0 - frames], axis=-1) * self.poisson_rate_Hz
        if channel == "change":
            signed = (frames - self.grey) * self.luminance_mV
        elif channel == "contrast":
            signed = (frames - box_mean(frames, self.surround_px)) * (self.contrast_gain * self.luminance_mV)
        else:
            earlier = np.concatenate([frames[:1] if before is None else before[None], frames[:-1]])
            signed = (frames - earlier) * (self.transient_gain * self.luminance_mV)
        return np.stack([signed, -signed], axis=-1)


def box_mean(frames: FloatArray, side: int) -> FloatArray:
    """Average every pixel's square neighbourhood, cut at the border.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, rows, cols)
    side : int
        Side of the square, odd.

    Returns
    -------
    ndarray, shape (n_frames, rows, cols)
    """
    half = side // 2
    rows, cols = frames.shape[1:]
    total = np.zeros((frames.shape[0], rows + 1, cols + 1))
    total[:, 1:, 1:] = frames.cumsum(axis=1).cumsum(axis=2)
    r0, r1 = np.maximum(np.arange(rows) - half, 0), np.minimum(np.arange(rows) + half + 1, rows)
    c0, c1 = np.maximum(np.arange(cols) - half, 0), np.minimum(np.arange(cols) + half + 1, cols)
    sums = total[:, r1][:, :, c1] - total[:, r0][:, :, c1] - total[:, r1][:, :, c0] + total[:, r0][:, :, c0]
    mean: FloatArray = sums / ((r1 - r0)[:, None] * (c1 - c0)[None, :])
    return mean
