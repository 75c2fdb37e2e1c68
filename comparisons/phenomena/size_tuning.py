"""Cells answer a disc of grating less when it grows beyond them, late more than at first, and most if the stripes are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, levels_of, mean_or_nan, too_small
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import (
    ON,
    WINDOWS,
    Answers,
    Point,
    Suppression,
    Window,
    answers,
    centres,
    clear,
    multiples,
    onset,
    suppression,
    unit_px,
)
from snn.stimuli.movie import Movie

UNITS = (2, 3, 4, 6, 8, 10, 12)
CENTRE_UNITS = 4
"""Diameter of the centre inside a crossed annulus."""
CONTRASTS = (0.3, 1.0)


@dataclass(frozen=True)
class SizeTuning:
    """Surround suppression of the error cells.

    Discs of grating, upright or level, drifting 1 px a frame, of growing diameter: 6 frames of grey, 8 of the disc. Only the
    cells under the middle of the disc are followed. On half of the trials the direction and the diameter ``D*`` with the largest
    answer are chosen for each, at either contrast; on the other half

        SI = (r(D*) - r(Dmax)) / r(D*)

    with ``r`` the activity less that of the last 4 frames of grey; the halves change places, and all cells that answer clearly
    are averaged. All is done anew for the first 2 frames, the last 4 (late, which decides, at full contrast) and all 8; ``delay``
    is late less early. The annulus around a centre of 4 px (at 16x16) has the stripes of the centre (iso: the largest disc) or
    stripes across it:

        cross_iso = (r(cross) - r(iso)) / r(cross)

    Parameters
    ----------
    n_positions : int
        Middles of the disc, next to each other, at most 4.
    n_trials : int

    References
    ----------
    No source of these stimuli is followed; Lotter, Kreiman & Cox (2020), https://doi.org/10.1038/s42256-020-0170-9, show length
    suppression, of which this is the like for area.
    """

    n_positions: int = 2
    n_trials: int = 2

    @property
    def about(self) -> About:
        """As `Phenomenon.about`."""
        return About(
            name="size_tuning",
            title="Surround suppression",
            version=1,
            claim="Errors to the largest disc of grating are smaller, late, than those to the best disc, by at least a tenth.",
            doi="",
            primary="SI",
            unit="",
            least=0.1,
            controls=("untrained", "adaptation_only"),
            departures="No paper on such networks is followed; the stimuli are those of studies of visual cortex, made small.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 16)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: SI by level, contrast and window, its delay, and how it depends on the stripes around."""
        levels = [level for level in levels_of(responder, "error_pos") if level < 2]
        told = answers(responder, self.stimuli(responder), levels, self.n_trials, seed)
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {"diameter": np.array(self.diameters_px(responder), dtype=float)}
        for level in levels:
            for c, contrast in enumerate(CONTRASTS):
                for window in WINDOWS:
                    name = f"{window}, level {level}, contrast {contrast:g}"
                    found, cross = self._both_halves(told[level], c, window)
                    effects |= self._numbers(found, cross, name)
                    tuning = np.concatenate([f.tuning for f in found])[~np.isnan(np.concatenate([f.index for f in found]))]
                    curves[name] = tuning.mean(0) if len(tuning) else np.full(len(curves["diameter"]), np.nan)
        deciding = f"level {max(levels)}, contrast {CONTRASTS[-1]:g}"
        for key in ("SI", "SI of E+", "SI of E-", "cross_iso", "cells"):
            effects[key] = effects[f"{key}, late, {deciding}"]
        effects["SI at low contrast"] = effects[f"SI, late, level {max(levels)}, contrast {CONTRASTS[0]:g}"]
        effects["delay"] = effects[f"SI, late, {deciding}"] - effects[f"SI, early, {deciding}"]
        return Measurement(effects, curves)

    def diameters_px(self, responder: Responder) -> tuple[int, ...]:
        """List the diameters of the discs.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.

        Returns
        -------
        tuple of int
            From the smallest up.
        """
        return multiples(min(responder.frame_size), UNITS)

    def period_px(self, responder: Responder) -> int:
        """Give the period of the stripes.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.

        Returns
        -------
        int
            4 at 16x16, 6 at 32x32, 8 at 48x48.
        """
        return 4 + (min(responder.frame_size) - 16) // 8

    def stimuli(self, responder: Responder) -> list[tuple[Movie, Point]]:
        """Draw the discs, and the annuli.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.

        Returns
        -------
        list of (Movie, (float, float))
            Each with its middle; by contrast; upright stripes, then level ones; by position; by diameter, the crossed annulus last.
        """
        found, diameters = [], self.diameters_px(responder)
        middle = CENTRE_UNITS * unit_px(min(responder.frame_size))
        for contrast in CONTRASTS:
            for level in (False, True):
                for row, col in centres(responder.frame_size, self.n_positions):
                    own, other = (self._stripes(responder, row, col, turned) for turned in (level, not level))
                    where = f"{'level' if level else 'upright'} stripes, contrast {contrast:g}, at {row:g}, {col:g}"
                    discs = [_disc(responder, row, col, d) for d in diameters]
                    shown = [(disc * own, f"disc of {d} px") for d, disc in zip(diameters, discs, strict=True)]
                    centre = _disc(responder, row, col, middle)
                    shown.append((centre * own + (discs[-1] - centre) * other, "crossed annulus"))
                    for picture, what in shown:
                        found.append((onset(GREY * (1 + contrast * picture), responder.frame_ms, f"{what}, {where}"), (row, col)))
        return found

    def _stripes(self, responder: Responder, row: float, col: float, level: bool) -> FloatArray:
        """Gratings of amplitude 1 that drift, shape (ON, rows, cols)."""
        down, right = np.indices(responder.frame_size)
        phase = ((down - row) if level else (right - col)) - np.arange(ON)[:, None, None]
        waves: FloatArray = np.cos(2 * np.pi * phase / self.period_px(responder))
        return waves

    def _both_halves(self, told: Answers, contrast: int, window: Window) -> tuple[list[Suppression], list[Suppression]]:
        """Suppression by the size and by the annulus, with each half of the trials choosing."""
        sizes, annulus, w = [], [], list(WINDOWS).index(window)
        for first in (0, 1):
            halves = [told.above[k::2, ..., w] for k in (first, 1 - first)]
            choose, measure = (self._by_cell(half.mean(0))[contrast] for half in halves)
            least = np.tile(clear(told, window, len(halves[0])), self.n_positions)
            sizes.append(suppression(choose[:, :-1], measure[:, :-1], least))
            # The annulus is compared as if the crossed one were the best size and the largest disc the largest.
            crossed = np.array([-1])
            annulus.append(suppression(choose[:, crossed], measure[:, crossed], least, sizes[-1].condition, measure[:, -2]))
        return sizes, annulus

    def _by_cell(self, above: FloatArray) -> FloatArray:
        """From stimuli, shape (n_stimuli, n_features), to (n_contrasts, n_directions, n_sizes + 1, n_positions n_features)."""
        split = above.reshape(len(CONTRASTS), 2, self.n_positions, -1, above.shape[-1])
        return np.moveaxis(split, 2, 3).reshape(len(CONTRASTS), 2, split.shape[3], -1)

    def _numbers(self, sizes: list[Suppression], annulus: list[Suppression], name: str) -> dict[str, float]:
        index, crossed = (np.concatenate([s.index for s in parts]) for parts in (sizes, annulus))
        by_sign = index.reshape(2 * self.n_positions, 2, -1)
        return {
            f"SI, {name}": mean_or_nan(index),
            f"SI of E+, {name}": mean_or_nan(by_sign[:, 0]),
            f"SI of E-, {name}": mean_or_nan(by_sign[:, 1]),
            f"cross_iso, {name}": mean_or_nan(np.where(np.isnan(index), np.nan, crossed)),
            f"cells, {name}": float((~np.isnan(index)).sum() / 2),
        }


def _disc(responder: Responder, row: float, col: float, diameter: int) -> FloatArray:
    down, right = np.indices(responder.frame_size)
    covered: FloatArray = np.clip(diameter / 2 + 0.5 - np.hypot(down - row, right - col), 0.0, 1.0)
    return covered
