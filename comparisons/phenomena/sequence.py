"""After pairs of images have been seen often, an image is answered less where its partner led to it than where another did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY, matched_cuts
from comparisons.phenomenon import About, Measurement, error_sites, errors, levels_of, over_levels, too_small
from comparisons.responder import FloatArray, Responder, can_learn, exposed
from snn.seeding import stream
from snn.stimuli.movie import Movie

Answers = dict[str, FloatArray]
"""By population: answers to the trailing image, shape (leading, trailing, frames)."""

N_PAIRINGS = 200
"""Ways to pair the images, of which the one is taken whose partners differ most nearly as much as all images do."""


@dataclass(frozen=True)
class Sequence:
    """Prediction suppression by learned pairs.

    Leading and trailing images (cuts of photographs, alike in mean and contrast) are paired. One copy of the subject sees the
    pairs, with learning on; another sees the same images as often, each leading one before all trailing ones alike. In the test,
    which teaches nothing, every leading image goes before every trailing one, so that each trailing image is predicted once, and
    unpredicted after each of the others; images and recency are the same for both. With ``P`` and ``U`` the mean answers of the
    error cells of a level to predicted and unpredicted images,

        PSI = (U - P) / (U + P)      learned PSI = the smaller of PSI after pairs, and PSI after pairs - PSI after mixed,

    over the time of the trailing image, over its first 2 frames, and over the rest. What exposure to images does by itself is in
    both copies; but where the predicted image is answered no less than others after pairs, nothing is suppressed, whatever was
    lost after mixed exposure. PSI before any exposure is told too; it is not 0 but what this set of images gives by chance: mostly,
    how far an image is from the one before it. The pairs are put together such that partners are as far from each other as others
    are.

    The claim is about learning, so that an untrained network, which learns from the exposure too, is no control; the mixed copy is.
    What the untrained network learns is shown beside it. A subject that cannot go on learning is not asked. As a control (cells
    that only tire) it is tested twice, with other noise and nothing in between, so that its learned PSI is not above noise, and its
    PSI before tells of recency.

    Parameters
    ----------
    exposures : int
        How often each pair is seen, at most; this sets the cost.
    before, leading, trailing, between : int
        Frames of grey at first, of both images of a pair, and of grey after each pair of an exposure.

    References
    ----------
    Meyer, Ramachandran & Olson (2014), https://doi.org/10.1523/JNEUROSCI.1215-14.2014, for neurons of macaque IT.
    """

    exposures: int = 100
    before: int = 8
    leading: int = 3
    trailing: int = 3
    between: int = 4

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. At 0.02 unpredicted images are answered 4 % more than predicted ones, and so on top of mixed exposure."""
        return About(
            name="sequence",
            title="Prediction suppression by learned pairs",
            version=4,
            claim=(
                "After exposure to pairs, errors at an image are smaller where its partner led to it, more than after the same images "
                "mixed."
            ),
            doi="10.1523/JNEUROSCI.1215-14.2014",
            primary="learned PSI",
            unit="",
            least=0.02,
            controls=("adaptation_only",),
            beside=("untrained",),
            departures=(
                "A copy that saw the same images mixed is compared with inside the measure; pairs in place of triplets, some hundred "
                "exposures in place of weeks, cuts of photographs in place of objects."
            ),
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        if not levels_of(responder, "error_pos"):
            return "it has no error cells"
        return too_small(responder, 12) if can_learn(responder) else "it cannot go on learning"

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: learned PSI, PSI after pairs and PSI before, of both error populations of a level and of each."""
        levels, told = levels_of(responder, "error_pos"), [self._test(responder, seed, 0)]
        for time, paired in enumerate((False, True), 1):
            repeats = max(1, self.exposures // self.n_images(responder))
            learned = exposed(responder, self.exposure(responder, seed, paired), repeats, seed=seed * 1000)
            told.append(self._test(learned, seed, time))
        before, mixed, after = told
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {}
        for where in before:
            for name, frames in (("", slice(None)), (", first 2 frames", slice(0, 2)), (", rest", slice(2, None))):
                was, other, now = (self._psi(found[where][..., frames].mean(-1)) for found in told)
                effects[f"learned PSI{name}, {where}"] = self._learned(now, other)
                effects[f"PSI after pairs{name}, {where}"] = now
                effects[f"PSI before{name}, {where}"] = was
            curves |= {f"{where}: before": before[where], f"{where}: mixed": mixed[where], f"{where}: after": after[where]}
        every = [f"{psi}{window}" for psi in ("learned PSI", "PSI after pairs") for window in ("", ", first 2 frames", ", rest")]
        effects |= over_levels(effects, (*every, "PSI before"), levels)
        return Measurement(effects, curves)

    @staticmethod
    def n_images(responder: Responder) -> int:
        """Say how many pairs there are: 5 in frames below 32 px, 8 in larger ones.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.

        Returns
        -------
        int
        """
        return 5 if min(responder.frame_size) < 32 else 8

    def images(self, responder: Responder, seed: int) -> tuple[FloatArray, FloatArray]:
        """Draw the images.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        tuple of ndarray, shape (n_pairs, rows, cols)
            Leading and trailing, partners in the same order.
        """
        n = self.n_images(responder)
        rng = stream(seed, "sequence", "images")
        cuts = matched_cuts(2 * n, responder.frame_size, rng)
        leading, trailing = cuts[:n], cuts[n:]
        apart = np.abs(leading[:, None] - trailing[None]).mean((2, 3))
        orders = [rng.permutation(n) for _ in range(N_PAIRINGS)]
        paired = [apart[np.arange(n), order].mean() for order in orders]
        return leading, trailing[orders[int(np.abs(np.array(paired) - apart.mean()).argmin())]]

    def tests(self, responder: Responder, seed: int) -> dict[tuple[int, int], Movie]:
        """Draw the test: every leading image before every trailing one.

        Parameters
        ----------
        responder : Responder
        seed : int

        Returns
        -------
        dict of (int, int) to Movie
            By leading and trailing image; equal numbers are partners.
        """
        leading, trailing = self.images(responder, seed)
        found = {}
        for i, first in enumerate(leading):
            for j, second in enumerate(trailing):
                frames = np.full((self.before + self.leading + self.trailing, *responder.frame_size), GREY)
                frames[self.before :] = first
                frames[self.before + self.leading :] = second
                found[i, j] = Movie(frames, responder.frame_ms, f"{i} then {j}", "cuts of photographs")
        return found

    def exposure(self, responder: Responder, seed: int, paired: bool = True) -> Movie:
        """Draw what is learned from: every leading image as often as there are trailing ones, in an order of chance.

        Parameters
        ----------
        responder : Responder
        seed : int
        paired : bool
            Whether its partner follows each time, or each trailing image once.

        Returns
        -------
        Movie
        """
        leading, trailing = self.images(responder, seed)
        n, grey = len(leading), np.full((1, *responder.frame_size), GREY)
        parts = [np.repeat(grey, self.before, 0)]
        for drawn in stream(seed, "sequence", "order").permutation(n * n):
            first, other = divmod(int(drawn), n)
            second = first if paired else other
            shown = ((leading[first][None], self.leading), (trailing[second][None], self.trailing), (grey, self.between))
            parts += [np.repeat(frame, times, 0) for frame, times in shown]
        return Movie(np.concatenate(parts), responder.frame_ms, "pairs" if paired else "mixed", "cuts of photographs")

    def _test(self, responder: Responder, seed: int, time: int) -> Answers:
        """Answers of every error population to every trailing image, before (0) or after mixed (1) or paired (2) exposure."""
        names, at = [s.name for s in error_sites(responder)], self.before + self.leading
        tests = self.tests(responder, seed)
        n, found = 1 + max(i for i, _ in tests), Answers()
        for k, ((i, j), movie) in enumerate(tests.items()):
            told = responder.respond(movie, names, seed=seed * 1000 + 500 * time + k).activity
            for level in levels_of(responder, "error_pos"):
                heard = {f"level {level}": errors(told, level)}
                heard.update({f"level {level}, error_{sign}": told[f"level{level}.error_{sign}"] for sign in ("pos", "neg")})
                for where, activity in heard.items():
                    answers = found.setdefault(where, np.zeros((n, n, self.trailing)))
                    answers[i, j] = activity.mean((0, 2, 3, 4))[at:]
        return found

    @staticmethod
    def _learned(pairs: float, mixed: float) -> float:
        """PSI after pairs, or what of it is more than after mixed exposure, if that is less; NaN where one is not defined."""
        return float(np.minimum(pairs, pairs - mixed))

    @staticmethod
    def _psi(answers: FloatArray) -> float:
        """Unpredicted against predicted, of answers by leading and trailing image."""
        paired = np.eye(len(answers), dtype=bool)
        predicted, unpredicted = float(answers[paired].mean()), float(answers[~paired].mean())
        return (unpredicted - predicted) / (unpredicted + predicted) if unpredicted + predicted > 1e-9 else float("nan")
