"""Length suppression: found in cells that inhibit each other, not in cells that stand alone; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.length import Length
from comparisons.responder import Control, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from comparisons.tuning import centres
from snn.encoding import box_mean
from snn.stimuli.movie import Movie

CONTRAST = 0.5


class EndStopped:
    """Error cells of one pixel: contrast, spread over 3 px, less a share of what lies within 9 px; the latter comes from above."""

    def __init__(self, feedback: float, side: int = 16, noise: float = 0.002) -> None:
        self.feedback, self.noise = feedback, noise
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "end-stopped", 50.0, 50.0, (side, side)
        self.sites = tuple(Site(f"level0.{role}", role, 0, (side, side, 1), False) for role in ("error_pos", "error_neg"))  # type: ignore[arg-type]

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        found: dict[str, list[np.ndarray]] = {s.name: [] for s in check_request(self, movie, sites, trials)}
        for trial in range(trials):
            contrast = with_noise(movie, seed, trial, self.noise).frames - 0.5
            for name, values in found.items():
                half = np.maximum(contrast if name.endswith("pos") else -contrast, 0.0)
                # The mean within k px of a bar 1 px wide that is longer is 1 / k of its contrast.
                values.append(np.maximum(3 * box_mean(half, 3) - self.feedback * 9 * box_mean(half, 9), 0.0)[..., None])
        return Response(50.0, {name: np.stack(v) for name, v in found.items()})

    def control(self, name: Control) -> Responder | None:
        return EndStopped(0.0, self.frame_size[0], self.noise) if name in ("feedback_cut", "untrained") else None


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(Length(), EndStopped(0.4))


def test_cells_that_stand_alone_are_not_suppressed() -> None:
    found = judged(Length(), EndStopped(0.0))
    assert found.outcome == "fails" and found.effect is not None and abs(found.effect.mean) < 0.02


def test_the_numbers() -> None:
    """Oracle: ``r(L) = c (min(L, 3) / 3 - f min(L, 9) / 9) * 9 / 9`` in units where the sums are over 3 and 9 px.

    A bar of 3 px drives the centre fully, ``r = c (1 - 3 f / 9)``; one of 10 px fills both, ``r = c (1 - f)``.
    """
    share = 0.4
    found = Length().measure(EndStopped(share, noise=0.0), 0).effects
    best, longest = 1 - share * 3 / 9, 1 - share
    expected = (best - longest) / best
    assert found["SI"] == pytest.approx(expected) == found["dSI"]
    assert found["SI, early, level 0"] == pytest.approx(expected) == found["SI of E-"]
    assert found["dr"] == pytest.approx((best - 1.0) / best)
    assert found["dL"] == 0.0
    assert found["cells"] == 2 * Length().n_positions


def test_the_best_length_is_chosen_on_the_other_half() -> None:
    """Oracle: where all is noise the largest of many answers is not the largest again: no suppression but by chance."""
    values = [Length().measure(Idle((16, 16), 2, "noise"), seed).effects["SI"] for seed in range(6)]
    assert np.nanmean(values) < 0.1


@pytest.mark.parametrize(("side", "longest"), [(16, 10), (24, 16), (32, 24)])
def test_bars_are_as_long_as_they_say(side: int, longest: int) -> None:
    """Oracle: area of a bar is length times width; its centre of mass is its middle; 2 px to the border stay grey."""
    subject, length = Idle((side, side), 2), Length(n_positions=4)
    shown = length.stimuli(subject)
    lengths, width = length.lengths_px(subject), round(side / 16)
    assert lengths[-1] == longest and len(shown) == 4 * 4 * len(lengths)
    assert len({movie.name for movie, _ in shown}) == len(shown)
    for k, (movie, middle) in enumerate(shown):
        assert movie.frames.shape == (14, side, side) and (movie.frames[:6] == 0.5).all()
        bar = abs(movie.frames[-1] - 0.5) / CONTRAST
        assert bar.sum() == pytest.approx(width * lengths[k % len(lengths)])
        assert np.average(np.indices(bar.shape).reshape(2, -1), axis=1, weights=bar.ravel()) == pytest.approx(middle)
        assert (bar[:2] == 0).all() and (bar[:, -2:] == 0).all()
        assert bar.sum(1).max() == pytest.approx(lengths[k % len(lengths)] if k < len(shown) // 2 else width)
    assert {middle for _, middle in shown} == set(centres((side, side), 4))


def test_frames_that_are_too_small_are_said() -> None:
    found = judged(Length(), Idle((8, 8)))
    assert found.outcome == "not applicable" and "16x16" in found.reason
