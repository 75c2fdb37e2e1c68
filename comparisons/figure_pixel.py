"""One pixel over time: what came, what the cells told of it, and what they had forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.figure_style import (
    BOUNDARY,
    ERROR_NEG,
    ERROR_POS,
    ESTIMATE,
    FORECAST,
    INPUT,
    LUMINANCE_MAP,
    bare,
    luminance_range,
    new_figure,
    save,
    shown_frames,
)
from snn.description import ChangeReadout, Network
from snn.recording import Recording
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
Row = tuple[str, str, int, str]
PIXEL_FRAMES, FIRST_PIXEL_FRAME = 8, 2
MARGIN_PX = 2
ROWS: tuple[Row, ...] = (
    ("target up", "level0.target", 0, INPUT),
    ("target down", "level0.target", 1, INPUT),
    ("target up, coarse", "level0.target_coarse", 0, INPUT),
    ("target down, coarse", "level0.target_coarse", 1, INPUT),
    ("prediction up", "level0.prediction", 0, FORECAST),
    ("prediction down", "level0.prediction", 1, FORECAST),
    ("error E+ (brighter)", "level0.error_pos", 0, ERROR_POS),
    ("error E− (darker)", "level0.error_neg", 0, ERROR_NEG),
)


def liveliest_pixel(frames: FloatArray, margin_px: int = MARGIN_PX) -> tuple[int, int]:
    """Pixel whose luminance varies most over time, away from the border where that is possible.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, rows, cols)
    margin_px : int
        Pixels along the border that are left out.

    Returns
    -------
    row, col : int
    """
    rows, cols = frames.shape[1:]
    down, across = min(margin_px, (rows - 1) // 2), min(margin_px, (cols - 1) // 2)
    variance = frames.var(axis=0)[down : rows - down, across : cols - across]
    row, col = np.unravel_index(int(variance.argmax()), variance.shape)
    return int(row) + down, int(col) + across


def trace(network: Network, recording: Recording, name: str, site: tuple[int, int]) -> FloatArray:
    """Value of a readout at one site after every step: its spikes, added up.

    Parameters
    ----------
    network : Network
    recording : Recording
        From the beginning of a clip, with spikes.
    name : str
        Of a readout with one feature.
    site : (int, int)
        Row and column.

    Returns
    -------
    ndarray, shape (n_frames * frame_steps,)
        In units of the readout; the spikes of a step count at that step.
    """
    readout = next(r for r in network.readouts if r.name == name and isinstance(r, ChangeReadout))
    population = network.population(readout.population)
    up, down = (
        np.bincount(_steps(network, recording, readout.population, channel, site), minlength=_total(recording)) for channel in (0, 1)
    )
    value: FloatArray = readout.offset + readout.step * np.cumsum(up - down) / population.copies
    return value


def _total(recording: Recording) -> int:
    return recording.n_frames * recording.frame_steps


def _steps(network: Network, recording: Recording, name: str, feature: int, site: tuple[int, int]) -> NDArray[np.int64]:
    """Steps at which the cells of one feature at one site fired."""
    grid = network.population(name).grid
    spikes = recording.spikes[name]
    first = (site[0] * grid.cols + site[1]) * grid.channels + feature * grid.copies
    steps: NDArray[np.int64] = spikes.steps[(spikes.cells >= first) & (spikes.cells < first + grid.copies)]
    return steps


def draw_pixel(path: Path, network: Network, recording: Recording, movie: Movie) -> None:
    """Draw one pixel: luminance, estimate and forecast, and below them the events that told it.

    Parameters
    ----------
    path : Path
        The PNG file.
    network : Network
        With one channel at level 0.
    recording : Recording
        Of the movie, from its first frame, with spikes.
    movie : Movie
    """
    shown = shown_frames(movie.n_frames, PIXEL_FRAMES, FIRST_PIXEL_FRAME)
    site = liveliest_pixel(movie.frames[shown.start : shown.stop])
    figure = new_figure(10.5, 6.2)
    figure.get_layout_engine().set(w_pad=0.05, h_pad=0.05, hspace=0.02)
    panels = figure.subplot_mosaic([["lines", "map"], ["events", "."]], width_ratios=[1, 0.2], height_ratios=[1.25, 1])
    axes, events, where = panels["lines"], panels["events"], panels["map"]
    events.sharex(axes)
    frame_ms = movie.frame_ms
    borders = np.arange(shown.start, shown.stop + 1) * frame_ms
    rows = _rows(network)
    graded = any(network.population(name).graded for _, name, _, _ in rows)
    now = slice(shown.start, shown.stop)
    axes.stairs(movie.frames[now, site[0], site[1]], borders, baseline=None, color=INPUT, linewidth=3.4, label="input", zorder=3)
    for name, colour, label in (("estimate", ESTIMATE, "estimate, from target"), ("forecast", FORECAST, "forecast, from prediction")):
        if graded:
            values = sum(recording.readouts[part][now, site[0], site[1], 0] for part in _parts(network, name))
            axes.stairs(values, borders, baseline=None, color=colour, linewidth=1.7, label=label, zorder=4)
        else:
            steps = np.arange(shown.start * recording.frame_steps, shown.stop * recording.frame_steps + 1)
            values = sum(trace(network, recording, part, site)[steps[:-1]] for part in _parts(network, name))
            axes.stairs(values, steps * recording.dt_ms, baseline=None, color=colour, linewidth=1.5, label=label, zorder=4)
    axes.set_ylabel("luminance (0 black, 1 white)")
    axes.tick_params(labelbottom=False)
    for k, t in enumerate(shown):
        axes.text(
            (borders[k] + borders[k + 1]) / 2,
            1.01,
            f"frame {t}",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=8.5,
        )
    figure.legend(loc="outside upper left", ncols=3)
    _events(events, network, recording, rows, shown, site, graded)
    for panel in (axes, events):
        for x in borders:
            panel.axvline(x, color=BOUNDARY, linewidth=0.8, zorder=0)
    axes.set_xlim(borders[0], borders[-1])
    events.set_xticks(borders)
    events.set_xlabel("time since the clip began (ms)")
    black, white = luminance_range(movie.frames[shown.start : shown.stop])
    where.imshow(movie.frames[shown[len(shown) // 2]], cmap=LUMINANCE_MAP, vmin=black, vmax=white)
    where.plot([site[1]], [site[0]], marker="s", markersize=9, markerfacecolor="none", markeredgecolor=ERROR_POS, markeredgewidth=1.8)
    where.set_title(f"pixel ({site[0]}, {site[1]}) of\nframe {shown[len(shown) // 2]}", fontsize=9)
    bare(where)
    save(figure, path)


def _rows(network: Network) -> list[Row]:
    """Rows of the populations that the network has."""
    there = {p.name for p in network.populations}
    return [row for row in ROWS if row[1] in there]


def _parts(network: Network, name: str) -> list[str]:
    """Readouts that add up to what the level tells: in fine steps, and in coarse ones where it has them."""
    there = {r.name for r in network.readouts}
    return [part for part in (f"level0.{name}", f"level0.{name}_coarse") if part in there]


def _events(axes: Any, network: Network, recording: Recording, rows: list[Row], shown: range, site: tuple[int, int], graded: bool) -> None:
    frame_ms = recording.frame_steps * recording.dt_ms
    most = max(1e-12, *(recording.counts[name][shown.start : shown.stop, site[0], site[1]].max() for _, name, _, _ in rows))
    for i, (_, name, feature, colour) in enumerate(rows):
        population = network.population(name)
        if population.graded:
            counts = (
                recording.counts[name][:, site[0], site[1]].reshape(recording.n_frames, -1, population.copies).mean(axis=-1)[:, feature]
            )
            for t in shown:
                share = min(1.0, counts[t] / most)
                axes.barh(-i, frame_ms, left=t * frame_ms, height=0.7, color=colour, alpha=0.55 * share, linewidth=0)
                axes.text((t + 0.5) * frame_ms, -i, f"{counts[t]:.1f}", ha="center", va="center", fontsize=8)
        else:
            times = _steps(network, recording, name, feature, site) * recording.dt_ms
            axes.vlines(times, -i - 0.36, -i + 0.36, color=colour, linewidth=1.4)
    axes.set_yticks(-np.arange(len(rows)), [row[0] for row in rows])
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_color(row[3])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.spines["left"].set_visible(False)
    axes.set_title("sent in each frame (equivalents of spikes)" if graded else "spikes", loc="left", fontsize=9.5)
