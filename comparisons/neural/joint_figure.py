"""Figure of joint learning: forecast and likeness to neurons as the responses weigh more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from comparisons.figure_battery import COLOURS, POINTS
from comparisons.figure_style import new_figure
from comparisons.figure_svg import styled, svg
from comparisons.neural.joint import MEASURES, Condition
from comparisons.neural.joint_study import SHARES, Found, Kind, Task, chosen, of
from comparisons.statistics import t_interval

SHOWN = ("forecast_ratio", "response_r", "rsa", "cka")
MOST = {"forecast_ratio": 1.2}
"""What is above is written at the edge; nothing above 1 is of use."""
OTHERS = {"responses": "responses alone", "shuffled": "responses of other films"}


def curves_svg(found: Mapping[Task, Found], kinds: Sequence[Kind]) -> str:
    """Draw measures on test films against the weight of responses: mean and 95 % interval over seeds.

    Parameters
    ----------
    found : mapping of Task to mapping
    kinds : sequence of {'rate', 'spiking'}

    Returns
    -------
    str
        An SVG element.
    """
    with styled():
        figure = new_figure(2.3 * len(SHOWN), 0.5 + 2.1 * len(kinds))
        panels = np.atleast_2d(figure.subplots(len(kinds), len(SHOWN)))
        for line, kind in zip(panels, kinds, strict=True):
            shares = SHARES[kind]
            best = [chosen(found, kind, seed) for seed in sorted({t.seed for t in found if t.network == kind})]
            places = np.arange(len(shares) + len(OTHERS), dtype=float)
            every: list[Condition | str] = [*(Condition(True, share) for share in shares), *OTHERS]
            for axes, measure in zip(line, SHOWN, strict=True):
                colour, point = COLOURS[kinds.index(kind)], POINTS[kinds.index(kind)]
                known = [t_interval(of(found, kind, condition, measure)) for condition in every]
                means = np.array([k.mean for k in known])
                axes.plot(places[: len(shares)], means[: len(shares)], color=colour, lw=1.3)
                most = MOST.get(measure, np.inf)
                for x, mean, k in zip(places, means, known, strict=True):
                    if mean > most:
                        # At the edge of the panel, wherever that comes to be.
                        edge = axes.get_xaxis_transform()
                        axes.text(x, 0.98, f"{mean:.1f} ↑", fontsize=7, color=colour, ha="center", va="top", transform=edge)
                        continue
                    axes.plot([x, x], np.minimum(k[1:], most), color=colour, lw=1.6, alpha=0.8)
                    filled = x < len(shares)
                    axes.plot(x, mean, point, color=colour, ms=5, mfc=colour if filled else "none")
                for share in set(best):
                    axes.axvline(shares.index(share), color="#999999", lw=0.8, ls=(0, (4, 3)), zorder=0)
                axes.set_xticks(places, [*(f"{s:g}" for s in shares), "resp.", "shuf."], fontsize=7)
                axes.set_title(f"{kind}: {MEASURES[measure]}", fontsize=8)
                axes.set_xlabel("weight of responses", fontsize=8)
        return svg(figure, "forecast and likeness to neurons as recorded responses weigh more")
