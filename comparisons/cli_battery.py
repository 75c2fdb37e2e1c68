"""The commands that look for cortical phenomena in models, over seeds; `compare` stands beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from comparisons.cli_compare import compare
from comparisons.cli_options import Count, named_runs, names
from comparisons.progress import TerminalReporter
from snn.errors import SubjectError, sentence


def battery(
    *,
    model: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    named: Annotated[Literal["quick", "full"] | None, Parameter(name="--battery")] = None,
    out: Path,
    phenomena: str = "",
    workers: Count = 1,
    untrained: bool = True,
    known: Path | None = None,
) -> None:
    """Look for cortical phenomena in trained models, and judge over seeds.

    It can be stopped at any time; the same command goes on with what is left.

    Parameters
    ----------
    model
        NAME=RUN,RUN,...: run folders (or names of shipped models) of one model, one a seed. Give one --model for each model.
    named
        In place of models: a battery by name, whose runs are made where they are not there yet; quick: two models, three
        seeds, five phenomena; full: six models, five seeds, all phenomena.
    out
        Folder for results, verdicts and the report; of a battery by name for its runs too.
    phenomena
        Names, with commas; all, or those of the named battery, when left out.
    workers
        Processes side by side; no more than there are free cores.
    untrained
        Measure the untrained controls too, which take as long as the models; nothing that needs them is counted without.
    known
        A records.jsonl: what it says of these very runs is not measured again. The report has no curves of it.

    Raises
    ------
    SubjectError
        If there are neither models nor a name, or both.
    """
    from comparisons.battery import Battery
    from comparisons.battery_models import Model
    from comparisons.battery_plan import BATTERIES, make_missing, minutes_to_make, models_of
    from comparisons.battery_results import write_result
    from comparisons.phenomena import PHENOMENA
    from comparisons.records import KNOWN_FILE, as_lines, read_records
    from comparisons.report import write_report
    from comparisons.verdict_table import table

    if (named is None) == (not model):
        cure = "give --model NAME=RUN,RUN once or more, or --battery quick"
        raise SubjectError(sentence("battery", "needs either models or a battery by name", got=(model, named), cure=cure))
    shown, asked = TerminalReporter(), names(phenomena) or (BATTERIES[named].phenomena if named else ()) or tuple(PHENOMENA)
    models = models_of(named, out) if named else tuple(Model(*named_runs(text)) for text in model)
    if known is not None:
        write_result(out / KNOWN_FILE, as_lines(read_records([known])))
    plan = Battery([replace(m, untrained=m.untrained and untrained) for m in models], asked, out)
    if named and (minutes := minutes_to_make(named, out)):
        shown.say(f"networks that are not there yet take about {minutes:.0f} min to learn, on one core")
    if named:
        make_missing(named, out, shown, workers)
    left = plan.left()
    side = f" on one core, {workers} are used" if workers > 1 else ""
    shown.say(f"{len(left)} of {len(list(plan.tasks()))} results are left to be measured")
    if left:
        minutes = plan.estimate_s(left) / 60
        shown.say(f"this will take about {minutes:.0f} min{side}" if minutes >= 1 else "this will take less than a minute")
    print(table(plan.run(shown, workers)), end="")
    shown.say(f"report: {write_report(out)}")


def report(folder: Path, /, *, compare: Path | None = None, score: Path | None = None, joint: Path | None = None) -> None:
    """Write the report of a battery anew, as one page that holds everything.

    Parameters
    ----------
    folder
        The --out of the battery.
    compare
        The --out of a comparison, to stand on the page after the phenomena.
    score
        The --out of ``score``, to stand there too: models and recorded neurons.
    joint
        The --out of ``joint``: forecasts and responses learned together.
    """
    from comparisons.compare_page import side_by_side_section
    from comparisons.neural import joint_page, score_page
    from comparisons.page import read_section
    from comparisons.report import Section, write_report

    further = []
    if compare is not None:
        own = ("--compare", str(compare))
        further.append(Section("side-by-side", "Dynamics side by side", side_by_side_section(compare), own))
    for name, title, option, page, out in (
        ("neurons", "Models and recorded neurons", "--score", score_page.PAGE, score),
        ("joint", "Forecasts and responses learned together", "--joint", joint_page.PAGE, joint),
    ):
        if out is not None:
            further.append(Section(name, title, read_section(out / page), (option, str(out))))
    print(write_report(folder, further))


def verdicts(*records: Path, brief: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Judge what batteries have measured, on this machine or on several: nothing is measured anew.

    Parameters
    ----------
    records
        The records.jsonl of batteries; of what stands in more than one the last counts.
    brief
        Print the table alone, without controls and reasons.

    Raises
    ------
    SubjectError
        If no file is given, or a record is damaged or of another version.
    """
    from comparisons.records import judged_together, read_records
    from comparisons.verdict_table import table

    if not records:
        raise SubjectError(sentence("verdicts", "needs a file", cure="give the records.jsonl of a battery"))
    print(table(judged_together(read_records(records)), brief=brief), end="")


COMMANDS = (battery, report, verdicts, compare)
