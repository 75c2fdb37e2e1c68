"""What breaks a regular sequence is answered more than the same thing is where nothing was regular; so is what stays away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY
from comparisons.phenomenon import About, Measurement, error_sites, error_traces, levels_of, over_levels, too_small
from comparisons.responder import FloatArray, Responder
from snn.seeding import stream
from snn.stimuli.movie import Movie

ORIENTATIONS = 8
A, B = 2, 6
"""The two that are standard and deviant: mirror images of each other (45 and 135 degrees), so that they drive cells alike."""
NOTHING = -1
REGULAR_A, REGULAR_B, MANY = "B among A", "A among B", "many standards"


@dataclass(frozen=True)
class Oddball:
    """Deviants and omissions in a regular sequence, against a sequence of many standards.

    Gratings for 3 frames, grey for 3, in three sequences within which statistics must show; nothing is learned between. In "A
    among B" one is the standard, the other the deviant in one slot of nine, and one slot of nine stays grey; "B among A" is the
    reverse; in "many standards" each of 8 orientations is as rare as a deviant. A as deviant, A as standard and A among many
    standards fall on the same slots of the three sequences, and so do B and the omissions: what differs is the context only.
    Every rare event in a regular sequence follows a standard. With the mean answer over the frames of a slot, over all error
    cells of a level and less that to the grey before the sequence,

        norm = sqrt(deviant^2 + control^2 + standard^2)
        iPE = (deviant - control) / norm      iRS = (control - standard) / norm
        omission = (omitted from a regular sequence - omitted from many standards) / norm

    A population whose answer to the control is not above two standard errors is left out. A sequence is long, and a model that
    learned from short movies may not stand it: "late over early" is the activity in the last quarter of the many standards as a
    share of that in the first, and where it is far from 1 the indices mean nothing.

    Parameters
    ----------
    n_rare : int
        How often the deviant, and the omission, comes in a sequence; nine times as many slots in all.
    n_first : int
        Slots before these, without rare events.
    before, on, off : int
        Frames of grey before the sequence, of a grating, and of grey after it.
    contrast : float
        Michelson contrast of the gratings.
    cycles : float
        By how many periods they drift in a frame, from the same phase every time.

    References
    ----------
    Parras et al. (2017), https://doi.org/10.1038/s41467-017-02038-6, for tones and single cells.
    """

    n_rare: int = 10
    n_first: int = 6
    before: int = 8
    on: int = 3
    off: int = 3
    contrast: float = 0.8
    cycles: float = 0.2

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. At 0.05 the deviant is answered about a tenth more than the control, the standard as much as it."""
        return About(
            name="oddball",
            title="Oddball against many standards",
            version=1,
            claim="Errors at a deviant are larger than at the same grating, equally rare, among many standards.",
            doi="10.1038/s41467-017-02038-6",
            primary="iPE",
            unit="",
            least=0.05,
            controls=("untrained", "adaptation_only"),
            departures="Gratings in place of tones; indices of population means in place of single cells; no cascade sequence.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: iPE, iRS, omission and late over early, of both error populations of a level and of each."""
        levels, names = levels_of(responder, "error_pos"), [s.name for s in error_sites(responder)]
        slots, traces = self.slots(seed), dict[str, dict[str, FloatArray]]()
        for k, (name, movie) in enumerate(self.movies(responder, seed).items()):
            told = responder.respond(movie, names, seed=seed * 1000 + k).activity
            for level in levels:
                for where, trace in error_traces(told, level).items():
                    traces.setdefault(where, {})[name] = trace
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {}
        for where, shown in traces.items():
            numbers, courses = self._numbers(shown, slots)
            effects.update({f"{name}, {where}": value for name, value in numbers.items()})
            curves.update({f"{where}: {name}": course for name, course in courses.items()})
        effects |= over_levels(effects, ("iPE", "iRS", "omission", "late over early"), levels)
        return Measurement(effects, curves)

    def slots(self, seed: int) -> dict[str, list[int]]:
        """Say which orientation stands in which slot of each sequence.

        Parameters
        ----------
        seed : int

        Returns
        -------
        dict of str to list of int
            Steps of 22.5 degrees; -1 where nothing is shown.
        """
        rng, n = stream(seed, "oddball", "slots"), 9 * self.n_rare
        # One rare event in every three slots, never in the first of them: a standard stands before each.
        at = 3 * np.arange(3 * self.n_rare) + rng.integers(1, 3, 3 * self.n_rare) + self.n_first
        kinds = rng.permutation(np.repeat([A, B, NOTHING], self.n_rare))
        others = [k for k in range(ORIENTATIONS) if k not in (A, B)]
        many = np.full(self.n_first + n, NOTHING)
        many[: self.n_first] = rng.permutation(np.resize(others, self.n_first))
        rest = np.setdiff1d(np.arange(self.n_first, self.n_first + n), at)
        many[rest] = rng.permutation(np.resize(others, len(rest)))
        many[at] = kinds
        found = {}
        for name, standard, deviant in ((REGULAR_A, A, B), (REGULAR_B, B, A)):
            order = np.full(len(many), standard)
            order[many == deviant] = deviant
            order[at[kinds == NOTHING]] = NOTHING
            found[name] = order.tolist()
        return {**found, MANY: many.tolist()}

    def movies(self, responder: Responder, seed: int) -> dict[str, Movie]:
        """Draw the three sequences.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        dict of str to Movie
        """
        rows, cols = responder.frame_size
        gratings = [self.grating(rows, cols, k * 180.0 / ORIENTATIONS) for k in range(ORIENTATIONS)]
        found = {}
        for name, order in self.slots(seed).items():
            frames = np.full((self.before + len(order) * (self.on + self.off), rows, cols), GREY)
            for slot, which in enumerate(order):
                start = self.before + slot * (self.on + self.off)
                if which != NOTHING:
                    frames[start : start + self.on] = gratings[which]
            found[name] = Movie(frames, responder.frame_ms, name, "drifting gratings on grey")
        return found

    def grating(self, rows: int, cols: int, orientation_deg: float) -> FloatArray:
        """Draw a drifting grating.

        Parameters
        ----------
        rows, cols : int
            Of a frame; the period is 6 px in frames below 20, 8 px below 40, else 10.
        orientation_deg : float
            Direction in which luminance changes, 0 along a row.

        Returns
        -------
        ndarray, shape (on, rows, cols)
        """
        side = min(rows, cols)
        period = 6.0 if side < 20 else 8.0 if side < 40 else 10.0
        down, right = np.indices((rows, cols)) - np.array([(rows - 1) / 2, (cols - 1) / 2])[:, None, None]
        angle = np.deg2rad(orientation_deg)
        along = (right * np.cos(angle) + down * np.sin(angle)) / period
        phase = along - self.cycles * np.arange(self.on)[:, None, None]
        waves: FloatArray = GREY + 0.5 * self.contrast * np.cos(2 * np.pi * phase)
        return waves

    def _numbers(self, traces: Mapping[str, FloatArray], slots: Mapping[str, list[int]]) -> tuple[dict[str, float], dict[str, FloatArray]]:
        """Measures of one population, and its mean course over the slots of each kind."""
        grey = np.concatenate([trace[self.before - 4 : self.before] for trace in traces.values()])
        course = {name: trace[self.before :].reshape(-1, self.on + self.off) - grey.mean() for name, trace in traces.items()}
        many = np.array(slots[MANY])
        at = {k: many == k for k in (A, B, NOTHING)}
        kinds = {
            "deviant": np.concatenate([course[REGULAR_B][at[A]], course[REGULAR_A][at[B]]]),
            "standard": np.concatenate([course[REGULAR_A][at[A]], course[REGULAR_B][at[B]]]),
            "control": np.concatenate([course[MANY][at[A]], course[MANY][at[B]]]),
            "omitted": np.concatenate([course[REGULAR_A][at[NOTHING]], course[REGULAR_B][at[NOTHING]]]),
            "omitted, control": course[MANY][at[NOTHING]],
        }
        each = {name: found[:, : self.on].mean(1) for name, found in kinds.items()}
        mean = {name: float(found.mean()) for name, found in each.items()}
        norm = float(np.sqrt(mean["deviant"] ** 2 + mean["standard"] ** 2 + mean["control"] ** 2))
        error = np.sqrt(each["control"].var(ddof=1) / len(each["control"]) + grey.var(ddof=1) / len(grey))
        if mean["control"] <= 2 * error or mean["control"] <= 1e-9:
            norm = float("nan")
        numbers = {
            "iPE": (mean["deviant"] - mean["control"]) / norm,
            "iRS": (mean["control"] - mean["standard"]) / norm,
            "omission": (mean["omitted"] - mean["omitted, control"]) / norm,
            "late over early": self._late_over_early(traces[MANY]),
        }
        return numbers, {name: found.mean(0) for name, found in kinds.items()}

    def _late_over_early(self, trace: FloatArray) -> float:
        """Mean of the last quarter of a sequence over that of its first."""
        early, late = (float(part.mean()) for part in np.array_split(trace[self.before :], 4)[::3])
        return late / early if early > 1e-9 else float("nan")
