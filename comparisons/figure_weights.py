"""Forecast weights: the fields of some prediction cells, and the distribution of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.figure_style import EXCITATORY, INHIBITORY, bare, new_figure, save
from snn.description import Network, Projection
from snn.state import State
from snn.topology import Grid, LocalField, OneToOne, SharedKernel, edges, window

FloatArray = NDArray[np.float64]
PREDICTION, BRANCH, REPRESENTATION = "level0.prediction", "level0.branch", "level0.representation"
MOST_BRANCHES = 9
CELLS = ((1 / 4, 1 / 4), (1 / 4, 1 / 2), (1 / 4, 3 / 4), (3 / 4, 1 / 4), (3 / 4, 1 / 2), (3 / 4, 3 / 4))


def fan_in(
    weights: FloatArray, topology: LocalField | SharedKernel, pre: Grid, post: Grid, cell: tuple[int, int, int]
) -> tuple[FloatArray, tuple[int, int]]:
    """Collect what one cell receives, from a weight array that is laid out by source.

    Parameters
    ----------
    weights : ndarray, shape as `weight_shape` says
    topology : LocalField or SharedKernel
    pre, post : Grid
        Source and target.
    cell : (int, int, int)
        Row, column and channel of the target cell.

    Returns
    -------
    field : ndarray, shape (n_pre, field_rows, field_cols)
        Weight from each source channel and site of the rectangle that reaches the cell.
    corner : (int, int)
        Row and column of the rectangle's first site in the source grid.
    """
    w = window(topology, pre, post)
    row, col, channel = cell
    down = row - (np.arange(pre.rows) * post.rows // pre.rows + w.offset_row)
    across = col - (np.arange(pre.cols) * post.cols // pre.cols + w.offset_col)
    r, c = (np.flatnonzero((place >= 0) & (place < w.size)) for place in (down, across))
    found = weights[
        (r % w.phases[0])[:, None], (c % w.phases[1])[None, :], :, down[r][:, None], across[c][None, :], channel - w.post_channels[0]
    ]
    return np.moveaxis(found, -1, 0), (int(r[0]), int(c[0]))


def forecaster(network: Network) -> str:
    """Name the cells of level 0 whose synapses learn the forecast: gated branches, or without them the prediction itself.

    Parameters
    ----------
    network : Network

    Returns
    -------
    str
    """
    return BRANCH if any(p.name == BRANCH for p in network.populations) else PREDICTION


def forecast_routes(network: Network) -> list[tuple[Projection, bool]]:
    """Routes from representations to the cells of level 0 that forecast, and whether they excite.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of (Projection, bool)
    """
    return [
        (j, network.population(j.source).sign == "excitatory")
        for j in network.projections
        if j.target == forecaster(network) and ".representation" in j.source and isinstance(j.topology, LocalField | SharedKernel)
    ]


def feature_names(network: Network) -> list[str]:
    """Name the features of the representation of level 0 after the retinal channels that they copy.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of str
    """
    names = [f"feature {i}" for i in range(network.population(REPRESENTATION).shape[2])]
    for j in network.projections:
        if j.target == REPRESENTATION and isinstance(j.topology, OneToOne) and j.topology.pairs is not None:
            for a, b in j.topology.pairs:
                names[b] = f"{j.source.rpartition('_')[2]}\n{('on', 'off')[a]}"
    return names


def draw_weights(path: Path, network: Network, state: State) -> None:
    """Draw what some prediction cells receive from the representation around them, and all weights' distribution.

    Parameters
    ----------
    path : Path
        The PNG file.
    network : Network
        A `prednet`.
    state : State
        Its weights.
    """
    routes, names = forecast_routes(network), feature_names(network)
    gated = forecaster(network) == BRANCH
    post = network.population(forecaster(network)).grid
    own = sorted((item for item in routes if item[0].source.startswith(REPRESENTATION)), key=lambda item: not item[1])
    fields_of = [(j, j.topology, excites) for j, excites in own if isinstance(j.topology, LocalField | SharedKernel)]
    half = fields_of[0][1].size // 2

    def inside(share: float, n: int) -> int:
        return int(np.clip(round(share * (n - 1)), min(half, (n - 1) // 2), max(n - 1 - half, n // 2)))

    if gated:
        sites = [(inside(0.5, post.rows), inside(0.5, post.cols), up) for up in range(0, post.channels, 2)][:MOST_BRANCHES]
    else:
        sites = list(dict.fromkeys((inside(a, post.rows), inside(b, post.cols), 0) for a, b in CELLS))
    fields = {}
    for j, topology, excites in fields_of:
        for cell in sites:
            fields[cell, excites] = fan_in(state.weights(j.name), topology, network.population(j.source).grid, post, cell)
    top = max(1e-6, max(float(field.max()) for field, _ in fields.values()))
    n = len(names)
    figure = new_figure(11.0, 1.6 + 1.08 * len(sites) + 2.7)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.3 + 1.08 * len(sites), 2.8])
    grid = upper.add_gridspec(len(sites), 2 * n + 1, width_ratios=[1.0] * n + [0.25] + [1.0] * n)
    for block, (excites, cmap, title) in enumerate(((True, "Reds", "excitatory"), (False, "Blues", "inhibitory"))):
        panels = [[upper.add_subplot(grid[i, f + block * (n + 1)]) for f in range(n)] for i in range(len(sites))]
        for i, site in enumerate(sites):
            field, corner = fields[site, excites]
            for f, axes in enumerate(panels[i]):
                image = axes.imshow(field[f], cmap=cmap, vmin=0, vmax=top)
                axes.plot([site[1] - corner[1]], [site[0] - corner[0]], marker="+", color="#222222", markersize=5, markeredgewidth=0.9)
                bare(axes)
                for spine in axes.spines.values():
                    spine.set(visible=True, color="#bbbbbb")
                if i == 0:
                    axes.set_title(names[f], fontsize=9, color=EXCITATORY if excites else INHIBITORY)
            if block == 0:
                label = f"branch {site[2] // 2}" if gated else f"pixel\n({site[0]}, {site[1]})"
                panels[i][0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        bar = upper.colorbar(image, ax=[a for line in panels for a in line], location="bottom", shrink=0.7, aspect=40, pad=0.015)
        bar.set_label(f"{title} weight (mV)")
        bar.outline.set_visible(False)
    who = f"the “up” cells of the branches at pixel {sites[0][:2]}" if gated else "“up” prediction cells"
    upper.suptitle(f"What {who} receive from the representation of one frame ago (+ is the cell's own pixel)")
    _distribution(lower.subplots(), network, state, routes)
    save(figure, path)


def _distribution(axes: Any, network: Network, state: State, routes: list[tuple[Projection, bool]]) -> None:
    both, post = [], network.population(forecaster(network)).grid
    for wanted in (True, False):
        parts = []
        for j, excites in routes:
            if excites == wanted:
                found = edges(j.topology, network.population(j.source).grid, post)
                parts.append(state.weights(j.name).ravel()[np.unique(found.weight[found.post % post.channels // post.copies % 2 == 0])])
        both.append(np.concatenate(parts))
    bins = np.linspace(0, max(1e-6, max(float(w.max()) for w in both)), 61)
    for weights, colour, name in zip(both, (EXCITATORY, INHIBITORY), ("excitatory", "inhibitory"), strict=True):
        label = f"{name}: {weights.size:,} synapses, mean {weights.mean():.2f} mV, {100 * (weights == 0).mean():.0f}% at 0"
        axes.hist(weights, bins=bins, histtype="step", color=colour, linewidth=1.7, label=label)
    axes.set_yscale("log")
    axes.set_xlim(0, bins[-1])
    axes.set_xlabel("weight (mV)")
    axes.set_ylabel("synapses")
    axes.set_title("All forecast weights onto “up” cells of level 0", loc="left")
    axes.legend(loc="upper right")
