"""The page of scores against a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from comparisons import run_folder
from comparisons.neural.encoding import without_score
from comparisons.neural.reliability import RELIABLE
from comparisons.neural.score_figure import score_svg
from comparisons.neural.score_tables import BEST, LEARNING, LEGEND, MORE_LEGEND, gain_table, score_table, tested
from comparisons.neural.scores import LATENCY_MS, LIKENESSES, MEASURES, Target
from comparisons.neural.scoring import PopulationScores
from comparisons.neural.showing import Showing
from comparisons.page import filled, section_page, write_section
from comparisons.rsa_time import GREY_FRAMES

PAGE, NUMBERS = "score.html", "scores.json"


def write_page(out: Path, target: Target, rows: Sequence[PopulationScores], found: Mapping[str, Any], showing: Showing) -> Path:
    """Write scores and their page into a folder.

    Parameters
    ----------
    out : Path
    target : Target
    rows : sequence of PopulationScores
    found : mapping
        What is written as JSON: of `score_tables.as_json`, with models, command and versions.
    showing : Showing
        How stimuli were shown.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunFolderError
        If it cannot be written.
    """
    more, title = gain_table(target, rows), f"Models and recorded neurons: {target.data.name}"
    section = filled(
        "neural_section.html.j2",
        sentences=sentences(target, rows),
        recording=_about(target),
        source=target.data.source,
        figure=score_svg(target, rows),
        caption="Lines: 95 % interval over stimuli; full marks: after learning (mean of runs, dots each), hollow ones: before; diamonds: "
        "no model. Broken line: what a perfect model would get.",
        scores=score_table(target, rows).html(),
        legend=LEGEND,
        more=more.html() if more.rows else "",
        more_legend=MORE_LEGEND,
        left_out=sorted(without_score(target.data, target.ceiling).items()),
        shown=how_shown(target, showing) if more.rows else "No model was asked.",
    )
    where = f"All numbers are in <code>{NUMBERS}</code> beside this page."
    page = section_page(title, section, models=found["models"], where=where, command=found["command"], versions=found["versions"])
    written = write_section(out, PAGE, section, page)
    run_folder.write_json(out / NUMBERS, found)
    return written


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
    data, before = target.data, f"after {GREY_FRAMES} frames of grey, {showing.trials} times"
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


def _about(target: Target) -> str:
    data, half = target.data, target.ceiling.half
    scored = data.n_units - len(without_score(data, target.ceiling))
    trials = f"{data.n_trials} trials" if data.n_trials > 1 else "one trial, so that nothing is known of its noise"
    halves = (
        f"{int((half > RELIABLE).sum())} agree with themselves above {RELIABLE:g} (halves of the trials); " if data.n_trials > 1 else ""
    )
    return (
        f"{data.n_units} units, {data.n_stimuli} stimuli in {target.n_groups} groups, {trials}. {halves}"
        f"{scored} have an encoding score. RSA and CKA compare {len(target.recorded.samples)} samples."
    )
