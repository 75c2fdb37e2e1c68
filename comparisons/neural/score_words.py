"""Sentences on scores: what was recorded, how it was shown to models, what came out, and what the numbers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from comparisons.neural.encoding import without_score
from comparisons.neural.reliability import RELIABLE
from comparisons.neural.score_tables import BEST, LEARNING, tested
from comparisons.neural.scores import LATENCY_MS, LIKENESSES, MEASURES, Target
from comparisons.neural.scoring import PopulationScores
from comparisons.neural.showing import Showing
from comparisons.rsa_time import GREY_FRAMES
from comparisons.tables import numbered

LEGEND = (
    "Square brackets: 95 % over runs; round ones: over stimuli, by halves of their groups. Explained: cross-validated, of what a perfect "
    "model could explain, of all units with a score together; 0 is a guess of the mean, below it is worse: weights that are learned of "
    "what has nothing to do with the neurons cost something, so that the control of other stimuli is somewhat below 0. RSA "
    "(Spearman's rho-a, distances cross-validated over trials) and CKA: 1 is equal, 0 unrelated."
)
OF_BOUND = (
    " What the recording is made of is the most of what can be explained; units weigh it each in its own way, so that its RSA and CKA are "
    "not the most that there could be."
)
OF_CURVATURE = " Curvature: by how much the path of a film turns from frame to frame, 180 is back to where it was; it is no likeness."


def sentences(target: Target, rows: Sequence[PopulationScores]) -> list[str]:
    """Say in a few sentences what came out.

    Parameters
    ----------
    target : Target
    rows : sequence of PopulationScores

    Returns
    -------
    list of str
        Which populations are surely nearer to the neurons than before they learned, and than what needs no model.
    """
    every = tested(target, rows)
    found = []
    for what in (LEARNING, BEST):
        here = [t for t in every if t.what == what and t.scores and t.measure in LIKENESSES]
        moved = [(t, float(np.mean([s.whole for s in t.scores]))) for t in here if t.sure]
        better = [f"{t.model} {t.population} ({MEASURES[t.measure]})" for t, mean in moved if mean > 0]
        worse = sum(mean < 0 for _, mean in moved)
        if here:
            text = f"Surely {what}: {'; '.join(better) if better else 'no population, in any measure'}."
            found.append(text + (f" Surely less: {worse} of {len(here)} numbers." if worse else ""))
    return found


def how_shown(target: Target, showing: Showing) -> str:
    """Say how models saw the stimuli.

    Parameters
    ----------
    target : Target
    showing : Showing

    Returns
    -------
    str
    """
    data, times = target.data, "once" if showing.trials == 1 else f"{showing.trials} times"
    before = f"after {GREY_FRAMES} frames of grey, {times}"
    windows = f"means over the first {showing.early} frames and over the last {showing.late} are features of their own"
    if data.bin_ms is not None:
        return (
            f"Each stimulus was shown to models {before}; answers were averaged over the bins of the recording, of {data.bin_ms:g} ms. "
            "What units and populations do whatever is shown was taken away bin by bin; "
            f"answers of the {LATENCY_MS:g} ms before count too."
        )
    if data.stimuli.shape[1] == 1:
        return f"Each image was shown to models for {showing.frames} of their frames {before}; {windows}."
    return f"Each film was shown to models {before}; {windows}."


def about(target: Target) -> str:
    """Say what was recorded, and of how much of it there are scores.

    Parameters
    ----------
    target : Target

    Returns
    -------
    str
    """
    data, half = target.data, target.ceiling.half
    scored = data.n_units - len(without_score(data, target.ceiling))
    folds, compared = min(target.n_folds, target.n_groups), len(target.recorded.samples)
    time = ""
    if data.bin_ms is not None:
        n_bins = data.responses.shape[2]
        films = f", stimuli last {data.stimuli.shape[1] * data.frame_ms:g} ms" if data.frame_ms else ""
        time = f" Responses are in {n_bins} bins of {data.bin_ms:g} ms, {n_bins * data.bin_ms:g} ms in all{films}."
    trials = f"{data.n_trials} trials" if data.n_trials > 1 else "one trial, so that nothing is known of its noise"
    halves = (
        f"{int((half > RELIABLE).sum())} agree with themselves above {RELIABLE:g} (halves of the trials); " if data.n_trials > 1 else ""
    )
    return (
        f"{numbered(data.n_units, 'unit')}, {data.n_stimuli} stimuli in {target.n_groups} groups, {trials}.{time} {halves}"
        f"{scored} have an encoding score (regression in {folds} folds). RSA and CKA compare {compared} of "
        f"{data.samples.shape[1]} {'stimuli' if data.bin_ms is None else 'bins'}."
    )


def legend(rows: Sequence[PopulationScores]) -> str:
    """Say what the numbers of a table mean.

    Parameters
    ----------
    rows : sequence of PopulationScores

    Returns
    -------
    str
    """
    bound = OF_BOUND if any(row.role == "bound" for row in rows) else ""
    return LEGEND + bound + (OF_CURVATURE if any(row.of("curvature_deg") for row in rows) else "")


def missing(left_out: Mapping[int, str]) -> str:
    """Say why units have no score, each reason once.

    Parameters
    ----------
    left_out : mapping of int to str
        From `encoding.without_score`.

    Returns
    -------
    str
        Empty where all have one.
    """
    alike: dict[str, list[int]] = {}
    for unit, why in sorted(left_out.items()):
        # Reasons differ in numbers alone.
        alike.setdefault(re.sub(r"[\d.]+", "", why), []).append(unit)
    told = [f"{_such(units)}: {left_out[units[0]]}" for units in alike.values()]
    return f"{numbered(len(left_out), 'unit')} without an encoding score; {'; '.join(told)}." if told else ""


def _such(units: Sequence[int]) -> str:
    return f"unit {units[0]}" if len(units) == 1 else f"{len(units)} such as unit {units[0]}"
