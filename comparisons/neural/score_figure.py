"""Figure of scores: every population beside what needs no model, and the most that could be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from comparisons.figure_battery import COLOURS, POINTS
from comparisons.figure_style import BOUNDARY, new_figure
from comparisons.figure_svg import styled, svg
from comparisons.neural.score_tables import ceilings, measures_of
from comparisons.neural.scores import MEASURES, Target
from comparisons.neural.scoring import PopulationScores, intervals

GREY = "#6d6d6d"
ROW_IN = 0.21
RANGE = (-1.0, 1.5)
"""Of scores that are drawn; intervals end at its ends."""


def score_svg(target: Target, rows: Sequence[PopulationScores]) -> str:
    """Draw every score: full marks learned, hollow ones before; a line is the 95 % interval over stimuli.

    Parameters
    ----------
    target : Target
    rows : sequence of PopulationScores

    Returns
    -------
    str
        An SVG element.
    """
    names = list(dict.fromkeys(row.model for row in rows if row.role in ("model", "untrained")))
    lines = list(dict.fromkeys((row.model, row.population) for row in rows))
    here, most = measures_of(rows), ceilings(target)
    with styled():
        figure = new_figure(2.2 + 2.3 * len(here), 0.95 + ROW_IN * len(lines))
        for k, (axes, measure) in enumerate(zip(np.atleast_1d(figure.subplots(1, len(here), sharey=True)), here, strict=True)):
            ceiling = most.get(measure, math.nan)
            if not math.isnan(ceiling):
                axes.axvline(ceiling, color="#555555", lw=1.1, ls=(0, (4, 3)), zorder=0)
                axes.text(
                    ceiling, 1.01, "most", transform=axes.get_xaxis_transform(), fontsize=8, color="#555555", ha="center", va="bottom"
                )
                axes.axvline(0.0, color=BOUNDARY, lw=0.9, zorder=0)
            for row in rows:
                scores = row.of(measure)
                if not scores or math.isnan(scores[0].whole):
                    continue
                y = lines.index((row.model, row.population))
                index = names.index(row.model) if row.model in names else None
                colour = GREY if index is None else COLOURS[index % len(COLOURS)]
                point = "D" if index is None else POINTS[index % len(POINTS)]
                born = row.role == "untrained"
                mean, over_stimuli = intervals(target, scores)[0].mean, intervals(target, scores)[1]
                at = y + (0.22 if born else 0.0)
                if mean < RANGE[0]:
                    # Far below a guess: a number at the edge, or nothing else could be told apart.
                    edge = axes.get_yaxis_transform()
                    axes.text(0.02, at, f"← {mean:.1f}", fontsize=6.5, color=colour, va="center", transform=edge)
                    continue
                axes.plot(np.clip(over_stimuli[1:], *RANGE), [at, at], color=colour, lw=1.0 if born else 1.9, alpha=0.45 if born else 0.9)
                axes.plot(mean, at, point, color=colour, ms=4.5, mfc="none" if born else colour)
                if not born and len(scores) > 1:
                    axes.plot([s.whole for s in scores], np.full(len(scores), at - 0.22), ".", color=colour, ms=2.5, alpha=0.7)
            for y in range(1, len(lines)):
                if lines[y][0] != lines[y - 1][0]:
                    axes.axhline(y - 0.5, color=BOUNDARY, lw=0.6)
            axes.set_xlabel(MEASURES[measure])
            axes.tick_params(axis="y", length=0)
            if not k:
                labels = [population if model not in names else f"{model}: {population}" for model, population in lines]
                axes.set_yticks(range(len(lines)), labels, fontsize=7.5)
                axes.set_ylim(len(lines) - 0.5, -0.5)
        return svg(figure, "scores of every population, beside what needs no model")
