"""Named batteries: which models with how many seeds, and how those that are not there yet are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from comparisons import run_folder
from comparisons.battery import Model
from comparisons.converting import convert_run
from comparisons.progress import Reporter
from comparisons.rate_job import RateJob
from comparisons.running import AnyJob, run_job
from comparisons.shipped import jobs
from conversion.recipe import Recipe

BatteryName = Literal["quick", "full"]
Maker = Callable[[Path, int, Reporter], None]
"""Makes the run of a seed in a folder."""
RUNS = "runs"
COPIES = 2
"""Spiking cells for each unit of a model that is converted: few, since every cell is run at 1 ms through all movies."""


@dataclass(frozen=True)
class Member:
    """A model of a named battery.

    Attributes
    ----------
    minutes : float
        What making one of its runs has taken on one core.
    shipped : str
        Model of the package that is its seed 0, and like which the others are made; none when empty.
    converted : str
        In place of that: the member whose runs are converted to spikes.
    narrow : bool
        Whether it is the shipped model with half of its channels, of which no seed comes with the package.
    """

    minutes: float
    shipped: str = ""
    converted: str = ""
    narrow: bool = False


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
                "leaky-ms": Member(4.0, "drift-leaky-ms", narrow=True),
                "converted": Member(1.0, converted="leaky-ms"),
                "spiking": SPIKING,
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
    return tuple(Model(model, tuple(_run(found, model, seed, out) for seed in range(found.seeds))) for model in found.models)


def _run(found: NamedBattery, model: str, seed: int, out: Path) -> Path:
    member = found.models[model]
    if seed == 0 and member.shipped and not member.narrow:
        return run_folder.SHIPPED / member.shipped
    return out / RUNS / f"{model}-{seed}"


def missing(name: BatteryName, out: Path) -> dict[Path, Maker]:
    """List the runs that are still to be made, in an order in which they can be.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.

    Returns
    -------
    dict of Path to callable
    """
    found, todo = BATTERIES[name], {}
    for model, member in found.models.items():
        for seed in range(found.seeds):
            path = _run(found, model, seed, out)
            if not path.exists():
                todo[path] = _converted(_run(found, member.converted, seed, out)) if member.converted else _learned(member)
    return todo


def _converted(source: Path) -> Maker:
    def make(path: Path, seed: int, report: Reporter) -> None:
        convert_run(source, path, Recipe(copies=COPIES, dead="keep", seed=seed), report=report)

    return make


def _learned(member: Member) -> Maker:
    def make(path: Path, seed: int, report: Reporter) -> None:
        run_job(job_of(member, seed), path, resume=run_folder.can_resume(path), figures=False, report=report)

    return make


def job_of(member: Member, seed: int) -> AnyJob:
    """Say what is learned, how.

    Parameters
    ----------
    member : Member
    seed : int

    Returns
    -------
    job
        That of the shipped model, but for the seed and, where it is narrow, its channels.
    """
    changed: dict[str, object] = {"seed": seed}
    job = jobs()[member.shipped]
    if member.narrow:
        assert isinstance(job, RateJob)
        spec = job.model
        halves = {"channels": (1, *(n // 2 for n in spec.channels[1:])), "r_channels": tuple(n // 2 for n in spec.r)}
        changed["model"] = spec.model_copy(update=halves)
    return job.model_copy(update=changed)  # type: ignore[attr-defined,no-any-return]


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
    return sum(BATTERIES[name].models[path.name.rpartition("-")[0]].minutes for path in missing(name, out))


def make_missing(name: BatteryName, out: Path, report: Reporter) -> None:
    """Make the runs that are missing; what was killed goes on.

    Parameters
    ----------
    name : {'quick', 'full'}
    out : Path
        Folder of the battery.
    report : Reporter
    """
    for path, make in missing(name, out).items():
        report.say(f"making {path.name}")
        make(path, int(path.name.rpartition("-")[2]), report)
