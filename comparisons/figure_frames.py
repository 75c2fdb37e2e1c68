"""Frames, forecasts and errors: side by side, and as an animation."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.figure_style import (
    ERROR_MAP,
    ESTIMATE,
    FIRST_SHOWN,
    FORECAST,
    LUMINANCE_MAP,
    bare,
    headline,
    luminance_range,
    new_figure,
    save,
    shown_frames,
)
from comparisons.scoring import copied
from snn.files import replace_file
from snn.recording import FORECAST as FORECAST_READOUT
from snn.recording import Recording
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
STRIP_FRAMES = 8
PANEL_PX, GAP_PX, CAPTION_PX = 192, 8, 22
ANIMATION_BYTES = 500_000


def error_spikes(recording: Recording) -> FloatArray:
    """Spikes of the error cells of level 0 that say "brighter than forecast", less those that say "darker".

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    ndarray, shape (n_frames, rows, cols)
        Spikes in each frame, as a mean over the copies of a cell.
    """
    pos, neg = recording.counts["level0.error_pos"], recording.counts["level0.error_neg"]
    difference: FloatArray = (pos - neg).mean(axis=-1)
    return difference


def graded(recording: Recording) -> bool:
    """Tell whether a recording holds activities of units without spikes: its frames have one step.

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    bool
    """
    return recording.frame_steps == 1


def limit(values: FloatArray, step: float) -> float:
    """End of a symmetric colour scale: nearly all values are inside, rounded up to a multiple of ``step``.

    Parameters
    ----------
    values : ndarray, any shape
    step : float

    Returns
    -------
    float
        At least ``step``.
    """
    return max(step, float(np.ceil(np.quantile(np.abs(values), 0.995) / step) * step))


def draw_strip(path: Path, recording: Recording, movie: Movie) -> None:
    """Draw consecutive frames with their forecasts and errors, and the mean squared errors below.

    Parameters
    ----------
    path : Path
        The PNG file.
    recording : Recording
        Of the movie, from its first frame.
    movie : Movie
    """
    shown = shown_frames(movie.n_frames, STRIP_FRAMES)
    n, frames, now = len(shown), movie.frames, slice(shown.start, shown.stop)
    forecast = recording.readouts[FORECAST_READOUT][..., 0]
    copy_error, model_error, spikes = frames - copied(frames), frames - forecast, error_spikes(recording)
    least = 0.05 if graded(recording) else 1.0
    widest, busiest = limit(np.stack([copy_error[now], model_error[now]]), 0.05), limit(spikes[now], least)
    black, white = luminance_range(frames[now])
    rows: list[tuple[str, FloatArray, dict[str, Any]]] = [
        ("input\n$x_t$", frames, {"cmap": LUMINANCE_MAP, "vmin": black, "vmax": white}),
        ("forecast of $x_t$\n(from earlier\nframes)", forecast, {"cmap": LUMINANCE_MAP, "vmin": black, "vmax": white}),
        ("error of copying\n$x_t - x_{t-1}$", copy_error, {"cmap": ERROR_MAP, "vmin": -widest, "vmax": widest}),
        ("error of model\n$x_t$ − forecast", model_error, {"cmap": ERROR_MAP, "vmin": -widest, "vmax": widest}),
        ("error cells\nE+ − E−", spikes, {"cmap": ERROR_MAP, "vmin": -busiest, "vmax": busiest}),
    ]
    aspect = frames.shape[1] / frames.shape[2]
    figure = new_figure(2.6 + 1.1 * max(n, 4), 0.8 + len(rows) * 1.13 * aspect + 1.55)
    figure.get_layout_engine().set(w_pad=0.025, h_pad=0.025, wspace=0.0, hspace=0.0)
    grid = figure.add_gridspec(len(rows) + 1, n, height_ratios=[1.0] * len(rows) + [1.15 / aspect])
    images, axes = [], np.empty((len(rows), n), dtype=object)
    for i, (label, values, scale) in enumerate(rows):
        for k, t in enumerate(shown):
            axes[i, k] = figure.add_subplot(grid[i, k])
            image = axes[i, k].imshow(values[t], **scale)
            bare(axes[i, k])
            if i == 0:
                axes[i, k].set_title(f"frame {t}", fontsize=9.5)
        axes[i, 0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6)
        images.append(image)
    bars = [
        (0, (0, 2), "luminance", (black, (black + white) / 2, white)),
        (2, (2, 4), "luminance difference", (-widest, 0, widest)),
        (4, (4, 5), "activity" if graded(recording) else "spikes a frame", (-busiest, 0, busiest)),
    ]
    for which, (a, b), label, ticks in bars:
        bar = figure.colorbar(images[which], ax=list(axes[a:b].ravel()), ticks=ticks, aspect=9 * (b - a), pad=0.012, label=label)
        bar.ax.set_yticklabels([f"{x:+g}" if which and x else f"{x:g}" for x in ticks])
        bar.outline.set_visible(False)
    _errors(figure.add_subplot(grid[-1, :]), shown, (copy_error**2).mean(axis=(1, 2)), (model_error**2).mean(axis=(1, 2)))
    headline(figure, f"Clip “{movie.name}”, each frame shown for {movie.frame_ms:g} ms; weights fixed")
    save(figure, path)


def _errors(axes: Any, shown: range, copying: FloatArray, model: FloatArray) -> None:
    where = np.arange(len(shown))
    total = copying[shown.start : shown.stop].sum()
    ratio = f" (ratio of sums {model[shown.start : shown.stop].sum() / total:.2f})" if total > 1e-12 else " (nothing moves)"
    axes.bar(where - 0.17, copying[shown.start : shown.stop], 0.32, color=ESTIMATE, label="copying the last frame")
    axes.bar(where + 0.17, model[shown.start : shown.stop], 0.32, color=FORECAST, label=f"model{ratio}")
    axes.set_xlim(-0.5, len(shown) - 0.5)
    axes.set_xticks(where, [str(t) for t in shown])
    axes.set_xlabel("frame")
    axes.set_ylabel("mean squared error\n(luminance²)")
    axes.set_ylim(0, 1.35 * max(1e-4, float(max(copying[shown.start : shown.stop].max(), model[shown.start : shown.stop].max()))))
    axes.ticklabel_format(axis="y", style="plain")
    axes.locator_params(axis="y", nbins=4)
    axes.legend(loc="upper right", ncols=2)


def draw_animation(path: Path, recording: Recording, movie: Movie) -> None:
    """Animate input, forecast and error spikes at the movie's own frame rate.

    Parameters
    ----------
    path : Path
        The GIF file.
    recording : Recording
        Of the movie, from its first frame.
    movie : Movie
    """
    from matplotlib import colormaps

    spikes = error_spikes(recording)
    busiest = limit(spikes[min(FIRST_SHOWN, len(spikes) - 1) :], 0.05 if graded(recording) else 1.0)
    grey = np.repeat(np.rint(np.linspace(0, 255, 128))[:, None], 3, axis=1)
    colours = np.rint(255 * colormaps[ERROR_MAP](np.linspace(0, 1, 127))[:, :3])
    palette = [int(v) for v in np.concatenate([grey, colours, [[255, 255, 255]]]).ravel()]
    black, white = luminance_range(movie.frames)
    forecast = recording.readouts[FORECAST_READOUT][..., 0]
    luminance = [np.rint(127 * np.clip((x - black) / (white - black), 0, 1)) for x in (movie.frames, forecast)]
    panels = np.stack([*luminance, 128 + np.rint(63 * (1 + np.clip(spikes / busiest, -1, 1)))]).astype(np.uint8)
    factor = max(1, round(PANEL_PX / max(movie.size)))
    while True:
        data = _gif(panels, factor, palette, movie.frame_ms)
        if len(data) <= ANIMATION_BYTES or factor == 1:
            break
        factor -= 1
    replace_file(path, lambda file: file.write(data))


def _gif(panels: NDArray[np.uint8], factor: int, palette: list[int], frame_ms: float) -> bytes:
    """Lay out (panel, frame, row, column) palette indices, write captions, and encode."""
    from PIL import Image, ImageDraw, ImageFont

    white, black = 255, 0
    rows, cols = (factor * side for side in panels.shape[2:])
    font = ImageFont.load_default(size=12)
    pages = []
    for t in range(panels.shape[1]):
        page = Image.new("P", (3 * cols + 4 * GAP_PX, rows + CAPTION_PX + GAP_PX), white)
        page.putpalette(palette)
        draw = ImageDraw.Draw(page)
        draw.fontmode = "1"
        for i, caption in enumerate((f"input, frame {t}", "forecast", "error cells E+ - E-")):
            left = GAP_PX + i * (cols + GAP_PX)
            page.paste(Image.fromarray(np.kron(panels[i, t], np.ones((factor, factor), dtype=np.uint8))), (left, CAPTION_PX))
            draw.text((left, 4), caption, fill=black, font=font)
        pages.append(page)
    data = io.BytesIO()
    pages[0].save(data, format="GIF", save_all=True, append_images=pages[1:], duration=round(frame_ms), loop=0, optimize=False)
    return data.getvalue()
