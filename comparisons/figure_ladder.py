"""Figures of a ladder: what each rung adds to the error, and what each constraint changes of each phenomenon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np

from comparisons.figure_style import BOUNDARY, new_figure
from comparisons.figure_svg import styled, svg
from comparisons.ladder import Comparison
from comparisons.ladder_table import Change
from comparisons.statistics import t_interval
from comparisons.verdicts import GATE

WORSE, BETTER, WHOLE = "#c2703d", "#3d7f8a", "#6d6d6d"
"""None is the green or the red of a verdict."""
WRAP = 34
MOST_ERROR = 2.0
"""Of copying; what is above is drawn at the edge, with its number."""
MAP = "PuOr_r"


def waterfall_svg(comparisons: Sequence[Comparison], ratios: Mapping[str, Sequence[float]]) -> str:
    """Draw the error of each rung, and what it adds to that of the rung before.

    Parameters
    ----------
    comparisons : sequence of Comparison
        In the order of the ladder.
    ratios : mapping of str to sequence of float
        Error over that of copying, per rung and seed; rungs without any are left out.

    Returns
    -------
    str
        An SVG element.
    """
    shown = [c for c in comparisons if len(ratios.get(c.rung, ()))]
    with styled():
        figure = new_figure(7.2, 0.9 + 0.46 * len(shown))
        axes = figure.subplots()
        axes.axvline(GATE, color="#555555", lw=1.0, ls=(0, (4, 3)), zorder=0)
        axes.text(GATE, -0.72, f"gate {GATE:g}", fontsize=8, color="#555555", ha="center", va="bottom")
        for y, c in enumerate(shown):
            found = t_interval(list(ratios[c.rung]))
            mean = min(found.mean, MOST_ERROR)
            before = min(float(np.mean(ratios[c.after])), MOST_ERROR) if len(ratios.get(c.after, ())) else 0.0
            colour = WHOLE if not before else WORSE if mean > before else BETTER
            axes.barh(y, mean - before, left=before, height=0.56, color=colour, alpha=0.85, zorder=2)
            if y + 1 < len(shown):
                axes.plot([mean, mean], [y - 0.28, y + 1.28], color=BOUNDARY, lw=0.9, zorder=1)
            if not np.isnan(found.low) and found.mean <= MOST_ERROR:
                axes.plot([found.low, min(found.high, MOST_ERROR)], [y, y], color="#1a1a1a", lw=1.4, zorder=3, solid_capstyle="butt")
            end = mean if np.isnan(found.high) else min(found.high, MOST_ERROR)
            said = f"{found.mean:.2f}" + (" (bar is cut)" if found.mean > MOST_ERROR else "")
            axes.text(max(mean, before, end) + 0.015, y, said, fontsize=8.5, va="center", zorder=4)
        axes.set_yticks(range(len(shown)), [fill(_capital(c), WRAP) for c in shown], fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.5, -0.7)
        axes.set_xlim(0, None)
        axes.set_xlabel("error on films never seen / error of copying the last frame")
        return svg(figure, "error of every rung of the ladder, and what it adds to the rung before")


def _capital(c: Comparison) -> str:
    first = c.changes.split(":")[0]
    return first if not c.after else f"+ {c.changes}"


def heat_svg(comparisons: Sequence[Comparison], measures: Mapping[str, str], changes: Mapping[tuple[str, str], Change]) -> str:
    """Draw what every constraint changes of every measure; the shade is the mean as a share of the far end of its interval.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Down.
    measures : mapping of str to str
        Measure and its title, across.
    changes : mapping of (str, str) to Change
        Per rung and measure.

    Returns
    -------
    str
        An SVG element. Numbers are differences in the measure's own unit; bold and framed where they are sure, a dash where nothing
        can be compared.
    """
    rows = [c for c in comparisons if c.after]
    with styled():
        figure = new_figure(2.9 + 1.0 * len(measures), 1.15 + 0.42 * len(rows))
        axes = figure.subplots()
        shades = np.full((len(rows), len(measures)), np.nan)
        for i, c in enumerate(rows):
            for j, measure in enumerate(measures):
                change = changes.get((c.rung, measure))
                if change is None or change.interval is None or not change.comparable:
                    axes.text(j, i, "-", ha="center", va="center", fontsize=8, color="#777777")
                    continue
                wide = max(abs(change.interval.low), abs(change.interval.high)) if not np.isnan(change.interval.low) else 0.0
                shades[i, j] = change.interval.mean / wide if wide else 0.0
                text = f"{change.interval.mean:+.2g}" + (f"\n{change.effect}" if change.effect in ("breaks", "brings") else "")
                axes.text(j, i, text, ha="center", va="center", fontsize=8, fontweight="bold" if change.sure else "normal")
                if change.sure:
                    axes.plot(*_frame(j, i), color="#1a1a1a", lw=1.3, zorder=3)
        axes.imshow(shades, cmap=MAP, vmin=-1.6, vmax=1.6, aspect="auto")
        axes.set_xticks(range(len(measures)), [fill(title, 13) for title in measures.values()], fontsize=8)
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(rows)), [fill(c.changes, WRAP + 8) for c in rows], fontsize=8)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return svg(figure, "what every constraint changes of every measure")


def _frame(j: int, i: int) -> tuple[list[float], list[float]]:
    return [j - 0.47, j + 0.47, j + 0.47, j - 0.47, j - 0.47], [i - 0.46, i - 0.46, i + 0.46, i + 0.46, i - 0.46]
