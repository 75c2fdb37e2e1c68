"""What all figures of a run share: colours, type sizes, how a figure is made and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.files import replace_file

EXCITATORY, INHIBITORY = "#c23b2e", "#2a62a8"
ERROR_POS, ERROR_NEG = "#d2700f", "#6b3fa0"
INPUT, ESTIMATE, FORECAST = "#1a1a1a", "#9a9a9a", "#0a8a6c"
BOUNDARY = "#c9c9c9"
LUMINANCE_MAP, ERROR_MAP = "gray", "PuOr_r"

FIRST_SHOWN = 3
DPI = 130
MARGIN, HEADLINE_IN = 0.008, 0.36
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.titlesize": 12,
    "image.interpolation": "nearest",
    "figure.facecolor": "white",
}


def new_figure(width_in: float, height_in: float) -> Any:
    """Make an empty figure that belongs to no window and no global list.

    Parameters
    ----------
    width_in, height_in : float
        Size in inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout="constrained")
    figure.get_layout_engine().set(rect=(MARGIN, MARGIN, 1.0 - 2 * MARGIN, 1.0 - 2 * MARGIN))  # type: ignore[union-attr,call-arg]
    FigureCanvasAgg(figure)
    return figure


def headline(figure: Any, text: str) -> None:
    """Write the title of a whole figure, a little below its upper edge.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    text : str
    """
    height_in = figure.get_size_inches()[1]
    figure.text(0.5, 1.0 - 0.1 / height_in, text, ha="center", va="top", fontsize=11.5)
    figure.get_layout_engine().set(rect=(MARGIN, MARGIN, 1.0 - 2 * MARGIN, 1.0 - MARGIN - HEADLINE_IN / height_in))


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, under another name first.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
    """
    replace_file(path, lambda file: figure.savefig(file, format="png", dpi=DPI))


def shown_frames(n_frames: int, most: int, first: int = FIRST_SHOWN) -> range:
    """Choose consecutive frames to draw.

    Parameters
    ----------
    n_frames : int
        Frames that there are, at least 1.
    most : int
        Frames to draw at most.
    first : int
        Where to begin, if there are enough frames; the first frames of a clip have no forecast yet.

    Returns
    -------
    range
    """
    start = min(first, n_frames - 1)
    return range(start, min(start + most, n_frames))


def luminance_range(frames: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the grey scale for some frames: all their luminances are inside.

    Parameters
    ----------
    frames : ndarray, any shape

    Returns
    -------
    black, white : float
        Multiples of 0.1, apart.
    """
    low = min(0.9, np.floor(10 * float(frames.min()) + 1e-9) / 10)
    return float(low), float(max(low + 0.1, np.ceil(10 * float(frames.max()) - 1e-9) / 10))


def bare(axes: Any) -> None:
    """Take ticks and frame away from an image, but leave its labels.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    """
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
