"""A bank of Gabor filters: the oldest model of V1, and what others are to be better than."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.errors import NeuralDataError, sentence

FloatArray = NDArray[np.float64]
WIDTH_PERIODS = 0.4
"""Standard deviation of the envelope in periods of the grating: about 1.5 octaves of bandwidth, as simple cells have."""


MOST_NUMBERS = 50_000_000
"""In the filters of a bank: 0.4 GB."""


class Bank(NamedTuple):
    """Pairs of filters a quarter of a period apart.

    Attributes
    ----------
    even, odd : ndarray, shape (n_filters, rows, cols)
        Of mean 0 and norm 1.
    theta_deg, period_px : ndarray, shape (n_filters,)
        Direction in which luminance changes, counterclockwise as in `snn.stimuli.drift` (0 rightward, 90 upward), and period.
    row, col : ndarray, shape (n_filters,)
        Middle, in pixels.
    """

    even: FloatArray
    odd: FloatArray
    theta_deg: FloatArray
    period_px: FloatArray
    row: FloatArray
    col: FloatArray

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.even)

    def energy(self, images: FloatArray) -> FloatArray:
        """Answer as complex cells do: the length of the answers of both filters of a pair.

        Parameters
        ----------
        images : ndarray, shape (..., rows, cols)

        Returns
        -------
        ndarray, shape (..., n_filters)

        References
        ----------
        Adelson & Bergen (1985), https://doi.org/10.1364/JOSAA.2.000284.
        """
        even, odd = np.split(self.linear(images), 2, axis=-1)
        found: FloatArray = np.hypot(even, odd)
        return found

    def linear(self, images: FloatArray) -> FloatArray:
        """Answer as simple cells do before they rectify: all even filters, then all odd ones.

        Parameters
        ----------
        images : ndarray, shape (..., rows, cols)

        Returns
        -------
        ndarray, shape (..., 2 * n_filters)
        """
        parts = [np.tensordot(images, filters, axes=([-2, -1], [1, 2])) for filters in (self.even, self.odd)]
        return np.concatenate(parts, axis=-1)


def gabor_bank(rows: int, cols: int, *, periods_px: tuple[float, ...] = (4.0, 8.0), n_directions: int = 8, spacing: float = 0.5) -> Bank:
    """Cover frames with Gabor filters.

    ``exp(-(u^2 + v^2) / 2 s^2) cos(2 pi u / period)`` and the same with a sine, with ``u`` along the direction of change, less
    what each answers to grey, scaled to norm 1.

    Parameters
    ----------
    rows, cols : int
        Of the frames.
    periods_px : tuple of float
        Periods, 3 pixels or more: with 2 there is no second phase.
    n_directions : int
        Directions, evenly over 180 degrees.
    spacing : float
        Distance of the middles in periods.

    Returns
    -------
    Bank

    Raises
    ------
    NeuralDataError
        If a period is finer than pixels or longer than the frame, there is no period or direction, or the bank would not fit into memory.

    References
    ----------
    Daugman (1985), https://doi.org/10.1364/JOSAA.2.001160; bandwidths: De Valois, Albrecht & Thorell (1982),
    https://doi.org/10.1016/0042-6989(82)90113-4.
    """
    if not periods_px or n_directions < 1 or not spacing > 0:
        got, allowed = (periods_px, n_directions, spacing), "one or more, >= 1, > 0"
        raise NeuralDataError(sentence("gabor_bank", "needs periods, directions and a distance", got=got, allowed=allowed))
    for period in periods_px:
        if not 3.0 <= period <= min(rows, cols):
            raise NeuralDataError(sentence("gabor_bank.periods_px", "is no period", got=period, allowed=f"3 to {min(rows, cols)} px"))
    middles = {period: (_middles(rows, spacing * period), _middles(cols, spacing * period)) for period in periods_px}
    n_numbers = 2 * rows * cols * n_directions * sum(len(r) * len(c) for r, c in middles.values())
    if n_numbers > MOST_NUMBERS:
        cure = "use smaller frames, longer periods or a larger spacing"
        raise NeuralDataError(
            sentence("gabor_bank", f"would have {n_numbers:,} numbers", allowed=f"{MOST_NUMBERS:,} at the most", cure=cure)
        )
    y, x = np.mgrid[:rows, :cols].astype(np.float64)
    filters, about = [], []
    for period in periods_px:
        for row in middles[period][0]:
            for col in middles[period][1]:
                for k in range(n_directions):
                    theta = math.pi * k / n_directions
                    u = (x - col) * math.cos(theta) - (y - row) * math.sin(theta)
                    envelope = np.exp(-((x - col) ** 2 + (y - row) ** 2) / (2.0 * (WIDTH_PERIODS * period) ** 2))
                    waves = (wave(2.0 * math.pi * u / period) for wave in (np.cos, np.sin))
                    filters.append([_balanced(envelope * wave, envelope) for wave in waves])
                    about.append((math.degrees(theta), period, row, col))
    both, told = np.array(filters), np.array(about)
    return Bank(both[:, 0], both[:, 1], *told.T)


def _balanced(wave: FloatArray, envelope: FloatArray) -> FloatArray:
    """Take from a wave as much of its envelope as makes grey nothing."""
    flat = wave - envelope * (wave.sum() / envelope.sum())
    return np.asarray(flat / np.linalg.norm(flat), dtype=np.float64)


def _middles(extent: int, spacing_px: float) -> FloatArray:
    """Places over an extent, evenly: the middles of as many equal parts as come nearest to the distance."""
    n = max(1, round(extent / spacing_px))
    return np.asarray((np.arange(n) + 0.5) * (extent / n) - 0.5, dtype=np.float64)
