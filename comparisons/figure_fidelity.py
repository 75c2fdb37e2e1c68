"""Figures of a conversion: what units and their cells do, and how the error falls with copies and rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comparisons.figure_style import FORECAST, INPUT, headline, new_figure, save
from conversion.fidelity import Fidelity
from conversion.sizing import expected_nrmse

if TYPE_CHECKING:
    from comparisons.fidelity_runs import Point

SHOWN_STEPS = 1000
COLOURS = ("#c23b2e", "#2a62a8", "#0a8a6c", "#6b3fa0", "#d2700f")


def draw_traces(path: Path, found: Fidelity) -> None:
    """Draw the busiest traced units of each population: the rate model over the spikes of its cells.

    Parameters
    ----------
    path : Path
    found : Fidelity
    """
    rows = [r for r in found.rows if r.population in found.traces]
    figure = new_figure(11.0, 1.25 * len(rows) + 0.8)
    axes = figure.subplots(len(rows), 2, sharex=True, squeeze=False)
    for axis_row, row in zip(axes, rows, strict=True):
        rates, cells = found.traces[row.population]
        order = np.argsort(-rates.var(axis=1), kind="stable")
        for axis, unit in zip(axis_row, (order[0], order[min(len(order) - 1, len(order) // 4)]), strict=True):
            seconds = np.arange(min(SHOWN_STEPS, rates.shape[1])) / 1000.0
            axis.plot(seconds, cells[unit, : len(seconds)], color=FORECAST, lw=0.9, label="spikes of its cells")
            axis.plot(seconds, rates[unit, : len(seconds)], color=INPUT, lw=1.1, label="rate model")
            axis.margins(x=0)
        axis_row[0].set_title(f"{row.population}   NRMSE {row.nrmse:.3f}, lag {row.lag_ms:+.1f} ms", loc="left", fontsize=9)
        axis_row[0].set_ylabel("activity")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 1].legend(handles, labels, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    for axis in axes[-1]:
        axis.set_xlabel("time (s)")
    headline(figure, "the most variable unit (left) and a typical one (right) of each population, after a synapse of 20 ms")
    save(figure, path)


def draw_scaling(path: Path, points: list[Point]) -> None:
    """Draw error against copies, one colour a rate, with the line of theory.

    Parameters
    ----------
    path : Path
    points : list of Point
    """
    figure = new_figure(9.0, 4.2)
    left, right = figure.subplots(1, 2)
    for colour, r in zip(COLOURS, sorted({p.r_max_Hz for p in points}), strict=False):
        mine = sorted((p for p in points if p.r_max_Hz == r), key=lambda p: p.copies)
        n = np.array([p.copies for p in mine])
        left.loglog(n, [p.error for p in mine], "o", color=colour, label=f"error units, {r:g} Hz")
        left.loglog(n, [p.representation for p in mine], "s", mfc="none", color=colour, label=f"representation, {r:g} Hz")
        smooth = np.geomspace(n.min(), n.max(), 50) if len(n) > 1 else n
        if np.isfinite(mine[0].expected):
            theory = [expected_nrmse(x, r, mine[0].tau_syn_ms) for x in smooth]
            left.loglog(smooth, theory, color=colour, lw=0.9, label=f"theory, error units, {r:g} Hz")
        right.semilogx(n, [100 * (p.mse_ratio - 1) for p in mine], "o-", color=colour, lw=0.9, label=f"{r:g} Hz")
    ticks = sorted({p.copies for p in points})
    for axis in (left, right):
        axis.set_xticks(ticks, [str(t) for t in ticks])
        axis.minorticks_off()
        axis.set_xlabel("cells for each unit")
        axis.legend(fontsize=7.5)
    left.set_ylabel("NRMSE against the rate model")
    right.set_ylabel("forecast error over the rate model's (%)")
    right.axhline(5.0, color="#9a9a9a", lw=0.8, ls="--")
    headline(figure, "what copies and rate buy")
    save(figure, path)
