"""Figure of the battery: the effect in every model beside its controls; and what all its figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from comparisons.figure_style import BOUNDARY, new_figure
from comparisons.figure_svg import styled, svg
from comparisons.phenomenon import About
from comparisons.verdicts import Verdict

COLOURS = ("#2a62a8", "#d2700f", "#6b3fa0", "#0e8f9c", "#a8326f", "#1a1a1a")
"""Of models; none is the green or the red of a verdict."""
POINTS = ("o", "s", "^", "v", "P", "X")
"""Marks of models, so that they can be told apart in black and white."""
CONTROL = "#9a9a9a"
MARKS = {"untrained": "v", "feedback_cut": "s", "adaptation_only": "D"}


def effect_svg(about: About, verdicts: Mapping[str, Verdict], seeds: Mapping[str, Sequence[float]]) -> str:
    """Draw the effect in every model: seeds, mean and interval, its controls in grey, the criterion as a line.

    Parameters
    ----------
    about : About
    verdicts : mapping of str to Verdict
        Per model.
    seeds : mapping of str to sequence of float
        Effect of every seed, per model.

    Returns
    -------
    str
        An SVG element.
    """
    shown = [name for name, v in verdicts.items() if v.effect is not None]
    with styled():
        figure = new_figure(4.6, 1.15 + 0.55 * max(1, len(shown)))
        axes = figure.subplots()
        axes.axvline(about.least, color="#555555", lw=1.1, ls=(0, (4, 3)), zorder=0)
        above = f"needed: above {about.least:g}{'' if about.unit in ('', '%') else ' '}{about.unit}"
        across = axes.get_xaxis_transform()
        axes.text(about.least, 1.02, above, transform=across, fontsize=8, color="#555555", va="bottom", ha="center")
        used: dict[str, None] = {}
        for y, name in enumerate(shown):
            verdict, k = verdicts[name], list(verdicts).index(name)
            colour, point = COLOURS[k % len(COLOURS)], POINTS[k % len(POINTS)]
            assert verdict.effect is not None
            for control, value in verdict.controls.items():
                label = named_control(about, control) if control not in used else None
                used[control] = None
                axes.plot(value.mean, y + 0.25, MARKS.get(control, "x"), color=CONTROL, ms=5, mfc="none", label=label)
            axes.plot(seeds[name], np.full(len(seeds[name]), y - 0.2), "o", color=colour, ms=3, alpha=0.6)
            if not np.isnan(verdict.effect.low):
                axes.plot(verdict.effect[1:], [y, y], color=colour, lw=2.2, solid_capstyle="round")
            axes.plot(verdict.effect.mean, y, point, color=colour, ms=7)
            if y:
                axes.axhline(y - 0.5, color=BOUNDARY, lw=0.6)
        axes.set_yticks(range(len(shown)), shown)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel(f"{about.primary} ({about.unit})" if about.unit else about.primary)
        if used:
            figure.legend(loc="outside lower right", ncols=3, fontsize=8, title="controls", title_fontsize=8)
        return svg(figure, f"{about.primary} in every model, with its controls")


def named_control(about: About, control: str) -> str:
    """Name a control in words.

    Parameters
    ----------
    about : About
    control : str

    Returns
    -------
    str
        Followed by "(beside)" where it is shown and decides nothing.
    """
    return control.replace("_", " ") + (" (beside)" if control in about.beside else "")
