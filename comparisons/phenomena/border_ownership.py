"""An edge is answered by whose side it is: differently when the object lies to its left than when it lies to its right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, levels_of, mean_or_nan, too_small
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import BEFORE, CLEAR, ON, SETTLED, WINDOWS, Window
from snn.stimuli.movie import Movie

SHIFTS = (0, 1)
"""Of the edge, in pixels: each falls differently on cells that pool 2x2 pixels."""


class Scene(NamedTuple):
    """One of the four pictures of an edge.

    Attributes
    ----------
    level : bool
        Whether the edge is level; "left" then is above.
    shift : int
        Of the edge from the middle of the frame, in pixels.
    light_left : bool
        Polarity: whether it is light to the left of the edge, and dark to its right.
    object_left : bool
        Side of the object; it is light if that side is, on a dark ground, and the reverse.
    """

    level: bool
    shift: int
    light_left: bool
    object_left: bool


@dataclass(frozen=True)
class BorderOwnership:
    """Border ownership in the error cells.

    Grey, then an edge through the middle of the frame that is a side of a rectangle: of one to the left of it or of one to the
    right, with either polarity, so that around the edge two pictures each are the same. The rectangle is 10 px along the edge and 5
    px deep at 16x16, twice that at 32x32. Only cells are followed whose receptive field (1, 4 px from level 0 up) holds or
    adjoins the edge, and ends a guard of 2 px (4 at 32x32) before any place where the pictures differ. A unit is E+ and E- of
    one feature together, since polarity decides which of the two answers, and of both cells that face each other across the edge
    (one cell where it lies on the edge): of one of them alone, "the object is on my side" is "the ground is opposite to my pixel"
    in both polarities, which a surround tells that is the same on all sides and prefers none. Since a picture with the object on
    the left is the mirror image of that with the object on the right and the other polarity, all that treats both sides alike
    turns the preference of such a unit with polarity. With ``r`` its activity over the 8 frames,

        d = (r(object left) - r(object right)) / (r(object left) + r(object right)) in each polarity
        BOI = d in one polarity, times the sign of d in the other polarity and the other half of the trials

    in the mean over units that answer the edge clearly in both polarities, in the half of the trials that gives the sign. A unit
    whose preference depends on polarity (on how light the ground is) has a BOI below 0, one without preference 0. Of level 1
    where there is one, else of level 0.

    Errors compare with a forecast, and a forecast can spread through cells next to each other, a little further every frame: what
    the guard does not keep out shows in "late" more than in "early". "BOI, feedback cut" is that of the same units without what
    comes from above, with their own signs; "beyond feedback cut" is what feedback adds.

    Parameters
    ----------
    n_trials : int
    contrast : float
        Michelson contrast of the edge.

    References
    ----------
    Zhou, Friedman & von der Heydt (2000), https://doi.org/10.1523/JNEUROSCI.20-17-06594.2000, for macaque V1, V2 and V4.
    """

    n_trials: int = 4
    contrast: float = 0.5

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. At 0.05 the preferred side is answered about a tenth more than the other."""
        return About(
            name="border_ownership",
            title="Border ownership",
            version=2,
            claim="Errors at an edge are a tenth larger when the object lies on the side that a unit prefers in the other polarity too.",
            doi="10.1523/JNEUROSCI.20-17-06594.2000",
            primary="BOI",
            unit="",
            least=0.05,
            controls=("untrained", "adaptation_only"),
            departures=(
                "Rectangles in place of squares, to keep corners far in small frames; receptive fields by construction, with a guard, "
                "in place of mapped ones; errors of both signs, and cells that face each other across the edge, as one unit."
            ),
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 16)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: BOI by level and window, with and without feedback, its share of units, and their number."""
        levels = [level for level in levels_of(responder, "error_pos") if level < 2]
        told, cut = self._traces(responder, levels, seed), responder.control("feedback_cut")
        without = self._traces(cut, levels, seed) if cut is not None else {}
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {"frames": np.arange(-SETTLED, ON, dtype=np.float64)}
        for level in levels:
            kept = self._answering(told[level])
            for window in WINDOWS:
                index = self._index(told[level], kept, window)
                effects[f"BOI, {window}, level {level}"] = mean_or_nan(index)
                severed = mean_or_nan(self._index(without[level], kept, window)) if without else float("nan")
                effects[f"BOI, feedback cut, {window}, level {level}"] = severed
            # Of all frames, which is the last of the windows.
            effects[f"share, level {level}"] = mean_or_nan(np.where(np.isnan(index), np.nan, np.sign(index) / 2 + 0.5))
            effects[f"units, level {level}"] = float(kept.sum() / 2)
            for name, course in self._courses(told[level], kept).items():
                curves[f"level {level}: {name}"] = course
        top = max(levels)
        for name, window in (("BOI", "all"), ("BOI, early", "early"), ("BOI, late", "late"), ("BOI, feedback cut", "all")):
            effects[name] = effects[f"{name.removesuffix(f', {window}')}, {window}, level {top}"]
        effects["beyond feedback cut"] = effects["BOI"] - effects["BOI, feedback cut"]
        effects["share"], effects["units"] = effects[f"share, level {top}"], effects[f"units, level {top}"]
        return Measurement(effects, curves)

    def scenes(self) -> list[Scene]:
        """List the pictures.

        Returns
        -------
        list of Scene
            Every edge with both polarities, and in each the object on the left and on the right.
        """
        both = (False, True)
        return [Scene(level, shift, light, left) for level in both for shift in SHIFTS for light in both for left in (True, False)]

    def movie(self, responder: Responder, scene: Scene) -> Movie:
        """Draw a rectangle after grey.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        scene : Scene

        Returns
        -------
        Movie
        """
        along, across = self._away(responder, scene, 0)
        half, depth = self._sizes_px(responder)
        side = across < 0 if scene.object_left else across > 0
        inside = side & (abs(across) < depth) & (abs(along) < half)
        picture = np.where(inside == (scene.light_left == scene.object_left), 1.0, -1.0)
        frames = np.full((BEFORE + ON, *responder.frame_size), GREY)
        frames[BEFORE:] += GREY * self.contrast * picture
        where = "above" if scene.level else "left"
        name = f"object {'' if scene.object_left else 'not '}{where}, light {'' if scene.light_left else 'not '}{where}, at {scene.shift}"
        return Movie(frames, responder.frame_ms, f"{name}, {'level' if scene.level else 'upright'}", "a rectangle")

    def cells(self, responder: Responder, level: int, scene: Scene) -> NDArray[np.bool_]:
        """Find the places at the edge from which nothing is seen but the edge.

        Parameters
        ----------
        responder : Responder
        level : int
            Of cells with a receptive field of ``3 2^level - 2`` px.
        scene : Scene

        Returns
        -------
        ndarray of bool, shape (rows, cols)
            Of the error cells of the level; with each its mirror image across the edge.
        """
        half, depth = self._sizes_px(responder)
        reach, guard = (3 * 2**level - 2) / 2, min(responder.frame_size) // 8
        along, across = self._away(responder, scene, level)
        mirrored = np.isin(np.round(across, 6), np.round(-across, 6))
        along, across = abs(along), abs(across)
        sees = mirrored & (across < max(reach, 0.75))
        found: NDArray[np.bool_] = sees & (across + reach + guard <= depth) & (along + reach + guard <= half)
        return found

    def units(self, responder: Responder, level: int, scene: Scene, activity: FloatArray) -> FloatArray:
        """Take the cells that face each other across the edge together.

        Parameters
        ----------
        responder : Responder
        level : int
        scene : Scene
        activity : ndarray, shape (..., rows, cols, features)
            Of the error cells of the level.

        Returns
        -------
        ndarray, shape (..., n_units)
            Sums, place by place along the edge.
        """
        found = self.cells(responder, level, scene)
        # A place along the edge has the cells of one pair, or one on the edge, and no others.
        places = np.moveaxis(activity * found[..., None], -3 if scene.level else -2, 0).sum(0)
        kept: FloatArray = places[..., found.any(0 if scene.level else 1), :]
        return kept.reshape(*activity.shape[:-3], -1)

    def _sizes_px(self, responder: Responder) -> tuple[int, int]:
        """Half the length along the edge, and the depth."""
        size = 5 * min(responder.frame_size) // 16
        return size, size

    def _away(self, responder: Responder, scene: Scene, level: int) -> tuple[FloatArray, FloatArray]:
        """How far each cell of a level lies from the middle of the edge, along it and across; below 0 is left, or above."""
        shape = next(s.shape[:2] for s in responder.sites if s.role == "error_pos" and s.level == level) if level else responder.frame_size
        at = [
            (np.arange(n) + 0.5) * px / n - px // 2 - offset
            for n, px, offset in zip(shape, responder.frame_size, (scene.shift, 0) if scene.level else (0, scene.shift), strict=True)
        ]
        down, right = np.meshgrid(*at, indexing="ij")
        return (right, down) if scene.level else (down, right)

    def _traces(self, responder: Responder, levels: Sequence[int], seed: int) -> dict[int, FloatArray]:
        """Errors of both signs by level, shape (polarities, sides, n_trials, n_frames, n_units), units of all edges in a row."""
        names = [f"level{level}.error_{sign}" for level in levels for sign in ("pos", "neg")]
        parts: dict[int, dict[tuple[bool, bool], list[FloatArray]]] = {level: {} for level in levels}
        for k, scene in enumerate(self.scenes()):
            told = responder.respond(self.movie(responder, scene), names, trials=self.n_trials, seed=1000 * seed + k).activity
            for level in levels:
                total = told[f"level{level}.error_pos"] + told[f"level{level}.error_neg"]
                units = self.units(responder, level, scene, total)
                parts[level].setdefault((scene.light_left, scene.object_left), []).append(units)
        return {level: self._stacked(found) for level, found in parts.items()}

    @staticmethod
    def _stacked(parts: Mapping[tuple[bool, bool], Sequence[FloatArray]]) -> FloatArray:
        both = (True, False)
        return np.stack([np.stack([np.concatenate(parts[light, left], axis=-1) for left in both]) for light in both])

    def _answering(self, told: FloatArray) -> NDArray[np.bool_]:
        """Units that answer the edge in both polarities, by the half of the trials that says so, shape (2, n_units)."""
        grey = told[..., BEFORE - SETTLED : BEFORE, :]
        spread = np.sqrt(grey.var(-2, ddof=1).mean((0, 1, 2)) * (1 / ON + 1 / SETTLED))
        found = []
        for first in (0, 1):
            half = told[:, :, first::2]
            rise = half[..., BEFORE:, :].mean((1, 2, 3)) - half[..., BEFORE - SETTLED : BEFORE, :].mean((1, 2, 3))
            found.append((rise > CLEAR * spread / np.sqrt(2 * half.shape[2]) + 1e-9).all(0))
        return np.stack(found)

    def _preference(self, told: FloatArray, first: int, window: Window) -> FloatArray:
        """Index ``d`` of a half of the trials, shape (polarities, n_units)."""
        start, stop = WINDOWS[window]
        left, right = np.moveaxis(told[:, :, first::2, BEFORE + start : BEFORE + stop].mean((2, 3)), 1, 0)
        index: FloatArray = np.divide(left - right, left + right, out=np.zeros_like(left), where=left + right > 0)
        return index

    def _index(self, told: FloatArray, kept: NDArray[np.bool_], window: Window) -> FloatArray:
        """BOI of every kept unit, in each half of the trials and each polarity; the other half and polarity give the sign."""
        d = [self._preference(told, first, window) for first in (0, 1)]
        return np.concatenate([(np.sign(d[first][::-1]) * d[1 - first])[:, kept[first]].ravel() for first in (0, 1)])

    def _courses(self, told: FloatArray, kept: NDArray[np.bool_]) -> dict[str, FloatArray]:
        """Mean course at the side that the other half and polarity prefer, and at the other side."""
        preferred: list[FloatArray] = []
        others: list[FloatArray] = []
        for first in (0, 1):
            sign = self._preference(told, first, "all")[::-1, None, kept[first]]
            left, right = np.moveaxis(told[:, :, 1 - first :: 2, BEFORE - SETTLED :].mean(2)[..., kept[first]], 1, 0)
            preferred.append(np.where(sign >= 0, left, right))
            others.append(np.where(sign >= 0, right, left))
        joined = {"preferred side": np.concatenate(preferred, axis=-1), "other side": np.concatenate(others, axis=-1)}
        return {name: v.mean((0, 2)) if v.shape[-1] else np.full(v.shape[1], np.nan) for name, v in joined.items()}
