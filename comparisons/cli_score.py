"""The command that scores models against recorded neurons."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from comparisons.cli_options import Count, opened, same_networks, some_runs
from comparisons.progress import TerminalReporter
from snn.errors import NeuralDataError, RunFolderError, sentence

if TYPE_CHECKING:
    from comparisons.neural.data import FloatArray, NeuralData

SIMULATED = "simulated-v1"
SIMULATED_STIMULI, SIMULATED_UNITS = 1600, 40
"""So many that what responses are made from explains nine tenths of what could be explained."""


def score(
    *runs: str,
    neural: str,
    out: Path | None = None,
    groups: Literal["each"] | None = None,
    method: Literal["ridge", "pls"] = "ridge",
    folds: Annotated[int, Parameter(validator=Number(gte=2))] = 5,
    trials: Count = 2,
    seed: int = 0,
    untrained: bool = True,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Score how well models predict recorded neurons, and how alike they tell stimuli apart.

    Images are seen after grey, for eight frames; the first two and the last four are features of their own.

    Parameters
    ----------
    runs
        NAME=RUN,RUN,... one a seed, or RUN; run folders or names of shipped models. None: what needs no model alone.
    neural
        Recording (.npz or .nwb, see docs/recordings.md), or simulated-v1: complex cells with divisive normalisation, whose truth is known.
    out
        Folder for scores.json and score.html; with it, the same command goes on where it was stopped.
    groups
        With 'each', stimuli of a recording without groups stand alone.
    method
        Ridge regression, or partial least squares.
    folds
        Of groups of stimuli, for the regression.
    trials
        How often each stimulus is shown to a model; answers are averaged.
    seed
        Of folds, of halves of trials and of stimuli, and of noise.
    untrained
        Score what each model was before it learned too.
    json_
        Print JSON.

    Raises
    ------
    SubjectError
        If two models have one name, or one run is given twice.
    NeuralDataError
        If the recording cannot be read, or there is too little of it.
    RunFolderError
        If ``out`` holds scores of another recording.
    """
    from comparisons.neural.encoding import without_score
    from comparisons.neural.kept import Kept
    from comparisons.neural.score_tables import MORE_LEGEND, as_json, gain_table, score_table
    from comparisons.neural.score_words import about, legend, missing
    from comparisons.neural.scores import Target
    from comparisons.neural.scoring import model_rows, reference_rows
    from comparisons.neural.showing import Showing
    from comparisons.run_folder import to_json, versions
    from comparisons.sweeps.outcome import version

    models, report = same_networks("score", opened("score", some_runs(runs))), TerminalReporter()
    data, made_of = _recording(neural, groups, seed)
    showing = Showing(trials=trials)
    if out is not None:
        _not_of_another(out, data)
    target = Target.of(data, method=method, n_folds=folds, seed=seed)
    without = missing(without_score(data, target.ceiling))
    report.say(f"{data.name}: {about(target)}")
    kept = Kept(None if out is None else out / "parts", json.dumps([data.digest, method, folds, seed, repr(showing), version()]))
    rows = list(reference_rows(target, showing, [s.responder for subjects in models.values() for s in subjects], made_of))
    rows += list(model_rows(target, models, showing=showing, controls=untrained, report=report, kept=kept)) if models else []
    found: dict[str, Any] = as_json(target, rows) | {
        "command": _command(runs, neural, out, groups, method, folds, trials, seed, untrained),
        "models": {name: [str(s.path) for s in subjects] for name, subjects in models.items()},
        "digests": {name: [s.digest for s in subjects] for name, subjects in models.items()},
        "versions": versions(),
    }
    if out is not None:
        from comparisons.neural.score_page import write_page

        report.say(f"page: {write_page(out, target, rows, found, showing)}")
    if json_:
        print(to_json(found))
        return
    print(score_table(target, rows).markdown() + f"\n{legend(rows)} {without}".rstrip())
    if models:
        print("\n" + gain_table(target, rows).markdown() + f"\n{MORE_LEGEND}")


def _not_of_another(out: Path, data: NeuralData) -> None:
    """Refuse to replace what took long to be scored by what is asked of something else."""
    from comparisons.neural.score_page import NUMBERS

    if not (out / NUMBERS).is_file():
        return
    try:
        held = json.loads((out / NUMBERS).read_text(encoding="utf-8"))["recording"]
        digest = held.get("digest", data.digest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(sentence(str(out / NUMBERS), "is not of score, or damaged", cure="choose another --out")) from error
    if digest != data.digest:
        raise RunFolderError(sentence(str(out), f"holds scores of another recording, {held['name']}", cure="choose another --out"))


def _recording(neural: str, groups: Literal["each"] | None, seed: int) -> tuple[NeuralData, FloatArray | None]:
    if neural != SIMULATED:
        from comparisons.neural.files import read_neural

        if neural.startswith(SIMULATED.partition("-")[0]) and not Path(neural).exists():
            raise NeuralDataError(sentence(f"score --neural {neural}", "is neither a file nor a simulated cortex", allowed=SIMULATED))
        return read_neural(Path(neural), groups=groups), None
    if groups is not None:
        cure = "leave --groups out; its patches of one photograph belong together"
        raise NeuralDataError(sentence(f"score --groups {groups}", f"is not for {SIMULATED}", cure=cure))
    from comparisons.neural.simulated import simulated_v1

    v1 = simulated_v1(n_stimuli=SIMULATED_STIMULI, n_units=SIMULATED_UNITS, seed=seed)
    return v1.data, v1.features


def _command(
    runs: tuple[str, ...],
    neural: str,
    out: Path | None,
    groups: str | None,
    method: str,
    folds: int,
    trials: int,
    seed: int,
    untrained: bool,
) -> str:
    words = ["spiking-prednet", "score", *runs, "--neural", neural, *(["--groups", groups] if groups else []), "--method", method]
    words += ["--folds", str(folds), "--trials", str(trials), "--seed", str(seed), *([] if untrained else ["--no-untrained"])]
    return shlex.join([*words, *(["--out", str(out)] if out is not None else [])])


COMMANDS = (score,)
