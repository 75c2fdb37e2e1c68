"""Search over the space of a sweep: Optuna proposes settings, runs that do badly are given up, and it goes on after a kill.

Constants are chosen on frames kept for that, never on those that are held out for the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparisons.battery_results import write_result
from comparisons.movies import PHOTOGRAPHS
from comparisons.processes import processes
from comparisons.progress import Reporter
from comparisons.run_folder import to_json
from comparisons.sweeps.axes import Axis, Range, Settings
from comparisons.sweeps.cluster import refuse_starting_worker
from comparisons.sweeps.outcome import read_outcome
from comparisons.sweeps.paths import check_network, label_of, with_settings
from comparisons.sweeps.plan import Point, Sweep, without
from comparisons.sweeps.table import tabulate, write_table
from comparisons.sweeps.work import Stopped, task_of, the_only_one, work
from snn.curve import Curve
from snn.errors import DescriptionError, RunFolderError, SpikingPrednetError, sentence
from snn.seeding import stream

if TYPE_CHECKING:
    import optuna
    import pandas as pd

JOURNAL, STUDY, ERROR = "study.journal", "search", "error"
MEASURE = "ratio_validation"
"""What is made small: the error on validation frames (or new drifts of the learned photographs), over that of copying."""
FIRST_JUDGED, UNJUDGED = 5, 0.2
"""Runs that end before any is given up; and the share of a run in which it is not judged."""
JUDGED_POINTS = 20
"""Times in a run at which it is judged."""


def run_search(
    sweep: Sweep, out: Path | str, *, trials: int, workers: int = 1, seed: int = 0, report: Reporter | None = None
) -> pd.DataFrame:
    """Look for the settings with the least error on validation frames.

    It can be killed at any time: the same call goes on until there are so many trials, and first ends those that were cut off.

    Parameters
    ----------
    sweep : Sweep
        Its run, what it varies (lists or ranges), its seeds (the mean over them counts) and at most one ablation.
    out : Path or str
        Folder for runs, outcomes, ``study.journal`` (Optuna's own) and ``table.parquet``.
    trials : int
        Settings that are tried in all, those of earlier calls included.
    workers : int
        Processes side by side; with more than one, what is proposed depends on which ends first.
    seed : int
        Of the proposals.
    report : Reporter, optional

    Returns
    -------
    DataFrame
        As of a sweep: a row for each setting and seed that was tried; status ``waiting`` of those that were given up.

    Raises
    ------
    DescriptionError
        If nothing is varied, there is more than one ablation, or a video has no validation frames.
    RunFolderError
        If the folder cannot be written.
    """
    refuse_starting_worker()
    report, out = report or Reporter(), Path(out).resolve()
    if not sweep.vary:
        raise DescriptionError(sentence("sweep.vary", "is empty, so there is nothing to search", cure="name a path and its range"))
    source = sweep.run.source
    if source.frames != PHOTOGRAPHS and not source.validate_frames:
        cure = "set run.source.validate_frames: the held-out ones are for the end"
        raise DescriptionError(sentence("sweep.run.source.validate_frames", "keeps no frames to choose settings on", got=0, cure=cure))
    if len(sweep.ablations) > 1:
        raise DescriptionError(sentence("sweep.ablations", "are not searched over", got=sweep.ablations, cure="search with one at a time"))
    try:
        write_result(out / "search.json", to_json(sweep.model_dump(mode="json")))
    except OSError as error:
        raise RunFolderError(sentence(str(out), f"cannot be written ({error.strerror})", cure="choose another --out")) from error
    with the_only_one(out):
        study = _study(out, seed)
        again = _end_those_cut_off(study)
        if again:
            report.say(f"{again} trials were cut off, and come first")
        report.begin("search", done=_tried(study))
        if workers == 1:
            _try(sweep, out, trials, seed, lambda: report.step(min(trials, _tried(study)), trials, _best(study)))
        else:
            with processes(workers) as pool:
                for future in [pool.submit(_try, sweep, out, trials, seed + k) for k in range(workers)]:
                    future.result()
                    report.step(min(trials, _tried(study)), trials, _best(study))
        report.end()
        return _table(sweep, out, study)


def _study(out: Path, seed: int) -> optuna.Study:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what fails stands in the table
    return optuna.create_study(
        study_name=STUDY,
        storage=JournalStorage(JournalFileBackend(str(out / JOURNAL))),
        sampler=_sampler(seed, 0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_JUDGED, n_warmup_steps=round(UNJUDGED * JUDGED_POINTS)),
        direction="minimize",
        load_if_exists=True,
    )


def _sampler(seed: int, begun: int) -> optuna.samplers.BaseSampler:
    import optuna

    number = int(stream(seed, "search", begun).integers(2**31))
    return optuna.samplers.TPESampler(seed=number, constant_liar=True)


def _end_those_cut_off(study: optuna.Study) -> int:
    """Say of trials whose process is gone that they failed, and put their settings first in line: their runs go on."""
    from optuna.trial import TrialState

    cut_off = study.get_trials(states=(TrialState.RUNNING,))
    for trial in cut_off:
        settings = trial.params or trial.system_attrs.get("fixed_params")
        if settings:
            study.enqueue_trial(settings)
        study.tell(trial.number, state=TrialState.FAIL)
    return len(cut_off)


def _tried(study: optuna.Study) -> int:
    """Count the trials that came to an end, also a bad one; what a kill cut off is not among them."""
    from optuna.trial import TrialState

    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
    return sum(t.state != TrialState.FAIL or ERROR in t.user_attrs for t in ended)


def _best(study: optuna.Study) -> str:
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return f"best {min(t.value for t in done if t.value is not None):.3f}" if done else ""


def _try(sweep: Sweep, out: Path, trials: int, seed: int, after: Callable[[], None] | None = None) -> None:
    """Try settings until so many have been tried, by all processes together."""
    study = _study(out, seed)
    # A search that goes on proposes others than it did: seeded alike, it would begin with the same again.
    study.sampler = _sampler(seed, len(study.get_trials(deepcopy=False)))

    def ended(study: optuna.Study, _: object) -> None:
        if after is not None:
            after()
        if _tried(study) >= trials:
            study.stop()

    if _tried(study) < trials:
        study.optimize(partial(_error, sweep, out), callbacks=[ended], catch=(SpikingPrednetError,))


def _error(sweep: Sweep, out: Path, trial: optuna.Trial) -> float:
    """Error of a setting, in the mean over seeds; given up where the first seed does worse than others did at that point."""
    import optuna

    setting = {path: _suggested(trial, label_of(path), axis) for path, axis in sweep.vary}
    found = []
    try:
        for k, point in enumerate(points_of(sweep, setting)):
            outcome = work(task_of(point, out), _judge(trial) if k == 0 else None)
            if outcome.status == "failed":
                raise DescriptionError(outcome.error)
            found.append(outcome.numbers[MEASURE])
        error = float(sum(found) / len(found))
        if math.isnan(error):
            raise DescriptionError(sentence(MEASURE, "is not defined in this run"))
    except Stopped as stopped:
        raise optuna.TrialPruned from stopped
    except SpikingPrednetError as refused:
        # It came to an end, and is counted.
        trial.set_user_attr(ERROR, str(refused))
        raise
    return error


def _judge(trial: optuna.Trial) -> Callable[[Curve], None]:
    """Tell Optuna the error while learning at some points of a run, and stop the run where it says so."""

    def watch(curve: Curve) -> None:
        point, ratio = curve.points[-1], curve.ratio()
        step = point.done * JUDGED_POINTS // point.total
        if math.isnan(ratio) or step == (point.done - 1) * JUDGED_POINTS // point.total:
            return
        trial.report(ratio, step)
        if trial.should_prune():
            raise Stopped

    return watch


def _suggested(trial: optuna.Trial, name: str, axis: Axis) -> Any:
    if not isinstance(axis, Range):
        values = [str(value) if isinstance(value, tuple) else value for value in axis]
        return axis[values.index(trial.suggest_categorical(name, values))]
    if axis.integer:
        return trial.suggest_int(name, int(axis.low), int(axis.high), log=axis.log)
    return trial.suggest_float(name, axis.low, axis.high, log=axis.log)


def points_of(sweep: Sweep, setting: Settings) -> list[Point]:
    """Give the runs of one setting.

    Parameters
    ----------
    sweep : Sweep
    setting : mapping of str to value

    Returns
    -------
    list of Point
        One a seed.
    """
    ablation = sweep.ablations[0]
    job = with_settings(without(sweep.run, ablation), setting)
    check_network(job)
    return [Point(job.model_copy(update={"seed": seed}), setting, ablation) for seed in sweep.seeds]


def _table(sweep: Sweep, out: Path, study: optuna.Study) -> pd.DataFrame:
    labels = {label_of(path): (path, axis) for path, axis in sweep.vary}
    points: dict[str, Point] = {}
    for trial in study.get_trials(deepcopy=False):
        if set(trial.params) != set(labels):
            continue
        setting = {labels[name][0]: _read(labels[name][1], value) for name, value in trial.params.items()}
        try:
            points |= {point.name: point for point in points_of(sweep, setting)}
        except DescriptionError:
            # Settings that make no run have no row; the journal has why.
            continue
    outcomes = {name: found for name, point in points.items() if (found := read_outcome(task_of(point, out).result)) is not None}
    table = tabulate(list(points.values()), outcomes)
    write_table(out, table)
    return table


def _read(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Range):
        return value
    return next(v for v in axis if (str(v) if isinstance(v, tuple) else v) == value)
