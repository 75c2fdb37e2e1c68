"""Cells answer the onset of an object strongly, then less and less, and once more when it goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY, place_for, round_on_grey
from comparisons.phenomenon import About, Measurement, error_sites, errors, levels_of, over_levels, too_small
from comparisons.responder import FloatArray, Responder
from snn.seeding import stream
from snn.stimuli.drift import photographs
from snn.stimuli.movie import Movie

ONSET = 4
"""Frames after the onset among which the peak is looked for; a later one would be a drift."""


SHOWN_BEFORE = 4
"""Frames before the onset that are drawn."""


@dataclass(frozen=True)
class OnOff:
    """On/off dynamics of the error cells.

    Objects (round cuts of photographs that nobody learned from) on grey: 8 frames grey, 20 on, 8 grey. The mean over all error
    cells of a level, all objects and trials is followed. With ``b`` its mean over the last 4 frames before the object, ``s`` that
    of its last 3 frames, and ``peak`` the answer in that of the first 4 frames which is the largest for the other half of the
    objects:

        decay = 100 (peak - s) / (peak - b)      offset = (largest of the 4 frames after - b) / (peak - b)

    A level whose ``peak - b`` is not above two standard errors over objects does not answer: decay 0.

    Parameters
    ----------
    n_objects, n_trials : int
    before, on, after : int
        Frames of grey, of the object, and of grey again.

    References
    ----------
    Lotter, Kreiman & Cox (2020), https://doi.org/10.1038/s42256-020-0170-9, where it is shown for a PredNet as in macaque V1 and
    IT.
    """

    n_objects: int = 16
    n_trials: int = 2
    before: int = 8
    on: int = 20
    after: int = 8

    @property
    def about(self) -> About:
        """As `Phenomenon.about`."""
        return About(
            name="on_off",
            title="On/off dynamics",
            version=2,
            claim="Errors decay by at least a fifth of their peak while an object stays.",
            doi="10.1038/s42256-020-0170-9",
            primary="decay",
            unit="%",
            least=20.0,
            controls=("untrained", "adaptation_only"),
            departures="Round cuts of photographs in place of the authors' objects; the peak is chosen on the other half of them.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: decay, offset, latency in frames and transient over sustained, of each level and in the mean."""
        levels, names = levels_of(responder, "error_pos"), [s.name for s in error_sites(responder)]
        traces: dict[int, list[FloatArray]] = {level: [] for level in levels}
        for k, movie in enumerate(self.movies(responder, seed)):
            told = responder.respond(movie, names, trials=self.n_trials, seed=seed * 1000 + k).activity
            for level in levels:
                traces[level].append(errors(told, level).mean((0, 2, 3, 4)))
        n_shown = SHOWN_BEFORE + self.on + self.after
        effects, curves = {}, {"frames": np.arange(n_shown, dtype=np.float64) - SHOWN_BEFORE}
        for level in levels:
            objects = np.stack(traces[level])
            # The first frames belong to the beginning of the clip, not to the object.
            curves[f"errors of level {level}"] = objects.mean(0)[self.before - SHOWN_BEFORE :]
            for name, value in self._numbers(objects).items():
                effects[f"{name}, level {level}"] = value
        effects |= over_levels(effects, ("decay", "offset", "latency", "transient"), levels)
        return Measurement(effects, curves)

    def movies(self, responder: Responder, seed: int) -> list[Movie]:
        """Draw the stimuli.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        list of Movie
        """
        (rows, cols), images, rng = responder.frame_size, list(photographs(True).values()), stream(seed, "on_off")
        side = min(rows, cols) // 2
        found = []
        for k in range(self.n_objects):
            # Halves of the objects choose for each other, so each half has all photographs.
            image = images[(k // 2) % len(images)]
            r, c = (int(rng.integers(0, n - side + 1)) for n in image.shape)
            cut = image[r : r + side, c : c + side]
            shown = round_on_grey(cut, (rows, cols), place_for(side, (rows, cols), rng))
            frames = np.full((self.before + self.on + self.after, rows, cols), GREY)
            frames[self.before : self.before + self.on] = shown
            found.append(Movie(frames, responder.frame_ms, f"object {k}", "a round cut of a photograph on grey"))
        return found

    def _numbers(self, objects: FloatArray) -> dict[str, float]:
        """Measures of one level from the traces of the objects, shape (n_objects, n_frames); halves of them choose for each other."""
        on, off = self.before, self.before + self.on
        found = []
        for mine, other in ((objects[::2], objects[1::2]), (objects[1::2], objects[::2])):
            at = on + int(other[:, on : on + ONSET].mean(0).argmax())
            base = float(mine[:, on - 4 : on].mean())
            trace = mine.mean(0)
            rise = mine[:, at] - mine[:, on - 4 : on].mean(1)
            height = float(rise.mean())
            if height <= 2 * float(rise.std(ddof=1)) / np.sqrt(len(rise)) or height <= 1e-9:
                found.append((0.0, np.nan, np.nan, np.nan))
                continue
            stay, gone = float(trace[off - 3 : off].mean()), float(trace[off : off + 4].max())
            sustained = max(stay, 1e-9)
            found.append(
                (100 * (trace[at] - stay) / height, (gone - base) / height, float(at - on), float(trace[on : on + 3].max()) / sustained)
            )
        means = [float(np.mean(column)) for column in zip(*found, strict=True)]
        return dict(zip(("decay", "offset", "latency", "transient"), means, strict=True))
