"""Cells on the side of a square that is only hinted at answer more than when its corners are turned away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, errors, levels_of, mean_or_nan, too_small
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import CLEAR
from snn.stimuli.movie import Movie

Figure = Literal["illusory", "rotated", "outlined", "real", "full"]
FIGURES: tuple[Figure, ...] = ("illusory", "rotated", "outlined", "real", "full")
SHIFTS = ((0, 0), (1, 1), (0, 1), (1, 0))
BEFORE, ON, SETTLED = 8, 8, 4


@dataclass(frozen=True)
class Kanizsa:
    """Illusory contours in the error cells.

    Four full discs (radius 4 px at 32x32, around the corners of a square of 14 px) for 8 frames, black or white on grey; then for
    8 frames one of: a quarter of each disc is gone, so that a square seems to lie on them (illusory); the gone quarters look away
    (rotated); they look inwards but have their arc drawn (outlined); the sides are drawn between the discs (real); or nothing
    changes (full). Followed are the cells on a side between two discs whose receptive field (1, 4, 10 px from level 0 up)
    touches no disc, and that, on half of the trials, answer the real side clearly more than the full discs. On the other half

        IC_rotated = (R(illusory) - R(rotated)) / (R(illusory) + R(rotated))

    with ``R`` the mean activity over the 8 frames; ``IC_outlined`` and ``IC_full`` likewise. The halves change places. Of level
    1 where there is one, else of level 0. Latency is the first of two frames in a row in which the mean over cells is above
    that of the control figure (rotated; full for the real side) by two standard errors.

    Parameters
    ----------
    n_trials : int

    References
    ----------
    Lotter, Kreiman & Cox (2020), https://doi.org/10.1038/s42256-020-0170-9; Lee & Nguyen (2001), PNAS 98.
    """

    n_trials: int = 2

    @property
    def about(self) -> About:
        """As `Phenomenon.about`."""
        return About(
            name="kanizsa",
            title="Illusory contours",
            version=1,
            claim="Cells on an illusory side answer by a tenth more than when the corners are turned away.",
            doi="10.1038/s42256-020-0170-9",
            primary="IC_rotated",
            unit="",
            least=0.05,
            controls=("untrained", "adaptation_only"),
            departures="Error cells alone; sizes for small frames, so that with time the cells may hear of the discs through others. "
            "A network whose sites share their weights is shown larger frames than it learned from.",
            least_px=32,
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, self.about.least_px)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: the three indices, with and without feedback, latencies in frames, and the number of cells."""
        level = min(1, max(levels_of(responder, "error_pos")))
        told = self._traces(responder, level, seed)
        cut = responder.control("feedback_cut")
        kept = self._answering(told)
        effects = self._indices(told, kept) | {"cells": float(kept.sum() / 2)}
        without = self._indices(self._traces(cut, level, seed), kept) if cut is not None else {}
        for name in ("IC_rotated", "IC_outlined", "IC_full"):
            effects[f"{name}, feedback cut"] = without.get(name, float("nan"))
        pairs: tuple[tuple[Figure, Figure], ...] = (("illusory", "rotated"), ("real", "full"))
        for figure, other in pairs:
            difference = (told[figure] - told[other]).mean(0)[..., kept.any(0)]
            effects[f"latency, {figure}"] = _latency(difference[BEFORE:])
        chosen = kept.any(0)
        curves: dict[str, FloatArray] = {
            f: told[f][..., chosen].mean((0, 2)) if chosen.any() else np.full(BEFORE + ON, np.nan) for f in FIGURES
        }
        return Measurement(effects, curves)

    def movie(self, responder: Responder, figure: Figure, white: bool, shift: tuple[int, int]) -> Movie:
        """Draw a figure after full discs.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        figure : {'illusory', 'rotated', 'outlined', 'real', 'full'}
        white : bool
        shift : (int, int)
            Of the square from the middle of the frame, in pixels.

        Returns
        -------
        Movie
        """
        half, radius = self._sizes_px(responder)
        down, right = (x - c for x, c in zip(np.indices(responder.frame_size), self._middle(responder, shift), strict=True))
        inside = (abs(down) < half) & (abs(right) < half)
        full, shown = np.zeros(responder.frame_size), np.zeros(responder.frame_size)
        for top in (-half, half):
            for left in (-half, half):
                away = np.hypot(down - top, right - left)
                disc = np.clip(radius + 0.5 - away, 0.0, 1.0)
                outward = ((down - top) * np.sign(top) > 0) & ((right - left) * np.sign(left) > 0)
                gone = {"rotated": outward, "full": np.zeros_like(inside)}.get(figure, inside)
                full += disc
                shown += disc * ~gone
                if figure == "outlined":
                    shown += np.clip(1.0 - abs(away - (radius - 0.5)), 0.0, 1.0) * gone * disc
        if figure == "real":
            side = inside & ((abs(down) > half - 1) | (abs(right) > half - 1))
            gap = np.minimum(abs(down), abs(right)) < half - radius - 0.5
            shown[side & gap] = 1.0
        frames = np.repeat(np.stack([full, shown]), (BEFORE, ON), axis=0)
        name = f"{figure}, {'white' if white else 'black'}, shifted by {shift[0]}, {shift[1]}"
        return Movie(GREY + (0.5 if white else -0.5) * np.clip(frames, 0.0, 1.0), responder.frame_ms, name, "discs on grey")

    def cells(self, responder: Responder, level: int, shift: tuple[int, int]) -> NDArray[np.bool_]:
        """Find the places on the sides between discs.

        Parameters
        ----------
        responder : Responder
        level : int
            Of cells with a receptive field of ``3 2^level - 2`` px.
        shift : (int, int)
            Of the square, in pixels.

        Returns
        -------
        ndarray of bool, shape (rows, cols)
            Of the error cells of the level.
        """
        half, radius = self._sizes_px(responder)
        site = next(s for s in responder.sites if s.role == "error_pos" and s.level == level)
        reach, (rows, cols) = (3 * 2**level - 2) / 2, site.shape[:2]
        where = []
        for n, px, c in zip((rows, cols), responder.frame_size, self._middle(responder, shift), strict=True):
            where.append(abs((np.arange(n) + 0.5) * px / n - 0.5 - c))
        on_side = [abs(w - half) < max(reach, 0.75) for w in where]
        in_gap = [w + reach <= half - radius for w in where]
        found: NDArray[np.bool_] = (on_side[0][:, None] & in_gap[1]) | (in_gap[0][:, None] & on_side[1])
        return found

    def _sizes_px(self, responder: Responder) -> tuple[int, int]:
        """Half the side of the square, and the radius of the discs."""
        side = min(responder.frame_size)
        return 7 * side // 32, side // 8

    def _middle(self, responder: Responder, shift: tuple[int, int]) -> tuple[float, float]:
        rows, cols = responder.frame_size
        return (rows - 1) / 2 + shift[0], (cols - 1) / 2 + shift[1]

    def _traces(self, responder: Responder, level: int, seed: int) -> dict[Figure, FloatArray]:
        """Activity by figure, shape (n_trials, n_frames, n_cells); cells of all shifts and polarities one after the other."""
        found: dict[Figure, FloatArray] = {}
        names, number = [f"level{level}.error_{sign}" for sign in ("pos", "neg")], 1000 * seed
        for figure in FIGURES:
            parts = []
            for white in (True, False):
                for shift in SHIFTS:
                    movie, number = self.movie(responder, figure, white, shift), number + 1
                    told = errors(responder.respond(movie, names, trials=self.n_trials, seed=number).activity, level)
                    parts.append(told[:, :, self.cells(responder, level, shift)].reshape(*told.shape[:2], -1))
            found[figure] = np.concatenate(parts, axis=2)
        return found

    def _answering(self, told: dict[Figure, FloatArray]) -> NDArray[np.bool_]:
        """Cells that answer the real side, by the half of the trials that says so, shape (2, n_cells)."""
        grey = np.stack([told[f][:, BEFORE - SETTLED : BEFORE] for f in FIGURES])
        spread = np.sqrt(grey.var(2, ddof=1).mean((0, 1)) * 2 / ON)
        rise = [(told["real"] - told["full"])[first::2, BEFORE:] for first in (0, 1)]
        return np.stack([r.mean((0, 1)) > CLEAR * spread / np.sqrt(len(r)) + 1e-9 for r in rise])

    def _indices(self, told: dict[Figure, FloatArray], kept: NDArray[np.bool_]) -> dict[str, float]:
        """Indices of the chosen cells, each half of the trials for the cells that the other chose."""
        effects = {}
        others: tuple[Figure, ...] = ("rotated", "outlined", "full")
        for other in others:
            halves = []
            for first in (0, 1):
                mine, theirs = (told[f][1 - first :: 2, BEFORE:].mean((0, 1)) for f in _pair(other))
                total = mine + theirs
                index = np.divide(mine - theirs, total, out=np.zeros_like(total), where=total > 0)
                halves.append(index[kept[first]])
            effects[f"IC_{other}"] = mean_or_nan(np.concatenate(halves))
        return effects


def _pair(other: Figure) -> tuple[Figure, Figure]:
    return "illusory", other


def _latency(difference: FloatArray) -> float:
    """First frame of two in a row in which the mean over cells is above 0 by two standard errors; NaN where there is none."""
    if difference.shape[1] < 2:
        return float("nan")
    clear = difference.mean(1) > 2 * difference.std(1, ddof=1) / np.sqrt(difference.shape[1])
    both = np.flatnonzero(clear[:-1] & clear[1:])
    return float(both[0]) if both.size else float("nan")
