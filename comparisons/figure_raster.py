"""What the cells of all populations sent, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.figure_style import (
    BOUNDARY,
    EXCITATORY,
    INHIBITORY,
    LUMINANCE_MAP,
    bare,
    headline,
    luminance_range,
    new_figure,
    save,
    shown_frames,
)
from snn.description import Network, Population
from snn.recording import Recording
from snn.stimuli.movie import Movie

RASTER_FRAMES = 6
MOST_CELLS = 32
BAND, GAP = 1.0, 0.22


def sampled_cells(population: Population, most: int = MOST_CELLS) -> NDArray[np.int64]:
    """Choose cells to draw: the same number of every channel, at sites spread evenly over the grid.

    Parameters
    ----------
    population : Population
    most : int
        Cells at most, unless there are more channels than that.

    Returns
    -------
    ndarray, shape (n_cells,)
        Numbers within the population, channel by channel.
    """
    grid = population.grid
    sites = grid.rows * grid.cols
    each = min(sites, max(1, most // grid.channels))
    site = np.rint(np.linspace(0, sites - 1, each + 2)[1:-1] if each < sites else np.arange(sites)).astype(np.int64)
    return (np.arange(grid.channels)[:, None] + grid.channels * site).ravel()


def draw_raster(path: Path, network: Network, recording: Recording, movie: Movie) -> None:
    """Draw the spikes of some cells of every population, or for rate units what they sent in each frame.

    Parameters
    ----------
    path : Path
        The PNG file.
    network : Network
    recording : Recording
        Of the movie, from its first frame, with spikes.
    movie : Movie
    """
    shown = shown_frames(movie.n_frames, RASTER_FRAMES)
    populations = network.populations
    graded = any(p.graded for p in populations)
    n = len(populations)
    figure = new_figure(10.5, 2.7 + 0.6 * n)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.04, wspace=0.0, hspace=0.0)
    grid = figure.add_gridspec(2, len(shown), height_ratios=[1.0, 0.6 * n])
    black, white = luminance_range(movie.frames[shown.start : shown.stop])
    for k, t in enumerate(shown):
        above = figure.add_subplot(grid[0, k])
        above.imshow(movie.frames[t], cmap=LUMINANCE_MAP, vmin=black, vmax=white)
        above.set_title(f"frame {t}", fontsize=9)
        bare(above)
    axes = figure.add_subplot(grid[1, :])
    start, stop = shown.start * movie.frame_ms, shown.stop * movie.frame_ms
    sent = np.concatenate([recording.counts[p.name][shown.start : shown.stop].ravel() for p in populations])
    most = max(1.0, float(np.quantile(sent, 0.995)))
    image: Any = None
    for i, p in enumerate(populations):
        base = -i * (BAND + GAP)
        colour = INHIBITORY if p.sign == "inhibitory" else EXCITATORY
        cells = sampled_cells(p)
        if p.graded:
            values = recording.counts[p.name].reshape(movie.n_frames, -1)[shown.start : shown.stop, cells].T
            image = axes.imshow(values, extent=(start, stop, base - BAND, base), aspect="auto", vmin=0, vmax=most, cmap="bone_r")
            axes.axhspan(base - BAND, base, fill=False, edgecolor=colour, linewidth=0.6, alpha=0.7)
        else:
            axes.axhspan(base - BAND, base, color=colour, alpha=0.055, linewidth=0)
            _spikes(axes, recording, p, cells, base, colour, shown)
        axes.text(
            -0.008, base - BAND / 2, p.name, transform=axes.get_yaxis_transform(), ha="right", va="center", color=colour, fontsize=9.5
        )
        note = f"{1000 * recording.counts[p.name][shown.start : shown.stop].mean() / movie.frame_ms:.1f} Hz\n{len(cells)} of {p.n} cells"
        axes.text(1.008, base - BAND / 2, note, transform=axes.get_yaxis_transform(), ha="left", va="center", color=colour, fontsize=8)
    bottom = -n * (BAND + GAP) + GAP
    for t in range(shown.start, shown.stop + 1):
        axes.axvline(t * movie.frame_ms, color=BOUNDARY, linewidth=0.9, zorder=1)
    axes.set_xlim(start, stop)
    axes.set_ylim(bottom - 0.1, 0.1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xticks([t * movie.frame_ms for t in range(shown.start, shown.stop + 1)])
    axes.set_xlabel("time since the clip began (ms)")
    if image is not None:
        figure.colorbar(image, ax=axes, location="bottom", shrink=0.4, aspect=35, pad=0.01, label="sent in a frame (equivalents of spikes)")
    what = "Output of all rate units in each frame" if graded else "Spikes of all populations"
    headline(figure, f"{what}; rates are means over a population and these frames")
    handles = [axes.plot([], [], color=c, linewidth=4)[0] for c in (EXCITATORY, INHIBITORY)]
    figure.legend(handles, ["excitatory population", "inhibitory population"], loc="outside lower center", ncols=2)
    save(figure, path)


def _spikes(
    axes: Any, recording: Recording, population: Population, cells: NDArray[np.int64], base: float, colour: str, shown: range
) -> None:
    spikes = recording.spikes[population.name]
    place = np.full(population.n, -1)
    place[cells] = np.arange(len(cells))
    first, last = shown.start * recording.frame_steps, shown.stop * recording.frame_steps
    here = (spikes.steps >= first) & (spikes.steps < last) & (place[spikes.cells] >= 0)
    height = BAND / len(cells)
    top = base - height * place[spikes.cells[here]]
    axes.vlines(spikes.steps[here] * recording.dt_ms, top - 1.5 * height, top, color=colour, linewidth=1.5, zorder=2)
