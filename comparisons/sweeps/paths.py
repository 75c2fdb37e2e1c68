"""Dotted paths into a job: fields of its settings, or of the description of its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from comparisons.circuits import CircuitSettings
from comparisons.sweeps.axes import Settings, Value
from snn._edit import first_error
from snn._model import Described
from snn.errors import DescriptionError, nearest, sentence

AnyDescribed = TypeVar("AnyDescribed", bound=Described)
TOGETHER, NAMED = ",", ":"
"""Between paths that take one value together, and after a name for them."""


def label_of(paths: str) -> str:
    """Give the column in which a sweep shows what it sets.

    Parameters
    ----------
    paths : str
        ``PATH``, ``PATH, PATH`` or ``NAME: PATH, PATH``.

    Returns
    -------
    str
        The name where there is one, else the paths.
    """
    name, colon, _ = paths.partition(NAMED)
    return name.strip() if colon else paths


def paths_of(paths: str) -> tuple[str, ...]:
    """List the paths that take one value.

    Parameters
    ----------
    paths : str
        As in `label_of`.

    Returns
    -------
    tuple of str
    """
    return tuple(part.strip() for part in paths.rpartition(NAMED)[2].split(TOGETHER))


def with_settings(job: AnyDescribed, settings: Settings) -> AnyDescribed:
    """Give a job with other settings.

    Parameters
    ----------
    job : Described
    settings : mapping of str to value
        By path: of a field of the job (``plan.eta_start``), or where the job has a circuit, of its description
        (``level0.error_pos.cell.tau_mem_ms``). Several paths with commas between them take one value together; ``NAME:`` before
        them names them in tables.

    Returns
    -------
    Described
        Of the same kind.

    Raises
    ------
    DescriptionError
        If a path names nothing, or values are refused.
    """
    own: dict[tuple[str, ...], Any] = {}
    overrides: list[tuple[str, Value]] = []
    for paths, value in settings.items():
        for path in paths_of(paths):
            if isinstance(job, CircuitSettings) and path.split(".")[0] not in type(job).model_fields:
                overrides.append((path, value))
            else:
                _check(job, path)
                own[tuple(path.split("."))] = value
    if overrides and isinstance(job, CircuitSettings):
        own["overrides",] = (*job.overrides, *overrides)
    try:
        found: AnyDescribed = _changed(job, own)
    except ValidationError as error:
        raise DescriptionError(sentence("sweep.vary", f"makes a run that is refused: {first_error(error)}", got=dict(settings))) from error
    return found


def check_network(job: Described) -> None:
    """Raise where a setting of a job's circuit names nothing in it, or is refused.

    Parameters
    ----------
    job : Described

    Raises
    ------
    DescriptionError
        With the names that are near, of the circuit and of the job.
    """
    if not isinstance(job, CircuitSettings):
        return
    try:
        job.network()
    except DescriptionError as error:
        path = next((p for p, _ in job.overrides if str(error).startswith(p)), None)
        close = nearest(path, list(known_paths(job))) if path is not None else ""
        if not close.startswith("did"):
            raise
        raise DescriptionError(f"{error}; of the run, {close}") from error


def known_paths(item: Described, prefix: str = "") -> Iterator[str]:
    """List the paths of a job's own fields.

    Parameters
    ----------
    item : Described
    prefix : str
        Of all of them.

    Yields
    ------
    str
    """
    for name in type(item).model_fields:
        yield f"{prefix}{name}"
        value = getattr(item, name)
        if isinstance(value, Described):
            yield from known_paths(value, f"{prefix}{name}.")


def _changed(item: Any, changes: Mapping[tuple[str, ...], Any]) -> Any:
    """Change several fields at once, so that those which must fit each other can."""
    fields = {name: getattr(item, name) for name in type(item).model_fields}
    fields |= {path[0]: value for path, value in changes.items() if len(path) == 1}
    for name in dict.fromkeys(path[0] for path in changes if len(path) > 1):
        fields[name] = _changed(fields[name], {path[1:]: value for path, value in changes.items() if path[0] == name and len(path) > 1})
    return type(item)(**fields)


def _check(job: Described, path: str) -> None:
    if path not in known_paths(job):
        raise DescriptionError(sentence(f"sweep.vary.{path}", "names no setting of the run", cure=nearest(path, list(known_paths(job)))))
