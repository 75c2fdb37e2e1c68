"""How much paths turn: lines, circles, noise."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.neural.straightening import curvature_deg
from snn.errors import NeuralDataError


@pytest.mark.parametrize("n", [6, 10, 40])
def test_a_circle_turns_by_its_step(n: int) -> None:
    """Closed form: steps of a regular polygon turn by 360 / n degrees; so they do after a rotation into more dimensions."""
    t = 2 * np.pi * np.arange(n) / n
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0][:, :2]
    path = 3.0 + np.stack([np.cos(t), np.sin(t)], axis=1) @ turned.T
    assert curvature_deg(path[None]) == pytest.approx(360 / n, abs=1e-4)


def test_lines_walks_and_noise() -> None:
    """0 of a line; 90 of steps that have nothing to do with each other; 120 of points that have not, since steps share one of them."""
    rng = np.random.default_rng(1)
    line = np.arange(8)[:, None] * rng.normal(size=(1, 4))
    points = rng.normal(size=(3, 400, 500))
    assert curvature_deg(line[None]) == pytest.approx(0.0, abs=1e-4)
    assert curvature_deg(np.cumsum(points, axis=1)) == pytest.approx(90.0, abs=0.5)
    assert curvature_deg(points) == pytest.approx(120.0, abs=0.5)


def test_steps_on_which_nothing_moves_have_no_angle() -> None:
    path = np.array([[0.0, 0], [1, 0], [2, 0], [2, 0], [2, 1], [2, 2]])
    assert curvature_deg(path[None]) == pytest.approx(0.0)
    assert np.isnan(curvature_deg(np.ones((2, 5, 3))))


def test_two_frames_have_no_angle() -> None:
    with pytest.raises(NeuralDataError, match="curvature: needs films of three frames or more"):
        curvature_deg(np.zeros((4, 2, 3)))
