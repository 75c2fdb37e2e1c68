"""Named batteries: which models with how many seeds, and how those that are not there yet are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from comparisons import run_folder
from comparisons.battery_models import Model
from comparisons.making import converted, learned
from comparisons.processes import processes
from comparisons.progress import Reporter
from comparisons.shipped import jobs
from conversion.recipe import Recipe

BatteryName = Literal["quick", "full"]
Maker = Callable[[Reporter], None]
"""Makes a run."""
RUNS = "runs"
COPIES = 8
"""Spiking cells for each unit of a model that is converted. With 4 the forecasts of drifting photographs are a third worse, with 2 lost."""


@dataclass(frozen=True)
class Member:
    """A model of a named battery.

    Attributes
    ----------
    minutes : float
        What making one of its runs has taken on one core.
    shipped : str
        Model of the package that is its seed 0, but for its size, and like which the others are made; none when empty.
    converted : str
        In place of that: the member whose runs are converted to spikes.
    size : int, optional
        Side of its frames, where they are not those of the shipped one: then seed 0 is made too.
    only : tuple of str
        As of `Model`.
    """

    minutes: float
    shipped: str = ""
    converted: str = ""
    size: int | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedBattery:
    """A battery by name.

    Attributes
    ----------
    models : mapping of str to Member
        By the name that they have in tables; what is converted stands after what it is made from.
    seeds : int
    phenomena : tuple of str
        Names; empty means all.
    """

    models: Mapping[str, Member]
    seeds: int
    phenomena: tuple[str, ...]


FIVE = ("on_off", "two_pulse", "length", "oddball", "flash_lag")
LEAKY, SPIKING = Member(13.0, "drift-leaky"), Member(2.0, "drift-spiking")
BATTERIES: Mapping[BatteryName, NamedBattery] = MappingProxyType(
    {
        "quick": NamedBattery({"leaky": LEAKY, "spiking": SPIKING}, 3, FIVE),
        "full": NamedBattery(
            {
                "convlstm": Member(17.0, "drift-convlstm"),
                "leaky": LEAKY,
                "leaky-ms": Member(8.0, "drift-leaky-ms-small"),
                "converted": Member(1.0, converted="leaky-ms"),
                "spiking": SPIKING,
                # Nothing is shared between its sites, so that for phenomena that need more pixels it learns on larger frames.
                "spiking-32": Member(5.0, "drift-spiking", size=32, only=("kanizsa", "faces")),
            },
            5,
            (),
        ),
    }
)
"""By the name that the command line takes."""


def models_of(name: BatteryName, out: Path) -> tuple[Model, ...]:
    """Say which runs a named battery is of.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery; runs that do not come with the package lie in its ``runs``.

    Returns
    -------
    tuple of Model
    """
    found = BATTERIES[name]
    return tuple(
        Model(name, tuple(_run(found, name, seed, out) for seed in range(found.seeds)), only=member.only)
        for name, member in found.models.items()
    )


def _run(found: NamedBattery, model: str, seed: int, out: Path) -> Path:
    member = found.models[model]
    if seed == 0 and member.shipped and member.size is None:
        return run_folder.SHIPPED / member.shipped
    return out / RUNS / f"{model}-{seed}"


def missing(name: BatteryName, out: Path) -> list[Path]:
    """List the runs that are still to be made.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.

    Returns
    -------
    list of Path
    """
    return [path for path in _runs(name, out) if not path.exists()]


def _runs(name: BatteryName, out: Path) -> dict[Path, Maker]:
    """List all runs but the shipped ones, in an order in which they can be made, with what makes them unless they are there."""
    found, runs = BATTERIES[name], dict[Path, Maker]()
    for model, member in found.models.items():
        for seed in range(found.seeds):
            path = _run(found, model, seed, out)
            if path.parent == run_folder.SHIPPED:
                continue
            if member.converted:
                runs[path] = partial(_convert, _run(found, member.converted, seed, out), path, seed)
            else:
                runs[path] = partial(_learn, member, path, seed)
    return runs


def _convert(source: Path, path: Path, seed: int, report: Reporter) -> None:
    converted(source, path, Recipe(copies=COPIES, dead="keep", seed=seed), report)


def _learn(member: Member, path: Path, seed: int, report: Reporter) -> None:
    job: Any = jobs()[member.shipped]
    source = job.source if member.size is None else job.source.model_copy(update={"size": member.size})
    learned(job.model_copy(update={"seed": seed, "source": source}), path, report, figures=False)


def _source(name: BatteryName, path: Path, out: Path) -> Path | None:
    """Say from which run one is converted."""
    member = _member(name, path)
    return _run(BATTERIES[name], member.converted, int(path.name.rpartition("-")[2]), out) if member.converted else None


def _member(name: BatteryName, path: Path) -> Member:
    return BATTERIES[name].models[path.name.rpartition("-")[0]]


def minutes_to_make(name: BatteryName, out: Path) -> float:
    """Estimate how long it takes to make the runs that are missing.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.

    Returns
    -------
    float
        On one core.
    """
    return sum(_member(name, path).minutes for path in missing(name, out))


def make_missing(name: BatteryName, out: Path, report: Reporter, workers: int = 1) -> None:
    """Make the runs that are missing; what was killed goes on, and what is there must be what would be made.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.
    report : Reporter
        Told of every run, and with one worker of its progress.
    workers : int
        Processes side by side; what is converted waits until all that learn have learned.

    Raises
    ------
    StateError
        If a run is there that was made with other settings.
    """
    runs = _runs(name, out)
    todo = {path: make for path, make in runs.items() if not path.exists()}
    # What is wrong is said before anything takes long; a conversion whose source is gone is looked at when that is there again.
    for path, make in runs.items():
        if path not in todo and _source(name, path, out) not in todo:
            make(report)
        else:
            todo.setdefault(path, make)
    if workers == 1 or not todo:
        for path, make in todo.items():
            report.say(f"making {path.name}")
            make(report)
        return
    last = {path for path in todo if _member(name, path).converted}
    with processes(workers) as pool:
        for kind in ([p for p in todo if p not in last], [p for p in todo if p in last]):
            waiting = {pool.submit(todo[path], Reporter()): path for path in kind}
            for future in as_completed(waiting):
                future.result()
                report.say(f"made {waiting[future].name}")
