"""On/off dynamics: found in cells that tire, not in cells that do not; its numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.phenomena.on_off import OnOff
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.testing import check_phenomenon, judged


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(OnOff(), AdaptationOnly((16, 16), 2))


def test_cells_that_do_not_tire_do_not_decay() -> None:
    """Oracle: suppression of strength 0 answers a still object alike in every frame, but for noise."""
    found = judged(OnOff(), AdaptationOnly((16, 16), beta=0.0))
    assert found.outcome == "fails" and found.effect is not None
    assert abs(found.effect.mean) < 5.0


def test_the_numbers() -> None:
    """Oracle: a trace that is 1 before, rises to 5, ends at 3, and is 4 after the object has gone, put in by hand."""
    trace = np.concatenate([np.full(8, 1.0), np.linspace(5.0, 3.0, 18), np.full(2, 3.0), [4.0], np.full(7, 1.0)])
    objects = trace + np.linspace(-0.01, 0.01, 6)[:, None]
    found = OnOff()._numbers(objects)
    assert found["decay"] == pytest.approx(100 * (5 - 3) / (5 - 1), rel=1e-6)
    assert found["offset"] == pytest.approx((4 - 1) / (5 - 1), rel=1e-6)
    assert found["latency"] == 0.0
    assert found["transient"] == pytest.approx(5 / 3, rel=0.01)


def test_objects_lie_in_the_frame_and_go() -> None:
    """Oracle: grey before and after, something on it between, nothing at the border."""
    for movie in OnOff(n_objects=5).movies(Idle((16, 20)), seed=3):
        assert movie.frames.shape == (36, 16, 20)
        assert (movie.frames[:8] == 0.5).all() and (movie.frames[28:] == 0.5).all()
        assert np.abs(movie.frames[8:28] - 0.5).max() > 0.05 and (movie.frames[8:28] == movie.frames[8]).all()
        assert (movie.frames[8, 0] == 0.5).all()


def test_frames_that_are_too_small_are_said() -> None:
    found = judged(OnOff(), Idle((8, 8)))
    assert found.outcome == "not applicable" and "12x12" in found.reason
