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
MOST_CURVES = 3
STYLES = (("-", "—"), ("--", "- -"), (":", "···"))
AXES = {
    "frames": "frames after onset",
    "gaps": "gap (frames)",
    "length": "length (px)",
    "diameter": "diameter (px)",
    "frequency_Hz": "frequency (Hz)",
}
"""Curves over which the others of their length are drawn, and what stands below."""


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
    """Draw the curves behind an effect: mean over seeds and its standard deviation, one colour a model.

    Curves called ``PLACE: WHAT`` share a panel, in lines of different style; in a panel each model is scaled to its largest value,
    so that rates and activities can lie over each other. A curve that is named in `AXES` is what the others are drawn over.

    Parameters
    ----------
    curves : mapping of str to sequence of mapping of str to ndarray, shape (n_points,)
        Per model and seed; what has another shape is left out.

    Returns
    -------
    str
        An SVG element; empty where there is nothing to draw.
    """
    panels: dict[str, dict[str, None]] = {}
    for runs in curves.values():
        for name, values in (runs[0] if runs else {}).items():
            if values.ndim == 1 and len(values) > 2 and name not in AXES:
                panels.setdefault(name.partition(": ")[0], {})[name] = None
    kept = list(panels)[:MOST_CURVES]
    if not kept:
        return ""
    with _styled():
        figure = new_figure(2.7 * len(kept) + 0.6, 2.7)
        for axes, place in zip(np.atleast_1d(figure.subplots(1, len(kept))), kept, strict=True):
            names = list(panels[place])[: len(STYLES)]
            for k, (model, runs) in enumerate(curves.items()):
                _draw_model(axes, runs, names, COLOURS[k % len(COLOURS)], model)
            whats = [f"{name.partition(': ')[2]} {mark}" for name, (_, mark) in zip(names, STYLES, strict=False) if ": " in name]
            axes.set_title("\n".join([place, ", ".join(whats)]).strip(), fontsize=9)
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        handles, labels = np.atleast_1d(figure.axes)[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
        return _svg(figure)


def _draw_model(axes: Any, runs: Sequence[Mapping[str, FloatArray]], names: Sequence[str], colour: str, model: str) -> None:
    """Draw the curves of one panel of one model."""
    known = [name for name in names if runs and all(name in run for run in runs) and len({len(run[name]) for run in runs}) == 1]
    if not known:
        return
    axis = next(((runs[0][x], label) for x, label in AXES.items() if x in runs[0] and len(runs[0][x]) == len(runs[0][known[0]])), None)
    means = {name: np.mean([run[name] for run in runs], axis=0) for name in known}
    values = np.concatenate([np.abs(m) for m in means.values()])
    scale = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    for name, mean in means.items():
        style, label = STYLES[names.index(name)][0], model if name == known[0] else None
        points = np.arange(len(mean)) if axis is None else axis[0]
        axes.plot(points, mean / (scale or 1.0), style, color=colour, lw=1.4, label=label)
        if len(runs) > 1:
            spread = np.std([run[name] for run in runs], axis=0, ddof=1) / (scale or 1.0)
            axes.fill_between(points, mean / (scale or 1.0) - spread, mean / (scale or 1.0) + spread, color=colour, alpha=0.12, lw=0)
    axes.set_xlabel("" if axis is None else axis[1], fontsize=8)


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
