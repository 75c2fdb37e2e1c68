"""Results of batteries on one line each: small enough to keep, from one machine or several, and all that verdicts follow from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from comparisons.phenomena import PHENOMENA
from comparisons.verdicts import Verdict, decide, holm
from snn.errors import SubjectError, nearest, sentence

RECORDS_FILE = "records.jsonl"
HARNESS = 2
"""Raised when adapters or controls change what they answer: results before that are measured again."""
DIGITS = 6
"""Significant digits of the effects that are kept."""
GREATEST = 1e300
"""Stands for a gate beyond all numbers, which JSON does not have."""
Effects = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Record:
    """One phenomenon, measured in one run and in its controls.

    Attributes
    ----------
    model : str
    seed : int
    phenomenon : str
        Its name.
    version, harness : int
        Of the phenomenon, and of what asks the models.
    run_digest : str
        Of the run folder.
    gate : float or None
        Held-out error of the run as a share of that of copying, `GREATEST` at the most; None where it was not measured.
    lacks : str or None
        Why it could not be asked.
    left_out : tuple of str
        Controls that were not measured though they could have been.
    effects : mapping of str to mapping
        Per subject (``model``, or a control) and measure; None where it is not defined.
    """

    model: str
    seed: int
    phenomenon: str
    version: int
    harness: int
    run_digest: str
    gate: float | None
    lacks: str | None
    left_out: tuple[str, ...]
    effects: Effects

    @classmethod
    def of(cls, result: Mapping[str, Any], model: str, gate: float) -> Self:
        """Make a record of a result of a battery.

        Parameters
        ----------
        result : mapping
            What the battery wrote.
        model : str
        gate : float

        Returns
        -------
        Record
        """
        effects = {who: {name: _short(x) for name, x in found.items()} for who, found in result["effects"].items()}
        return cls(
            model,
            result["seed"],
            result["phenomenon"],
            result["version"],
            result["harness"],
            result["run_digest"],
            None if np.isnan(gate) else _short(min(gate, GREATEST)),
            result["lacks"],
            tuple(result.get("left_out", ())),
            effects,
        )


def _short(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.{DIGITS}g}")


def as_lines(records: Iterable[Record]) -> str:
    """Print records.

    Parameters
    ----------
    records : iterable of Record

    Returns
    -------
    str
        One line of JSON each.
    """
    return "".join(json.dumps(asdict(r)) + "\n" for r in records)


def read_records(paths: Sequence[Path]) -> list[Record]:
    """Read records, of one battery or of several.

    Parameters
    ----------
    paths : sequence of Path
        Files that batteries have written; of what stands in more than one the last counts.

    Returns
    -------
    list of Record
        In the order in which models, phenomena and seeds were met first.

    Raises
    ------
    SubjectError
        If a file cannot be read, or a record is of a phenomenon, a version or a way of asking that is not that of this program.
    """
    found: dict[tuple[str, str, int], Record] = {}
    for path in paths:
        try:
            lines = path.read_text().splitlines()
        except (OSError, ValueError) as error:
            raise SubjectError(sentence(str(path), "cannot be read", cure=f"give the {RECORDS_FILE} of a battery")) from error
        for number, line in enumerate(lines, start=1):
            record = _read(line, f"{path}, line {number}")
            found[record.model, record.phenomenon, record.seed] = record
    return list(found.values())


def _read(line: str, where: str) -> Record:
    try:
        read = json.loads(line)
        record = Record(**{**read, "left_out": tuple(read["left_out"])})
    except (ValueError, TypeError, KeyError) as error:
        raise SubjectError(sentence(where, "is no record of a battery", cure="measure it again")) from error
    if record.phenomenon not in PHENOMENA:
        cure = nearest(record.phenomenon, PHENOMENA)
        raise SubjectError(sentence(where, f"there is no phenomenon {record.phenomenon!r}", cure=cure))
    asked, now = (record.version, record.harness), (PHENOMENA[record.phenomenon].about.version, HARNESS)
    if asked != now:
        raise SubjectError(sentence(where, "was measured by another version", got=asked, allowed=str(now), cure="measure it again"))
    return record


def judged(records: Iterable[Record], seeds: Mapping[str, int], phenomena: Sequence[str]) -> dict[str, dict[str, Verdict]]:
    """Judge by the records that are there.

    Parameters
    ----------
    records : iterable of Record
    seeds : mapping of str to int
        Models, and of how many seeds each is.
    phenomena : sequence of str
        Their names.

    Returns
    -------
    dict of str to dict
        Per model and phenomenon; corrected for the number of phenomena.
    """
    by_cell: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        by_cell.setdefault((record.model, record.phenomenon), []).append(record)
    return {model: holm({name: _judge(by_cell.get((model, name), []), n, name) for name in phenomena}) for model, n in seeds.items()}


def _judge(known: Sequence[Record], n_seeds: int, name: str) -> Verdict:
    if len(known) < n_seeds:
        return Verdict("undecided", f"measured in {len(known)} of {n_seeds} seeds so far", n_seeds=len(known))
    lacks = [r.lacks for r in known if r.lacks]
    if lacks:
        return Verdict("not applicable", lacks[0])
    return decide(PHENOMENA[name].about, [r.effects for r in known], [r.gate for r in known if r.gate is not None])


def judged_together(records: Sequence[Record]) -> dict[str, dict[str, Verdict]]:
    """Judge records from several batteries.

    Parameters
    ----------
    records : sequence of Record

    Returns
    -------
    dict of str to dict
        As of `judged`, of all models and phenomena that are in them; a model has as many seeds as any of its phenomena.
    """
    seeds = {r.model: len({s.seed for s in records if s.model == r.model}) for r in records}
    asked = {r.phenomenon for r in records}
    return judged(records, seeds, [name for name in PHENOMENA if name in asked])
