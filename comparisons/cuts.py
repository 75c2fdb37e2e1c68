"""Cuts of photographs that nobody learned from, alike in mean and contrast, so that they differ in nothing but their pattern."""

from __future__ import annotations

import numpy as np

from comparisons.responder import FloatArray
from snn.stimuli.drift import photographs

GREY = 0.5
"""Luminance between the stimuli, and mean of every cut."""
RMS = 0.15
"""Standard deviation of luminance over the pixels of every cut."""
FLAT = 0.03
"""A cut with less contrast of its own is sky or shadow: to raise it would show the steps of its 8 bits."""


def place_for(side: int, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Draw a place for an object, 3 px or more from the border where there is room, else in the middle.

    Parameters
    ----------
    side : int
        Of the object.
    size : (int, int)
        Rows and columns of a frame.
    rng : numpy.random.Generator

    Returns
    -------
    (int, int)
        Row and column of its upper left pixel.
    """
    top, left = (int(rng.integers(3, n - side - 2)) if n - side > 6 else (n - side) // 2 for n in size)
    return top, left


def round_on_grey(cut: FloatArray, size: tuple[int, int], place: tuple[int, int]) -> FloatArray:
    """Show the round middle of a square cut on grey.

    Parameters
    ----------
    cut : ndarray, shape (side, side)
    size : (int, int)
        Rows and columns of a frame.
    place : (int, int)
        Row and column of the upper left pixel of the cut.

    Returns
    -------
    ndarray, shape (rows, cols)
    """
    side, (top, left) = len(cut), place
    down, right = np.indices((side, side)) - (side - 1) / 2
    shown = np.full(size, GREY)
    shown[top : top + side, left : left + side] += np.clip(side / 2 - np.hypot(down, right), 0.0, 1.0) * (cut - GREY)
    return shown


def matched_cuts(n: int, size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Cut pieces out of the photographs kept for testing and give them all the same mean and contrast.

    Parameters
    ----------
    n : int
    size : (int, int)
        Rows and columns of a cut.
    rng : numpy.random.Generator
        Draws photographs and places.

    Returns
    -------
    ndarray, shape (n, rows, cols)
        Each with mean `GREY` and standard deviation `RMS`; cuts that would leave [0, 1] are drawn anew.
    """
    images = list(photographs(True).values())
    found: list[FloatArray] = []
    while len(found) < n:
        image = images[int(rng.integers(len(images)))]
        top, left = (int(rng.integers(0, whole - part + 1)) for whole, part in zip(image.shape, size, strict=True))
        cut = image[top : top + size[0], left : left + size[1]]
        spread = float(cut.std())
        if spread < FLAT:
            continue
        shown = GREY + RMS * (cut - cut.mean()) / spread
        if shown.min() >= 0.0 and shown.max() <= 1.0:
            found.append(shown)
    return np.stack(found)
