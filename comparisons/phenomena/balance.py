"""Cells fire irregularly, as in a cortex whose excitation and inhibition balance, and not like clocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, mean_or_nan, too_small
from comparisons.responder import FloatArray, Responder, Role, Site, sites_of
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie

FINE_MS = 2.0
"""Bins longer than this hold more than one spike, and intervals cannot be told."""
LONGEST_MS = 200
"""Longest interval in the curves."""


@dataclass(frozen=True)
class Balance:
    """Irregular firing of error and representation cells while a natural scene moves.

    Photographs that nobody learned from drift by a pixel a frame. Of the intervals ``I`` between spikes of a cell, within a trial
    and not in the grey before,

        CV = standard deviation / mean      CV2 = mean of 2 |I_{k+1} - I_k| / (I_{k+1} + I_k)

    Both are 0 for a clock and 1 for a Poisson process. A clock whose rate follows the scene has a large CV, since slow and fast
    stretches mix; CV2 compares neighbours only and stays near 0, so it decides. Beside them the Fano factor: the variance of
    counts in ``window`` frames over trials, summed over cells and windows, over the summed mean. Cells (for the Fano factor cells
    and windows) that fire enough are chosen on half of the trials and measured on the other half, both ways. A role is the
    mean of its populations; the primary measure is the mean of errors and representations, or that of either which fires.

    Spikes that come in volleys at every frame have unequal intervals too, without being irregular. Frame locking tells of them:
    the length of the mean of ``exp(2 pi i phase)`` over all spikes of a population, with their phase in the frame; 0 where they
    fall anywhere in it, 1 where all fall on one moment. So does a Fano factor near 0 beside a CV2 near 1.

    Nothing here is learned, so that no control must show less. Irregularity above 1 (bursts) is no sign of balance either; the
    claim has no upper bound, and the histogram of intervals tells.

    Parameters
    ----------
    n_scenes, n_trials : int
    before, moving : int
        Frames of grey, and of the scene.
    window : int
        Frames in which spikes are counted for the Fano factor.
    least_pairs : int
        Pairs of intervals that a cell must have in the other half of the trials.

    References
    ----------
    Holt, Softky, Koch & Douglas (1996), https://doi.org/10.1152/jn.1996.75.5.1806, for CV2 and for cat visual cortex.
    """

    n_scenes: int = 2
    n_trials: int = 8
    before: int = 8
    moving: int = 32
    window: int = 2
    least_pairs: int = 10

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. 0.5 lies halfway from a clock to a Poisson process; the mean of four Poisson intervals has that CV."""
        return About(
            name="balance",
            title="Irregular firing",
            version=1,
            claim="Error and representation cells fire more like a Poisson process than like a clock.",
            doi="10.1152/jn.1996.75.5.1806",
            primary="CV2",
            unit="",
            least=0.5,
            controls=(),
            departures="Variability over trials comes from the eye and from the first potentials only; a cortex has more of it.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        if not any(s.role.startswith("error") for s in _spiking(responder)):
            return "its error cells do not spike"
        if any(s.copies > 1 for s in responder.sites):
            return "its answers are means over copies of a cell, in which single spikes are lost"
        if responder.finest_bin_ms > FINE_MS:
            return f"its shortest bins, {responder.finest_bin_ms:g} ms, do not tell spikes apart"
        return too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: CV2, CV, Fano factor and frame locking of errors, of representations and of each population."""
        sites, bin_ms = _spiking(responder), responder.finest_bin_ms
        frame_bins = round(responder.frame_ms / bin_ms)
        found: dict[str, list[dict[str, float]]] = {s.name: [] for s in sites}
        intervals = {s.name: np.zeros(LONGEST_MS) for s in sites}
        in_frame = {s.name: np.zeros(frame_bins) for s in sites}
        for k, movie in enumerate(self.movies(responder, seed)):
            trains: dict[str, list[NDArray[np.bool_]]] = {s.name: [] for s in sites}
            for trial in range(self.n_trials):
                # One trial at a time: a cell has thousands of bins.
                told = responder.respond(movie, [s.name for s in sites], bin_ms=bin_ms, seed=(seed * 100 + k) * 100 + trial)
                for s in sites:
                    counts = told.activity[s.name][0, self.before * frame_bins :].reshape(self.moving * frame_bins, -1) * bin_ms / 1000.0
                    single = np.isclose(counts, 0.0) | np.isclose(counts, 1.0)
                    # A mean over copies of a cell is no train of spikes; of such a population nothing is said.
                    trains[s.name].append(counts > 0.5 if single.all() else np.zeros(counts.shape, dtype=bool))
            for name, several in trains.items():
                found[name].append(self._numbers(several, frame_bins))
                for train in several:
                    in_frame[name] += train.sum(1).reshape(-1, frame_bins).sum(0)
                    lengths = np.round(_intervals(train)[1] * bin_ms).astype(np.int64)
                    intervals[name] += np.bincount(np.minimum(lengths, LONGEST_MS) - 1, minlength=LONGEST_MS)
        for s in sites:
            found[s.name].append({"frame locking": _vector_strength(in_frame[s.name])})
        effects: dict[str, float] = {}
        for measure in ("CV2", "CV", "Fano factor", "frame locking"):
            of_role: dict[str, list[float]] = {"error": [], "representation": []}
            for s in sites:
                effects[f"{measure}, {s.name}"] = mean_or_nan([numbers[measure] for numbers in found[s.name] if measure in numbers])
                of_role[s.role.split("_")[0]].append(effects[f"{measure}, {s.name}"])
            for role, values in of_role.items():
                effects[f"{measure}, {role}"] = mean_or_nan(values)
            effects[measure] = mean_or_nan([effects[f"{measure}, {role}"] for role in of_role])
        return Measurement(effects, {f"{name}: intervals in ms": counted for name, counted in intervals.items()})

    def movies(self, responder: Responder, seed: int) -> list[Movie]:
        """Draw the scenes.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        list of Movie
        """
        size, ms = responder.frame_size, responder.frame_ms
        scenes = drifting_movies(photographs(True), self.n_scenes, self.moving, size, seed=seed, frame_ms=ms)
        grey = np.full((self.before, *size), GREY)
        return [Movie(np.concatenate([grey, s.frames]), ms, s.name, f"after grey, {s.source}") for s in scenes]

    def _numbers(self, trains: list[NDArray[np.bool_]], frame_bins: int) -> dict[str, float]:
        """Measures of one population from its trials, each of shape (n_bins, n_cells)."""
        whole = len(trains[0]) // (self.window * frame_bins) * self.window * frame_bins
        counts = np.stack([t[:whole].reshape(-1, self.window * frame_bins, t.shape[1]).sum(1) for t in trains]).astype(np.float64)
        each = [_regularity(train) for train in trains]
        found: dict[str, list[float]] = {"CV2": [], "CV": [], "Fano factor": []}
        for mine, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
            enough = sum(e[0] for e in each[other]) >= self.least_pairs
            pairs, cv2, n, total, squares = (np.sum([e[k] for e in each[mine]], axis=0)[enough] for k in range(5))
            found["CV2"].append(mean_or_nan((cv2[pairs > 0] / pairs[pairs > 0]).tolist()))
            n, total, squares = n[n > 1], total[n > 1], squares[n > 1]
            spread = np.sqrt(np.maximum(0.0, squares / n - (total / n) ** 2) * n / (n - 1))
            found["CV"].append(mean_or_nan((spread * n / total).tolist()))
            busy = counts[other].mean(0) >= 1.0
            mean, variance = counts[mine].mean(0)[busy].sum(), counts[mine].var(0, ddof=1)[busy].sum()
            found["Fano factor"].append(float(variance / mean) if mean > 0 else float("nan"))
        return {name: mean_or_nan(values) for name, values in found.items()}


def _spiking(responder: Responder) -> tuple[Site, ...]:
    roles: tuple[Role, ...] = ("error_pos", "error_neg", "representation")
    return tuple(s for role in roles for s in sites_of(responder, role) if s.spiking)


def _vector_strength(counts: FloatArray) -> float:
    """Of spikes counted by their place in a cycle."""
    turns = np.exp(2j * np.pi * np.arange(len(counts)) / len(counts))
    return float(np.abs((counts * turns).sum()) / counts.sum()) if counts.sum() > 0 else float("nan")


def _intervals(train: NDArray[np.bool_]) -> tuple[NDArray[np.int64], FloatArray, NDArray[np.bool_]]:
    """Intervals of all cells of a trial, in bins: to which cell each belongs, how long it is, and whether the next one follows it."""
    cells, times = np.nonzero(train.T)
    own = cells[1:] == cells[:-1]
    of_cell, length = cells[1:][own], np.diff(times)[own].astype(np.float64)
    # The intervals of a cell stand together, in order.
    return of_cell, length, of_cell[1:] == of_cell[:-1]


def _regularity(train: NDArray[np.bool_]) -> tuple[FloatArray, ...]:
    """By cell: pairs of neighbouring intervals, the sum of their CV2, intervals, and sums of their lengths and squares."""
    cells, length, followed = _intervals(train)
    n = train.shape[1]
    second, first = length[1:][followed], length[:-1][followed]
    of_pair, cv2 = cells[1:][followed], 2 * np.abs(second - first) / (second + first)
    return (
        np.bincount(of_pair, minlength=n).astype(np.float64),
        np.bincount(of_pair, cv2, minlength=n).astype(np.float64),
        np.bincount(cells, minlength=n).astype(np.float64),
        np.bincount(cells, length, minlength=n).astype(np.float64),
        np.bincount(cells, length**2, minlength=n).astype(np.float64),
    )
