"""Where a moving bar is said to have been at a flash depends on what it does after the flash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.flash_bars import AFTER, BEFORE, FLASH, N_FRAMES, Course, Scene, scenes
from comparisons.phenomenon import About, Measurement, too_small
from comparisons.responder import FloatArray, Responder, sites_of

COURSES: tuple[Course, ...] = ("continue", "stop", "reverse")
DECIDING = 2
"""Frames after the flash at which the report decides."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of the regression, as shares of the mean square of a sample; the one that predicts samples left out best is taken."""


@dataclass(frozen=True)
class FlashLagPostdictive:
    """Flash-lag effect, as what is remembered shows it: what follows the flash may change where the bar is said to have been.

    The stimuli of `FlashLag`: up to the flash all is alike, then the moving bar continues, stops or turns back. From the
    representation cells of frame ``t`` a linear decoder tells where the bar was ``k`` frames before. It is fitted (ridge
    regression, for each axis and polarity, white or black) to bars that move steadily in both directions, and to bars that stand
    still, without any flash, from all start positions but the one that is asked about. ``k`` frames after the flash it is asked
    where the bar was in the frame of the flash. The lag is what it says, along the motion, less what it says if there was no flash
    and the bar continued (the bias of the decoder).

        shift = (lag if it continues - lag if it turns back) / 2        after 2 frames

    A faithful memory of the path has a shift of 0, whatever came after. A report of where the bar is now would have one of 2 px,
    but it is no report about the flash: there is no shift (NaN) unless the decoder, asked about steady motion that it was not
    fitted to, is off by less than half as much as one that knows of the bar nothing but where it is now.

    Parameters
    ----------
    n_starts : int
        Start positions; times 2 axes, 2 directions, white and black.

    References
    ----------
    Eagleman & Sejnowski (2000), https://doi.org/10.1126/science.287.5460.2036: motion that goes on, stops or turns back after it
    was the same up to the flash.
    """

    n_starts: int = 4

    @property
    def about(self) -> About:
        """As `Phenomenon.about`."""
        return About(
            name="flash_lag_postdictive",
            title="Flash lag, in what is remembered",
            version=2,
            claim="What a bar does after a flash shifts the report of where it was at the flash by at least half a pixel.",
            doi="10.1126/science.287.5460.2036",
            primary="shift",
            unit="px",
            least=0.5,
            controls=("untrained", "adaptation_only"),
            departures="A bar that moves straight on, in place of a ring; a linear decoder of cells, in place of what people say.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no representation cells" if not sites_of(responder, "representation") else too_small(responder, 16)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: shift; lag of each course after 0 to 3 frames; error of the decoder for steady motion."""
        found = scenes(responder.frame_size, self.n_starts)
        seen = _Seen(responder, found, seed)
        lags = {course: np.full((AFTER + 1, len(found)), np.nan) for course in COURSES}
        steady, by_place = (np.full((AFTER + 1, len(found)), np.nan) for _ in range(2))
        for delay in range(AFTER + 1):
            for group in _groups(found):
                for start in sorted({found[k].start for k in group}):
                    shown, places = self._steady(seen, group, start, delay)
                    decoder = _Decoder(np.stack([seen.cells[course, False][k][t] for course, k, t in shown]), places)
                    place_alone = _Decoder(np.stack([_place(found[k], course, t) for course, k, t in shown]), places)
                    for k in (k for k in group if found[k].start == start):
                        scene, t = found[k], FLASH + delay
                        alone = decoder(seen.cells["continue", False][k][t])
                        for course in COURSES:
                            lags[course][delay, k] = scene.sign * (decoder(seen.cells[course, True][k][t]) - alone)
                        steady[delay, k] = alone - scene.at_px
                        by_place[delay, k] = place_alone(_place(scene, "continue", t)) - scene.at_px
        error, error_by_place = (np.sqrt((e**2).mean(1)) for e in (steady, by_place))
        effects = {f"{course}, after {delay}": float(lags[course][delay].mean()) for course in COURSES for delay in range(AFTER + 1)}
        for delay in range(AFTER + 1):
            effects[f"error, after {delay}"] = float(error[delay])
            effects[f"error by place alone, after {delay}"] = float(error_by_place[delay])
        shift = float((lags["continue"][DECIDING] - lags["reverse"][DECIDING]).mean() / 2)
        effects["shift"] = shift if 2 * error[DECIDING] < error_by_place[DECIDING] else float("nan")
        for course in COURSES:
            effects[course] = effects[f"{course}, after {DECIDING}"]
        curves = {course: lags[course].mean(1) for course in COURSES} | {"error": error, "error by place alone": error_by_place}
        return Measurement(effects, curves)

    def _steady(self, seen: _Seen, group: Sequence[int], start: int, delay: int) -> tuple[list[tuple[Course, int, int]], FloatArray]:
        """Course, scene and frame of steady motion from other starts, and of bars standing at other places; and where they were."""
        shown: list[tuple[Course, int, int]] = []
        places = []
        left_out = {seen.scenes[k].at_px for k in group if seen.scenes[k].start == start}
        standing: set[int] = set()
        for k in group:
            scene = seen.scenes[k]
            courses: list[Course] = ["continue"] if scene.start != start else []
            if scene.at_px not in left_out | standing:
                courses.append("still")
                standing.add(scene.at_px)
            for course in courses:
                for t in range(BEFORE + delay, N_FRAMES):
                    at = scene.position_px(course, t - delay)
                    if at is not None:
                        shown.append((course, k, t))
                        places.append(at)
        return shown, np.array(places, dtype=float)


class _Seen:
    """Answers of the representation cells along the path of each scene, by course and whether there was a flash."""

    def __init__(self, responder: Responder, found: list[Scene], seed: int) -> None:
        self.scenes, names = found, [s.name for s in sites_of(responder, "representation")]
        self.cells: dict[tuple[Course, bool], list[FloatArray]] = {}
        wanted: list[tuple[Course, bool]] = [*((course, True) for course in COURSES), ("continue", False), ("still", False)]
        number = 1_000_000 * seed
        for course, flash in wanted:
            told: dict[tuple[bool, bool, int], FloatArray] = {}
            parts = self.cells[course, flash] = []
            for scene in found:
                number += 1
                key = scene.downward, scene.white, scene.at_px if course == "still" else -number
                if key not in told:
                    activity = responder.respond(scene.movie(course, flash, responder.frame_ms), names, seed=number).activity
                    told[key] = np.concatenate([_along(scene, activity[name][0]) for name in names], axis=1)
                parts.append(told[key])


def _along(scene: Scene, activity: FloatArray) -> FloatArray:
    """Mean over the cells across the moving bar, shape (n_frames, n_along n_features)."""
    turned = np.stack([scene.along_last(frame) for frame in activity])
    across = scene.frame_size[1] if scene.downward else scene.frame_size[0]
    rows, share = scene.rows_px(False), turned.shape[1] / across
    strip = turned[:, int(rows.start * share) : max(int(np.ceil(rows.stop * share)), int(rows.start * share) + 1)]
    mean: FloatArray = strip.mean(1).reshape(len(turned), -1)
    return mean


def _place(scene: Scene, course: Course, frame: int) -> FloatArray:
    """Where the bar is in a frame and nothing else: one cell for every place."""
    row = np.zeros(max(scene.frame_size))
    at = scene.position_px(course, frame)
    if at is not None:
        row[at] = 1.0
    return row


def _groups(found: list[Scene]) -> list[list[int]]:
    """Scenes that share an axis and a polarity."""
    keys = sorted({(s.downward, s.white) for s in found})
    return [[k for k, s in enumerate(found) if (s.downward, s.white) == key] for key in keys]


class _Decoder:
    """Ridge regression in its dual form, with the penalty that predicts samples left out one at a time best."""

    def __init__(self, samples: FloatArray, places: FloatArray) -> None:
        self.mean, self.place = samples.mean(0), float(places.mean())
        centred, wanted = samples - self.mean, places - self.place
        kernel = centred @ centred.T
        scale = max(float(np.trace(kernel)) / len(kernel), 1e-12)
        best = np.inf
        for share in PENALTIES:
            inverse = np.linalg.inv(kernel + share * scale * np.eye(len(kernel)))
            dual = inverse @ wanted
            error = float(((dual / np.diag(inverse)) ** 2).sum())
            if error < best:
                best, self.weights = error, centred.T @ dual

    def __call__(self, sample: FloatArray) -> float:
        return float((sample - self.mean) @ self.weights) + self.place
