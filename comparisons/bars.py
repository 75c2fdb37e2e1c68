"""The bars printed beside every model: what a forecast is worth that copies, shifts or knows one frame only.

A forecast of frame t may use frames before t, never t itself.  The first frames of a clip are not scored.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comparisons.gated_shift import GatedShift
from comparisons.one_frame import OneFrame
from comparisons.scoring import copy_last_mse, score
from snn.errors import StateError, sentence
from snn.files import replace_file
from snn.stimuli.movie import Movie

__all__ = ["GatedShift", "OneFrame", "copy_last_mse", "fit_bars", "load_bars", "save_bars", "score"]
FILE = "bars.npz"
FITTED_ON = 300


def fit_bars(movies: Sequence[Movie]) -> tuple[GatedShift, OneFrame]:
    """Fit the bars on learning movies.

    Parameters
    ----------
    movies : sequence of Movie

    Returns
    -------
    GatedShift, OneFrame
    """
    return GatedShift.fit(movies[:FITTED_ON]), OneFrame.fit(movies[: 4 * FITTED_ON])


def load_bars(run: Path) -> tuple[GatedShift, OneFrame]:
    """Read the bars of a run.

    Parameters
    ----------
    run : Path

    Returns
    -------
    GatedShift, OneFrame

    Raises
    ------
    StateError
        If the file is damaged.
    """
    path = run / FILE
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StateError(sentence(str(path), "is not a complete file of bars", cure="restore it or run again")) from error
    parts = {
        kind: {k.removeprefix(f"{kind}/"): a for k, a in arrays.items() if k.startswith(kind)} for kind in ("gated_shift", "one_frame")
    }
    return GatedShift.from_arrays(parts["gated_shift"]), OneFrame.from_arrays(parts["one_frame"])


def save_bars(run: Path, shift: GatedShift, one: OneFrame) -> None:
    """Write bars into a run folder.

    Parameters
    ----------
    run : Path
    shift : GatedShift
    one : OneFrame
    """
    arrays = {f"gated_shift/{k}": a for k, a in shift.to_arrays().items()} | {f"one_frame/{k}": a for k, a in one.to_arrays().items()}
    replace_file(run / FILE, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
