"""Surround suppression: found in cells that inhibit those with the same stripes, not in cells that stand alone; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.size_tuning import SizeTuning
from comparisons.responder import Control, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from comparisons.tuning import ON, Answers, centres
from snn.encoding import box_mean
from snn.stimuli.movie import Movie


class Surrounded:
    """Error cells of one pixel: its upright energy, less a share of that within 9 px.

    Upright energy of a pixel is its contrast times that of the pixel above: of level stripes a third of that of upright ones.
    The share grows to the full one in the second frame of a stimulus: suppression comes late.
    """

    def __init__(self, share: float, noise: float = 0.002) -> None:
        self.share, self.noise = share, noise
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "surrounded", 50.0, 50.0, (16, 16)
        self.sites = tuple(Site(f"level0.{role}", role, 0, (16, 16, 1), False) for role in ("error_pos", "error_neg"))  # type: ignore[arg-type]

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        found: dict[str, list[np.ndarray]] = {s.name: [] for s in check_request(self, movie, sites, trials)}
        for trial in range(trials):
            x = 2 * with_noise(movie, seed, trial, self.noise).frames - 1
            upright = np.maximum(x * np.roll(x, 1, axis=1), 0.0)
            seen = abs(movie.frames - 0.5).max((1, 2)) > 0
            share = self.share * (seen & np.append(False, seen[:-1]))[:, None, None]
            answer = np.maximum(upright - share * box_mean(upright, 9), 0.0)
            for values in found.values():
                values.append(answer[..., None])
        return Response(50.0, {name: np.stack(v) for name, v in found.items()})

    def control(self, name: Control) -> Responder | None:
        return Surrounded(0.0, self.noise) if name == "untrained" else None


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(SizeTuning(), Surrounded(0.8))


def test_cells_that_stand_alone_are_not_suppressed() -> None:
    found = judged(SizeTuning(), Surrounded(0.0))
    assert found.outcome == "fails" and found.effect is not None and abs(found.effect.mean) < 0.05


def test_it_comes_late_and_from_stripes_that_are_alike() -> None:
    """Oracle: the share is 0 in the first of the two early frames; level stripes around have less upright energy."""
    found = SizeTuning().measure(Surrounded(0.8), 0).effects
    assert found["SI"] > 0.2 and found["delay"] > 0.1 and found["cross_iso"] > 0.1
    none = SizeTuning().measure(Surrounded(0.0), 0).effects
    assert abs(none["cross_iso"]) < 0.05 and abs(none["delay"]) < 0.05


def test_the_numbers() -> None:
    """Oracle: answers 1, 3, 2 by diameter and 4 to the crossed annulus, put in by hand: SI 1 - 2 / 3, cross_iso 1 - 2 / 4."""
    told = np.zeros((2, 2 * 2 * 1 * 4, 2, 3))
    told[...] = np.tile([1.0, 3.0, 2.0, 4.0], 4)[None, :, None, None]
    phenomenon = SizeTuning(n_positions=1)
    sizes, annulus = phenomenon._both_halves(Answers(told, np.zeros((2, 16, 2))), 1, "late")
    found = phenomenon._numbers(sizes, annulus, "x")
    assert found["SI, x"] == pytest.approx(1 / 3) == found["SI of E-, x"]
    assert found["cross_iso, x"] == pytest.approx(0.5)
    assert found["cells, x"] == 2.0


@pytest.mark.parametrize(("side", "period"), [(16, 4), (32, 6)])
def test_discs_drift_and_grow(side: int, period: int) -> None:
    """Oracle: a pixel shows the wave of its distance from the middle; an annulus changes nothing in the centre."""
    subject, tuning = Idle((side, side), 2), SizeTuning(n_positions=2)
    shown, diameters = tuning.stimuli(subject), tuning.diameters_px(subject)
    unit = side // 16
    assert len(shown) == 2 * 2 * 2 * (len(diameters) + 1) and len({movie.name for movie, _ in shown}) == len(shown)
    assert [middle for _, middle in shown[:: len(diameters) + 1][:2]] == centres((side, side), 2)
    (row, col), full = shown[0][1], len(shown) // 2
    largest, crossed = (shown[full + k][0].frames[-ON:] for k in (len(diameters) - 1, len(diameters)))
    at = int(col) + 1
    wave = np.cos(2 * np.pi * (at - col - np.arange(ON)) / period)
    assert largest[:, int(row + 0.5), at] == pytest.approx(0.5 + 0.5 * wave)
    down, right = np.indices((side, side))
    away = np.hypot(down - row, right - col)
    assert np.array_equal(largest[:, away < 2 * unit - 0.5], crossed[:, away < 2 * unit - 0.5])
    assert (largest[:, away > diameters[-1] / 2 + 0.5] == 0.5).all() and (crossed[:, away > diameters[-1] / 2 + 0.5] == 0.5).all()
    assert abs(shown[0][0].frames - 0.5).max() == pytest.approx(0.15, rel=0.2)
    ring = (away > 2 * unit + 0.5) & (away < diameters[-1] / 2 - 0.5)
    same = [(down[ring] == r).nonzero()[0] for r in np.unique(down[ring])]
    assert all(np.ptp(crossed[0][ring][row_]) < 1e-9 for row_ in same)
