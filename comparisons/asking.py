"""One question put to several models, each beside its untrained network: a table of means and intervals over seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from comparisons.responder import Responder
from comparisons.statistics import in_cell
from comparisons.subjects import open_subject
from snn.errors import SubjectError, sentence

Question = Callable[[Responder, int], Sequence[float]]
"""Asks a subject, with a seed, for numbers; NaN where one is not defined."""


def with_untrained(models: Sequence[str]) -> dict[str, dict[int, Responder]]:
    """Open runs of models, and what each was before it learned.

    Parameters
    ----------
    models : sequence of str
        ``NAME=RUN,RUN,...``: run folders, or names of shipped models, one a seed.

    Returns
    -------
    dict of str to dict of int to Responder
        By name and seed, ``NAME, untrained`` after ``NAME`` where there is one.

    Raises
    ------
    SubjectError
        If a model is not of that form.
    """
    found: dict[str, dict[int, Responder]] = {}
    for text in models:
        name, _, runs = text.partition("=")
        if not name or not runs:
            raise SubjectError(sentence("model", "is not NAME=RUN,RUN,...", got=text))
        found[name] = {seed: open_subject(Path(run), name).responder for seed, run in enumerate(runs.split(","))}
        born = {seed: control for seed, one in found[name].items() if (control := one.control("untrained")) is not None}
        if born:
            found[f"{name}, untrained"] = born
    return found


def lines(subjects: Mapping[str, Mapping[int, Responder]], title: str, heads: Sequence[str], ask: Question) -> Iterator[str]:
    """Put a question to subjects, and write a Markdown table of the answers, line by line as they come.

    Parameters
    ----------
    subjects : mapping of str to mapping of int to Responder
        By name and seed.
    title : str
        Of the table.
    heads : sequence of str
        What the numbers are, one each.
    ask : callable

    Yields
    ------
    str
        A row gives mean and 95 % interval over seeds, and in how many of them a number is defined if not in all.
    """
    yield f"| {title} | {' | '.join(heads)} |"
    yield f"|{'---|' * (len(heads) + 1)}"
    for name, by_seed in subjects.items():
        answers = [ask(responder, seed) for seed, responder in by_seed.items()]
        yield f"| {name} | {' | '.join(in_cell(values) for values in zip(*answers, strict=True))} |"
