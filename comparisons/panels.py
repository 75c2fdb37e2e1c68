"""Which curves of a phenomenon share a panel, over which axis and in which style: said in a few words, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from comparisons.responder import FloatArray

Take = Callable[[FloatArray, FloatArray], FloatArray]
"""From a curve and the values of its axis to what is drawn, of the same length or one number for bars."""
Style = Literal["-", "--", ":", "-."]
Log = Literal["", "x", "y", "xy"]
STYLES: tuple[Style, ...] = ("-", "--", ":", "-.")
ACTIVITY = "activity (1 = largest)"
AXES = {
    "frames": "time after onset (frames)",
    "gaps": "gap (frames)",
    "length": "length (px)",
    "diameter": "diameter (px)",
    "frequency_Hz": "frequency (Hz)",
}
"""Curves that are an axis for others of their length, and what stands below them; for phenomena that say nothing themselves."""
MOST_PANELS = 4
"""Of a phenomenon that says nothing of its figure."""
MOST_LEVELS = 8


@dataclass(frozen=True)
class Line:
    """One condition.

    Attributes
    ----------
    curve : str
        Name of the curve; ``{level}`` stands for the number of a level.
    label : str
        What the condition is called; empty where a panel has one only.
    style : {'-', '--', ':', '-.'}
        The same condition has the same style in all panels of a phenomenon.
    take : callable, optional
        What is drawn of the curve.
    """

    curve: str
    label: str = ""
    style: Style = "-"
    take: Take | None = None


@dataclass(frozen=True)
class Span:
    """A stretch of the horizontal axis in which something is special.

    Attributes
    ----------
    start, stop : float
        In units of the axis.
    label : str
    """

    start: float
    stop: float
    label: str


@dataclass(frozen=True)
class Panel:
    """Some conditions over one axis, of all models.

    Attributes
    ----------
    title : str
        With ``{level}`` the panel is drawn for every level that any model has.
    lines : tuple of Line
    x, y : str
        Labels of the axes, with units.
    axis : str or float
        Name of the curve with the values of the horizontal axis, or the first of them, the others being 1 apart.
    scaled : bool
        Whether each subject is drawn as a share of its largest activity, as must be where rates stand beside other units.
    bars : bool
        Whether means of the lines are drawn beside each other, and no courses.
    log : {'', 'x', 'y', 'xy'}
        Which axes are logarithmic.
    limits : (float, float) or None
        Ends of the horizontal axis.
    spans : tuple of Span
    level_at : float or None
        Height of a line to compare with, such as 1 for no change.
    gap : str
        Why some points are left out (NaN), where they are.
    diagonal : bool
        Whether a line with slope 1 through the origin is to compare with, such as where a moving thing is shown.
    """

    title: str
    lines: tuple[Line, ...]
    x: str
    y: str = ACTIVITY
    axis: str | float = 0.0
    scaled: bool = True
    bars: bool = False
    log: Log = ""
    limits: tuple[float, float] | None = None
    spans: tuple[Span, ...] = ()
    level_at: float | None = None
    gap: str = ""
    diagonal: bool = False


def by_level(panels: Iterable[Panel], names: Iterable[str]) -> list[Panel]:
    """Write out the panels of every level that there is, and leave out those without any curve.

    Parameters
    ----------
    panels : iterable of Panel
    names : iterable of str
        Names of the curves that any model has.

    Returns
    -------
    list of Panel
        Level by level, in the order given.
    """
    known, found = set(names), []
    for level in range(MOST_LEVELS):
        for panel in panels:
            if level and "{level}" not in panel.title:
                continue
            lines = tuple(replace(line, curve=line.curve.replace("{level}", str(level))) for line in panel.lines)
            if any(line.curve in known for line in lines):
                found.append(replace(panel, title=panel.title.replace("{level}", str(level)), lines=lines))
    return found


def default_panels(names: Sequence[str], lengths: Sequence[int]) -> tuple[Panel, ...]:
    """Make panels for a phenomenon that says nothing of its figure.

    Curves called ``PLACE: WHAT`` share a panel; each of the two error populations alone is left out, and so is what is too short
    for a line. A curve named in `AXES` is the axis of those of its length.

    Parameters
    ----------
    names : sequence of str
        Curves.
    lengths : sequence of int
        How many points each has, 0 for those that are no lines.

    Returns
    -------
    tuple of Panel
    """
    length = dict(zip(names, lengths, strict=True))
    places: dict[tuple[str, int], list[Line]] = {}
    for name in names:
        place, _, what = name.partition(": ")
        if length[name] > 2 and name not in AXES and ", error_" not in place:
            lines = places.setdefault((place, length[name]), [])
            lines.append(Line(name, what, STYLES[len(lines) % len(STYLES)]))
    found = []
    for (place, n), lines in list(places.items())[:MOST_PANELS]:
        axis = next((x for x in AXES if length.get(x) == n), None)
        found.append(Panel(place, tuple(lines[: len(STYLES)]), AXES[axis] if axis else "point", axis=axis or 0.0))
    return tuple(found)


def whole(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Take a curve as it is: the `Take` of lines that say nothing.

    Parameters
    ----------
    values, axis : ndarray, shape (n_points,)

    Returns
    -------
    ndarray, shape (n_points,)
    """
    return values


def share_of_all(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Turn counts into percent of their sum; the last bin, which holds all that is longer, is counted but not drawn.

    Parameters
    ----------
    values, axis : ndarray, shape (n_points,)

    Returns
    -------
    ndarray, shape (n_points,)
        NaN in the last; all NaN where nothing was counted.
    """
    total = float(values.sum())
    share: FloatArray = 100 * values / total if total > 0 else np.full(len(values), np.nan)
    share[-1] = np.nan
    return share
