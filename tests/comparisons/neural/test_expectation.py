"""Broken sequences in recordings: the index by hand, a real recording, and what no such recording is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons.neural.expectation import Sequences, in_deviations, learned, read_sequences, violation_index, window_bins
from comparisons.neural.expectation_tables import recording_rows
from snn.errors import NeuralDataError

PRICE = Path(__file__).resolve().parents[4] / "shared" / "data" / "v1_mouse_sequence_expectation_price2022_even.npz"


def parts(**changes: Any) -> dict[str, Any]:
    """Six units on two days, four trials, 30 bins of 25 ms in five elements."""
    rng = np.random.default_rng(0)
    broken = np.tile([True, False, True, False], (6, 1))
    held = np.tile([True, True, False, False], (6, 1))
    z = rng.normal(size=(6, 4, 30))
    whole = {"z": z, "starts_with_E": broken, "second_element_held": held, "day": np.array([1, 1, 1, 4, 4, 4]), "bin_s": 0.025}
    return whole | {"element_s": 0.15} | changes


def written(path: Path, **changes: Any) -> Path:
    np.savez(path / "s.npz", **{k: v for k, v in parts(**changes).items() if v is not None})
    return path / "s.npz"


def test_the_index_by_hand(tmp_path: Path) -> None:
    """Trials 0 and 2 start with E, trials 0 and 1 hold B: two deviations more at 100 to 150 ms of the first element, and one at 50 to
    100 ms of the third, in the last three units alone. What holds B after E counts for nothing: it is broken before.
    """
    z = np.zeros((6, 4, 30))
    z[3:, [0, 2], 4:6] = 2.0
    z[3:, 1, 14:16] = 1.0
    z[3:, 0, 14:16] = 20.0
    # Before any window, so that no unit is silent.
    z[:, :, 0] = 3.0
    data = read_sequences(written(tmp_path, z=z))
    assert data.indices("substitution")["late"].tolist() == [0, 0, 0, 2, 2, 2]
    assert data.indices("substitution")["early"].tolist() == [0] * 6
    assert data.indices("omission")["early"].tolist() == [0, 0, 0, 1, 1, 1]
    assert data.indices("omission")["late"].tolist() == [0] * 6


def test_windows_are_of_whole_bins() -> None:
    assert window_bins(0, (100.0, 150.0), 25.0, 150.0) == slice(4, 6)
    assert window_bins(2, (50.0, 100.0), 50.0, 150.0) == slice(7, 8)
    with pytest.raises(NeuralDataError, match="window: does not begin and end with bins"):
        window_bins(0, (50.0, 100.0), 30.0, 150.0)


def test_deviations_are_of_each_unit_and_the_silent_have_none() -> None:
    rng = np.random.default_rng(1)
    answers = rng.random((5, 7, 3)) * [1.0, 100.0, 1e-6] + 3.0
    silent = np.concatenate([answers, np.full((5, 7, 1), 2.0)], axis=-1)
    found = in_deviations(silent)
    assert found.shape == (5, 7, 3)
    assert np.allclose(found.mean((0, 1)), 0, atol=1e-9) and np.allclose(found.std((0, 1)), 1)
    first = np.arange(5) < 2
    assert np.allclose(violation_index(found, first, slice(0, 7)), violation_index(in_deviations(answers), first, slice(0, 7)))


def test_a_change_is_found_where_it_is_and_its_chance_is_right() -> None:
    """Closed forms: Welch's interval by hand; of units that are alike before and after, p is uniform."""
    before, after = np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0, 8.0])
    found = learned(before, after)
    # Both of variance 5/3, so that there are 6 degrees of freedom; t_0.975,6 = 2.4469.
    half = 2.446912 * np.sqrt(2 * (5 / 3) / 4)
    assert tuple(found.change) == pytest.approx((5.0, 5.0 - half, 5.0 + half), abs=1e-5)
    # Of 70 ways to deal eight units out, two are as far apart.
    assert found.p == pytest.approx(2 / 70)
    rng = np.random.default_rng(2)
    p = [learned(rng.normal(size=8), rng.normal(size=9), seed=k).p for k in range(40)]
    assert 0.3 < np.mean(p) < 0.7 and np.mean(np.array(p) < 0.05) < 0.2


@pytest.mark.skipif(not PRICE.is_file(), reason="the recording of Price et al. (2022) is not on this machine")
def test_mouse_v1_learns_what_its_authors_found() -> None:
    """Price et al. (2023), every second unit: late in a substituted element, 0.18 deviations more on day 4 than on day 1."""
    data = read_sequences(PRICE)
    late = data.indices("substitution")["late"]
    found = learned(late[data.day == 1], late[data.day == 4])
    assert found.change.mean == pytest.approx(0.18, abs=0.01) and found.change.low > 0 and found.p < 0.05
    early = data.indices("substitution")["early"]
    assert learned(early[data.day == 1], early[data.day == 4]).p > 0.3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"day": None}, "is no recording of broken sequences.*add day"),
        ({"z": np.zeros((6, 4))}, "sequences.z: has another shape"),
        ({"z": np.full((6, 4, 30), np.nan)}, "numbers that are not finite"),
        ({"z": np.full((6, 4, 30), "a")}, "z: is not of numbers"),
        ({"starts_with_E": np.ones((6, 5), bool)}, "starts_with_E: is not yes or no for every trial"),
        ({"second_element_held": np.ones((6, 4))}, "second_element_held: is not yes or no for every trial"),
        ({"z": np.zeros((6, 4, 30))}, "z: is not in standard deviations of each unit; got .spreads of 0 to 0"),
        ({"z": 100.0 * np.tile([0.0, 2.0], (6, 4, 15))}, "z: is not in standard deviations.*allowed: 0.2 to 5"),
        ({"day": np.array([1, 2])}, "sequences.day: is not one for each unit"),
        ({"bin_s": 0.2}, "has bins longer than elements"),
        ({"bin_s": 25.0, "element_s": 150.0}, "element_s: is no time of an element; got 150.0; allowed: seconds.*divide ms by 1000"),
        ({"bin_s": np.array([0.1, 0.2])}, "has bins longer than elements"),
    ],
)
def test_what_is_no_such_recording_is_refused(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(NeuralDataError, match=says):
        read_sequences(written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"starts_with_E": np.ones((6, 4), bool)}, "starts_with_E: has a unit without broken trials, or without others"),
        ({"z": np.tile([0.0, 2.0], (6, 4, 6))}, "sequences.z: ends before the element of omission"),
        ({"element_s": 0.125}, "window: ends after the element"),
        ({"day": np.ones(6, dtype=int)}, "sequences.day: is one only"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    data = read_sequences(written(tmp_path, **changes))
    with pytest.raises(NeuralDataError, match=says):
        recording_rows(data)


def test_one_day_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(NeuralDataError, match="learned: needs two units before and after"):
        learned(np.array([1.0]), np.array([1.0, 2.0]))


def test_sequences_keep_what_they_are_given() -> None:
    held = parts()
    broken = {name: held[name] for name in ("starts_with_E", "second_element_held")}
    assert Sequences(held["z"], broken, held["day"], 25.0, 150.0).indices("omission")["early"].shape == (6,)
