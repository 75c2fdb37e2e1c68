"""When a scene that moved evenly halts, cells answer more than if it had moved on: the part of a mismatch that needs no movement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY, matched_cuts
from comparisons.phenomenon import About, Measurement, error_sites, error_traces, levels_of, over_levels, too_small
from comparisons.responder import FloatArray, Responder
from snn.seeding import stream
from snn.stimuli.movie import Movie

Course = Literal["halts", "moves on", "halts again", "still"]
COURSES: tuple[Course, ...] = ("halts", "moves on", "halts again", "still")
WAYS = ((0, 1), (1, 1), (0, -1), (1, -1))
"""Axis and sign of the four directions of flow."""
SHOWN_BEFORE = 4
"""Frames before the halt that are drawn."""


@dataclass(frozen=True)
class FlowHalt:
    """Errors at a halt of visual flow. This is not the visuomotor mismatch response, and says nothing of it.

    There an animal runs, its running moves the scene, and the scene halts while it runs on; shown the same movie while it does
    not steer it (open-loop replay), it answers a halt far less. Our subjects take no signal of movement: for them everything is
    replay, and what tells mismatch from replay cannot be asked. What can be asked is whether flow itself is predicted: a subject
    that carries on what it saw is wrong when the flow halts, one that compares with the last frame is right for once.

    A photograph (cut, given a fixed contrast) moves by 1 px a frame behind the frame of the movie, after grey. Four courses show
    the same picture at the same time, the moment of the halt, and differ in what came before:

    - halts: even flow that reached the picture one frame ago;
    - moves on: even flow that reaches it now, and goes on;
    - halts again: stop and go, two frames each, whose next halt is due now, with the last two steps of "halts";
    - still: the picture all the time.

    With the mean error in that frame over all error cells of a level and all scenes,

        mismatch = (halts - moves on) / (halts + moves on)      surprise = (halts - halts again) / (halts + halts again)

    and flow = (moves on - still) / (moves on + still). "Mismatch, next frame" is that of the frame after, in which the pictures
    differ. Nothing is learned between, so that a surprise needs statistics within half a second; it is below 0 where stop and go
    leaves errors of its own.

    Parameters
    ----------
    n_scenes : int
        A multiple of 4 has all directions equally often.
    before, flow, halt : int
        Frames of grey, of flow, and from the halt on. Short, since a model that learned from short movies may not stand long ones.

    References
    ----------
    Keller, Bonhoeffer & Hübener (2012), https://doi.org/10.1016/j.neuron.2012.03.040, Zmarz & Keller (2016),
    https://doi.org/10.1016/j.neuron.2016.09.057 and Jordan & Keller (2020), https://doi.org/10.1016/j.neuron.2020.09.024, for
    what it is not.
    """

    n_scenes: int = 12
    before: int = 4
    flow: int = 12
    halt: int = 4

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. At 0.05 the halt is answered about a tenth more, though less changes in the eye."""
        return About(
            name="flow_halt",
            title="Halt of visual flow (no motor signal)",
            version=1,
            claim="Errors are a tenth larger when even flow halts on a picture than when it moves on to it; of movement it tells nothing.",
            doi="10.1016/j.neuron.2012.03.040",
            primary="mismatch",
            unit="",
            least=0.05,
            controls=("untrained", "adaptation_only"),
            departures=(
                "The source couples flow to running and needs open-loop replay as its control; no subject takes a signal of movement, "
                "so that all is replay here. Whole scenes halt, no patches of them; in one direction of flow at a time."
            ),
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: mismatch, surprise and flow, of both error populations of a level and of each."""
        levels, names = levels_of(responder, "error_pos"), [s.name for s in error_sites(responder)]
        traces: dict[str, dict[Course, list[FloatArray]]] = {}
        for k, ((_, course), movie) in enumerate(self.movies(responder, seed).items()):
            told = responder.respond(movie, names, seed=seed * 1000 + k).activity
            for level in levels:
                for where, trace in error_traces(told, level).items():
                    traces.setdefault(where, {c: [] for c in COURSES})[course].append(trace)
        at, effects = self.before + self.flow, dict[str, float]()
        curves: dict[str, FloatArray] = {"frames": np.arange(-SHOWN_BEFORE, self.halt, dtype=np.float64)}
        for where, shown in traces.items():
            mean = {course: np.mean(several, axis=0) for course, several in shown.items()}
            effects.update({f"{name}, {where}": value for name, value in self._numbers(mean).items()})
            curves.update({f"{where}: {course}": trace[at - SHOWN_BEFORE :] for course, trace in mean.items()})
        effects |= over_levels(effects, ("mismatch", "mismatch, next frame", "surprise", "flow"), levels)
        return Measurement(effects, curves)

    def places_px(self, course: Course) -> NDArray[np.int64]:
        """Say where a scene stands in every frame.

        Parameters
        ----------
        course : {'halts', 'moves on', 'halts again', 'still'}

        Returns
        -------
        ndarray of int, shape (before + flow + halt,)
            Pixels along the flow; 0 at the moment of the halt.
        """
        t = np.arange(self.before + self.flow + self.halt) - (self.before + self.flow)
        # Of four steps the first two halt and the last two go, counted from the moment of the halt; after it all stays.
        goes = np.cumsum((t < 0) & (t % 4 >= 2))
        found = {"moves on": t, "halts": np.minimum(t + 1, 0), "still": 0 * t, "halts again": goes - goes[-1]}
        return np.asarray(found[course], dtype=np.int64)

    def movies(self, responder: Responder, seed: int) -> dict[tuple[int, Course], Movie]:
        """Draw the stimuli.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        dict of (int, str) to Movie
            By scene and course.
        """
        (rows, cols), rng = responder.frame_size, stream(seed, "flow_halt")
        found: dict[tuple[int, Course], Movie] = {}
        for scene in range(self.n_scenes):
            axis, sign = WAYS[scene % len(WAYS)]
            reach = self.flow + self.halt
            # A strip as long as the way of "moves on", the longest of all.
            strip = matched_cuts(1, (rows + reach * (axis == 0), cols + reach * (axis == 1)), rng)[0]
            for course in COURSES:
                frames = np.full((self.before + self.flow + self.halt, rows, cols), GREY)
                for t, place in enumerate(self.places_px(course)):
                    start = self.flow + int(place) if sign > 0 else self.halt - int(place)
                    if t >= self.before:
                        frames[t] = strip[start : start + rows] if axis == 0 else strip[:, start : start + cols]
                name = f"scene {scene}: {course}"
                found[scene, course] = Movie(frames, responder.frame_ms, name, "a cut of a photograph, moved 1 px a frame")
        return found

    def _numbers(self, mean: Mapping[Course, FloatArray]) -> dict[str, float]:
        """Measures of one population from its mean course in each condition."""
        at = self.before + self.flow

        def index(one: Course, other: Course, t: int) -> float:
            a, b = float(mean[one][t]), float(mean[other][t])
            return (a - b) / (a + b) if a + b > 1e-9 else float("nan")

        return {
            "mismatch": index("halts", "moves on", at),
            "mismatch, next frame": index("halts", "moves on", at + 1),
            "surprise": index("halts", "halts again", at),
            "flow": index("moves on", "still", at),
        }
