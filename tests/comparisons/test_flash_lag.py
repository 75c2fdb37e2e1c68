"""Flash lag: found in a forecast that carries on what moves, not in one that copies; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.flash_bars import FLASH, middle_px, scenes
from comparisons.phenomena.flash_lag import FlashLag
from comparisons.responder import Control, FloatArray, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.testing import check_phenomenon, judged
from snn.stimuli.movie import Movie


class Extrapolating:
    """What was one pixel back a frame ago goes on by one pixel; all else stays. With ``all_move`` everything goes on."""

    def __init__(self, noise: float = 0.0, all_move: bool = False) -> None:
        self.noise, self.all_move = noise, all_move
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "extrapolating", 50.0, 50.0, (16, 16)
        self.sites = (Site("level0.representation", "representation", 0, (16, 16, 1), False),)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        asked = check_request(self, movie, sites, trials)
        seen = np.stack([with_noise(movie, seed, trial, self.noise).frames for trial in range(trials)]) - 0.5
        told = {s.name: np.abs(seen)[..., None] for s in asked}
        forecast = np.zeros_like(seen)
        for t in range(2, movie.n_frames):
            now, before = seen[:, t - 1], seen[:, t - 2]
            forecast[:, t] = self._carried(now, before)
        return Response(50.0, told, np.clip(forecast + 0.5, 0.0, 1.0))

    def _carried(self, now: FloatArray, before: FloatArray) -> FloatArray:
        steps = [(axis, by) for axis in (1, 2) for by in (1, -1)]
        moved = [(abs(now * np.roll(before, by, axis)) > 0.1) for axis, by in steps]
        if self.all_move:
            axis, by = steps[int(np.argmax([m.sum() for m in moved]))]
            shifted: FloatArray = np.roll(now, by, axis)
            return shifted
        found = np.where(np.logical_or.reduce(moved), 0.0, now)
        for (axis, by), which in zip(steps, moved, strict=True):
            found = found + np.roll(np.where(which, now, 0.0), by, axis)
        return found

    def control(self, name: Control) -> Responder | None:
        return AdaptationOnly((16, 16), 1) if name == "untrained" else None


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(FlashLag(), Extrapolating(0.01))


def test_copying_has_no_lag() -> None:
    """Oracle: in the frame of the flash both bars lie in line."""
    found = judged(FlashLag(), AdaptationOnly((16, 16)))
    assert found.outcome == "fails" and found.effect is not None and abs(found.effect.mean) < 0.05


def test_the_numbers() -> None:
    """Oracle: the moving bar is carried on by 1 px, the flashed one stays, and nothing is told of noise."""
    found = FlashLag().measure(Extrapolating(), 0).effects
    assert found["lag"] == pytest.approx(1.0) == found["moving ahead"]
    assert found["flashed ahead"] == pytest.approx(0.0, abs=1e-9) == found["bias"]
    assert found["lag, white"] == found["lag, black"] == pytest.approx(1.0)
    assert found["seen"] == 1.0


def test_what_carries_the_flash_along_has_no_lag() -> None:
    """Oracle: where the whole picture is moved on, the flashed bar is moved on too."""
    found = FlashLag().measure(Extrapolating(all_move=True), 0).effects
    assert found["lag"] == pytest.approx(0.0, abs=1e-9)
    assert found["moving ahead"] == pytest.approx(1.0) == found["flashed ahead"]


@pytest.mark.parametrize("size", [(16, 16), (24, 24), (32, 32), (16, 24)])
@pytest.mark.parametrize("speed", [1, 2])
def test_bars_are_where_they_say(size: tuple[int, int], speed: int) -> None:
    """Oracle: the pixels that differ from grey, counted; both bars are in line in the frame of the flash and only then."""
    found = scenes(size, 4, speed)
    for scene in found:
        for course in ("continue", "stop", "reverse", "still", "flashed"):
            movie = scene.movie(course, True, 50.0)
            for t, frame in enumerate(movie.frames):
                seen = scene.along_last(frame - 0.5)
                moving = np.flatnonzero(abs(seen[scene.rows_px(False)]).sum(0))
                at = scene.position_px(course, t)
                assert (moving.tolist() == list(range(at, at + scene.width_px))) if at is not None else not moving.size
                lit = abs(seen[scene.rows_px(True)]).sum(0)
                assert np.flatnonzero(lit).tolist() == ([] if t != FLASH else moving.tolist())
                assert (seen[:, :2] == 0).all() and (seen[:3] == 0).all() and (seen[-3:] == 0).all()
        step = [scene.position_px("reverse", FLASH + k) for k in (-1, 0, 1)]
        assert step[0] == step[2] == scene.at_px - scene.sign * speed
    assert speed == 2 or len(found) == 8 * 4


def test_the_middle_of_a_profile() -> None:
    """Oracle: a symmetric bump is where it is; two pixels of the same height are halfway; nothing is nowhere."""
    assert middle_px(np.array([0, 0, 0, 0.5, 0, 0.0])) == 3.0
    assert middle_px(np.array([0, 0, 0, 0.5, 0.5, 0.0, 0, 0])) == 3.5
    assert np.isnan(middle_px(np.full(8, 0.3)))


def test_what_makes_no_forecast_is_not_asked() -> None:
    class Silent(Idle):
        def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
            told = super().respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)
            return Response(told.bin_ms, told.activity)

    assert judged(FlashLag(), Silent((16, 16))).reason == "it makes no forecast"
    assert judged(FlashLag(), Idle((8, 8))).outcome == "not applicable"
