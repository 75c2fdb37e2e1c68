"""Figures of models side by side: trajectories, similarity over time, receptive fields, tuning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from comparisons.beside import PIXELS, Row
from comparisons.dynamics import FORECAST_ROW
from comparisons.fields import Fields, mean_field
from comparisons.figure_battery import COLOURS
from comparisons.figure_style import BOUNDARY, bare, new_figure
from comparisons.figure_svg import styled, svg
from comparisons.gratings import FREQUENCIES_PER_PX, Tuning
from comparisons.responder import ROLES, FloatArray
from snn.stimuli.splitting import FIRST_SCORED

CLIPS_SHOWN = 4
CELLS_SHOWN = 4
BORN = "#9a9a9a"
FAINT = 0.05
"""Correlation below which a picture does not use the whole scale, so that noise looks like noise."""
TITLES = {
    "target": "target",
    "prediction": "prediction",
    "error_pos": "error E+",
    "error_neg": "error E-",
    "representation": "representation",
}


def trajectories_svg(traces: Mapping[str, Mapping[str, FloatArray]]) -> str:
    """Draw the mean activity of every population over the first clips, models over each other.

    Parameters
    ----------
    traces : mapping of str to mapping of str to ndarray, shape (n_seeds, n_movies, n_bins)
        Per model and site.

    Returns
    -------
    str
        An SVG element.
    """
    shown: dict[str, dict[str, FloatArray]] = {}
    n_bins = next(iter(next(iter(traces.values())).values())).shape[2]
    for name, sites in traces.items():
        # What a clip is like as a whole is no dynamics, here as in the numbers.
        apart = {s: (v - v.mean(2, keepdims=True))[:, :CLIPS_SHOWN] for s, v in sites.items()}
        # No line leads from one clip to the next.
        shown[name] = {s: np.pad(v, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan).reshape(len(v), -1) for s, v in apart.items()}

    def decorate(axes: Any) -> None:
        for clip in range(1, CLIPS_SHOWN):
            axes.axvline(clip * (n_bins + 1) - 1, color=BOUNDARY, lw=0.8, zorder=0)

    return _traces(
        shown, np.arange(CLIPS_SHOWN * n_bins, dtype=float), f"frames of the first {CLIPS_SHOWN} clips", decorate, "trajectories"
    )


def onset_svg(traces: Mapping[str, Mapping[str, FloatArray]], frames: FloatArray) -> str:
    """Draw the mean activity of every population before and after movies begin, models over each other.

    Parameters
    ----------
    traces : mapping of str to mapping of str to ndarray, shape (n_seeds, n_frames)
        Per model and site.
    frames : ndarray, shape (n_frames,)
        Frames after the onset.

    Returns
    -------
    str
        An SVG element.
    """

    def decorate(axes: Any) -> None:
        axes.axvline(-0.5, color=BOUNDARY, lw=1.0, zorder=0)

    # The first answers from rest are no answers to grey.
    kept = {name: {site: values[:, FIRST_SCORED:] for site, values in sites.items()} for name, sites in traces.items()}
    return _traces(kept, frames[FIRST_SCORED:], "frames after onset", decorate, "answers to the onset")


def _traces(
    traces: Mapping[str, Mapping[str, FloatArray]], points: FloatArray, below: str, decorate: Callable[[Any], None], says: str
) -> str:
    sites = list(dict.fromkeys(site for found in traces.values() for site in found))
    with styled():
        figure, panels = _grid(sites)
        for site, axes in panels.items():
            decorate(axes)
            for k, (name, found) in enumerate(traces.items()):
                if site in found:
                    v = found[site][:, : len(points)]
                    spread = np.nanstd(v, 1, keepdims=True)
                    z = np.divide(v - np.nanmean(v, 1, keepdims=True), spread, out=np.zeros_like(v), where=spread > 1e-9)
                    _line(axes, points[: v.shape[1]], z, COLOURS[k % len(COLOURS)], name)
        _finish(figure, panels, below, "z-score")
        return svg(figure, says)


def rsa_svg(rows: Sequence[Row], frames: FloatArray) -> str:
    """Draw the similarity of representations at each frame: models, two runs of one, both untrained, and pixels.

    Parameters
    ----------
    rows : sequence of Row
        With ``rsa`` at each frame.
    frames : ndarray, shape (n_frames,)
        Frames after the onset.

    Returns
    -------
    str
        An SVG element.
    """
    names = list(dict.fromkeys(row.one for row in rows if row.relation in ("seeds", "pixels", "learning")))
    first = names[0] if names else ""
    colour = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    with styled():
        figure, panels = _grid(list(dict.fromkeys(row.site for row in rows)))
        for row in rows:
            axes, value = panels[row.site], row.numbers["rsa"]
            look: dict[str, Any] | None = None
            if row.relation == "models":
                ink = "#1a1a1a" if len(names) < 3 else colour[row.other]
                look = {"color": ink, "lw": 2.0, "label": f"{row.other} beside {row.one}"}
                axes.fill_between(frames, value.low, value.high, color=ink, alpha=0.15, lw=0)
            elif row.relation == "untrained":
                look = {"color": BORN, "lw": 1.4, "ls": "--", "label": "both untrained" if len(names) < 3 else f"{row.other}, {first}"}
            elif row.relation == "seeds":
                look = {"color": colour[row.one], "lw": 1.2, "label": f"two runs of {row.one}"}
            elif row.other == PIXELS:
                look = {"color": colour[row.one], "lw": 1.2, "ls": ":", "label": f"{row.one} beside {PIXELS}"}
            if look is not None:
                axes.plot(frames, value.mean, **look)
        for axes in panels.values():
            axes.axvline(-0.5, color=BOUNDARY, lw=1.0, zorder=0)
            axes.axhline(0.0, color=BOUNDARY, lw=0.8, zorder=0)
            axes.set_ylim(-0.3, 1.05)
        _finish(figure, panels, "frames after onset", "RSA (rho-a)")
        return svg(figure, "similarity of representations over time")


def fields_svg(learned: Mapping[str, Sequence[Mapping[str, Fields]]]) -> str:
    """Draw receptive fields: the mean over cells and single cells with the clearest fields, and energy over lags.

    Parameters
    ----------
    learned : mapping of str to sequence of mapping of str to Fields
        Per model, seed and site; pictures are of the first seed.

    Returns
    -------
    str
        An SVG element.
    """
    sites = list(dict.fromkeys(site for runs in learned.values() for site in runs[0]))
    per_model = CELLS_SHOWN + 1
    with styled():
        columns = per_model * len(learned) + 2
        figure = new_figure(0.82 * columns + 2.0, 1.0 * len(sites) + 0.8)
        panels = figure.subplots(len(sites), columns - 1, width_ratios=[1.0] * (columns - 2) + [1.7], squeeze=False)
        for row, site in enumerate(sites):
            curve = panels[row, -1]
            for k, (name, runs) in enumerate(learned.items()):
                block = panels[row, k * per_model : (k + 1) * per_model]
                if site not in runs[0]:
                    for axes in block:
                        axes.set_axis_off()
                    continue
                _pictures(block, runs[0][site])
                energy = np.stack([run[site].energy.sum((1, 2)).clip(0.0) for run in runs])
                energy = energy / np.maximum(energy.sum(1, keepdims=True), 1e-12)
                _line(curve, np.arange(energy.shape[1], dtype=float), energy, COLOURS[k % len(COLOURS)], name)
                if row == 0:
                    block[0].set_title(f"{name}\nmean", fontsize=9, color=COLOURS[k % len(COLOURS)])
                    block[1].set_title("cells", fontsize=9)
            curve.set_ylim(0, 1.02)
            curve.tick_params(labelsize=7)
            curve.set_xticks(range(energy.shape[1]))
            panels[row, 0].set_ylabel(site.replace(".", "\n"), rotation=0, ha="right", va="center", fontsize=8.5)
            if site not in next(iter(learned.values()))[0]:
                panels[row, 0].set_axis_on()
                bare(panels[row, 0])
        panels[0, -1].set_title("energy by lag", fontsize=9)
        panels[-1, -1].set_xlabel("frames before", fontsize=8)
        return svg(figure, "receptive fields")


def _pictures(block: Any, fields: Fields) -> None:
    """One population: its mean field, and its clearest cells, of different features as far as there are such."""
    lag = int(fields.energy.sum((1, 2)).argmax())
    mean, cells = mean_field(fields)[lag], fields.parts.mean(0)
    largest = np.where(fields.significant, np.abs(cells).max((2, 3, 4)), 0.0)
    place = largest.argmax(0)
    order = [(place[f], f) for f in np.argsort(-largest.max(0))]
    rest = [(p, f) for p, f in np.argwhere(fields.significant) if place[f] != p]
    chosen = [(p, f) for p, f in [*order, *rest] if largest[p, f] > 0][: len(block) - 1]
    pictures = [mean] + [cells[p, f][np.abs(cells[p, f]).max((1, 2)).argmax()] for p, f in chosen]
    for axes, picture in zip(block, pictures, strict=False):
        largest_there = float(np.abs(picture).max())
        top = max(largest_there, FAINT)
        axes.imshow(picture, cmap="RdBu_r", vmin=-top, vmax=top)
        axes.text(0.98, 0.02, f"{largest_there:.2f}", transform=axes.transAxes, ha="right", va="bottom", fontsize=6, color="#555555")
    for axes in block:
        bare(axes)


def tuning_svg(learned: Mapping[str, Sequence[Mapping[str, Tuning]]], born: Mapping[str, Sequence[Mapping[str, Tuning]]]) -> str:
    """Draw how selectivities and preferred frequencies are distributed over the cells of every population.

    Parameters
    ----------
    learned, born : mapping of str to sequence of mapping of str to Tuning
        Per model, seed and site: trained (full lines, with the spread over seeds) and untrained (broken lines).

    Returns
    -------
    str
        An SVG element.
    """
    sites = list(dict.fromkeys(site for runs in learned.values() for site in runs[0]))
    octaves = np.log2(np.array(FREQUENCIES_PER_PX))
    edges = np.concatenate([[octaves[0] - 0.5], (octaves[1:] + octaves[:-1]) / 2, [octaves[-1] + 0.3]])
    # 0, where cells without a preference lie, is the middle of a class.
    bins = {"osi": np.linspace(-0.25, 1.05, 14), "dsi": np.linspace(-0.25, 1.05, 14), "frequency_per_px": edges}
    heads = ("orientation selectivity", "direction selectivity", "preferred cycles/px")
    with styled():
        figure = new_figure(8.8, 1.15 * len(sites) + 0.9)
        panels = figure.subplots(len(sites), 3, sharex="col", sharey=True, squeeze=False)
        for row, site in enumerate(sites):
            for column, (key, cuts) in enumerate(bins.items()):
                axes = panels[row, column]
                for k, (name, runs) in enumerate(learned.items()):
                    for group, style in ((runs, "-"), (born.get(name, []), "--")):
                        if group and site in group[0]:
                            shares = np.stack([_shares(getattr(run[site], key), cuts, log=column == 2) for run in group])
                            _steps(axes, cuts, shares, COLOURS[k % len(COLOURS)], style, name if style == "-" else f"{name}, untrained")
                if row == 0:
                    axes.set_title(heads[column], fontsize=9.5)
                if column == 2:
                    axes.set_xticks(octaves, [f"{2**o:.2g}" for o in octaves], fontsize=7.5)
            panels[row, 0].set_ylim(0, 1.03)
            panels[row, 0].set_ylabel(site.replace(".", "\n"), rotation=0, ha="right", va="center", fontsize=8.5)
        _legend(figure, panels.ravel())
        return svg(figure, "distributions of tuning")


def _shares(values: FloatArray, cuts: FloatArray, *, log: bool) -> FloatArray:
    """Shares of the cells that answer, by class; all 0 where none does."""
    known = values[~np.isnan(values)]
    counts = np.histogram(np.log2(known) if log else known.clip(cuts[0], cuts[-1]), cuts)[0]
    shares: FloatArray = counts / max(1, len(known))
    return shares


def _steps(axes: Any, cuts: FloatArray, shares: FloatArray, colour: str, style: str, label: str) -> None:
    mean = shares.mean(0)
    axes.stairs(mean, cuts, color=colour, lw=1.5 if style == "-" else 0.9, ls=style, label=label, baseline=None)
    if len(shares) > 1 and style == "-":
        spread = shares.std(0, ddof=1)
        axes.stairs(mean + spread, cuts, baseline=np.maximum(mean - spread, 0.0), color=colour, alpha=0.15, fill=True, lw=0)


def _grid(sites: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Make a panel for each population: levels below each other, parts beside each other, the forecast first."""
    roles = [role for role in ROLES if any(s.endswith(f".{role}") for s in sites)]
    columns = ([FORECAST_ROW] if FORECAST_ROW in sites else []) + list(roles)
    levels = sorted({s.partition(".")[0] for s in sites if s != FORECAST_ROW})
    figure = new_figure(2.05 * len(columns) + 0.4, 1.75 * len(levels) + 0.7)
    panels = figure.subplots(len(levels), len(columns), squeeze=False, sharex=True, sharey=True)
    found = {}
    for i, level in enumerate(levels):
        for j, column in enumerate(columns):
            site = FORECAST_ROW if column == FORECAST_ROW and i == 0 else f"{level}.{column}"
            if site in sites:
                found[site] = panels[i, j]
                panels[i, j].set_title(
                    column if site == FORECAST_ROW else f"{level.replace('level', 'level ')} {TITLES[column]}", fontsize=9
                )
            else:
                panels[i, j].set_axis_off()
    return figure, found


def _line(axes: Any, points: FloatArray, values: FloatArray, colour: str, label: str) -> None:
    """Mean over seeds and its standard deviation."""
    mean = values.mean(0)
    axes.plot(points, mean, color=colour, lw=1.3, label=label)
    if len(values) > 1:
        spread = values.std(0, ddof=1)
        axes.fill_between(points, mean - spread, mean + spread, color=colour, alpha=0.18, lw=0)


def _finish(figure: Any, panels: Mapping[str, Any], below: str, left: str) -> None:
    for axes in panels.values():
        spec = axes.get_subplotspec()
        axes.tick_params(labelsize=7.5)
        if spec.is_first_col():
            axes.set_ylabel(left, fontsize=8.5)
    figure.supxlabel(below, fontsize=9)
    _legend(figure, list(panels.values()))


def _legend(figure: Any, panels: Sequence[Any]) -> None:
    """One legend for all panels, below them."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(found.values(), found.keys(), loc="outside upper center", ncols=min(len(found), 4), fontsize=8.5)
