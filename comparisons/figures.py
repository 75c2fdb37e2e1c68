"""Figures of a run, on frames that it has not learned from, and the recording that they show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.figure_curve import draw_curve
from comparisons.figure_frames import draw_animation, draw_strip
from comparisons.figure_pixel import draw_pixel
from comparisons.figure_raster import draw_raster
from comparisons.figure_style import STYLE
from comparisons.figure_weights import draw_weights
from snn.curve import Curve
from snn.description import Network
from snn.engines.driver import Simulation
from snn.files import replace_file
from snn.recording import Record, Recording
from snn.stimuli.movie import Movie

FIGURES = "figures"


def draw_run(folder: Path, simulation: Simulation, movie: Movie, curve: Curve, unit: str = "stretch") -> None:
    """Show a movie to a network whose weights rest, keep the recording, and draw what happened.

    Writes ``recording.npz`` and, in ``figures``, ``learning_curve.png``, ``strip.png``, ``animation.gif``,
    ``raster.png``, ``pixel.png`` and ``weights.png``.

    Parameters
    ----------
    folder : Path
        The run folder; it exists.
    simulation : Simulation
        Of a `prednet`; it is restarted, its weights stay.
    movie : Movie
        Frames that were not learned from.
    curve : Curve
        How learning went.
    unit : str
        What a point of the curve stands for: ``stretch`` or ``update``.
    """
    simulation.restart()
    recording = simulation.run(movie, record=Record(spikes=True), learn=False)
    network = simulation.network
    save_recording(folder / "recording.npz", network, recording, movie)
    draw_forecast(folder, recording, movie, curve, unit)
    with style():
        draw_raster(folder / FIGURES / "raster.png", network, recording, movie)
        draw_pixel(folder / FIGURES / "pixel.png", network, recording, movie)
        draw_weights(folder / FIGURES / "weights.png", network, simulation.state())


def draw_forecast(folder: Path, recording: Recording, movie: Movie, curve: Curve, unit: str = "stretch") -> None:
    """Draw what every model has: the learning curve and forecasts beside frames.

    Writes, in ``figures``, ``learning_curve.png``, ``strip.png`` and ``animation.gif``.

    Parameters
    ----------
    folder : Path
        The run folder; it exists.
    recording : Recording
        Of the movie.
    movie : Movie
        Frames that were not learned from.
    curve : Curve
        How learning went.
    unit : str
        What a point of the curve stands for: ``stretch`` or ``update``.
    """
    figures = folder / FIGURES
    figures.mkdir(exist_ok=True)
    with style():
        draw_curve(figures / "learning_curve.png", curve, unit)
        draw_strip(figures / "strip.png", recording, movie)
        draw_animation(figures / "animation.gif", recording, movie)


@contextmanager
def style() -> Iterator[None]:
    """Draw with the settings of this package; whatever settings a user has, a run looks the same."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(STYLE)
        yield


def save_recording(path: Path, network: Network, recording: Recording, movie: Movie) -> None:
    """Write a recording as flat arrays.

    ``spikes/POPULATION/steps`` and ``/cells`` hold every spike, ``counts/POPULATION`` what each cell sent in each frame
    (of populations without spikes only), ``readouts/NAME`` the readouts, ``frames`` the movie; ``frame_steps`` and
    ``dt_ms`` turn steps into frames and milliseconds.

    Parameters
    ----------
    path : Path
        An existing file is replaced.
    network : Network
    recording : Recording
    movie : Movie
        What was shown.
    """
    arrays = {f"readouts/{name}": values for name, values in recording.readouts.items()}
    for p in network.populations:
        if p.graded:
            arrays[f"counts/{p.name}"] = recording.counts[p.name]
        else:
            arrays[f"spikes/{p.name}/steps"] = recording.spikes[p.name].steps.astype(np.int32)
            arrays[f"spikes/{p.name}/cells"] = recording.spikes[p.name].cells.astype(np.int32)
    arrays |= {"frames": movie.frames, "frame_steps": np.array(recording.frame_steps), "dt_ms": np.array(recording.dt_ms)}
    replace_file(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
