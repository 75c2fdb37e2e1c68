"""Pictures and films of the report, as data that stand in the page: what is shown, and what models expect to see."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from comparisons.battery import RESULTS, Battery
from comparisons.battery_models import Task
from comparisons.phenomena import PHENOMENA
from comparisons.records import HARNESS
from comparisons.responder import FloatArray
from comparisons.stimulus_strips import Stimuli, Strip, stimuli_of
from snn.files import replace_file

FRAME_S = 0.2
"""For how long a frame of a film is shown; slower than the models see it."""
PRINTED_PX = 128
"""Width of a still picture, at least half of it; on screens they are half as large."""


def films_of(battery: Battery, name: str) -> dict[str, Any] | None:
    """Draw what a phenomenon shows, and play one of its movies beside the forecasts of the models that were asked.

    Parameters
    ----------
    battery : Battery
    name : str
        Of the phenomenon.

    Returns
    -------
    dict or None
        ``strips`` (label, picture, captions, width), ``films`` (label, picture) and how long they last; None where nothing is known of its
        stimuli, or no model could be asked.
    """
    shown: Stimuli | None = None
    films: list[dict[str, str]] = []
    for model in battery.models:
        task = Task(model, 0, name)
        found = battery.result(task)
        if found is None or found["lacks"]:
            continue
        stimuli = stimuli_of(name, PHENOMENA[name], battery.asked(task))
        if stimuli is None:
            return None
        if shown is None:
            shown = stimuli
            films.append({"label": "shown", "picture": png(_side_by_side(shown.film.frames[shown.start :], 0))})
        forecast = _forecast(battery, task, stimuli)
        if forecast is not None:
            films.append({"label": f"{model.name} expects", "picture": png(_side_by_side(forecast[stimuli.start :], 0))})
    if shown is None:
        return None
    n = shown.film.n_frames - shown.start
    strips = [_strip(strip) for strip in shown.strips]
    return {"strips": strips, "films": films, "n_frames": n, "seconds": f"{n * FRAME_S:.1f}"}


def png(luminance: FloatArray) -> str:
    """Print a picture as the address of a PNG that holds itself.

    Parameters
    ----------
    luminance : ndarray, shape (rows, cols)
        From 0, black, to 1, white.

    Returns
    -------
    str
    """
    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.round(255 * np.clip(luminance, 0.0, 1.0)).astype(np.uint8)).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def _strip(strip: Strip) -> dict[str, Any]:
    # Browsers smooth what they print, so pixels are made large here.
    larger = max(1, PRINTED_PX // strip.pictures.shape[2])
    pictures = strip.pictures.repeat(larger, 1).repeat(larger, 2)
    return {"label": strip.label, "picture": png(_side_by_side(pictures, PRINTED_PX // 12)), "captions": strip.captions}


def _side_by_side(pictures: FloatArray, apart: int) -> FloatArray:
    """Put pictures, shape (n, rows, cols), in a row, with white between them."""
    n, rows, cols = pictures.shape
    wide = np.ones((n, rows, cols + apart))
    wide[:, :, :cols] = pictures
    row: FloatArray = np.concatenate(list(wide), axis=1)
    return row[:, : row.shape[1] - apart]


def _forecast(battery: Battery, task: Task, stimuli: Stimuli) -> NDArray[np.float64] | None:
    """Ask a model what it expects of a movie, once: the answer is kept beside its results."""
    subject = battery.subject(task)
    path = battery.out / RESULTS / task.model.name / str(task.number) / f"{task.phenomenon}.forecast.npz"
    key = hashlib.sha256(f"{HARNESS} {subject.digest} ".encode() + stimuli.film.frames.tobytes()).hexdigest()
    known = _read(path, key)
    if known is not None:
        return known if known.size else None
    told = battery.asked(task).respond(stimuli.film, [], seed=task.number).forecast
    forecast = np.zeros(0) if told is None else np.clip(told[0], 0.0, 1.0)
    replace_file(path, lambda file: np.savez_compressed(file, key=key, forecast=forecast.astype(np.float16)))
    return forecast.astype(np.float16).astype(np.float64) if told is not None else None


def _read(path: Path, key: str) -> NDArray[np.float64] | None:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return file["forecast"].astype(np.float64) if str(file["key"]) == key else None
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
