"""Recordings as NWB: what is written is read, files of others are read too, and what is missing is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons.neural.data import NeuralData
from comparisons.neural.files import read_neural
from comparisons.neural.nwb import read_nwb, write_nwb
from snn.errors import NeuralDataError

pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: pip install 'spiking-prednet[nwb]'")


def recording(**changes: Any) -> NeuralData:
    rng = np.random.default_rng(0)
    responses = rng.poisson(3.0, (3, 4, 5)).astype(float)
    responses[1, 2, 3] = np.nan
    parts = {
        "stimuli": rng.random((4, 1, 6, 7)),
        "responses": responses,
        "groups": np.array([0, 0, 1, 2]),
        "name": "mine",
        "source": "here",
    }
    return NeuralData(**(parts | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"frame_ms": 40.0, "source": ""},
        {"stimuli": np.random.default_rng(1).random((4, 3, 6, 7)), "frame_ms": 50.0},
        {"stimuli": np.random.default_rng(1).random((4, 3, 6, 7)), "responses": np.ones((2, 4, 6, 2)), "frame_ms": 50.0, "bin_ms": 25.0},
        {"responses": np.ones((1, 4, 9, 2)), "frame_ms": 100.0, "bin_ms": 25.0},
    ],
)
def test_what_is_written_is_read(changes: dict[str, Any], tmp_path: Path) -> None:
    data = recording(**changes)
    write_nwb(tmp_path / "r.nwb", data)
    found = read_neural(tmp_path / "r.nwb")
    assert found.digest == data.digest and (found.name, found.source) == (data.name, data.source)
    write_nwb(tmp_path / "r.nwb", found)
    assert [path.name for path in tmp_path.iterdir()] == ["r.nwb"]


def test_the_file_is_what_pynwb_calls_valid(tmp_path: Path) -> None:
    write_nwb(tmp_path / "r.nwb", recording())
    with pynwb.NWBHDF5IO(str(tmp_path / "r.nwb"), "r") as io:
        found = pynwb.validate(io=io)
    assert not found


def foreign(
    path: Path, *, shown: tuple[int, ...] = (0, 1, 0, 1, 1), column: str | None = "group", without: str = "", comments: str = "theirs"
) -> Path:
    """Spike times of two units and showings of two films of one frame each, as somebody else would write them."""
    file = pynwb.NWBFile("theirs", "id", datetime(2020, 1, 1, tzinfo=UTC))
    if without != "stimuli":
        frames = np.random.default_rng(2).random((2, 5, 5))
        file.add_stimulus_template(
            pynwb.image.ImageSeries(name="stimuli", data=frames, unit="luminance", rate=4.0, format="raw", comments=comments)
        )
    if without != "trials":
        if without != "stimulus":
            file.add_trial_column("stimulus", "which")
        if column:
            file.add_trial_column(column, "what belongs together")
        for k, stimulus in enumerate(shown):
            told = ({"stimulus": stimulus} if without != "stimulus" else {}) | ({column: f"g{stimulus}"} if column else {})
            file.add_trial(start_time=float(k), stop_time=k + 0.5, **told)
    if without != "units":
        # The first unit: k + 1 spikes in showing k, and one between showings; the second: one at the very end of a showing.
        file.add_unit(spike_times=[k + 0.01 * j for k in range(5) for j in range(k + 1)] + [0.75])
        file.add_unit(spike_times=[0.5, 1.0, 2.4])
    with pynwb.NWBHDF5IO(str(path / "f.nwb"), "w") as io:
        io.write(file)
    return path / "f.nwb"


def test_spike_times_are_counted_showing_by_showing(tmp_path: Path) -> None:
    """By hand; a stimulus that was shown less often lacks a trial. A showing ends before its stop."""
    found = read_nwb(foreign(tmp_path))
    assert found.responses[..., 0].tolist()[:2] == [[1, 2], [3, 4]]
    assert np.isnan(found.responses[2, 0]).all() and found.responses[2, 1].tolist() == [5, 0]
    assert found.responses[:2, :, 1].tolist() == [[0, 1], [1, 0]]
    assert found.frame_ms == 250.0 and found.groups.tolist() == [0, 1]


def test_groups_must_be_said(tmp_path: Path) -> None:
    path = foreign(tmp_path, column=None)
    with pytest.raises(NeuralDataError, match="does not say which stimuli belong together"):
        read_neural(path)
    assert read_neural(path, groups="each").groups.tolist() == [0, 1]
    with pytest.raises(NeuralDataError, match="says itself which stimuli belong together"):
        read_neural(foreign(tmp_path), groups="each")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"without": "stimuli"}, "is no recording of shown stimuli; add stimulus_template/stimuli"),
        ({"without": "trials", "column": None}, "add intervals/trials with a column stimulus"),
        ({"without": "stimulus"}, "add intervals/trials with a column stimulus"),
        ({"without": "units"}, "add processing/responses/responses, or units"),
        ({"shown": (0, 1, 2)}, "trials.stimulus: is no stimulus"),
        ({"shown": (1, 1)}, "stimuli: have some that no trial shows; got .0."),
        ({"comments": '{"frames_per_stimulus": 2'}, "comments of stimuli: cannot be read"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(NeuralDataError, match=says):
        read_nwb(foreign(tmp_path, **changes))


def test_no_file_and_another_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuralDataError, match="cannot be read"):
        read_neural(tmp_path / "none.nwb")
    (tmp_path / "text.nwb").write_text("no HDF5")
    with pytest.raises(NeuralDataError, match="is no NWB file"):
        read_neural(tmp_path / "text.nwb")
