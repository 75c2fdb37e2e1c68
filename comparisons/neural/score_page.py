"""The page of scores against a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from comparisons import run_folder
from comparisons.neural.encoding import without_score
from comparisons.neural.score_figure import score_svg
from comparisons.neural.score_tables import MORE_LEGEND, gain_table, score_table
from comparisons.neural.score_words import about, how_shown, legend, sentences
from comparisons.neural.scores import Target
from comparisons.neural.scoring import PopulationScores
from comparisons.neural.showing import Showing
from comparisons.page import filled, made, write_section

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
        recording=about(target),
        source=target.data.source,
        figure=score_svg(target, rows),
        caption="Lines: 95 % interval over stimuli; full marks: after learning (mean of runs, dots each), hollow ones: before; diamonds: "
        "no model. Broken line: what a perfect model would get.",
        scores=score_table(target, rows).html(),
        legend=legend(rows),
        more=more.html() if more.rows else "",
        more_legend=MORE_LEGEND,
        left_out=sorted(without_score(target.data, target.ceiling).items()),
        shown=how_shown(target, showing) if more.rows else "No model was asked.",
    )
    run_folder.write_json(made(out) / NUMBERS, found)
    where = f"All numbers are in <code>{NUMBERS}</code> beside <code>{PAGE}</code>."
    source = {name: found[name] for name in ("models", "command", "versions")}
    return write_section(out, PAGE, title, section, where=where, **source)
