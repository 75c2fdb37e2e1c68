"""Results of batteries on one line each: small enough to keep, from one machine or several; verdicts follow from them and the criteria."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import TypeAdapter, ValidationError

from comparisons.phenomena import PHENOMENA
from comparisons.verdicts import Verdict, decide, holm
from snn.errors import SubjectError, nearest, sentence

RECORDS_FILE, KNOWN_FILE = "records.jsonl", "known.jsonl"
HARNESS = 2
"""Raised when adapters or controls change what they answer: results before that are measured again."""
DIGITS = 5
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
        Per subject (``model``, or a control, of which the primary measure alone is kept) and measure; None where it is not defined.
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
        primary = PHENOMENA[result["phenomenon"]].about.primary
        effects = {
            who: {name: _short(x) for name, x in found.items() if who == "model" or name == primary}
            for who, found in result["effects"].items()
        }
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
    return "".join(json.dumps(asdict(r), separators=(",", ":")) + "\n" for r in records)


def read_records(paths: Sequence[Path]) -> list[Record]:
    """Read records, of one battery or of several; those of one model and seed must be of one run.

    Parameters
    ----------
    paths : sequence of Path
        Files that batteries have written. Of what stands in more than one the last counts, unless fewer controls were measured.

    Returns
    -------
    list of Record
        In the order in which models, phenomena and seeds were met first.

    Raises
    ------
    SubjectError
        If a file cannot be read or holds nothing, a record is damaged or of a phenomenon, a version or a way of asking that is
        not that of this program, or runs do not fit together.
    """
    found: dict[tuple[str, str, int], Record] = {}
    for path in paths:
        try:
            lines = path.read_text().splitlines()
        except (OSError, ValueError) as error:
            raise SubjectError(sentence(str(path), "cannot be read", cure=f"give the {RECORDS_FILE} of a battery")) from error
        if not lines:
            raise SubjectError(sentence(str(path), "holds no records", cure="run `battery` to its end first"))
        for number, line in enumerate(lines, start=1):
            record = _read(line, f"{path}, line {number}")
            known = found.get((record.model, record.phenomenon, record.seed))
            if known is None or len(record.left_out) <= len(known.left_out):
                found[record.model, record.phenomenon, record.seed] = record
    _refuse_mixed(found.values())
    return list(found.values())


def _read(line: str, where: str) -> Record:
    try:
        record = TypeAdapter(Record).validate_json(line, extra="forbid")
    except ValidationError as error:
        raise SubjectError(sentence(where, "is no record of a battery", cure="measure it again")) from error
    if record.phenomenon not in PHENOMENA:
        cure = nearest(record.phenomenon, PHENOMENA)
        raise SubjectError(sentence(where, f"there is no phenomenon {record.phenomenon!r}", cure=cure))
    asked, now = (record.version, record.harness), (PHENOMENA[record.phenomenon].about.version, HARNESS)
    if asked != now:
        raise SubjectError(sentence(where, "was measured by another version", got=asked, allowed=str(now), cure="measure it again"))
    if record.lacks is None and "model" not in record.effects:
        raise SubjectError(sentence(where, "has no effects of the model", cure="measure it again"))
    return record


def _refuse_mixed(records: Iterable[Record]) -> None:
    """Raise where a seed of a model is two runs, or two seeds are one."""
    runs: dict[tuple[str, int], str] = {}
    for r in records:
        if runs.setdefault((r.model, r.seed), r.run_digest) != r.run_digest:
            cure = "measure all phenomena of a seed in one run; machines can share out models"
            raise SubjectError(sentence(f"records of {r.model}, seed {r.seed}", "are of two runs", cure=cure))
    seeds: dict[tuple[str, str], int] = {}
    for (model, seed), digest in runs.items():
        if seeds.setdefault((model, digest), seed) != seed:
            cure = "give runs that were learned with different seeds"
            raise SubjectError(sentence(f"records of {model}", f"have one run as seeds {seeds[model, digest]} and {seed}", cure=cure))


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
    gates = [float("inf") if r.gate >= GREATEST else r.gate for r in known if r.gate is not None]
    return decide(PHENOMENA[name].about, [r.effects for r in known], gates)


def judged_together(records: Sequence[Record]) -> dict[str, dict[str, Verdict]]:
    """Judge records from several batteries.

    Parameters
    ----------
    records : sequence of Record

    Returns
    -------
    dict of str to dict
        As of `judged`, of all models and phenomena that are in them. A seed of a model in which one phenomenon was measured is missing
        from all others. The correction is for all phenomena of a model, so that it can be stricter than in each battery alone.
    """
    seeds = {r.model: len({s.seed for s in records if s.model == r.model}) for r in records}
    asked = {r.phenomenon for r in records}
    return judged(records, seeds, [name for name in PHENOMENA if name in asked])
