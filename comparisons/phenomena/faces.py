"""A face is answered the more, the further it is from the average of the faces that were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, error_sites, errors, levels_of, mean_or_nan, over_levels, too_small
from comparisons.responder import FloatArray, Responder, can_learn, exposed
from snn.seeding import stream
from snn.stimuli.movie import Movie

AVERAGE = np.array([0.75, 0.34, 0.2, 0.13, 0.5, 0.3])
"""Half width of the head, half distance of the eyes, their height, their radius, depth and half width of the mouth; 1 is half a face."""
SPREAD = np.array([0.05, 0.06, 0.07, 0.035, 0.07, 0.1])
"""By how much each changes for a step of 1 in its direction: about alike in pixels."""
IDENTITY = 1.2
"""Steps from an average face to an identity of level 1."""
APART = 1.8
"""Steps between the average faces of the two families."""
LEVELS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
N_AXES = 4
SEEN = 0.9
"""Largest level of a face that is learned from along each axis, drawn evenly."""
CONTRAST = 0.1
"""Standard deviation of luminance over the pixels of every picture."""
FINE = 4
"""Points along a side of a pixel at which a face is drawn."""
WINDOWS = (("", slice(None)), (", first 2 frames", slice(0, 2)), (", rest", slice(2, None)))
Answers = dict[str, FloatArray]
"""By population: answers to faces around the average of a family, shape (family, axis, level, frames)."""


@dataclass(frozen=True)
class Faces:
    """Norm-based coding of faces, by a norm that was learned.

    Schematic faces of six parameters, all of one mean and one contrast, so that a caricature has no more of either. Two families
    lie around average faces of their own. One subject sees faces of the first family, with learning on, and another, which began
    alike, those of the second; no average and no face of the test is among them. Then each is tested with both families: the
    average faces, and four identities at levels up to 1.5, and their opposites. Of the mean answer of the error cells of a level,
    less that to the grey before,

        growth = slope of the answer over |level| / mean of all answers of both copies
        norm = growth around the average that was seen - what of it is a matter of the picture

    in the mean over both families. A matter of the picture is the growth around the same face where the other family was seen: so
    the same faces, with the same distances in pixels, are compared in two subjects, and what grows with a caricature for reasons of
    its own cancels. Where the mean answer to the family that was seen is larger than elsewhere, its growth may be larger by as much,
    and that is taken away too, down to 0; where it is smaller, which exposure does to most answers, nothing is added for it. Less than 0 is
    never taken away: errors that do not grow around the average that was seen are no norm, however they shrink elsewhere. So growth
    that is a matter of the picture gives 0, or less, also where exposure lowers or multiplies all answers to a family. A subject that
    is right about each family's average and answers distance alone would have a norm of about 0.4; one that learned to carry on any
    face of its family, once it sees it, has less growth there than elsewhere, and a norm below 0. Many remembered faces do as well
    as one norm: the measure cannot tell them apart.

    Beside it the share of cells whose slope is larger around the average that was seen (half by chance), and the level at which the
    answer to the family that was seen is least.

    Parameters
    ----------
    repeats : int
        How often each movie of faces is seen; this sets the cost.
    n_movies, n_faces : int
        Movies of a family, and faces in each, an even number: each has its opposite, so that the average is exact.
    before, on, gap : int
        Frames of grey at first, of a face, and of grey after it.

    References
    ----------
    Leopold, Bondar & Giese (2006), https://doi.org/10.1038/nature04951, for neurons of macaque IT.
    """

    repeats: int = 15
    n_movies: int = 4
    n_faces: int = 4
    before: int = 4
    on: int = 4
    gap: int = 4

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. At 0.05 a level adds a twentieth of the mean answer that it does not add where another was seen.

        An untrained subject is no control: what it saw here makes a norm in it too. That is done by the other family. It is shown
        beside it.
        """
        return About(
            name="faces",
            title="Norm-based coding of faces",
            version=2,
            claim=(
                "After exposure to faces, errors grow with the distance from their average by a twentieth of an answer a level more "
                "than after exposure to other faces."
            ),
            doi="10.1038/nature04951",
            primary="norm",
            unit="",
            least=0.05,
            controls=("adaptation_only",),
            beside=("untrained",),
            departures=(
                "A copy that saw other faces is compared with inside the measure; "
                "schematic faces seen some hundred times in place of faces seen for life; error cells; one place and size; "
                "opposites of the identities are shown too, so that cells that prefer one of them count for nothing."
            ),
            least_px=24,
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        if not levels_of(responder, "error_pos"):
            return "it has no error cells"
        return too_small(responder, self.about.least_px) if can_learn(responder) else "it cannot go on learning, and has seen no faces"

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: norm, both growths, where answers are least and share, of both error populations and of each."""
        levels, told, cells = levels_of(responder, "error_pos"), list[Answers](), list[Answers]()
        for family in (0, 1):
            learned = responder
            for k, movie in enumerate(self.exposure(responder, family, seed)):
                learned = exposed(learned, movie, self.repeats, seed=seed * 1000 + k)
            means, each = self._test(learned, family, seed)
            told.append(means)
            cells.append(each)
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {"level": np.array(LEVELS)}
        for where in told[0]:
            # First axis: which family was seen; second: which is shown.
            shown = np.stack([means[where] for means in told])
            for name, frames in WINDOWS:
                effects.update({f"{key}{name}, {where}": v for key, v in self._numbers(shown[..., frames].mean(-1)).items()})
            effects[f"share, {where}"] = self._share(np.stack([each[where] for each in cells]))
            course = shown.mean((2, 4))
            curves[f"{where}: around the average that was seen"] = (course[0, 0] + course[1, 1]) / 2
            curves[f"{where}: around the other"] = (course[0, 1] + course[1, 0]) / 2
        return Measurement(effects | over_levels(effects, ("norm", "growth", "growth elsewhere", "least at", "share"), levels), curves)

    def directions(self, seed: int) -> FloatArray:
        """Draw the directions among faces.

        Parameters
        ----------
        seed : int

        Returns
        -------
        ndarray, shape (N_AXES + 1, 6)
            Orthogonal, of length 1; the last leads from one family to the other and changes every parameter alike.
        """
        drawn = stream(seed, "faces", "directions").normal(size=(len(AVERAGE), N_AXES + 1))
        drawn[:, 0] = np.sign(drawn[:, 0])
        found: FloatArray = np.roll(np.linalg.qr(drawn)[0].T, -1, axis=0)
        return found

    def face(self, responder: Responder, steps: FloatArray) -> FloatArray:
        """Draw a face.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        steps : ndarray, shape (6,)
            From the average of both families, in the units of `SPREAD`.

        Returns
        -------
        ndarray, shape (rows, cols)
            Its mean is `GREY`, its standard deviation `CONTRAST`.
        """
        (rows, cols), half = responder.frame_size, 3 * min(responder.frame_size) / 8
        head, apart, height, eye, depth, mouth = AVERAGE + SPREAD * steps
        v, u = (((np.arange(n * FINE) + 0.5) / FINE - n / 2) / half for n in (rows, cols))
        v = v[:, None]
        inside = (u / head) ** 2 + v**2 < 1
        features = (np.hypot(abs(u) - apart, v + height) < eye) | ((u / mouth) ** 2 + ((v - depth) / 0.08) ** 2 < 1)
        features |= (abs(u) < 0.05) & (abs(v - 0.1) < 0.12)
        features |= (u / head) ** 2 + v**2 > 0.75
        dark, light = (m.reshape(rows, FINE, cols, FINE).mean((1, 3)) for m in (inside & features, inside & ~features))
        # Light and dark so that they cancel in the mean; grey stays grey.
        drawn = light / light.sum() - dark / dark.sum()
        picture: FloatArray = GREY + CONTRAST * drawn / drawn.std()
        return picture

    def exposure(self, responder: Responder, family: int, seed: int) -> list[Movie]:
        """Draw what is learned from: faces of a family, each with its opposite, in a random order.

        Parameters
        ----------
        responder : Responder
        family : int
            0 or 1.
        seed : int

        Returns
        -------
        list of Movie
        """
        axes, found = self.directions(seed), []
        rng = stream(seed, "faces", "exposure")
        for k in range(self.n_movies):
            drawn = rng.uniform(-SEEN, SEEN, (self.n_faces // 2, N_AXES))
            order = rng.permutation(np.concatenate([drawn, -drawn]))
            frames = np.full((self.before + len(order) * (self.on + self.gap), *responder.frame_size), GREY)
            for j, at in enumerate(order):
                start = self.before + j * (self.on + self.gap)
                frames[start : start + self.on] = self.face(responder, self._centre(axes, family) + IDENTITY * at @ axes[:N_AXES])
            found.append(Movie(frames, responder.frame_ms, f"family {family}, movie {k}", "schematic faces"))
        return found

    def tests(self, responder: Responder, seed: int) -> dict[tuple[int, int, int], Movie]:
        """Draw the test.

        Parameters
        ----------
        responder : Responder
        seed : int

        Returns
        -------
        dict of (int, int, int) to Movie
            By family, axis and place of the level in `LEVELS`.
        """
        axes, found = self.directions(seed), {}
        for family in (0, 1):
            for axis in range(N_AXES):
                for k, level in enumerate(LEVELS):
                    frames = np.full((self.before + self.on, *responder.frame_size), GREY)
                    frames[self.before :] = self.face(responder, self._centre(axes, family) + IDENTITY * level * axes[axis])
                    found[family, axis, k] = Movie(frames, responder.frame_ms, f"family {family}, axis {axis}, level {level:g}", "a face")
        return found

    def _centre(self, axes: FloatArray, family: int) -> FloatArray:
        """Average face of a family."""
        centre: FloatArray = (family - 0.5) * APART * axes[N_AXES]
        return centre

    def _test(self, responder: Responder, family: int, seed: int) -> tuple[Answers, Answers]:
        """Answers to all faces above those to grey, by frame in the mean over cells, and by cell in the mean over frames."""
        names, shape = [s.name for s in error_sites(responder)], (2, N_AXES, len(LEVELS))
        means, each = Answers(), Answers()
        for k, (at, movie) in enumerate(self.tests(responder, seed).items()):
            told = responder.respond(movie, names, seed=seed * 1000 + 500 * family + k).activity
            for level in levels_of(responder, "error_pos"):
                heard = {f"level {level}": errors(told, level)}
                heard.update({f"level {level}, error_{sign}": told[f"level{level}.error_{sign}"] for sign in ("pos", "neg")})
                for where, (activity,) in heard.items():
                    above = (activity[self.before :] - activity[self.before - 2 : self.before].mean(0)).reshape(self.on, -1)
                    means.setdefault(where, np.zeros((*shape, self.on)))[at] = above.mean(1)
                    each.setdefault(where, np.zeros((*shape, above.shape[1])))[at] = above.mean(0)
        return means, each

    def _numbers(self, shown: FloatArray) -> dict[str, float]:
        """Measures of one population from its answers, shape (family seen, family shown, axis, level)."""
        slope = _slope(shown.mean(2)) / self._mean(shown)
        own, elsewhere = float(np.diag(slope).mean()), float(np.diag(slope[::-1]).mean())
        answer = shown.mean((2, 3))
        larger = float(np.diag(answer).sum() / max(float(np.diag(answer[::-1]).sum()), 1e-9))
        course = (shown[0, 0] + shown[1, 1]).mean(0)
        least = abs(LEVELS[int(course.argmin())]) if not np.isnan(own) else float("nan")
        # A gain can explain all growth, and no more: the answer elsewhere, by which it is divided, may be next to nothing.
        picture = min(elsewhere * max(1.0, larger), max(own, elsewhere))
        return {"norm": own - max(0.0, picture), "growth": own, "growth elsewhere": elsewhere, "least at": least}

    @staticmethod
    def _mean(answers: FloatArray) -> float:
        """Mean of all answers; NaN where there is none."""
        mean = float(answers.mean())
        return mean if mean > max(2 * float(answers.std(ddof=1)) / np.sqrt(answers.size), 1e-9) else float("nan")

    @staticmethod
    def _share(cells: FloatArray) -> float:
        """Share of the cells that answer, of shape (family seen, family shown, axis, level, cells), of which the norm is above 0."""
        faces = cells.reshape(-1, cells.shape[-1])
        clear = faces.mean(0) > 2 * faces.std(0, ddof=1) / np.sqrt(len(faces)) + 1e-9
        slope = _slope(np.moveaxis(cells.mean(2)[..., clear], 2, -1))
        more = slope[0, 0] + slope[1, 1] - slope[0, 1] - slope[1, 0]
        return mean_or_nan(np.sign(more) / 2 + 0.5)


def _slope(answers: FloatArray) -> FloatArray:
    """Least squares over |level|, the last axis."""
    away = np.abs(LEVELS) - np.abs(LEVELS).mean()
    slope: FloatArray = answers @ away / (away @ away)
    return slope
