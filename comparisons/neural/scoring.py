"""Scoring models against a recording: every population of every run, what it was before it learned, and what needs no model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from comparisons.dynamics import sorted_sites
from comparisons.neural.data import deranged
from comparisons.neural.gabor import gabor_bank
from comparisons.neural.kept import Kept
from comparisons.neural.scores import LIKENESSES, Score, Target, less
from comparisons.neural.showing import Showing, movies_of, pooled, watched
from comparisons.progress import Reporter
from comparisons.responder import Responder
from comparisons.statistics import Interval, t_interval
from comparisons.subjects import Subject
from snn.seeding import stream

FloatArray = NDArray[np.float64]
Role = Literal["bound", "reference", "shuffled", "model", "untrained"]
ROLES: Mapping[Role, str] = {
    "bound": "what the recording is made of",
    "reference": "no model",
    "shuffled": "the same of other stimuli: must be about 0",
    "model": "",
    "untrained": "before it learned",
}
NO_MODEL = "(none)"
ENERGY = "Gabor energy"
FRAME_MS = 50.0
"""For which references are shown where neither a model nor the recording says."""
N_SHUFFLES = 5
"""Orders of other stimuli: a single one is as far from 0 as chance has it."""
SETTLED = 2
"""Frames of a film in which populations that are a frame late still answer what was before."""
LARGEST = 32
"""Side to which references are reduced where no model says how large frames are."""


@dataclass(frozen=True, eq=False)
class PopulationScores:
    """A population and its scores.

    Attributes
    ----------
    model, population : str
    role : {'bound', 'reference', 'shuffled', 'model', 'untrained'}
    seeds : list of mapping of str to Score
        One a run; keys are of `scores.MEASURES`.
    """

    model: str
    population: str
    role: Role
    seeds: list[Mapping[str, Score]]

    def of(self, measure: str) -> list[Score]:
        """Give one measure.

        Parameters
        ----------
        measure : str
            Of `scores.MEASURES`.

        Returns
        -------
        list of Score
            One a run; empty where it has none.
        """
        return [found[measure] for found in self.seeds if measure in found]


def reference_rows(
    target: Target, showing: Showing, models: Sequence[Responder] = (), made_of: FloatArray | None = None
) -> Iterator[PopulationScores]:
    """Score what needs no model: pixels, Gabor filters and their energy, and the same of other stimuli.

    Parameters
    ----------
    target : Target
    showing : Showing
        Of films without bins, with the same windows as models; an image is a single frame.
    models : sequence of Responder
        Stimuli are brought to the largest frames that they see, or left as they are, `LARGEST` pixels at the most.
    made_of : ndarray, shape (n_samples, n_features), optional
        What responses were made from, of a simulated recording.

    Yields
    ------
    PopulationScores

    Raises
    ------
    NeuralDataError
        If frames are too small or too large for Gabor filters.
    """
    data = target.data
    sizes = [m.frame_size for m in models] or [data.stimuli.shape[2:]]
    size = (min(LARGEST, max(rows for rows, _ in sizes)), min(LARGEST, max(cols for _, cols in sizes)))
    still = data.stimuli.shape[1] == 1 and data.bin_ms is None
    # Of films windows are of frames of the models.
    frame_ms = next((m.frame_ms for m in models), data.frame_ms or FRAME_MS)
    showing = Showing(frames=1, early=1, late=0) if still else showing
    frames = np.stack([movie.frames for movie in movies_of(data, size, frame_ms, showing)])
    bank = gabor_bank(*size)
    seen = {"pixels": frames.reshape(*frames.shape[:2], -1), "Gabor filters": bank.linear(frames), ENERGY: bank.energy(frames)}
    answers = {name: pooled(values, data, frame_ms, showing) for name, values in seen.items()}
    best = ENERGY
    if made_of is not None:
        yield PopulationScores(NO_MODEL, "made of", "bound", [target.score(made_of)])
        answers, best = {"made of": made_of} | answers, "made of"
    for name, values in seen.items():
        yield PopulationScores(NO_MODEL, name, "reference", [_scored(target, answers[name], values, frame_ms)])
    by_stimulus = answers[best].reshape(data.n_stimuli, -1, answers[best].shape[1])
    orders = [deranged(data.n_stimuli, stream(target.seed, "shuffled stimuli", k)) for k in range(N_SHUFFLES)]
    shuffled = [target.score(by_stimulus[order].reshape(answers[best].shape)) for order in orders]
    yield PopulationScores(NO_MODEL, f"{best}, shuffled", "shuffled", [*shuffled])


def _scored(target: Target, answers: FloatArray, frames: NDArray[np.floating], frame_ms: float) -> dict[str, Score]:
    """Score answers, and how much the paths of films turn where these are long enough."""
    scores, n = target.score(answers), target.data.stimuli.shape[1]
    if n < SETTLED + 3:
        return scores
    # What was done when a frame of the film had stood as long as it does; not while what came before may still be answered.
    times = round((target.data.frame_ms or frame_ms) / frame_ms)
    return scores | {"curvature_deg": target.curvature(frames[:, times - 1 : times * n : times][:, SETTLED:])}


def model_rows(
    target: Target,
    models: Mapping[str, Sequence[Subject]],
    *,
    showing: Showing,
    controls: bool = True,
    report: Reporter | None = None,
    kept: Kept | None = None,
) -> Iterator[PopulationScores]:
    """Score every population of models.

    Parameters
    ----------
    target : Target
    models : mapping of str to sequence of Subject
        One a seed.
    showing : Showing
        How stimuli are shown.
    controls : bool
        Whether what each was before it learned is scored too.
    report : Reporter, optional
        Is told of each run.
    kept : Kept, optional
        What was scored before, and what is kept.

    Yields
    ------
    PopulationScores
        Those before learning where every run of a model has such a thing.

    Raises
    ------
    NeuralDataError
        If stimuli cannot be shown to a model.
    """
    report, kept = report or Reporter(), kept or Kept()
    todo: list[tuple[str, bool, Subject, Responder]] = []
    for name, subjects in models.items():
        before = [s.responder.control("untrained") for s in subjects] if controls else []
        born = [b for b in before if b is not None]
        todo += [(name, False, s, s.responder) for s in subjects]
        todo += [(name, True, s, b) for s, b in zip(subjects, born, strict=True)] if len(born) == len(subjects) else []
    found: dict[tuple[str, bool], list[dict[str, dict[str, Score]]]] = {}
    report.begin("score")
    for k, (name, is_born, subject, responder) in enumerate(todo):
        # A seed of the noise that no other has, whatever it is asked beside.
        own = int(subject.digest[:6], 16) * 2 + is_born
        held = kept.read(subject.digest, is_born)
        if held is not None:
            scores = {site: {m: Score.of_plain(s) for m, s in numbers.items()} for site, numbers in held.items()}
        else:
            scores = score_responder(target, responder, showing, seed=own)
            plain = {site: {m: s.plain() for m, s in numbers.items()} for site, numbers in scores.items()}
            kept.write(plain, subject.digest, is_born)
        found.setdefault((name, is_born), []).append(scores)
        report.step(k + 1, len(todo), name)
    report.end()
    order = sorted_sites({name: [s.responder for s in subjects] for name, subjects in models.items()})
    for (name, is_born), runs in found.items():
        for site in order:
            if site in runs[0]:
                yield PopulationScores(name, site, "untrained" if is_born else "model", [run[site] for run in runs])


def score_responder(target: Target, responder: Responder, showing: Showing, *, seed: int = 0) -> dict[str, dict[str, Score]]:
    """Show a recording's stimuli to one model, and score each of its populations.

    Parameters
    ----------
    target : Target
    responder : Responder
    showing : Showing
    seed : int
        Of the noise.

    Returns
    -------
    dict of str to dict of str to Score
        Per population.

    Raises
    ------
    NeuralDataError
        If stimuli cannot be shown to it.
    """
    data, frame_ms = target.data, responder.frame_ms
    seen = watched(responder, data, showing, seed=seed)
    return {name: _scored(target, pooled(frames, data, frame_ms, showing), frames, frame_ms) for name, frames in seen.items()}


def gains(rows: Sequence[PopulationScores], measure: str) -> dict[tuple[str, str], tuple[list[Score], list[Score]]]:
    """Take from each population of a model what it was before it learned, and the best that needs no model.

    Parameters
    ----------
    rows : sequence of PopulationScores
    measure : str

    Returns
    -------
    dict of (str, str) to (list of Score, list of Score)
        Per model and population, one a run; the first list is empty where there is no control.
    """
    before = {(r.model, r.population): r.of(measure) for r in rows if r.role == "untrained"}
    # Nothing is best that is not a likeness: curvature has no bar.
    bars = [r.of(measure)[0] for r in rows if r.role == "reference" and r.of(measure) and measure in LIKENESSES]
    known = [s for s in bars if not math.isnan(s.whole)]
    best = max(known, key=lambda s: s.whole) if known else None
    found = {}
    for row in rows:
        if row.role == "model":
            key, mine = (row.model, row.population), row.of(measure)
            born = [less(a, b) for a, b in zip(mine, before[key], strict=True)] if key in before else []
            found[key] = (born, [less(s, best) for s in mine] if best else [])
    return found


def intervals(target: Target, scores: Sequence[Score]) -> tuple[Interval, Interval]:
    """Give the interval over runs, and that over stimuli.

    Parameters
    ----------
    target : Target
    scores : sequence of Score
        One a run.

    Returns
    -------
    Interval
        Without bounds of one run.
    Interval
    """
    return t_interval([s.whole for s in scores]), target.over_stimuli(scores)
