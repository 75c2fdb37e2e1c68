"""Recordings in files: one ``.npz``, checked when it is read; ``.nwb`` files are read by `comparisons.neural.nwb`.

=============== ===========================================================================================================
key             what it holds
=============== ===========================================================================================================
``images``      ``(n_stimuli, rows, cols)``: still images, luminance in [0, 1], or 0 to 255 as unsigned bytes; or
``movies``      ``(n_stimuli, n_frames, rows, cols)``
``responses``   ``(n_trials, n_stimuli, n_units)``, or ``(n_trials, n_stimuli, n_bins, n_units)``; NaN where not recorded
``groups``      ``(n_stimuli,)``: numbers or names of what must not be split
``frame_ms``    time for which each frame was shown; may be missing with ``images``
``bin_ms``      time of a bin, of responses in time
``name``        what to call it
``source``      where it is from, and under which licence
=============== ===========================================================================================================
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import FloatArray, NeuralData, groups_of_its_own, real_numbers
from snn.errors import NeuralDataError, nearest, sentence
from snn.files import replace_file

KEYS = ("images", "movies", "responses", "groups", "frame_ms", "bin_ms", "name", "source")
EACH = "each"


def read_neural(path: Path | str, *, groups: Literal["each"] | None = None) -> NeuralData:
    """Read a recording.

    Parameters
    ----------
    path : Path or str
        An ``.npz`` with the keys above, or an ``.nwb`` (`comparisons.neural.nwb`).
    groups : {'each'}, optional
        What to do where the file has none: with 'each', stimuli stand alone, and any of them may be tested when others are learned from.

    Returns
    -------
    NeuralData

    Raises
    ------
    NeuralDataError
        If the file cannot be read, lacks something, has what is not known, its parts do not fit each other, or it has groups and others
        are asked for.
    MovieError
        If luminance is outside of its range.
    """
    path = Path(path)
    if path.suffix == ".nwb":
        from comparisons.neural.nwb import read_nwb

        return read_nwb(path, groups=groups)
    held = arrays_of(path)
    for key in held:
        if key not in KEYS:
            raise NeuralDataError(sentence(str(path), f"holds {key!r}, which no recording has", cure=nearest(key, KEYS)))
    if "responses" not in held or ("images" in held) == ("movies" in held):
        problem, allowed = "is no recording", "responses, and either images or movies"
        raise NeuralDataError(sentence(str(path), problem, got=sorted(held), allowed=allowed))
    still = "images" in held
    shown = held["images" if still else "movies"]
    if shown.ndim != (3 if still else 4):
        allowed = "(n_stimuli, rows, cols) of images, (n_stimuli, n_frames, rows, cols) of movies"
        raise NeuralDataError(sentence(f"{path}: stimuli", "have the wrong shape", got=shown.shape, allowed=allowed))
    shown = _luminance(shown[:, None] if still else shown)
    if "groups" in held and groups == EACH:
        raise groups_of_its_own(path)
    if "groups" in held:
        if held["groups"].dtype.kind not in "biuSU":
            got, allowed = str(held["groups"].dtype), "whole numbers or names"
            raise NeuralDataError(sentence(f"{path}: groups", "are neither numbers nor names", got=got, allowed=allowed))
        of_each = np.unique(held["groups"], return_inverse=True)[1]
    elif groups == EACH:
        of_each = np.arange(len(shown))
    else:
        cure = "add groups, equal for pieces of one film or picture; or --groups each (groups='each' in Python): each stands alone"
        raise NeuralDataError(sentence(str(path), "does not say which stimuli belong together", cure=cure))
    words = {key: str(held[key].item()) for key in ("name", "source") if key in held and held[key].size == 1}
    return NeuralData(
        shown,
        real_numbers(held["responses"], f"{path}: responses"),
        of_each,
        _time(held, "frame_ms", path),
        _time(held, "bin_ms", path),
        **({"name": path.stem} | words),
    )


def write_neural(path: Path | str, data: NeuralData) -> None:
    """Write a recording.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced.
    data : NeuralData
    """
    still = data.stimuli.shape[1] == 1
    parts: dict[str, Any] = {"images": data.stimuli[:, 0]} if still else {"movies": data.stimuli}
    parts |= {"responses": data.responses, "groups": data.groups, "name": data.name, "source": data.source}
    parts |= {key: getattr(data, key) for key in ("frame_ms", "bin_ms") if getattr(data, key) is not None}
    replace_file(Path(path), lambda file: np.savez_compressed(file, **parts))


def arrays_of(path: Path) -> Mapping[str, NDArray[Any]]:
    """Read a file of plain arrays.

    Parameters
    ----------
    path : Path
        An ``.npz``.

    Returns
    -------
    mapping of str to ndarray, of any shape

    Raises
    ------
    NeuralDataError
        If it cannot be read, or holds anything else.
    """
    try:
        # Opened here, since NumPy leaves open what it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return {key: held[key] for key in held.files}
    except OSError as error:
        raise NeuralDataError(sentence(str(path), f"cannot be read ({error.strerror or error})", cure="check the path")) from error
    except (ValueError, zipfile.BadZipFile, zlib.error, AttributeError, TypeError, EOFError) as error:
        told = "it holds Python objects" if "allow_pickle" in str(error) else " ".join(str(error).split())
        raise NeuralDataError(sentence(str(path), f"is no .npz of plain arrays ({told})", cure="write it with numpy.savez")) from error


def _luminance(shown: NDArray[Any]) -> FloatArray:
    return shown / 255.0 if shown.dtype == np.uint8 else real_numbers(shown, "stimuli")


def _time(held: Mapping[str, NDArray[Any]], key: str, path: Path) -> float | None:
    if key not in held:
        return None
    if held[key].size != 1 or held[key].dtype.kind not in "iuf":
        raise NeuralDataError(sentence(f"{path}: {key}", "is no time", got=held[key].tolist(), allowed="one number, in ms"))
    return float(held[key].item())
