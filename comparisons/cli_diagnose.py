"""The command that tells why a circuit learns or does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from comparisons.cli_options import FOR_PHOTOGRAPHS, NOT_FOR_PHOTOGRAPHS, names, refuse_unused
from comparisons.progress import TerminalReporter


def diagnose(
    run: Path,
    /,
    *,
    frames: str,
    clips: str = "",
    movies: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Show frames to a circuit with frozen weights and tell why it learns or does not: rates, weights, balance, gates.

    Parameters
    ----------
    run
        Run folder, or name of a shipped model.
    frames
        As for learn; of photographs, those that are learned from.
    clips
        Names of clips, with commas; all when left out.
    movies
        For photographs: number of drifts; 20 when left out.
    json_
        Print JSON.
    """
    from comparisons.diagnosing import N_MOVIES, as_json, diagnose_run, diagnosis_table
    from comparisons.movies import PHOTOGRAPHS
    from comparisons.run_folder import to_json

    if frames == PHOTOGRAPHS:
        refuse_unused(NOT_FOR_PHOTOGRAPHS, {"clips": clips or None})
    else:
        refuse_unused(FOR_PHOTOGRAPHS, {"movies": movies})
    report = TerminalReporter()
    report.begin("showing")
    network, found = diagnose_run(run, frames, names(clips), N_MOVIES if movies is None else movies, after=report.step)
    report.end()
    print(to_json(as_json(found)) if json_ else f"{run}: {found.activity.n_frames} frames shown\n\n{diagnosis_table(network, found)}")


COMMANDS = (diagnose,)
