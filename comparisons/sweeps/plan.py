"""A sweep as a value: which runs, of what, with which seeds; read from a file or made in Python."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from comparisons.ablations import ABLATIONS
from comparisons.backprop_job import BackpropJob
from comparisons.inspection import read_job
from comparisons.learning import Job
from comparisons.rate_job import RateJob
from comparisons.sweeps.axes import Axis, Design, Range, Settings, n_settings, settings
from comparisons.sweeps.conversion import Conversion
from comparisons.sweeps.paths import check_network, label_of, paths_of, with_settings
from snn._edit import first_error
from snn._model import Described
from snn.errors import DescriptionError, nearest, sentence

MOST_RUNS = 100_000
"""More are refused: nobody has the time, and most likely a value too many stands in the file."""
WHOLE, AND = "none", "+"
"""No ablation; and between several."""
SHORT = 16
"""Digits of a digest by which a run goes."""
COLUMNS = ("run", "ablation", "seed", "status", "error", "seconds", "version")
MEASURED = ("ratio", "rate_Hz.", "spikes_per_frame", "synaptic_events_per_frame", "multiply_adds_per_frame", "n_")
"""Columns of the table of every sweep, and how those of measures begin."""
SweptJob = Job | BackpropJob | RateJob | Conversion


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes
    ----------
    job : Job, BackpropJob, RateJob or Conversion
        All that determines it.
    settings : mapping of str to value
        What the sweep set, by path.
    ablation : str
        What was cut or lifted; ``none`` in the whole circuit.
    """

    job: SweptJob
    settings: Settings
    ablation: str = WHOLE

    @property
    def digest(self) -> str:
        """SHA-256 of the job: equal runs, and only they, have equal digests."""
        return hashlib.sha256(json.dumps(self.job.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    @property
    def name(self) -> str:
        """Short name, by which its folder goes."""
        return self.digest[:SHORT]


def read_swept(settings: Mapping[str, Any]) -> SweptJob:
    """Read what determines a run of a sweep.

    Parameters
    ----------
    settings : mapping
        As `Described.model_dump` gives it.

    Returns
    -------
    Job, BackpropJob, RateJob or Conversion
    """
    if settings.get("kind") == "conversion":
        return Conversion(**settings)
    found: Any = read_job(dict(settings))
    swept: SweptJob = found
    return swept


def _a_job(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    kinds = ("learn", "backprop", "rate", "conversion")
    if value.get("kind", "learn") not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}; got {value['kind']!r}; {nearest(str(value['kind']), kinds)}")
    return read_swept(value)


def _axes(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    for path, axis in value.items():
        values = axis if isinstance(axis, Mapping | Range) else _listed(axis, f"vary.{path!r}", "[0.2, 0.4]")
        if isinstance(values, list | tuple) and len(set(map(repr, values))) < len(values):
            raise ValueError(f"vary.{path!r} has a value twice; got {list(values)}")
    return tuple(value.items())


def _listed(value: Any, where: str, like: str) -> Any:
    """Refuse what is no list, or an empty one, in the words of the file."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{where} must be a list of one value or more, such as {like}; got {value!r}")
    return value


def _seeds(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MOST_RUNS:
            raise ValueError(f"seeds must be a number from 1 to {MOST_RUNS:,}, or a list of seeds; got {value:,}")
        return tuple(range(value))
    return _listed(value, "seeds", "[0, 1, 2], or a number of them")


def _ablations(value: Any) -> Any:
    return _listed(value, "ablations", '["none", "shared"]')


class Sweep(Described):
    """A set of runs.

    Parameters
    ----------
    run : Job, BackpropJob, RateJob or Conversion
        What all of them have in common: what a run folder holds as ``config.json``.
    vary : mapping of str to list or Range
        Values by dotted path into the run (``plan.eta_start``, ``source.size``) or into the description of its circuit
        (``level0.error_pos.cell.tau_mem_ms``). Paths with commas between them take one value together;
        ``NAME:`` before them names them in tables.
    ablations : tuple of str
        Every setting is run with each of them: ``none``, names in `comparisons.ablations.ABLATIONS`, or several with ``+`` between
        them.
    design : {'grid', 'random', 'latin'}
        All combinations of the values; or independent samples; or a Latin hypercube of them.
    n : int, optional
        Number of samples.
    sample_seed : int
        Of the samples.
    seeds : tuple of int
        Every setting is run with each of them; an integer in a file stands for so many, from 0 up.

    Raises
    ------
    DescriptionError
        From the methods; construction raises pydantic's ``ValidationError`` (a ``ValueError``) with the same sentences.
    """

    run: Annotated[SerializeAsAny[SweptJob], BeforeValidator(_a_job)]
    vary: Annotated[tuple[tuple[str, Axis], ...], BeforeValidator(_axes)] = ()
    ablations: Annotated[tuple[str, ...], BeforeValidator(_ablations)] = (WHOLE,)
    design: Design = "grid"
    n: Annotated[int, Field(ge=1)] | None = None
    sample_seed: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_seeds)] = (0,)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        paths = [path for together, _ in self.vary for path in paths_of(together)]
        if "seed" in paths:
            raise ValueError("vary.seed: list the seeds under 'seeds', so that every setting is run with each of them")
        labels = [label_of(p) for p, _ in self.vary]
        for what, listed in (("vary", paths), ("vary", labels), ("ablations", self.ablations), ("seeds", self.seeds)):
            if len(set(listed)) != len(listed):
                raise ValueError(f"{what} names something twice; got {list(listed)}")
        taken = [label for label in labels if label in COLUMNS or label.startswith(MEASURED)]
        if taken:
            raise ValueError(f"vary: {taken[0]!r} is a column of every table; choose another name")
        if self.run.seed:
            raise ValueError(f"run.seed: list the seeds under 'seeds'; got {self.run.seed}")
        return self

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a sweep from a file.

        Parameters
        ----------
        path : Path or str
            TOML.

        Returns
        -------
        Sweep

        Raises
        ------
        DescriptionError
            If the file cannot be read or is no sweep.
        """
        path = Path(path)
        try:
            return cls(**tomllib.loads(path.read_text()))
        except OSError as error:
            raise DescriptionError(sentence(str(path), f"cannot be read ({error.strerror})")) from error
        except (tomllib.TOMLDecodeError, ValidationError, TypeError, UnicodeDecodeError) as error:
            raise DescriptionError(sentence(str(path), f"is not a sweep: {first_error(error)}")) from error

    @property
    def n_runs(self) -> int:
        """Number of runs.

        Raises
        ------
        DescriptionError
            If the design does not fit what is varied, or there are more than `MOST_RUNS`.
        """
        found = n_settings(dict(self.vary), self.design, self.n) * len(self.ablations) * len(self.seeds)
        if found > MOST_RUNS:
            cure = "list fewer values, or take samples: design 'latin' with n"
            raise DescriptionError(sentence("sweep", f"has {found:,} runs", allowed=f"{MOST_RUNS:,} at the most", cure=cure))
        return found

    def points(self) -> tuple[Point, ...]:
        """List the runs.

        Returns
        -------
        tuple of Point
            All seeds of one setting after another; a run that comes twice, as samples of lists may, is there once.

        Raises
        ------
        DescriptionError
            If a path names nothing, or a setting makes a run that is refused.
        """
        assert self.n_runs
        return tuple({point.digest: point for point in self._points()}.values())

    def _points(self) -> Iterator[Point]:
        for setting in settings(dict(self.vary), self.design, self.n, self.sample_seed):
            for ablation in self.ablations:
                job = with_settings(without(self.run, ablation), setting)
                check_network(job)
                for seed in self.seeds:
                    yield Point(job.model_copy(update={"seed": seed}), setting, ablation)


def without(job: SweptJob, ablation: str) -> SweptJob:
    """Give a job with an ablation.

    Parameters
    ----------
    job : Job, BackpropJob, RateJob or Conversion
    ablation : str
        As in `Sweep`.

    Returns
    -------
    Job, BackpropJob, RateJob or Conversion

    Raises
    ------
    DescriptionError
        If there is no such ablation, or it is one of circuits and the job has none.
    """
    if ablation == WHOLE:
        return job
    names = tuple(part.strip() for part in ablation.split(AND))
    for name in names:
        if name not in ABLATIONS:
            raise DescriptionError(sentence("sweep.ablations", f"there is no ablation {name!r}", cure=nearest(name, [WHOLE, *ABLATIONS])))
    if isinstance(job, RateJob | Conversion):
        cure = "vary the fields of its model, such as model.pooling or model.shared"
        raise DescriptionError(
            sentence("sweep.ablations", "are edits of a circuit, and the run is of a rate PredNet", got=ablation, cure=cure)
        )
    return job.model_copy(update={"ablations": (*job.ablations, *names)})
