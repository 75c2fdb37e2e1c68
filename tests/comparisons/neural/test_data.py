"""Recordings as values and as files: what is refused, what is left out and why, and what survives being written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons.neural.data import NeuralData, mean_of_known
from comparisons.neural.files import read_neural, write_neural
from comparisons.neural.simulated import simulated_v1
from snn.errors import MovieError, NeuralDataError

N_TRIALS, N_STIMULI, N_UNITS = 3, 5, 4


def parts(**others: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    found = {
        "stimuli": rng.random((N_STIMULI, 1, 6, 6)),
        "responses": rng.random((N_TRIALS, N_STIMULI, N_UNITS)),
        "groups": np.arange(N_STIMULI),
    }
    return found | others


def in_time(**others: Any) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    shown, told = rng.random((N_STIMULI, 2, 6, 6)), rng.random((N_TRIALS, N_STIMULI, 7, N_UNITS))
    return parts(stimuli=shown, responses=told, bin_ms=20.0, frame_ms=70.0) | others


def test_a_value_keeps_what_it_was_given_and_leaves_it_alone() -> None:
    given = parts()
    data = NeuralData(**given)
    assert (data.n_trials, data.n_stimuli, data.n_units) == (N_TRIALS, N_STIMULI, N_UNITS)
    given["responses"][0, 0, 0] = -1.0
    assert data.responses[0, 0, 0] != -1.0 and not data.responses.flags.writeable and given["responses"].flags.writeable
    assert np.array_equal(data.means, data.responses.mean(axis=0)) and data.left_out == {}
    assert np.array_equal(data.of_units([2, 0]).responses, data.responses[..., [2, 0]])
    assert np.array_equal(data.of_units(np.array([True, False, False, True])).responses, data.responses[..., [0, 3]])


def test_bins_of_time_are_samples_of_the_group_of_their_stimulus() -> None:
    """Oracle: indices by hand."""
    data = NeuralData(**in_time(groups=np.array([4, 4, 1, 2, 2])))
    assert data.samples.shape == (N_TRIALS, 7 * N_STIMULI, N_UNITS)
    assert np.array_equal(data.samples[1, 7 * 2 + 3], data.responses[1, 2, 3])
    assert data.sample_groups.tolist() == [4] * 14 + [1] * 7 + [2] * 14


def test_means_are_of_what_is_known() -> None:
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    found = mean_of_known(values)
    assert found[:2].tolist() == [2.0, 5.0] and np.isnan(found[2])


def spoiled(unit: int, values: Any, stimuli: Any = slice(None)) -> Any:
    responses = parts()["responses"]
    responses[:, stimuli, unit] = values
    return responses


@pytest.mark.parametrize(
    ("responses", "why"),
    [
        (spoiled(1, 0.0), "never responds"),
        (spoiled(1, np.nan), "was never recorded"),
        (spoiled(1, np.nan, [0, 3]), "was not recorded with 2 of 5 stimuli or bins"),
        (spoiled(1, np.array([[0.1], [0.3], [0.7]])), "answers every stimulus alike"),
    ],
)
def test_a_unit_of_which_nothing_can_be_predicted_is_left_out_with_its_reason(responses: Any, why: str) -> None:
    assert NeuralData(**parts(responses=responses)).left_out == {1: why}


def test_a_trial_that_is_missing_leaves_the_others() -> None:
    responses = parts()["responses"]
    responses[0, :, 2] = np.nan
    data = NeuralData(**parts(responses=responses))
    assert data.left_out == {} and np.allclose(data.means[:, 2], responses[1:, :, 2].mean(axis=0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"responses": np.ones((3, 4, 2))}, "recording.responses: are of 4 stimuli, and 5 were shown"),
        ({"responses": np.ones((3, 5))}, r"recording.responses: have the wrong shape; got \(3, 5\)"),
        ({"responses": np.ones((0, 5, 2))}, "have the wrong shape"),
        ({"responses": np.full((3, 5, 2), np.inf)}, "are infinite; write NaN where"),
        ({"stimuli": np.ones((5, 6, 6))}, "recording.stimuli: have the wrong shape"),
        ({"responses": np.full((3, 5, 2), 1j)}, "recording.responses: are no real numbers; got 'complex128'"),
        ({"responses": [[1.0], [2.0, 3.0]]}, "recording.responses: are no array"),
        ({"stimuli": np.full((5, 1, 6, 6), "a")}, "recording.stimuli: are no real numbers"),
        ({"groups": np.arange(4)}, r"recording.groups: are not a whole number for each stimulus; got 'int64 of shape \(4,\)'"),
        ({"groups": np.linspace(0, 1, 5)}, "are not a whole number for each stimulus"),
        ({"groups": np.zeros(5, dtype=int)}, "recording.groups: are all one"),
        ({"bin_ms": 10.0}, "recording.bin_ms: does not fit the responses"),
        (in_time(bin_ms=None), "recording.bin_ms: does not fit the responses"),
        (in_time(bin_ms=0.0), "recording.bin_ms: does not fit the responses"),
        (in_time(frame_ms=None), "recording.frame_ms: is missing"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(NeuralDataError, match=words):
        NeuralData(**parts(**changes))


@pytest.mark.parametrize("value", [2.0, -0.1, np.nan])
def test_luminance_is_between_black_and_white(value: float) -> None:
    stimuli = parts()["stimuli"]
    stimuli[3, 0, 2, 2] = value
    with pytest.raises(MovieError, match=r"recording.stimuli.* frame 3.*each image is a frame, from 0"):
        NeuralData(**parts(stimuli=stimuli))


@pytest.mark.parametrize("make", [parts, in_time])
def test_a_file_gives_back_what_was_written(make: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """The groups may have other numbers: only which stimuli are together matters."""
    responses = make()["responses"]
    responses[0, 1] = np.nan
    data = NeuralData(**make(responses=responses, groups=np.array([7, 7, 3, 9, 3]), name="cat", source="made here, CC0"))
    write_neural(tmp_path / "x.npz", data)
    again = read_neural(tmp_path / "x.npz")
    assert np.array_equal(again.stimuli, data.stimuli) and np.array_equal(again.responses, data.responses, equal_nan=True)
    assert (again.frame_ms, again.bin_ms, again.name, again.source) == (data.frame_ms, data.bin_ms, "cat", "made here, CC0")
    assert again.groups.tolist() == [1, 1, 0, 2, 0]
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_bytes_are_luminance_of_256_steps_and_groups_may_be_names(tmp_path: Path) -> None:
    images = np.full((4, 3, 3), 51, dtype=np.uint8)
    np.savez(tmp_path / "x.npz", images=images, responses=np.ones((2, 4, 1)), groups=np.array(["a", "b", "a", "c"]))
    data = read_neural(tmp_path / "x.npz")
    assert np.allclose(data.stimuli, 0.2) and data.groups.tolist() == [0, 1, 0, 2] and data.name == "x" and data.frame_ms is None


def write(path: Path, **arrays: Any) -> None:
    np.savez(path, **arrays)


GOOD = {"images": np.ones((4, 3, 3)), "responses": np.ones((2, 4, 1)), "groups": np.arange(4)}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({k: v for k, v in GOOD.items() if k != "groups"}, "does not say which stimuli belong together; add groups, .*groups='each'"),
        ({k: v for k, v in GOOD.items() if k != "responses"}, "is no recording; got .*allowed: responses, and either images or movies"),
        (GOOD | {"movies": np.ones((4, 2, 3, 3))}, "is no recording"),
        (GOOD | {"respones": np.ones(3)}, "holds 'respones', which no recording has; did you mean 'responses'"),
        (GOOD | {"images": np.ones(())}, r"stimuli: have the wrong shape; got \(\)"),
        (GOOD | {"groups": np.array([0.0, np.nan, np.nan, 1.0])}, "groups: are neither numbers nor names; got 'float64'"),
        (GOOD | {"frame_ms": np.array([1.0, 2.0])}, "frame_ms: is no time"),
        (GOOD | {"responses": np.array([["a"]])}, "responses: are no real numbers"),
        (GOOD | {"images": np.array(["a"] * 4)[:, None, None]}, "stimuli: are no real numbers"),
        ({"images": np.array([object()], dtype=object)}, r"is no .npz of plain arrays"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_words(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    write(tmp_path / "x.npz", **arrays)
    with pytest.raises(NeuralDataError, match=words):
        read_neural(tmp_path / "x.npz")


def test_files_that_are_missing_or_cut_short_are_named(tmp_path: Path) -> None:
    with pytest.raises(NeuralDataError, match=r"none.npz: cannot be read \(No such file"):
        read_neural(tmp_path / "none.npz")
    np.save(tmp_path / "x.npy", np.ones(3))
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    with pytest.raises(NeuralDataError, match=r"x.npz: is no .npz of plain arrays"):
        read_neural(tmp_path / "x.npz")
    write_neural(tmp_path / "x.npz", simulated_v1(n_stimuli=20, n_trials=2, n_units=3, size=8).data)
    whole = (tmp_path / "x.npz").read_bytes()
    for kept in (0, 100, len(whole) // 2, len(whole) - 40):
        (tmp_path / "x.npz").write_bytes(whole[:kept])
        with pytest.raises(NeuralDataError, match=r"x.npz: (is no .npz of plain arrays|cannot be read)"):
            read_neural(tmp_path / "x.npz")
