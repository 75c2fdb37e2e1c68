"""The command that asks every phenomenon of every model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from comparisons.cli_options import names
from comparisons.progress import TerminalReporter
from snn.errors import SubjectError, sentence


def battery(
    *,
    model: Annotated[tuple[str, ...], Parameter(negative="")],
    out: Path,
    phenomena: str = "",
) -> None:
    """Look for cortical phenomena in trained models, and judge over seeds.

    It can be stopped at any time; the same command goes on with what is left.

    Parameters
    ----------
    model
        NAME=RUN,RUN,...: run folders (or names of shipped models) of one model, one a seed. Give one --model for each model.
    out
        Folder for results, verdicts and the table.
    phenomena
        Names, with commas; all when left out.
    """
    from comparisons.battery import Battery, Model, table
    from comparisons.phenomena import PHENOMENA

    plan = Battery([Model(*_named(text)) for text in model], names(phenomena) or tuple(PHENOMENA), out)
    report, left = TerminalReporter(), plan.left()
    report.say(f"{len(left)} of {len(list(plan.tasks()))} results are left to be measured")
    if left:
        minutes = plan.estimate_s(left) / 60
        report.say(f"this will take about {minutes:.0f} min" if minutes >= 1 else "this will take less than a minute")
    print(table(plan.run(report)), end="")


def _named(text: str) -> tuple[str, tuple[Path, ...]]:
    name, equals, runs = text.partition("=")
    paths = tuple(Path(run) for run in names(runs))
    if not (name and equals and paths) or "/" in name:
        raise SubjectError(
            sentence("--model", "is not of the form NAME=RUN,RUN,...", got=text, cure="for example leaky=runs/leaky-0,runs/leaky-1")
        )
    return name, paths


COMMANDS = (battery,)
