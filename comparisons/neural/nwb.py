"""Recordings as Neurodata Without Borders (NWB 2), through pynwb.

======================================= ==========================================================================================
where in the file                       what it holds
======================================= ==========================================================================================
``stimulus_template/stimuli``           an ``ImageSeries``, ``(n_stimuli * n_frames, rows, cols)``, luminance in [0, 1]; its comments
                                        say how many frames a stimulus has
``intervals/trials``                    one row a showing: ``start_time``, ``stop_time``, ``stimulus`` (from 0), and where it is known
                                        ``group``
``processing/responses/responses``      a ``TimeSeries``, one row a showing, or a bin of a showing, and one column a unit; or
``units``                               spike times, in place of it: they are counted from the start to the stop of each showing
======================================= ==========================================================================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from comparisons.neural.data import FloatArray, NeuralData, groups_of_its_own, real_numbers
from snn.errors import NeuralDataError, sentence

if TYPE_CHECKING:
    from pynwb import NWBFile

STIMULI, RESPONSES = "stimuli", "responses"
PAUSE_MS = 1000.0
"""Between showings, where nothing is known of their times."""
SHOWN_MS = 500.0
"""Of a still image, where it is not known."""


def write_nwb(path: Path | str, data: NeuralData) -> None:
    """Write a recording.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced.
    data : NeuralData

    Raises
    ------
    NeuralDataError
        If pynwb is not installed, or the file cannot be written.
    """
    from datetime import UTC, datetime

    pynwb = _pynwb()
    path = Path(path)
    n_frames = data.stimuli.shape[1]
    shown_s = (data.frame_ms * n_frames if data.frame_ms else SHOWN_MS) / 1000.0
    if data.bin_ms is not None:
        shown_s = max(shown_s, data.bin_ms * data.responses.shape[2] / 1000.0)
    # When a session began is not known of what is written here; the format wants a time.
    began = datetime(1970, 1, 1, tzinfo=UTC)
    file = pynwb.NWBFile(data.name, data.digest[:16], began, experiment_description=data.source or None)
    frames = data.stimuli.reshape(-1, *data.stimuli.shape[2:])
    about = {"frames_per_stimulus": n_frames, "frame_ms": data.frame_ms, "bin_ms": data.bin_ms, "groups": data.groups.tolist()}
    rate = 1000.0 / (data.frame_ms or SHOWN_MS)
    file.add_stimulus_template(
        pynwb.image.ImageSeries(name=STIMULI, data=frames, unit="luminance", rate=rate, format="raw", comments=json.dumps(about))
    )
    file.add_trial_column("stimulus", "which stimulus was shown, from 0")
    file.add_trial_column("group", "stimuli of one group are never split")
    start, starts = 0.0, []
    for _ in range(data.n_trials):
        for stimulus in range(data.n_stimuli):
            file.add_trial(start_time=start, stop_time=start + shown_s, stimulus=stimulus, group=int(data.groups[stimulus]))
            starts.append(start)
            start += shown_s + PAUSE_MS / 1000.0
    bins = np.arange(data.responses.shape[2]) * data.bin_ms / 1000.0 if data.bin_ms is not None else np.zeros(1)
    times = (np.array(starts)[:, None] + bins).ravel()
    series = pynwb.TimeSeries(name=RESPONSES, data=data.responses.reshape(len(times), data.n_units), unit="n.a.", timestamps=times)
    file.create_processing_module(RESPONSES, "one row a showing, or a bin of a showing; one column a unit").add(series)
    partial = path.with_name(f".{path.stem}.partial.nwb")
    try:
        with pynwb.NWBHDF5IO(str(partial), "w") as io:
            io.write(file)
        partial.replace(path)
    except OSError as error:
        raise NeuralDataError(sentence(str(path), f"cannot be written ({error})", cure="choose another place")) from error
    finally:
        partial.unlink(missing_ok=True)


def read_nwb(path: Path | str, *, groups: Literal["each"] | None = None) -> NeuralData:
    """Read a recording.

    Parameters
    ----------
    path : Path or str
        With what is listed above.
    groups : {'each'}, optional
        As of `files.read_neural`, where showings have no group.

    Returns
    -------
    NeuralData
        Showings of a stimulus are trials, in the order of time; NaN where one was shown less often than others.

    Raises
    ------
    NeuralDataError
        If pynwb is not installed, the file cannot be read, lacks something, or has groups and others are asked for.
    """
    pynwb = _pynwb()
    path = Path(path)
    if not path.is_file():
        raise NeuralDataError(sentence(str(path), "cannot be read (there is no such file)", cure="check the path"))
    try:
        io = pynwb.NWBHDF5IO(str(path), "r")
    except OSError as error:
        raise NeuralDataError(sentence(str(path), f"is no NWB file ({error})", cure="write it with pynwb")) from error
    with io:
        return _recording(io.read(), path, groups)


def _recording(file: NWBFile, path: Path, groups: Literal["each"] | None) -> NeuralData:
    missing = [
        what
        for what, there in (
            (f"stimulus_template/{STIMULI}", STIMULI in file.stimulus_template),
            ("intervals/trials with a column stimulus", file.trials is not None and "stimulus" in file.trials.colnames),
            (f"processing/{RESPONSES}/{RESPONSES}, or units with spike_times", _has_series(file) or _has_spikes(file)),
        )
        if not there
    ]
    if missing:
        raise NeuralDataError(sentence(str(path), "is no recording of shown stimuli", cure=f"add {'; '.join(missing)}"))
    shown = file.stimulus_template[STIMULI]
    about = _about(shown, path)
    n_frames = int(about.get("frames_per_stimulus", 1))
    told = np.asarray(shown.data[:])
    frames = told / 255.0 if told.dtype == np.uint8 else real_numbers(told, f"{path}: {STIMULI}")
    if frames.ndim != 3 or len(frames) % n_frames:
        allowed = f"a whole number of {n_frames} frames, (n, rows, cols)"
        raise NeuralDataError(sentence(f"{path}: {STIMULI}", "have the wrong shape", got=frames.shape, allowed=allowed))
    stimuli = frames.reshape(-1, n_frames, *frames.shape[1:])
    trials = file.trials.to_dataframe()
    which = trials["stimulus"].to_numpy()
    if which.dtype.kind not in "iu" or which.min() < 0 or which.max() >= len(stimuli):
        got, allowed = sorted(set(which.tolist()))[-3:], f"whole numbers from 0 to {len(stimuli) - 1}"
        raise NeuralDataError(sentence(f"{path}: trials.stimulus", "is no stimulus", got=got, allowed=allowed))
    if never := sorted(set(range(len(stimuli))) - set(which.tolist())):
        cure = "take them out, and count the others from 0"
        raise NeuralDataError(sentence(f"{path}: {STIMULI}", "have some that no trial shows", got=never[:5], cure=cure))
    if _has_series(file):
        rows = np.asarray(file.processing[RESPONSES][RESPONSES].data[:], dtype=np.float64)
    else:
        rows = _counted(file, trials["start_time"].to_numpy(), trials["stop_time"].to_numpy())
    if rows.ndim != 2 or not len(rows) or len(rows) % len(which):
        allowed = f"a row for each of {len(which)} showings, or as many for each"
        raise NeuralDataError(sentence(f"{path}: {RESPONSES}", "have the wrong shape", got=rows.shape, allowed=allowed))
    values = rows.reshape(len(which), -1, rows.shape[1])
    if values.shape[1] > 1 and not about.get("bin_ms"):
        problem, cure = "have several rows a showing, and nobody says how long these are", "write the mean, or bin_ms as write_nwb does"
        raise NeuralDataError(sentence(f"{path}: {RESPONSES}", problem, got=values.shape[1], cure=cure))
    in_time = np.argsort(trials["start_time"].to_numpy(), kind="stable")
    responses = _by_trial(values[in_time], which[in_time], len(stimuli))
    of_each = _groups(trials, which, len(stimuli), about, groups, path)
    bin_ms = about.get("bin_ms")
    words = {"name": file.session_description or path.stem, "source": file.experiment_description or ""}
    return NeuralData(stimuli, responses if bin_ms else responses[:, :, 0], of_each, about.get("frame_ms"), bin_ms, **words)


def _has_series(file: NWBFile) -> bool:
    return RESPONSES in file.processing and RESPONSES in file.processing[RESPONSES].data_interfaces


def _has_spikes(file: NWBFile) -> bool:
    return file.units is not None and "spike_times" in file.units.colnames


def _about(shown: Any, path: Path) -> dict[str, Any]:
    """What `write_nwb` says of the stimuli; of a file of somebody else, what the series itself says."""
    try:
        found = json.loads(shown.comments)
    except (TypeError, ValueError) as error:
        # Others may write what they like there; what begins as ours, and cannot be read, would make still images of films.
        if isinstance(shown.comments, str) and shown.comments.lstrip().startswith("{"):
            cure = "write the file again, or take the comments out"
            raise NeuralDataError(sentence(f"{path}: comments of {STIMULI}", f"cannot be read ({error})", cure=cure)) from error
        found = None
    if isinstance(found, dict):
        return found
    if shown.rate:
        return {"frame_ms": 1000.0 / float(shown.rate)}
    raise NeuralDataError(sentence(f"{path}: {STIMULI}", "do not say for how long frames are shown", cure="give the series a rate"))


def _counted(file: NWBFile, start_s: FloatArray, stop_s: FloatArray) -> FloatArray:
    """Count the spikes of each unit in each showing."""
    found = np.zeros((len(start_s), len(file.units)))
    for unit in range(len(file.units)):
        times = np.sort(np.asarray(file.units["spike_times"][unit], dtype=np.float64))
        found[:, unit] = np.searchsorted(times, stop_s, side="left") - np.searchsorted(times, start_s, side="left")
    return found


def _by_trial(values: FloatArray, which: Any, n_stimuli: int) -> FloatArray:
    """Deal showings to trials, in the order of time; shape (n_trials, n_stimuli, n_bins, n_units)."""
    trial = np.array([int((which[:k] == s).sum()) for k, s in enumerate(which)])
    found = np.full((int(trial.max()) + 1, n_stimuli, *values.shape[1:]), np.nan)
    found[trial, which] = values
    return found


def _groups(trials: Any, which: Any, n_stimuli: int, about: dict[str, Any], groups: Literal["each"] | None, path: Path) -> Any:
    if groups == "each" and ("groups" in about or "group" in trials.columns):
        raise groups_of_its_own(path)
    if "groups" in about:
        return np.asarray(about["groups"])
    if "group" in trials.columns:
        names = np.unique(trials["group"].to_numpy().astype(str), return_inverse=True)[1]
        found = np.full(n_stimuli, -1)
        found[which] = names
        return found
    if groups == "each":
        return np.arange(n_stimuli)
    cure = "add a column group to the trials; or say that each stands alone, with --groups each (groups='each' in Python)"
    raise NeuralDataError(sentence(str(path), "does not say which stimuli belong together", cure=cure))


def _pynwb() -> Any:
    try:
        import pynwb
        import pynwb.image
    except ImportError as error:
        cure = "pip install 'spiking-prednet[nwb]'"
        raise NeuralDataError(sentence("NWB", f"needs pynwb ({error})", cure=cure)) from error
    return pynwb
