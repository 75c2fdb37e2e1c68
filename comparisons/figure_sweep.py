"""Figure of a sweep: every setting as a line over all that was set and measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.figure_style import BOUNDARY, new_figure
from comparisons.figure_svg import styled, svg
from comparisons.statistics import short

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MAP = "viridis_r"
"""Dark is little error."""
MOST_TICKS = 6
LEAST_GAP = 0.055
"""Between two marks of an axis."""
LOG_SPAN = 10.0
"""Numbers above 0 that span more are laid out by their logarithm."""
MARGIN = 0.04
"""Above and below the values of an axis, of their range."""


def parallel_svg(table: pd.DataFrame, columns: Sequence[str], measures: Sequence[str]) -> str:
    """Draw the settings of a sweep over parallel axes, shaded by the first measure; what was done with several seeds as their mean.

    Parameters
    ----------
    table : DataFrame
        Of a sweep; runs that are not done are left out.
    columns : sequence of str
        What was varied: an axis each, numbers by value (by their logarithm where they span a factor of 10), words in order.
    measures : sequence of str
        An axis each, after those.

    Returns
    -------
    str
        An SVG element; empty where nothing is done.
    """
    done = table[(table["status"] == "done") & table[list(measures)].notna().all(axis=1)]
    if not len(done):
        return ""
    means = done.groupby(list(columns), sort=False, dropna=False)[list(measures)].mean().reset_index()
    names = [*columns, *measures]
    with styled():
        figure = new_figure(1.9 * max(3, len(names)) + 0.6, 3.8)
        axes = figure.subplots()
        heights = []
        for x, name in enumerate(names):
            height, ticks = _axis(means[name].tolist())
            heights.append(height)
            axes.axvline(x, color=BOUNDARY, lw=1.0, zorder=0)
            for y, text in ticks:
                axes.text(x - 0.03, y, text, fontsize=8, ha="right", va="center", zorder=4)
        _lines(axes, np.array(heights).T, means[measures[0]].to_numpy(float))
        axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=8.5)
        axes.set_yticks([])
        axes.set_xlim(-0.45, len(names) - 0.85)
        axes.set_ylim(-0.06, 1.06)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return svg(figure, f"{len(means)} settings over {', '.join(names)}")


def _axis(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """Place values between 0 and 1, with some marks."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        words = list(dict.fromkeys(map(str, values)))
        places = {word: (k + 0.5) / len(words) for k, word in enumerate(words)}
        return [places[str(v)] for v in values], [(y, word) for word, y in places.items()]
    x = np.array(values, float)
    shown = _spread(x)
    low, wide = float(shown.min()), float(np.ptp(shown)) or 1.0
    heights = MARGIN + (1 - 2 * MARGIN) * (shown - low) / wide if np.ptp(shown) else np.full(len(x), 0.5)
    known = np.unique(x)
    marked = known if len(known) <= MOST_TICKS else known[np.linspace(0, len(known) - 1, MOST_TICKS).round().astype(int)]
    ticks: list[tuple[float, str]] = []
    for v in marked:
        y = float(heights[np.flatnonzero(x == v)[0]])
        if not ticks or y - ticks[-1][0] >= LEAST_GAP:
            ticks.append((y, short(float(v))))
    return list(map(float, heights)), ticks


def _spread(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log10(x) if x.min() > 0 and x.max() / x.min() > LOG_SPAN else x


def _lines(axes: Any, heights: NDArray[np.float64], shade: NDArray[np.float64]) -> None:
    from matplotlib import colormaps

    shade = _spread(shade)
    low, wide = float(shade.min()), float(np.ptp(shade)) or 1.0
    order = np.argsort(-shade)  # the best are drawn last, over the others
    for row in order:
        axes.plot(range(heights.shape[1]), heights[row], color=colormaps[MAP](1 - (shade[row] - low) / wide), lw=1.6, alpha=0.85)
