"""Draws the curves behind an effect: models in colours over each other, and below them, on grey, their controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.figure_battery import COLOURS, CONTROL, POINTS
from comparisons.figure_style import BOUNDARY, new_figure
from comparisons.figure_svg import styled, svg
from comparisons.panels import Line, Panel, whole
from comparisons.responder import FloatArray

Run = Mapping[str, Mapping[str, FloatArray]]
"""Curves of one seed by who answered (``model`` or a control) and name."""
WIDTH_IN, HEIGHT_IN, CONTROLS_IN = 2.7, 1.65, 0.95
"""Width of a panel; heights of its axes, above and below."""
LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN, BETWEEN_IN = 0.56, 0.15, 0.3, 0.46, 0.26
ADAPTATION = "#3a3a3a"
FLOOR = 0.2
"""An untrained network is drawn at this share of its model's scale at least, so that no noise is blown up."""
MOST_TICKS = 8
"""Points up to which each has its own tick on a logarithmic axis."""
MOST_MARKED = 40
"""Points up to which a line has marks; they tell models apart where there are no colours."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One subject in one panel: mean and standard deviation over seeds of every line that it has, ready to be drawn.

    Attributes
    ----------
    x : ndarray, shape (n_points,)
    mean, spread : mapping of Line to ndarray, shape (n_points,)
    """

    x: FloatArray
    mean: Mapping[Line, FloatArray]
    spread: Mapping[Line, FloatArray]


def panel_svg(panel: Panel, curves: Mapping[str, Sequence[Run]]) -> str:
    """Draw a panel.

    Parameters
    ----------
    panel : Panel
    curves : mapping of str to sequence of mapping
        Per model, its seeds.

    Returns
    -------
    str
        An SVG element; empty where no model has any of the lines.
    """
    models = {name: _subject(panel, runs, "model") for name, runs in curves.items()}
    if not any(models.values()):
        return ""
    untrained = {name: _subject(panel, runs, "untrained") for name, runs in curves.items()}
    adapting = next((a for runs in curves.values() if (a := _subject(panel, runs, "adaptation_only"))), None)
    below = adapting is not None or any(untrained.values())
    with styled():
        figure, rows = _rows((HEIGHT_IN, CONTROLS_IN) if below else (HEIGHT_IN,))
        n = len(models)
        for k, (name, subject) in enumerate(models.items()):
            if subject is None:
                continue
            colour, point, other = COLOURS[k % len(COLOURS)], POINTS[k % len(POINTS)], untrained[name]
            _draw(rows[0], panel, subject, colour, point, (k, n))
            if other is not None:
                _draw(rows[1], panel, other, colour, point, (k, n + 1))
        if adapting is not None:
            _draw(rows[1], panel, adapting, ADAPTATION, "D", (n, n + 1))
        rows[0].set_title(panel.title, y=1.03)
        for axes in rows:
            _dress(axes, panel, axes is rows[0])
        if below:
            rows[0].tick_params(labelbottom=False)
            rows[1].set_facecolor("#f0f0f0")
            rows[1].set_title("controls", fontsize=8.5, color="#555555", loc="left", y=1.02)
        rows[-1].set_xlabel("" if panel.bars else panel.x)
        rows[0].set_ylabel(panel.y)
        return svg(figure, f"{panel.title}: {panel.y} by {panel.x}")


def _rows(heights_in: tuple[float, ...]) -> tuple[Any, list[Any]]:
    """Make axes below each other, of the same size and at the same place in every figure."""
    height_in = TOP_IN + sum(heights_in) + BETWEEN_IN * (len(heights_in) - 1) + BOTTOM_IN
    figure, rows, top = new_figure(WIDTH_IN, height_in), list[Any](), height_in - TOP_IN
    figure.set_layout_engine("none")
    for own_in in heights_in:
        place = (LEFT_IN / WIDTH_IN, (top - own_in) / height_in, 1 - (LEFT_IN + RIGHT_IN) / WIDTH_IN, own_in / height_in)
        rows.append(figure.add_axes(place, sharex=rows[0] if rows else None))
        top -= own_in + BETWEEN_IN
    return figure, rows


def _subject(panel: Panel, runs: Sequence[Run], who: str) -> Subject | None:
    """Average over seeds, each as a share of its own largest activity; None where no line is there in every seed."""
    own = [run for run in runs if who in run]
    drawn = [_lines(panel, run[who]) for run in own]
    shared = [line for line in panel.lines if drawn and all(line in lines for lines, _ in drawn)]
    shared = [line for line in shared if len({len(lines[line]) for lines, _ in drawn}) == 1]
    if not shared:
        return None
    scales = [1.0] * len(own)
    if panel.scaled:
        scales = [_largest(lines.values()) for lines, _ in drawn]
        if who == "untrained":
            scales = [max(s, FLOOR * _largest(_lines(panel, run["model"])[0].values())) for s, run in zip(scales, own, strict=True)]
    mean, spread = {}, {}
    for line in shared:
        several = np.stack([lines[line] / (scale or 1.0) for (lines, _), scale in zip(drawn, scales, strict=True)])
        mean[line] = several.mean(0)
        spread[line] = several.std(0, ddof=1) if len(several) > 1 else np.zeros_like(mean[line])
    return Subject(drawn[0][1], mean, spread)


