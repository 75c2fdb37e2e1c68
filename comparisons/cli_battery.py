"""The commands that compare models: phenomena over seeds, and dynamics side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from comparisons.cli_options import names
from comparisons.progress import TerminalReporter
from snn.errors import SubjectError, sentence


def battery(
    *,
    model: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    named: Annotated[Literal["quick", "full"] | None, Parameter(name="--battery")] = None,
    out: Path,
    phenomena: str = "",
    workers: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
) -> None:
    """Look for cortical phenomena in trained models, and judge over seeds.

    It can be stopped at any time; the same command goes on with what is left.

    Parameters
    ----------
    model
        NAME=RUN,RUN,...: run folders (or names of shipped models) of one model, one a seed. Give one --model for each model.
    named
        In place of models: a battery by name, whose runs are made where they are not there yet; quick: two models, three
        seeds, five phenomena; full: three models, five seeds, all phenomena.
    out
        Folder for results, verdicts and the report; of a battery by name for its runs too.
    phenomena
        Names, with commas; all, or those of the named battery, when left out.
    workers
        Processes side by side; no more than there are free cores.

    Raises
    ------
    SubjectError
        If there are neither models nor a name, or both.
    """
    from comparisons.battery import Battery, Model
    from comparisons.battery_plan import BATTERIES, make_missing, minutes_to_make, models_of
    from comparisons.phenomena import PHENOMENA
    from comparisons.report import write_report
    from comparisons.verdict_table import table

    if (named is None) == (not model):
        cure = "give --model NAME=RUN,RUN once or more, or --battery quick"
        raise SubjectError(sentence("battery", "needs either models or a battery by name", got=(model, named), cure=cure))
    shown, asked = TerminalReporter(), names(phenomena) or (BATTERIES[named].phenomena if named else ()) or tuple(PHENOMENA)
    models = models_of(named, out) if named else tuple(Model(*_named(text)) for text in model)
    plan = Battery(models, asked, out)
    if named and (minutes := minutes_to_make(named, out)):
        shown.say(f"networks that are not there yet take about {minutes:.0f} min to learn, on one core")
        make_missing(named, out, shown, workers)
    left = plan.left()
    side = f" on one core, {workers} are used" if workers > 1 else ""
    shown.say(f"{len(left)} of {len(list(plan.tasks()))} results are left to be measured")
    if left:
        minutes = plan.estimate_s(left) / 60
        shown.say(f"this will take about {minutes:.0f} min{side}" if minutes >= 1 else "this will take less than a minute")
    print(table(plan.run(shown, workers)), end="")
    shown.say(f"report: {write_report(out)}")


def report(folder: Path, /) -> None:
    """Write the report of a battery anew, as one page that holds everything.

    Parameters
    ----------
    folder
        The --out of the battery.
    """
    from comparisons.report import write_report

    print(write_report(folder))


def compare(
    *,
    model: Annotated[tuple[str, ...], Parameter(negative="")],
    frames: str = "photographs",
    clips: str = "",
    movies: Annotated[int, Parameter(validator=Number(gte=2))] = 10,
    length: Annotated[int, Parameter(validator=Number(gte=10))] = 16,
    trials: Annotated[int, Parameter(validator=Number(gte=1))] = 2,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Lay the dynamics of models side by side on the same movies: each model after the first beside the first.

    Parameters
    ----------
    model
        NAME=RUN,RUN,... as for battery; models must see frames of one size and have as many runs as the first.
    frames
        As for learn; of photographs, drifts of those that are never learned from.
    clips
        Names of clips, with commas; all when left out.
    movies
        Number of movies; of clips, stretches taken evenly.
    length
        Frames of each.
    trials
        How often each is shown; answers are averaged.
    json_
        Print JSON.

    Raises
    ------
    SubjectError
        If there is one model only, or two have one name.
    """
    from comparisons.dynamics import dynamics_table, side_by_side
    from comparisons.run_folder import to_json
    from comparisons.subjects import open_subject, stretches

    if len(model) < 2:
        raise SubjectError(sentence("compare.model", "two or more are needed", got=len(model), cure="give --model twice"))
    named = [_named(text) for text in model]
    if len({name for name, _ in named}) < len(named):
        raise SubjectError(sentence("compare.model", "two models have one name", got=[name for name, _ in named]))
    opened = [(name, [open_subject(path, name).responder for path in paths]) for name, paths in named]
    first, responders = opened[0]
    shown = stretches(frames, names(clips), movies, length, responders[0])
    found = {name: side_by_side(responders, others, shown, trials=trials) for name, others in opened[1:]}
    if json_:
        rows = {name: {row.site: {k: v._asdict() for k, v in row.numbers.items()} for row in rows} for name, rows in found.items()}
        print(to_json({"beside": first, "models": rows}))
    else:
        print("\n\n".join(dynamics_table(rows, first, name) for name, rows in found.items()))


def _named(text: str) -> tuple[str, tuple[Path, ...]]:
    name, equals, runs = text.partition("=")
    paths = tuple(Path(run) for run in names(runs))
    if not (name and equals and paths) or "/" in name:
        raise SubjectError(
            sentence("--model", "is not of the form NAME=RUN,RUN,...", got=text, cure="for example leaky=runs/leaky-0,runs/leaky-1")
        )
    return name, paths


COMMANDS = (battery, report, compare)
