"""All that is laid side by side of models: what it costs, how it is measured, and what is written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from comparisons import fields as reverse
from comparisons import figure_compare as draw
from comparisons import gratings
from comparisons.beside import Band, Row, band, lay_beside, untrained
from comparisons.dynamics import check_models, dynamics, subjects
from comparisons.estimate import frame_s
from comparisons.progress import Reporter
from comparisons.responder import ROLES, Responder
from comparisons.rsa_time import GREY_FRAMES, rsa_over_time
from snn.errors import SubjectError, sentence
from snn.stimuli.movie import Movie

PARTS = {
    "trajectories": "what every population did on the same movies",
    "rsa": "how alike movies are told apart, at each frame after they begin",
    "fields": "receptive fields by reverse correlation with white noise",
    "tuning": "orientation, direction and spatial frequency of gratings",
}
NOISE_MOVIES = 150
GRATING_TRIALS = 4
OVERHEAD = 1.3
"""Time that all takes, as a multiple of the time in which subjects answer."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Setting:
    """What models are shown.

    Attributes
    ----------
    movies : tuple of Movie
        For trajectories; all of one length.
    onsets : tuple of Movie
        For the similarity over time; all of one length.
    trials : int
        How often each of ``movies`` is shown.
    seed : int
        Of stimuli and noise.
    controls : bool
        Whether untrained networks are asked too.
    noise_movies : int
        Of `fields.MOVIE_FRAMES` frames each.
    grating_trials : int
        Even.
    """

    movies: tuple[Movie, ...]
    onsets: tuple[Movie, ...]
    trials: int = 2
    seed: int = 0
    controls: bool = True
    noise_movies: int = NOISE_MOVIES
    grating_trials: int = GRATING_TRIALS


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a comparison.

    Attributes
    ----------
    name : str
        One of `PARTS`.
    rows : list of Row
    alone : mapping of str to mapping of str to mapping of str to Band
        Numbers of one model alone: per model (or what it was before it learned) and site.
    figures : mapping of str to str
        SVG elements by name.
    """

    name: str
    rows: list[Row]
    alone: Mapping[str, Mapping[str, Mapping[str, Band]]] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Give what is written as JSON.

        Returns
        -------
        dict
            All but the figures.
        """
        rows = [
            {
                "site": r.site,
                "relation": r.relation,
                "one": r.one,
                "other": r.other,
                "n": r.n,
                "numbers": _plain(r.numbers),
                "gains": _plain(r.gains),
            }
            for r in self.rows
        ]
        alone = {name: {site: _plain(numbers) for site, numbers in sites.items()} for name, sites in self.alone.items()}
        return {"rows": rows, "alone": alone, "figures": list(self.figures)}


def check_parts(parts: Sequence[str]) -> tuple[str, ...]:
    """Check the names of parts.

    Parameters
    ----------
    parts : sequence of str

    Returns
    -------
    tuple of str
        In the order of `PARTS`.

    Raises
    ------
    SubjectError
        If there is none, or one is unknown.
    """
    unknown = [p for p in parts if p not in PARTS]
    if unknown or not parts:
        raise SubjectError(sentence("compare.parts", "there is no such part", got=unknown or parts, allowed=", ".join(PARTS)))
    return tuple(p for p in PARTS if p in parts)


def seconds(models: Mapping[str, Sequence[Responder]], parts: Sequence[str], setting: Setting) -> dict[str, float]:
    """Estimate how long each part takes, from the time of a few frames.

    Parameters
    ----------
    models : mapping of str to sequence of Responder
    parts : sequence of str
    setting : Setting

    Returns
    -------
    dict of str to float
    """
    frames = {
        "trajectories": sum(m.n_frames for m in setting.movies) * setting.trials,
        "rsa": sum(m.n_frames + GREY_FRAMES for m in setting.onsets),
        "fields": setting.noise_movies * reverse.MOVIE_FRAMES,
        "tuning": setting.grating_trials
        * len(gratings.FREQUENCIES_PER_PX)
        * len(gratings.DIRECTIONS_DEG)
        * (gratings.BEFORE + gratings.CYCLE * gratings.CYCLES),
    }
    each_s = 0.0
    for runs in models.values():
        born = setting.controls and all(run.control("untrained") is not None for run in runs)
        # The shorter of two: something else may have run meanwhile.
        each_s += min(frame_s(runs[0]) for _ in range(2)) * len(runs) * (1 + born)
    return {part: OVERHEAD * frames[part] * each_s for part in parts}


def compare_parts(
    models: Mapping[str, Sequence[Responder]], parts: Sequence[str], setting: Setting, report: Reporter | None = None, figures: bool = True
) -> list[Part]:
    """Lay models side by side.

    Parameters
    ----------
    models : mapping of str to sequence of Responder
        One a seed; the k-th of each model after the first is compared with the k-th of the first.
    parts : sequence of str
        Of `PARTS`.
    setting : Setting
    report : Reporter, optional
        Is told when a part is done.
    figures : bool
        Whether to draw.

    Returns
    -------
    list of Part

    Raises
    ------
    SubjectError
        If models cannot be laid side by side, a part is unknown, or movies are too few.
    """
    check_models(models)
    work: dict[str, Callable[[Mapping[str, Sequence[Responder]], Setting, bool], Part]] = {
        "trajectories": _trajectories,
        "rsa": _rsa,
        "fields": _fields,
        "tuning": _tuning,
    }
    found = []
    for part in check_parts(parts):
        began = time.monotonic()
        found.append(work[part](models, setting, figures))
        if report is not None:
            report.say(f"{part}: done in {time.monotonic() - began:.0f} s")
    return found