def _lines(panel: Panel, curves: Mapping[str, FloatArray]) -> tuple[dict[Line, FloatArray], FloatArray]:
    """What is drawn of one seed, and over what."""
    found: dict[Line, FloatArray] = {}
    axis: FloatArray = np.zeros(0)
    for line in panel.lines:
        if line.curve in curves:
            values = np.asarray(curves[line.curve], dtype=np.float64)
            n = values.shape[-1]
            known = curves.get(panel.axis) if isinstance(panel.axis, str) else panel.axis + np.arange(n)
            axis = np.asarray(np.arange(n) if known is None else known, dtype=np.float64)
            taken = (line.take or whole)(values, axis)
            found[line] = np.atleast_1d(taken.mean()) if panel.bars else taken
    return found, axis


def _largest(lines: Iterable[FloatArray]) -> float:
    """Largest distance from 0 of any line; 0 where nothing is known."""
    values = np.concatenate([np.abs(m) for m in lines] or [np.zeros(1)])
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def _draw(axes: Any, panel: Panel, subject: Subject, colour: str, mark: str, place: tuple[int, int]) -> None:
    """Draw a subject, the ``place[0]``-th of ``place[1]`` where bars stand beside each other."""
    for line, mean in subject.mean.items():
        spread = subject.spread[line]
        if panel.bars:
            at, width = panel.lines.index(line) + 0.8 * ((place[0] + 0.5) / place[1] - 0.5), 0.7 / place[1]
            axes.bar(at, mean, width, color=colour, alpha=0.85)
            axes.errorbar(at, mean, spread, fmt="none", ecolor="#1a1a1a", elinewidth=0.9)
            continue
        marked = {"marker": mark, "ms": 3.2, "mew": 0.0} if len(mean) <= MOST_MARKED else {}
        axes.plot(subject.x, mean, line.style, color=colour, lw=1.5, **marked)
        if spread.any():
            axes.fill_between(subject.x, mean - spread, mean + spread, color=colour, alpha=0.13, lw=0)


def _dress(axes: Any, panel: Panel, first: bool) -> None:
    """Set scales, limits and what stands behind the lines; what it means is said in the first axes only."""
    if panel.bars:
        axes.set_xticks(range(len(panel.lines)), [line.label.replace(", ", "\n") for line in panel.lines], fontsize=7.5)
        axes.axhline(0.0, color=BOUNDARY, lw=0.8)
        return
    if not panel.log:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if "x" in panel.log and axes.lines:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        points = np.asarray(axes.lines[0].get_xdata())
        if len(points) <= MOST_TICKS:
            axes.set_xticks(points)
        # Of lines without any point there are no limits to be found.
        axes.set_xlim(float(points[points > 0].min()) / 1.15, float(points.max()) * 1.15)
    if "y" in panel.log and any((np.asarray(line.get_ydata()) > 0).any() for line in axes.lines):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    elif axes.dataLim.y0 >= 0:
        axes.set_ylim(bottom=0.0)
    if panel.limits:
        axes.set_xlim(*panel.limits)
        if "x" in panel.log:
            low, high = panel.limits
            axes.set_xticks([n * 10**k for k in range(4) for n in (1, 2, 5) if low <= n * 10**k <= high])
    for span in panel.spans:
        axes.axvspan(span.start, span.stop, color="#000000", alpha=0.06, lw=0, zorder=0)
        if first:
            middle = np.sqrt(span.start * span.stop) if "x" in panel.log else (span.start + span.stop) / 2
            above = axes.get_xaxis_transform()
            axes.text(middle, 0.985, span.label, transform=above, ha="center", va="top", fontsize=7.5, color="#666666")
    if panel.gap:
        _shade_gaps(axes, panel, first)
    if panel.level_at is not None:
        axes.axhline(panel.level_at, color=CONTROL, lw=0.9, ls=(0, (4, 3)), zorder=0)
    if panel.diagonal:
        axes.axline((0.0, 0.0), slope=1.0, color=CONTROL, lw=0.9, ls=(0, (4, 3)), zorder=0)


def _shade_gaps(axes: Any, panel: Panel, first: bool) -> None:
    """Mark where points were left out, and say once why."""
    for line in axes.lines[:1]:
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        low, high = axes.get_xlim()
        within = (x >= low) & (x <= high)
        missing = np.flatnonzero(np.isnan(y) & within)
        for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1):
            if run.size:
                axes.axvspan(x[run[0]], x[run[-1]], color="#b9c3cc", alpha=0.55, lw=0, zorder=0)
        if missing.size and first:
            axes.text(0.02, 0.02, f"▮ {panel.gap}", transform=axes.transAxes, fontsize=7.5, color="#6c7a86")
