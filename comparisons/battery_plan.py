"""Named batteries: which models with how many seeds, and how those that are not there yet are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from comparisons import run_folder
from comparisons.battery import Model
from comparisons.progress import Reporter
from comparisons.running import AnyJob, run_job
from comparisons.shipped import jobs

BatteryName = Literal["quick", "full"]
RUNS = "runs"


@dataclass(frozen=True)
class NamedBattery:
    """A battery by name.

    Attributes
    ----------
    models : mapping of str to str
        Shipped model of each; seed 0 is the shipped run, the others are made like it.
    seeds : int
    phenomena : tuple of str
        Names; empty means all.
    minutes : mapping of str to float
        What making one more run of a model has taken on one core.
    """

    models: Mapping[str, str]
    seeds: int
    phenomena: tuple[str, ...]
    minutes: Mapping[str, float]


FIVE = ("on_off", "two_pulse", "length", "oddball", "flash_lag")
MINUTES = {"leaky": 12.0, "convlstm": 17.0, "spiking": 2.0}
BATTERIES: Mapping[BatteryName, NamedBattery] = MappingProxyType(
    {
        "quick": NamedBattery({"leaky": "drift-leaky", "spiking": "drift-spiking"}, 3, FIVE, MINUTES),
        "full": NamedBattery({"leaky": "drift-leaky", "convlstm": "drift-convlstm", "spiking": "drift-spiking"}, 5, (), MINUTES),
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
        Model(model, tuple(run_folder.SHIPPED / shipped if seed == 0 else out / RUNS / f"{model}-{seed}" for seed in range(found.seeds)))
        for model, shipped in found.models.items()
    )


def missing(name: BatteryName, out: Path) -> dict[Path, AnyJob]:
    """List the runs that are still to be made.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.

    Returns
    -------
    dict of Path to AnyJob
    """
    known, found = jobs(), {}
    for model in models_of(name, out):
        job = known[BATTERIES[name].models[model.name]]
        for seed, path in enumerate(model.runs):
            if not path.exists():
                found[path] = job.model_copy(update={"seed": seed})  # type: ignore[attr-defined]
    return found


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
    return sum(BATTERIES[name].minutes[path.name.rpartition("-")[0]] for path in missing(name, out))


def make_missing(name: BatteryName, out: Path, report: Reporter) -> None:
    """Make the runs that are missing; what was killed goes on.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.
    report : Reporter
    """
    for path, job in missing(name, out).items():
        report.say(f"learning: {path.name}")
        run_job(job, path, resume=run_folder.can_resume(path), figures=False, report=report)