def remarks(models: Mapping[str, Sequence[Responder]]) -> list[str]:
    """Say what must be known to read a comparison of these models.

    Parameters
    ----------
    models : mapping of str to sequence of Responder

    Returns
    -------
    list of str
        Sentences.
    """
    found = []
    for name, runs in models.items():
        elsewhere = {s.name for other, others in models.items() if other != name for s in others[0].sites}
        own = [s.name for s in runs[0].sites if s.name not in elsewhere]
        if own and len(models) > 1:
            found.append(f"Only {name} has {', '.join(own)}: there is nothing to compare it with.")
        network = getattr(runs[0], "network", None)
        populations = [p.name for p in network.populations] if network is not None else []
        if any(p.endswith(".target_coarse") for p in populations):
            found.append(
                f"In {name} luminance is told by two pairs of cells, coarse and fine. What is called target here is the fine pair "
                "alone: it tells what the coarse one has left, so it looks less like luminance, and is less active, than the target "
                "of a circuit with one pair. Errors, prediction, representation and the forecast are what they are elsewhere."
            )
        if any(s.role == "target" and s.level == 0 and s.spiking for s in runs[0].sites):
            found.append(
                f"In {name} the lowest target and prediction are cells that tell how luminance changes, up and down; in a rate "
                "PredNet they are luminance itself. Alike or not, those two say little about learning: compare the forecast, which is "
                "luminance in both."
            )
    return found


def _plain(numbers: Mapping[str, Band]) -> dict[str, Any]:
    return {key: {what: np.asarray(v).tolist() for what, v in value._asdict().items()} for key, value in numbers.items()}


def _trajectories(models: Mapping[str, Sequence[Responder]], setting: Setting, figures: bool) -> Part:
    found = dynamics(models, setting.movies, trials=setting.trials, seed=setting.seed, controls=setting.controls)
    drawn = {"trajectories": draw.trajectories_svg(found.traces)} if figures else {}
    return Part("trajectories", found.rows, figures=drawn)


def _rsa(models: Mapping[str, Sequence[Responder]], setting: Setting, figures: bool) -> Part:
    found = rsa_over_time(models, setting.onsets, seed=setting.seed, controls=setting.controls)
    drawn = {"onset": draw.onset_svg(found.traces, found.frames), "rsa": draw.rsa_svg(found.rows, found.frames)} if figures else {}
    return Part("rsa", found.rows, figures=drawn)


def _fields(models: Mapping[str, Sequence[Responder]], setting: Setting, figures: bool) -> Part:
    seen = next(iter(models.values()))[0]
    movies = reverse.noise_movies(seen.frame_size, seen.frame_ms, setting.noise_movies, setting.seed)
    learned, born = _asked(models, setting, lambda run, seed: reverse.measure_fields(run, movies, seed=seed))
    drawn = {"fields": draw.fields_svg(learned)} if figures else {}
    return Part("fields", lay_beside(learned, born, {}, reverse.alike_fields), _alone(learned, born, reverse.numbers_of), drawn)


def _tuning(models: Mapping[str, Sequence[Responder]], setting: Setting, figures: bool) -> Part:
    learned, born = _asked(models, setting, lambda run, seed: gratings.measure_tuning(run, setting.grating_trials, seed=seed))
    drawn = {"tuning": draw.tuning_svg(learned, born)} if figures else {}
    return Part("tuning", lay_beside(learned, born, {}, gratings.alike_tuning), _alone(learned, born, gratings.numbers_of), drawn)


Kept = dict[str, list[dict[str, T]]]


def _asked(
    models: Mapping[str, Sequence[Responder]], setting: Setting, measure: Callable[[Responder, int], Mapping[str, T]]
) -> tuple[Kept[T], Kept[T]]:
    """Ask all runs, and what they were before they learned; sites from the lowest level up."""
    learned: Kept[T] = {name: [] for name in models}
    born: Kept[T] = {name: [] for name in models}
    for name, run, is_born, seed in subjects(models, setting.seed, setting.controls):
        told = measure(run, seed)
        order = [s.name for s in sorted(run.sites, key=lambda s: (s.level, ROLES.index(s.role)))]
        (born if is_born else learned)[name].append({site: told[site] for site in order})
    return learned, {name: runs for name, runs in born.items() if runs}


def _alone(learned: Kept[T], born: Kept[T], numbers: Callable[[T], Mapping[str, float]]) -> dict[str, dict[str, dict[str, Band]]]:
    found: dict[str, dict[str, dict[str, Band]]] = {}
    for name, runs in learned.items():
        for label, group in ((name, runs), (untrained(name), born.get(name, []))):
            for site in group[0] if group else ():
                each = [numbers(run[site]) for run in group]
                found.setdefault(label, {})[site] = {key: band([e[key] for e in each]) for key in each[0]}
    return found
