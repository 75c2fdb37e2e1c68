"""Figures of the battery: the effect in every model beside its controls, and the curves behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np

from comparisons.figure_style import BOUNDARY, STYLE, new_figure
from comparisons.phenomenon import About
from comparisons.responder import FloatArray
from comparisons.verdicts import Verdict

COLOURS = ("#0a8a6c", "#c23b2e", "#2a62a8", "#6b3fa0", "#d2700f", "#1a1a1a")
CONTROL = "#9a9a9a"
MARKS = {"untrained": "v", "feedback_cut": "s", "adaptation_only": "D"}
MOST_CURVES = 4


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
    with _styled():
        figure = new_figure(5.2, 1.0 + 0.55 * max(1, len(shown)))
        axes = figure.subplots()
        axes.axvline(about.least, color=BOUNDARY, lw=1.2, zorder=0)
        axes.text(
            about.least,
            1.0,
            f" holds above {about.least:g}",
            transform=axes.get_xaxis_transform(),
            fontsize=8,
            color="#777777",
            va="bottom",
        )
        used: dict[str, None] = {}
        for y, name in enumerate(shown):
            verdict, colour = verdicts[name], COLOURS[list(verdicts).index(name) % len(COLOURS)]
            assert verdict.effect is not None
            for control, value in verdict.controls.items():
                label = control.replace("_", " ") if control not in used else None
                used[control] = None
                axes.plot(value.mean, y + 0.22, MARKS.get(control, "x"), color=CONTROL, ms=5, mfc="none", label=label)
            axes.plot(seeds[name], np.full(len(seeds[name]), y - 0.16), "o", color=colour, ms=3, alpha=0.6)
            if not np.isnan(verdict.effect.low):
                axes.plot(verdict.effect[1:], [y, y], color=colour, lw=2.2, solid_capstyle="round")
            axes.plot(verdict.effect.mean, y, "o", color=colour, ms=7)
        axes.set_yticks(range(len(shown)), shown)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel(f"{about.primary} ({about.unit})" if about.unit else about.primary)
        if used:
            figure.legend(loc="outside lower right", ncols=3, fontsize=8)
        return _svg(figure)


def curves_svg(curves: Mapping[str, Sequence[Mapping[str, FloatArray]]]) -> str:
    """Draw the curves behind an effect: mean over seeds, one colour a model, each curve scaled to its own largest value.

    Parameters
    ----------
    curves : mapping of str to sequence of mapping of str to ndarray, shape (n_points,)
        Per model and seed; what has another shape is left out.

    Returns
    -------
    str
        An SVG element; empty where there is nothing to draw.
    """
    names: dict[str, None] = {}
    for runs in curves.values():
        for name, values in (runs[0] if runs else {}).items():
            if values.ndim == 1 and len(values) > 2:
                names[name] = None
    if not names:
        return ""
    kept = list(names)[:MOST_CURVES]
    with _styled():
        figure = new_figure(2.7 * len(kept) + 0.6, 2.5)
        for axes, name in zip(np.atleast_1d(figure.subplots(1, len(kept))), kept, strict=True):
            for k, (model, runs) in enumerate(curves.items()):
                found = [run[name] for run in runs if name in run]
                if not found or len({len(f) for f in found}) > 1:
                    continue
                scale = float(np.nanmax(np.abs(np.mean(found, axis=0)))) or 1.0
                scaled = np.stack(found) / scale
                mean, points = scaled.mean(0), np.arange(scaled.shape[1])
                axes.plot(points, mean, color=COLOURS[k % len(COLOURS)], lw=1.4, label=model)
                if len(found) > 1:
                    spread = scaled.std(0, ddof=1)
                    axes.fill_between(points, mean - spread, mean + spread, color=COLOURS[k % len(COLOURS)], alpha=0.15, lw=0)
            axes.set_title(name, fontsize=9)
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        handles, labels = np.atleast_1d(figure.axes)[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
        return _svg(figure)


def _styled() -> Any:
    from matplotlib import rc_context

    settings: Any = STYLE | {"svg.fonttype": "none", "svg.hashsalt": "battery"}
    return rc_context(settings)


def _svg(figure: Any) -> str:
    """Print a figure as an SVG element that can stand in a page; the same every time."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    found = text.getvalue()
    return found[found.index("<svg") :]
