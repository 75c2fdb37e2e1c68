"""What was seen a moment ago is answered less when it is seen again, and less than something else would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY, matched_cuts, place_for, round_on_grey
from comparisons.phenomenon import About, Measurement, error_sites, error_traces, levels_of, over_levels, too_small
from comparisons.responder import FloatArray, Responder
from snn.seeding import stream
from snn.stimuli.movie import Movie

Show = tuple[int, int, int, int]
"""Pair, first image, second image (-1: none) and gap in frames (0 where there is no second image)."""


@dataclass(frozen=True)
class TwoPulse:
    """Two-pulse adaptation and repetition suppression of the error cells.

    Two images (round cuts of photographs, alike in mean and contrast) share a place. Grey, the first image, grey for a gap, then
    the same image or the other one; both images of a pair are first and second equally often, so that "same" and "different"
    hold the same images. Beside it every image is shown once only. Over all error cells of a level, with ``first`` the mean answer
    while the first image stays less that to the grey before it, and ``second`` the mean while the second one stays less that in
    the same frames after one image only,

        suppression = 100 (1 - second / first)      repetition = suppression of the same - of the different image,

    both in the mean over the short gaps, and recovery is what suppression by the same image loses from the shortest gap to the
    longest. A level whose ``first`` is not above two standard errors over images does not answer and is left out.

    Parameters
    ----------
    n_pairs : int
    before, pulse : int
        Frames of grey at first, and of each image.
    gaps : tuple of int
        Frames between the images, from short to long.
    short : int
        How many of the gaps count as short.

    References
    ----------
    Vinken, Boix & Kreiman (2020), https://doi.org/10.1126/sciadv.abd4205, where cells that only tire show it too. The times are
    those with which Brands, Ortiz & Groen (2024) asked a PredNet; we know of no DOI that we are sure of.
    """

    n_pairs: int = 4
    before: int = 8
    pulse: int = 8
    gaps: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    short: int = 3

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. A tenth of an answer is the least that we call suppression."""
        return About(
            name="two_pulse",
            title="Repetition suppression",
            version=1,
            claim="After a short gap errors at the same image are smaller than at another one, by at least a tenth of a first answer.",
            doi="10.1126/sciadv.abd4205",
            primary="repetition",
            unit="%",
            least=10.0,
            controls=("untrained", "adaptation_only"),
            departures="Round cuts of photographs in place of objects of six categories; means over the pulse in place of peaks.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: repetition, suppression by either image, recovery; of both error populations and of each."""
        levels, names = levels_of(responder, "error_pos"), [s.name for s in error_sites(responder)]
        traces: dict[str, dict[Show, FloatArray]] = {}
        for k, (show, movie) in enumerate(self.movies(responder, seed).items()):
            told = responder.respond(movie, names, seed=seed * 1000 + k).activity
            for level in levels:
                for where, trace in error_traces(told, level).items():
                    traces.setdefault(where, {})[show] = trace
        effects, curves = {}, {"gaps": np.array(self.gaps, dtype=np.float64)}
        for where, shown in traces.items():
            numbers, same, different = self._numbers(shown)
            effects.update({f"{name}, {where}": value for name, value in numbers.items()})
            curves[f"{where}: same"], curves[f"{where}: different"] = same, different
        effects |= over_levels(effects, ("repetition", "suppression by the same", "suppression by another", "recovery"), levels)
        return Measurement(effects, curves)

    def movies(self, responder: Responder, seed: int) -> dict[Show, Movie]:
        """Draw the stimuli.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        dict of (int, int, int, int) to Movie
            By pair, first image, second image (-1 for none) and gap.
        """
        (rows, cols), rng = responder.frame_size, stream(seed, "two_pulse")
        side = min(rows, cols) // 2
        found = {}
        for pair in range(self.n_pairs):
            place = place_for(side, (rows, cols), rng)
            images = [round_on_grey(cut, (rows, cols), place) for cut in matched_cuts(2, (side, side), rng)]
            shows = [(pair, a, b, gap) for a in (0, 1) for b in (0, 1) for gap in self.gaps]
            for show in [*shows, (pair, 0, -1, 0), (pair, 1, -1, 0)]:
                _, a, b, gap = show
                again = self.before + self.pulse + (gap if b >= 0 else max(self.gaps))
                frames = np.full((again + self.pulse, rows, cols), GREY)
                frames[self.before : self.before + self.pulse] = images[a]
                if b >= 0:
                    frames[again:] = images[b]
                name = f"pair {pair}: {a}, " + (f"{gap} frames, {b}" if b >= 0 else "nothing")
                found[show] = Movie(frames, responder.frame_ms, name, "round cuts of photographs on grey")
        return found

    def _numbers(self, traces: Mapping[Show, FloatArray]) -> tuple[dict[str, float], FloatArray, FloatArray]:
        """Measures of one population, and its second answer as a share of the first by gap, to the same and to another image."""
        on, off = self.before, self.before + self.pulse
        rises: dict[tuple[int, int], list[float]] = {}
        for (pair, a, _, _), trace in traces.items():
            rises.setdefault((pair, a), []).append(float(trace[on:off].mean() - trace[on - 4 : on].mean()))
        images = np.array([np.mean(rise) for rise in rises.values()])
        first = float(images.mean())
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for gap in self.gaps:
            again = slice(off + gap, off + gap + self.pulse)
            for alike, values in seconds.items():
                shown = [k for k in traces if k[3] == gap and k[2] >= 0 and (k[1] == k[2]) == alike]
                values.append(float(np.mean([(traces[k][again] - traces[k[0], k[1], -1, 0][again]).mean() for k in shown])))
        if first <= 2 * float(images.std(ddof=1)) / np.sqrt(len(images)) or first <= 1e-9:
            first = float("nan")
        same, different = (np.array(seconds[alike]) / first for alike in (True, False))
        suppressed = [100 * float(1 - share[: self.short].mean()) for share in (same, different)]
        numbers = {
            "repetition": suppressed[0] - suppressed[1],
            "suppression by the same": suppressed[0],
            "suppression by another": suppressed[1],
            "recovery": 100 * float(same[-1] - same[0]),
            "first answer": first,
        }
        return numbers, same, different
