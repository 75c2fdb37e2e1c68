"""Figures as SVG elements that stand in a page: the same every time, with words that can be searched."""

from __future__ import annotations

import re
from html import escape
from io import StringIO
from typing import Any

from comparisons.figure_style import STYLE


def styled() -> Any:
    """Give the style of the figures of a page: text stays text, and the same figure has the same bytes.

    Returns
    -------
    context manager
    """
    from matplotlib import rc_context

    settings: Any = STYLE | {"svg.fonttype": "none", "svg.hashsalt": "page"}
    return rc_context(settings)


def svg(figure: Any, says: str) -> str:
    """Print a figure as an SVG element that can stand in a page; the same every time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    says : str
        For those who cannot see it.

    Returns
    -------
    str
        Without the names of groups, which would be there twice in a page of several figures.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    text = StringIO()
    # Saved as other figures are, it would be drawn twice.
    FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    found = text.getvalue()
    found = re.sub(r'<g id="[^"]*"', "<g", found[found.index("<svg") :])
    found = re.sub(r"<metadata>.*?</metadata>", "", found, flags=re.DOTALL)
    return found.replace("<svg ", f'<svg role="img" aria-label="{escape(says)}" ', 1)
