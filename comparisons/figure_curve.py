"""The learning curve of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.figure_style import FORECAST, new_figure, save
from plasticity.training import Curve

WINDOWS = 60
HIGHEST = 2.0


def running_ratio(curve: Curve, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error over that of copying the last frame, pooled over neighbouring stretches.

    Parameters
    ----------
    curve : Curve
    width : int
        Number of scored stretches that are pooled.

    Returns
    -------
    stretch, ratio : ndarray, shape (n_windows,)
        Mean number of the pooled stretches; summed error of the model over summed error of copying.
    """
    scored = [p for p in curve.points if p.n_scored and np.isfinite(p.mse_model)]
    if len(scored) < width:
        return np.zeros(0), np.zeros(0)
    columns = [(p.done, p.mse_model * p.n_scored, p.mse_copy_last * p.n_scored) for p in scored]
    done, model, copy = (np.convolve(column, np.ones(width), mode="valid") for column in np.array(columns).T)
    moving = copy > 0
    return done[moving] / width, model[moving] / copy[moving]


def draw_curve(path: Path, curve: Curve, unit: str = "stretch") -> None:
    """Draw the error while learning, relative to copying the last frame.

    Parameters
    ----------
    path : Path
        The PNG file.
    curve : Curve
    unit : str
        What a point of the curve stands for: ``stretch`` or ``update``.
    """
    units = {"stretch": "stretches"}.get(unit, f"{unit}s")
    figure = new_figure(8.2, 4.4)
    axes = figure.subplots()
    width = max(1, round(len(curve.points) / WINDOWS))
    stretch, raw = running_ratio(curve, 1)
    centre, smooth = running_ratio(curve, width)
    axes.axhline(1.0, color="#555555", linewidth=1.1, linestyle=(0, (5, 3)), zorder=1)
    top = 1.25
    if len(raw):
        # The best stretch is always in view, even where all are far worse than copying.
        top = max(float(np.clip(1.08 * np.quantile(raw, 0.98), top, HIGHEST)), 1.08 * float(smooth.min()))
        axes.plot(stretch, raw, ".", color=FORECAST, alpha=0.3, markersize=4, markeredgewidth=0, label=f"each {unit}", zorder=2)
        label = f"pooled over {width} {units}" if width > 1 else f"each {unit}, pooled over its frames"
        axes.plot(centre, smooth, color=FORECAST, linewidth=2.2, label=label, zorder=3)
        axes.legend(loc="lower left", ncols=2)
        note: dict[str, Any] = {"ha": "right", "va": "bottom", "color": "#555555", "fontsize": 9}
        last = curve.points[-1].done
        axes.set_xlim(0, last)
        axes.text(0.99 * last, 1.0 + 0.012 * top, "copying the last frame", **note)
        hidden = int((raw > top).sum())
        notes = [f"latest 50 {units} pooled: {curve.ratio(50):.2f}"] + [f"{hidden} single {units} lie above"] * bool(hidden)
        axes.text(1.0, 1.015, "; ".join(notes), transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color="#666666")
    else:
        axes.text(0.5, 0.4, "nothing has been learned yet", transform=axes.transAxes, ha="center", color="#777777")
    axes.set_ylim(0, top)
    axes.set_xlabel(f"{units} shown")
    axes.set_ylabel("forecast error / error of copying (mean square)")
    axes.set_title("Forecast error while learning (on the clips being learned)", loc="left", pad=22)
    save(figure, path)
