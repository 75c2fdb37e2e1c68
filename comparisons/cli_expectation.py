"""The command that breaks learned sequences, in recordings and in models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from comparisons.cli_options import Count, opened, same_networks, some_runs
from comparisons.progress import TerminalReporter
from snn.errors import SubjectError, sentence

if TYPE_CHECKING:
    from comparisons.neural.expectation_tables import Measured


def expectation(
    *runs: str,
    neural: Path | None = None,
    out: Path | None = None,
    exposures: Count = 200,
    trials: Annotated[int, Parameter(validator=Number(gte=2))] = 10,
    draws: Count = 5,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Break a sequence of gratings that was seen again and again, and say what that adds to answers, in neurons and in models.

    Parameters
    ----------
    runs
        NAME=RUN,RUN,... one a seed, or RUN; run folders or names of shipped models that can go on learning.
    neural
        Recording of units on several days (.npz with z, day and more, see docs/recordings.md).
    out
        Folder for expectation.json; with it, the same command goes on where it was stopped.
    exposures
        How often models see the sequence.
    trials
        How often each sequence of the test is shown to models, 2 or more.
    draws
        Of the gratings, for each run. Intervals are over runs, of one run over draws.
    seed
        Of the first draw; of permutations and noise too.
    json_
        Print JSON.

    Raises
    ------
    SubjectError
        If there is neither a recording nor a model, or a model cannot go on learning.
    NeuralDataError
        If the recording cannot be read.
    """
    from comparisons import run_folder
    from comparisons.neural.expectation import read_sequences
    from comparisons.neural.expectation_tables import LEGEND, averaged, model_rows, model_table, recording_rows, recording_table
    from comparisons.neural.kept import Kept
    from comparisons.neural.violation import Training, measured, why_not
    from comparisons.page import made
    from comparisons.sweeps.outcome import version

    if not runs and neural is None:
        raise SubjectError(sentence("expectation", "needs a recording or a model", cure="give --neural FILE, a run, or both"))
    training, report = Training(exposures, trials), TerminalReporter()
    models = same_networks("expectation", opened("expectation", some_runs(runs)))
    for name, subjects in models.items():
        if (why := why_not(subjects[0].responder)) is not None:
            raise SubjectError(sentence(f"expectation {name}", why, cure="leave it out"))
    if out is not None:
        made(out)
    found: dict[str, Any] = {
        "recording": [],
        "models": [],
        "setting": {"exposures": exposures, "trials": trials, "draws": draws, "seed": seed, "neural": neural and str(neural)},
        "digests": {name: [s.digest for s in subjects] for name, subjects in models.items()},
        "versions": run_folder.versions(),
    }
    if neural is not None:
        found["recording"] = recording_rows(read_sequences(neural), seed=seed)
    kept = Kept(None if out is None else out / "parts", json.dumps([exposures, trials, version()]))
    todo = [
        (name, k, subject, seed + draw) for name, subjects in models.items() for k, subject in enumerate(subjects) for draw in range(draws)
    ]
    told: dict[str, list[list[Measured]]] = {name: [[] for _ in subjects] for name, subjects in models.items()}
    report.begin("expectation")
    for done, (name, k, subject, own) in enumerate(todo, 1):
        numbers = kept.read(subject.digest, own)
        if numbers is None:
            numbers = measured(subject.responder, own, training)
            kept.write(numbers, subject.digest, own)
        told[name][k].append(numbers)
        report.step(done, len(todo), name)
    report.end()
    found["models"] = model_rows({name: [averaged(of_run) for of_run in each] if len(each) > 1 else each[0] for name, each in told.items()})
    if out is not None:
        run_folder.write_json(out / "expectation.json", found)
        report.say(f"numbers: {out / 'expectation.json'}")
    if json_:
        print(run_folder.to_json(found))
        return
    for rows, table in ((found["recording"], recording_table), (found["models"], model_table)):
        if rows:
            print(table(rows).markdown())
    print(LEGEND)


COMMANDS = (expectation,)
