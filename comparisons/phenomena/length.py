"""Cells answer a short bar more than a long one, and less so when nothing is sent down to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, levels_of, mean_or_nan, too_small
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import (
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

UNITS = (1, 2, 3, 4, 6, 8, 10, 12)


@dataclass(frozen=True)
class Length:
    """Length suppression (end-stopping) of the error cells, with and without feedback.

    Level and upright bars, white or black on grey, 1 px wide at 16x16 and 2 px at 32x32, of growing length around a point: 6
    frames of grey, 8 of the bar. Only the cells under the middle of the bar are followed. On half of the trials the
    orientation, the polarity and the length ``L*`` with the largest answer are chosen for each; on the other half

        SI = (r(L*) - r(Lmax)) / r(L*)

    with ``r`` the activity less that of the last 4 frames of grey; the halves change places, and all cells that answer clearly
    are averaged. All is done anew for the first 2 frames, the last 4 (late, which decides) and all 8. Of level 1 where there is
    one, else of level 0.

    Where there is feedback to cut, the same cells in their same orientation and polarity are measured without it: ``dSI`` and
    ``dL`` (px) are intact less cut, each with its own ``L*``; ``dr`` is the part of ``r(L*)`` that goes with the feedback.

    Parameters
    ----------
    n_positions : int
        Middles of the bar, next to each other, at most 4.
    n_trials : int

    References
    ----------
    Lotter, Kreiman & Cox (2020), https://doi.org/10.1038/s42256-020-0170-9; Rao & Ballard (1999), https://doi.org/10.1038/4580.
    """

    n_positions: int = 2
    n_trials: int = 2

    @property
    def about(self) -> About:
        """As `Phenomenon.about`."""
        return About(
            name="length",
            title="Length suppression",
            version=1,
            claim="Errors to the longest bar are smaller, late, than those to the best bar, by at least a tenth.",
            doi="10.1038/s42256-020-0170-9",
            primary="SI",
            unit="",
            least=0.1,
            controls=("untrained", "adaptation_only"),
            departures="The best length is chosen on other trials than the index is taken on; answers are taken above the baseline.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 16)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: SI by window, level and sign of the error, and what cutting the feedback changes."""
        levels = [level for level in levels_of(responder, "error_pos") if level < 2]
        shown, cut = self.stimuli(responder), responder.control("feedback_cut")
        told = answers(responder, shown, levels, self.n_trials, seed)
        without = answers(cut, shown, levels, self.n_trials, seed) if cut is not None else None
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {"length": np.array(self.lengths_px(responder), dtype=float)}
        for level in levels:
            for window in WINDOWS:
                intact, severed = self._pairs(told[level], None if without is None else without[level], window)
                found, name = self._numbers(intact, severed, curves["length"]), f"level{level}.{window}"
                effects |= {f"{key}, {window}, level {level}": value for key, value in found.items()}
                for label, parts in ((name, intact), (f"{name}, feedback cut", severed)):
                    if parts:
                        kept = ~np.isnan(_joined(intact, "index"))
                        tuning = np.concatenate([p.tuning for p in parts])[kept]
                        curves[label] = tuning.mean(0) if kept.any() else np.full(tuning.shape[1], np.nan)
        for key in ("SI", "SI of E+", "SI of E-", "dSI", "dL", "dr", "cells"):
            effects[key] = effects[f"{key}, late, level {max(levels)}"]
        return Measurement(effects, curves)

    def lengths_px(self, responder: Responder) -> tuple[int, ...]:
        """List the lengths of the bars.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.

        Returns
        -------
        tuple of int
            From the shortest up.
        """
        return multiples(min(responder.frame_size), UNITS)

    def stimuli(self, responder: Responder) -> list[tuple[Movie, Point]]:
        """Draw the bars.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.

        Returns
        -------
        list of (Movie, (float, float))
            Each with its middle; level white, level black, upright white, upright black; by position; by length.
        """
        found, width = [], unit_px(min(responder.frame_size))
        down, right = np.indices(responder.frame_size)
        for upright in (False, True):
            for polarity in (1, -1):
                for row, col in centres(responder.frame_size, self.n_positions):
                    along, across = (down - row, right - col) if upright else (right - col, down - row)
                    for length in self.lengths_px(responder):
                        bar = np.clip(length / 2 + 0.5 - abs(along), 0, 1) * np.clip(width / 2 + 0.5 - abs(across), 0, 1)
                        looks = f"{'upright' if upright else 'level'} {'white' if polarity > 0 else 'black'}"
                        name = f"{looks} bar of {length} px at {row:g}, {col:g}"
                        found.append((onset(GREY + 0.5 * polarity * bar, responder.frame_ms, name), (row, col)))
        return found

    def _pairs(self, told: Answers, without: Answers | None, window: Window) -> tuple[list[Suppression], list[Suppression]]:
        """Suppression with each half of the trials choosing, and the same cells without feedback."""
        intact, severed, w = [], [], list(WINDOWS).index(window)
        for first in (0, 1):
            halves = [slice(first, None, 2), slice(1 - first, None, 2)]
            choose, measure = (self._by_cell(told.above[half, ..., w].mean(0)) for half in halves)
            n = len(told.above[halves[0]])
            own = suppression(choose, measure, np.tile(clear(told, window, n), self.n_positions))
            intact.append(own)
            if without is not None:
                choose, measure = (self._by_cell(without.above[half, ..., w].mean(0)) for half in halves)
                severed.append(suppression(choose, measure, np.tile(clear(without, window, n), self.n_positions), own.condition))
        return intact, severed

    def _by_cell(self, above: FloatArray) -> FloatArray:
        """From stimuli, shape (n_stimuli, n_features), to (n_conditions, n_sizes, n_positions n_features)."""
        split = above.reshape(4, self.n_positions, -1, above.shape[-1])
        return np.swapaxes(split, 1, 2).reshape(4, split.shape[2], -1)

    def _numbers(self, intact: list[Suppression], severed: list[Suppression], lengths: FloatArray) -> dict[str, float]:
        index, best = _joined(intact, "index"), _joined(intact, "best")
        n = len(index) // (2 * self.n_positions * 2)
        positive: NDArray[np.bool_] = np.tile(np.repeat([True, False], n), 2 * self.n_positions)
        found = {
            "SI": mean_or_nan(index),
            "SI of E+": mean_or_nan(index[positive]),
            "SI of E-": mean_or_nan(index[~positive]),
            "cells": float((~np.isnan(index)).sum() / 2),
            **dict.fromkeys(("dSI", "dL", "dr"), float("nan")),
        }
        kept = ~np.isnan(index)
        if severed and kept.any():
            same = np.concatenate([s.tuning[np.arange(len(s.size)), i.size] for s, i in zip(severed, intact, strict=True)])
            found["dSI"] = mean_or_nan(index - _joined(severed, "index"))
            moved = np.concatenate([lengths[i.size] - lengths[s.size] for s, i in zip(severed, intact, strict=True)])
            found["dL"] = mean_or_nan(np.where(np.isnan(_joined(severed, "index")), np.nan, moved)[kept])
            found["dr"] = float((best[kept].mean() - same[kept].mean()) / max(best[kept].mean(), 1e-9))
        return found


def _joined(parts: list[Suppression], name: str) -> FloatArray:
    joined: FloatArray = np.concatenate([getattr(p, name) for p in parts])
    return joined
