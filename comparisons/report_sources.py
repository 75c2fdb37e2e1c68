"""Where the numbers of a report come from: paths as short as they can be, and the commands that make them again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from comparisons import demo, run_folder
from comparisons.battery import Battery
from comparisons.battery_plan import BATTERIES, BatteryName, models_of
from comparisons.phenomena import PHENOMENA
from comparisons.records import KNOWN_FILE


def named(battery: Battery) -> BatteryName | None:
    """Tell which battery by name this is.

    Parameters
    ----------
    battery : Battery

    Returns
    -------
    {'quick', 'full'} or None
        None where its runs are not those of any.
    """
    own = {m.name: [run.resolve() for run in map(run_folder.resolve, m.runs)] for m in battery.models}
    for name in BATTERIES:
        if own == {m.name: [run.resolve() for run in m.runs] for m in models_of(name, battery.out)}:
            return name
    return None


def shown_path(path: Path, out: Path) -> str:
    """Print the path of a run: the name of a shipped model, or its place in the folder of the battery.

    Parameters
    ----------
    path : Path
    out : Path
        Folder of the battery.

    Returns
    -------
    str
        As it was given where it is neither.
    """
    whole, folder = run_folder.resolve(path).resolve(), out.resolve()
    if whole.parent == run_folder.SHIPPED.resolve():
        return whole.name
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(path)


def command(battery: Battery) -> str:
    """Print the command that makes the battery again.

    Parameters
    ----------
    battery : Battery

    Returns
    -------
    str
        A battery by name is called by it, that of the demonstration by its own command.
    """
    if (shown := demo.command(battery)) is not None:
        return shlex.join(["spiking-prednet", *shown])
    words, name = ["spiking-prednet", "battery"], named(battery)
    usual: tuple[str, ...] = tuple(PHENOMENA)
    if name is not None:
        words += ["--battery", name]
        usual = BATTERIES[name].phenomena or usual
    else:
        for model in battery.models:
            words += ["--model", f"{model.name}={','.join(_given(run) for run in model.runs)}"]
    if battery.phenomena != usual:
        words += ["--phenomena", ",".join(battery.phenomena)]
    bare = [m.name for m in battery.models if not m.untrained]
    if len(bare) == len(battery.models):
        words.append("--no-untrained")
    if (known := battery.out / KNOWN_FILE).exists():
        words += ["--known", str(known)]
    return shlex.join([*words, "--out", str(battery.out)])


def command_of_report(battery: Battery, options: Sequence[str] = ()) -> str:
    """Print the command that writes the page again from the results.

    Parameters
    ----------
    battery : Battery
    options : sequence of str
        Of its further parts.

    Returns
    -------
    str
    """
    return shlex.join(["spiking-prednet", "report", str(battery.out), *options])


def _given(run: Path) -> str:
    whole = run_folder.resolve(run).resolve()
    return whole.name if whole.parent == run_folder.SHIPPED.resolve() else str(run)
