"""What a ladder measured, a line a run: small enough to keep; its tables follow from it and from the records of phenomena."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from comparisons.records import GREATEST, Record
from snn.errors import SubjectError, sentence

CLIMBED = "ladder.jsonl"
ADD_PJ, MULTIPLY_ADD_PJ = 0.9, 4.6
"""Energy of an addition, and of a multiplication with one, of 32-bit numbers at 45 nm: Horowitz (2014),
https://doi.org/10.1109/ISSCC.2014.6757323."""
KEPT = ("ratio", "ratio_gated_shift", "ratio_one_frame", "spikes_per_frame", "synaptic_events_per_frame", "multiply_adds_per_frame")
DIGITS = 6


@dataclass(frozen=True)
class Climbed:
    """One run of a ladder.

    Attributes
    ----------
    rung : str
    seed : int
    run : str
        Name of the run: the beginning of the digest of all that determines it.
    version : str
        Of the package that made it.
    numbers : mapping of str to float
        ``ratio`` and the other measures of a sweep that are of interest here; those of a run that failed are missing.
    error : str
        Why it failed.
    """

    rung: str
    seed: int
    run: str
    version: str
    numbers: Mapping[str, float]
    error: str = ""

    @property
    def energy_nJ(self) -> float:
        """Energy of the arithmetic of one frame: an addition for each synaptic event, a multiply-add for each connection of rates.

        What memory and the cells themselves take is not in it. NaN where neither was counted.
        """
        costs = {"synaptic_events_per_frame": ADD_PJ, "multiply_adds_per_frame": MULTIPLY_ADD_PJ}
        known = [self.numbers[name] * pJ for name, pJ in costs.items() if name in self.numbers]
        return sum(known) / 1000.0 if known else math.nan


def climbed_of(rows: Iterable[Mapping[str, Any]], rung: str) -> list[Climbed]:
    """Take from the rows of a sweep's table what a ladder keeps.

    Parameters
    ----------
    rows : iterable of mapping
    rung : str
        Column that names the rung.

    Returns
    -------
    list of Climbed
        Of the runs that are done or failed.
    """
    found = []
    for row in rows:
        if row["status"] == "waiting":
            continue
        done = row["status"] == "done"
        numbers = {name: _short(row[name]) for name in KEPT if row.get(name) is not None and not math.isnan(row[name])}
        # A network that ran away has an error without end, which JSON does not have.
        numbers.setdefault("ratio", GREATEST)
        about = (str(row[rung]), int(row["seed"]), str(row["run"]), str(row["version"]))
        found.append(Climbed(*about, numbers if done else {}, "" if done else str(row["error"])))
    return found


def _short(value: float) -> float:
    return float(f"{min(value, GREATEST):.{DIGITS}g}")


def as_lines(climbed: Iterable[Climbed]) -> str:
    """Print runs, one line of JSON each.

    Parameters
    ----------
    climbed : iterable of Climbed

    Returns
    -------
    str
    """
    return "".join(json.dumps(asdict(c), allow_nan=False, separators=(",", ":")) + "\n" for c in climbed)


def read_climbed(path: Path) -> list[Climbed]:
    """Read the runs of a ladder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Climbed

    Raises
    ------
    SubjectError
        If the file cannot be read, or a line is no run of a ladder.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise SubjectError(sentence(str(path), "cannot be read", cure=f"give the {CLIMBED} of `ablate`")) from error
    if not lines:
        raise SubjectError(sentence(str(path), "holds no runs", cure="run `ablate` first"))
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(TypeAdapter(Climbed).validate_json(line, extra="forbid"))
        except ValidationError as error:
            raise SubjectError(sentence(f"{path}, line {number}", "is no run of a ladder", cure="climb it again")) from error
    return found


@dataclass(frozen=True)
class Found:
    """All that a ladder measured.

    Attributes
    ----------
    climbed : tuple of Climbed
    records : tuple of Record
        Of the phenomena.
    """

    climbed: tuple[Climbed, ...]
    records: tuple[Record, ...] = ()

    def seeds(self, rung: str) -> list[int]:
        """List the seeds of a rung that are done.

        Parameters
        ----------
        rung : str

        Returns
        -------
        list of int
            In order.
        """
        return sorted(c.seed for c in self.climbed if c.rung == rung and not c.error)

    def values(self, rung: str, measure: str) -> dict[int, float]:
        """Give a measure of every run of a rung.

        Parameters
        ----------
        rung : str
        measure : str
            ``energy_nJ``, a number of the runs, or the name of a phenomenon, of which the primary effect counts.

        Returns
        -------
        dict of int to float
            By seed; NaN where it is not defined. Empty where nothing was measured.
        """
        from comparisons.phenomena import PHENOMENA

        if measure not in PHENOMENA:
            here = sorted((c for c in self.climbed if c.rung == rung and not c.error), key=lambda c: c.seed)
            return {c.seed: c.energy_nJ if measure == "energy_nJ" else c.numbers.get(measure, math.nan) for c in here}
        primary = PHENOMENA[measure].about.primary
        asked = [r for r in self.records if r.model == rung and r.phenomenon == measure and r.lacks is None]
        effects = {r.seed: r.effects["model"].get(primary) for r in asked}
        return {seed: math.nan if effect is None else effect for seed, effect in sorted(effects.items())}

    def differences(self, rung: str, after: str, measure: str) -> list[float]:
        """Give what a rung changes, seed by seed.

        Parameters
        ----------
        rung, after : str
        measure : str
            As in `values`.

        Returns
        -------
        list of float
            Of the seeds in which both were measured; NaN where it is not defined in one of them.
        """
        ours, theirs = self.values(rung, measure), self.values(after, measure)
        both: Sequence[int] = [seed for seed in ours if seed in theirs]
        return [ours[seed] - theirs[seed] for seed in both]
