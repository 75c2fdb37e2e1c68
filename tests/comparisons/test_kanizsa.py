"""Illusory contours: found in cells that complete edges in line, not in those that see edges only; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.kanizsa import BEFORE, FIGURES, ON, SHIFTS, Kanizsa, _latency
from comparisons.responder import Control, FloatArray, Responder, Response, Site, check_request
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from snn.seeding import stream
from snn.stimuli.movie import Movie


class Completing:
    """Error cells that see edges, and where edges to both sides lie in line, from 3 to 7 px off, complete them."""

    def __init__(self, completes: float, noise: float = 0.002) -> None:
        self.completes, self.noise = completes, noise
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "completing", 50.0, 50.0, (32, 32)
        sides = (32, 16)
        self.sites = tuple(
            Site(f"level{k}.{role}", role, k, (n, n, 1), False)  # type: ignore[arg-type]
            for k, n in enumerate(sides)
            for role in ("error_pos", "error_neg")
        )

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        found: dict[str, list[FloatArray]] = {s.name: [] for s in check_request(self, movie, sites, trials)}
        # Every frame is seen by itself, and there are two different ones.
        pictures, shown = movie.frames[[0, -1]], (movie.frames != movie.frames[0]).any((1, 2)).astype(int)
        answer = 0.1 + np.maximum(self._edges(pictures), self._edges(pictures.swapaxes(1, 2)).swapaxes(1, 2))
        pooled = answer.reshape(len(answer), 16, 2, 16, 2).mean((2, 4))
        for name, values in found.items():
            own = (answer if "level0" in name else pooled)[shown, ..., None]
            values.append(stream(seed, name).normal(own, self.noise, (trials, *own.shape)).clip(0.0))
        return Response(50.0, {name: v[0] for name, v in found.items()})

    def _edges(self, seen: FloatArray) -> FloatArray:
        edge = abs(np.roll(seen, -1, axis=1) - seen)
        left, right = (np.mean([np.roll(edge, by * way, axis=2) for by in (3, 5, 7)], axis=0) for way in (1, -1))
        completed: FloatArray = edge + self.completes * np.minimum(left, right)
        return completed

    def control(self, name: Control) -> Responder | None:
        return Completing(0.0, self.noise) if name in ("untrained", "feedback_cut") else None


def test_found_where_it_is_and_nowhere_else() -> None:
    """It does not lie in time: the picture that is shown for half of the frames is another one, whatever their order."""
    check_phenomenon(Kanizsa(), Completing(1.0), in_time=False)


def test_cells_that_see_edges_only_see_none() -> None:
    found = judged(Kanizsa(), Completing(0.0))
    assert found.outcome == "fails" and found.effect is not None and abs(found.effect.mean) < 0.02


def test_feedback_and_latency() -> None:
    """Oracle: without completion the index is that of edges alone, 0; it is there from the first frame on."""
    found = Kanizsa().measure(Completing(1.0), 0).effects
    assert found["IC_rotated"] > 0.1 and abs(found["IC_rotated, feedback cut"]) < 0.02
    assert found["IC_full"] > 0.1
    assert found["latency, illusory"] == 0.0 == found["latency, real"]
    assert found["cells"] > 0


def test_the_index() -> None:
    """Oracle: activity 3 and 1 put in by hand: (3 - 1) / (3 + 1)."""
    told = {f: np.full((2, BEFORE + ON, 5), {"illusory": 3.0, "real": 6.0}.get(f, 1.0)) for f in FIGURES}
    kept = Kanizsa()._answering(told)
    assert kept.all() and Kanizsa()._indices(told, kept)["IC_rotated"] == pytest.approx(0.5)
    assert not Kanizsa()._answering(told | {"real": told["full"]}).any()


def test_latency_asks_for_two_frames() -> None:
    rise = np.zeros((8, 4)) + np.array([-1.0, 1.0, -1.0, 1.0]) * 0.1
    rise[2], rise[5:] = 1.0, 1.0
    assert _latency(rise) == 5.0
    assert np.isnan(_latency(rise[:5]))


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("white", [True, False])
def test_figures(shift: tuple[int, int], white: bool) -> None:
    """Oracle: a disc of radius r has an area of pi r^2; a quarter is gone; only the real side is drawn in the gap."""
    kanizsa, subject = Kanizsa(), Completing(0.0)
    areas = {}
    on_side = kanizsa.cells(subject, 0, shift)
    for figure in FIGURES:
        frames = abs(kanizsa.movie(subject, figure, white, shift).frames - 0.5) / 0.5
        assert (frames[:BEFORE] == frames[0]).all() and (frames[BEFORE:] == frames[-1]).all()
        assert frames[0].sum() == pytest.approx(4 * np.pi * 4**2, rel=0.02)
        assert (frames[:, :3] == 0).all() and (frames[:, :, -3:] == 0).all()
        areas[figure] = frames[-1].sum()
        assert (frames[-1][on_side].sum() > 0) == (figure == "real")
    assert areas["rotated"] == pytest.approx(areas["illusory"]) == pytest.approx(0.75 * areas["full"], rel=0.02)
    assert areas["illusory"] < areas["outlined"] < areas["full"]


@pytest.mark.parametrize("shift", SHIFTS)
def test_cells_of_level_1_touch_no_disc(shift: tuple[int, int]) -> None:
    """Oracle: the 4x4 pixels around each block of 2x2 pixels, in the figure with full discs and in the one with sides."""
    kanizsa, subject = Kanizsa(), Completing(0.0)
    found = np.argwhere(kanizsa.cells(subject, 1, shift))
    full, real = (abs(kanizsa.movie(subject, f, True, shift).frames[-1] - 0.5) for f in ("full", "real"))  # type: ignore[arg-type]
    assert len(found) >= 4
    for row, col in found:
        field = np.s_[2 * row - 1 : 2 * row + 3, 2 * col - 1 : 2 * col + 3]
        assert (full[field] == 0).all()
        assert real[field].sum() > 0


def test_small_frames_are_said() -> None:
    assert "32x32" in judged(Kanizsa(), Idle((16, 16))).reason
