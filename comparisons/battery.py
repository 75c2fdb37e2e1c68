"""Every phenomenon in every model, seed by seed; each result is written as soon as it is there, so that it can be stopped.

A battery's folder holds ``battery.json`` (models and phenomena), ``results/MODEL/SEED/PHENOMENON.json`` (effects of the
model and of its controls) with its curves in ``.npz``, ``results/MODEL/SEED/gate.json``, and when all is done
``verdicts.json``, ``verdicts.md`` and ``records.jsonl``, from which they follow. Records in ``known.jsonl`` are of what was
measured elsewhere: it is not measured again, and has no curves here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from comparisons.battery_models import Model, Task, models_as_json, models_from
from comparisons.battery_results import read_result, write_result
from comparisons.battery_work import measure_all
from comparisons.estimate import Speeds, frames_of
from comparisons.phenomena import PHENOMENA
from comparisons.phenomenon import Measurement
from comparisons.progress import Reporter
from comparisons.records import HARNESS, KNOWN_FILE, RECORDS_FILE, Record, as_lines, judged, read_records
from comparisons.responder import FloatArray, Responder, fitted
from comparisons.responders.null import control_of
from comparisons.run_folder import to_json
from comparisons.subjects import Subject, held_out_ratio, open_subject
from comparisons.verdict_table import as_json, table
from comparisons.verdicts import Verdict
from snn.errors import RunFolderError, SubjectError, nearest, sentence
from snn.files import replace_file

RESULTS = "results"
GATE_FILE = "gate.json"
PLAN_FILE = "battery.json"
NEEDED = {"version", "harness", "run_digest", "run", "lacks", "effects"}
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Battery:
    """A plan of tasks and the folder that it is written to.

    Parameters
    ----------
    models : sequence of Model
    phenomena : sequence of str
        Their names.
    out : Path
        Folder; results that are there already and still hold are kept.

    Raises
    ------
    SubjectError
        If a phenomenon is unknown, two models have one name, or a name could not be that of a folder.
    """

    def __init__(self, models: Sequence[Model], phenomena: Sequence[str], out: Path) -> None:
        for name in phenomena:
            if name not in PHENOMENA:
                raise SubjectError(sentence("battery.phenomena", f"there is no phenomenon {name!r}", cure=nearest(name, PHENOMENA)))
        names = [m.name for m in models]
        if not models or len(set(names)) != len(names):
            raise SubjectError(sentence("battery.models", "need names, each of its own", got=names))
        for name in names:
            if not NAME.fullmatch(name):
                raise SubjectError(
                    sentence("battery.models", "a name cannot be that of a folder", got=name, allowed="letters, digits, - and _")
                )
        self.models, self.phenomena, self.out = tuple(models), tuple(dict.fromkeys(phenomena)), out
        known = read_records([out / KNOWN_FILE]) if (out / KNOWN_FILE).exists() else []
        self._known = {(r.model, r.seed, r.phenomenon): r for r in known}
        self._opened: dict[Path, Subject] = {}

    @classmethod
    def open(cls, out: Path) -> Battery:
        """Open the battery that was run into a folder.

        Parameters
        ----------
        out : Path

        Returns
        -------
        Battery

        Raises
        ------
        RunFolderError
            If no battery was run into it.
        """
        try:
            asked = json.loads((out / PLAN_FILE).read_text())
            return cls(models_from(asked), asked["phenomena"], out)
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise RunFolderError(sentence(str(out), "is not the folder of a battery", cure="give the --out of `battery`")) from error

    def tasks(self) -> Iterator[Task]:
        """Give all tasks, run by run.

        Yields
        ------
        Task
        """
        for model in self.models:
            for seed in range(len(model.runs)):
                for phenomenon in self.phenomena:
                    yield Task(model, seed, phenomenon)

    def left(self) -> list[Task]:
        """List the tasks without a result that still holds, here or among what was measured elsewhere.

        Returns
        -------
        list of Task

        Raises
        ------
        RunFolderError
            If a run is missing or damaged.
        """
        return [task for task in self.tasks() if self.result(task) is None and self._elsewhere(task) is None]

    def result(self, task: Task) -> dict[str, Any] | None:
        """Read the result of a task.

        Parameters
        ----------
        task : Task

        Returns
        -------
        dict or None
            None where there is none, or it is of another version of the phenomenon or another run.
        """
        digest = self.subject(task).digest
        found = read_result(self._folder(task) / f"{task.phenomenon}.json")
        if found is None or not NEEDED <= found.keys():
            return None
        holds = (found["version"], found["harness"], found["run_digest"]) == (PHENOMENA[task.phenomenon].about.version, HARNESS, digest)
        bare = "untrained" in found.get("left_out", ()) and task.model.untrained
        return found if holds and not bare and self._readable(task) else None

    def _elsewhere(self, task: Task) -> Record | None:
        """What is known of a task without its curves; None where it is of another run, or lacks a control that is asked for."""
        found = self._known.get((task.model.name, task.number, task.phenomenon))
        if found is None or found.run_digest != self.subject(task).digest or ("untrained" in found.left_out and task.model.untrained):
            return None
        return found

    def _readable(self, task: Task) -> bool:
        try:
            self.curves(task)
        except (OSError, ValueError, BadZipFile):
            return False
        return (self._folder(task) / f"{task.phenomenon}.npz").is_file()

    def subject(self, task: Task) -> Subject:
        """Open the run of a task, once.

        Parameters
        ----------
        task : Task

        Returns
        -------
        Subject
        """
        path = task.model.runs[task.seed]
        if path not in self._opened:
            self._opened[path] = open_subject(path, task.model.name)
        return self._opened[path]

    def asked(self, task: Task) -> Responder:
        """Give the subject of a task, with frames that are large enough where it can have them.

        Parameters
        ----------
        task : Task

        Returns
        -------
        Responder
        """
        return fitted(self.subject(task).responder, PHENOMENA[task.phenomenon].about.least_px)

    def estimate_s(self, tasks: Sequence[Task]) -> float:
        """Estimate the time of tasks: frames that would be shown, times the time of a frame of each subject.

        Parameters
        ----------
        tasks : sequence of Task

        Returns
        -------
        float
            In seconds, of one core, on which the speed has just been measured.
        """
        speeds, total = Speeds(), 0.0
        for task in (t for t in tasks if t.model.lacks(t.phenomenon) is None):
            responder, name = self.asked(task), task.model.name
            frames = frames_of(PHENOMENA[task.phenomenon], responder, task.number, untrained=task.model.untrained)
            total += speeds.seconds(name, responder, frames)
        return total

    def alone(self) -> Battery:
        """Give the same battery without the runs that it has opened, so that it can be sent to another process.

        Returns
        -------
        Battery
        """
        return Battery(self.models, self.phenomena, self.out)

    def run(self, report: Reporter | None = None, workers: int = 1) -> dict[str, dict[str, Verdict]]:
        """Do what is left, and judge.

        Parameters
        ----------
        report : Reporter, optional
            Where progress goes.
        workers : int
            Processes side by side.

        Returns
        -------
        dict of str to dict
            Verdicts per model and phenomenon.

        Raises
        ------
        RunFolderError
            If the folder cannot be written.
        """
        report = report or Reporter()
        self.check_seeds()
        for model in self.models:
            for seed in range(len(model.runs)):
                self._measure_gate(Task(model, seed, self.phenomena[0]))
        left = self.left()
        asked = models_as_json(self.models) | {"phenomena": list(self.phenomena)}
        write_result(self.out / PLAN_FILE, to_json(asked))
        try:
            measure_all(self, left, report, workers)
        finally:
            records = list(self.records())
            write_result(self.out / RECORDS_FILE, as_lines(records))
        verdicts = self._judged(records)
        write_result(self.out / "verdicts.json", to_json({m: {p: as_json(v) for p, v in found.items()} for m, found in verdicts.items()}))
        write_result(self.out / "verdicts.md", table(verdicts))
        return verdicts

    def check_seeds(self) -> None:
        """Refuse runs of a model that are not networks of their own, alike but for the seed.

        Raises
        ------
        SubjectError
            If two are one run, or differ in their populations.
        """
        for model in self.models:
            subjects = [self.subject(Task(model, seed, "")) for seed in range(len(model.runs))]
            where, got = f"battery.models.{model.name}", list(map(str, model.runs))
            if len({s.digest for s in subjects}) < len(subjects):
                cure = "give runs that were learned with different seeds"
                raise SubjectError(sentence(where, "has one run more than once", got=got, cure=cure))
            if len({s.responder.sites for s in subjects}) > 1:
                raise SubjectError(sentence(where, "has runs with different populations", got=got))

    def verdicts(self) -> dict[str, dict[str, Verdict]]:
        """Judge by the results that are there.

        Returns
        -------
        dict of str to dict
            Per model and phenomenon; corrected for the number of phenomena.
        """
        return self._judged(self.records())

    def _judged(self, records: Iterable[Record]) -> dict[str, dict[str, Verdict]]:
        return judged(records, {m.name: len(m.runs) for m in self.models}, self.phenomena)

    def records(self) -> Iterator[Record]:
        """Give the results that are there and still hold, and what was measured elsewhere.

        Yields
        ------
        Record
        """
        for task in self.tasks():
            result, known = self.result(task), self._elsewhere(task)
            if result is not None:
                yield Record.of(result, task.model.name, self.gate(task))
            elif known is not None:
                yield known

    def curves(self, task: Task) -> dict[str, dict[str, FloatArray]]:
        """Read the curves of a task.

        Parameters
        ----------
        task : Task

        Returns
        -------
        dict of str to dict of str to ndarray
            Per subject (``model`` or a control) and name; shapes are the phenomenon's. Empty where there are none.
        """
        found: dict[str, dict[str, FloatArray]] = {}
        path = self._folder(task) / f"{task.phenomenon}.npz"
        if path.is_file():
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                for key in file.files:
                    who, _, name = key.partition("/")
                    found.setdefault(who, {})[name] = file[key]
        return found

    def gate(self, task: Task) -> float:
        """Read the held-out error of the run of a task, as a share of that of copying; NaN where it was not measured.

        Parameters
        ----------
        task : Task

        Returns
        -------
        float
        """
        found = read_result(self._folder(task) / GATE_FILE)
        if found is None or found["run_digest"] != self.subject(task).digest:
            return float("nan")
        # JSON has no infinity.
        return float("inf") if found["ratio"] is None else float(found["ratio"])

    def measure(self, task: Task) -> None:
        """Measure a phenomenon in a run and in its controls, and write the result.

        Parameters
        ----------
        task : Task

        Raises
        ------
        RunFolderError
            If the folder cannot be written.
        """
        subject, phenomenon, began = self.subject(task), PHENOMENA[task.phenomenon], time.monotonic()
        responder = self.asked(task)
        lacks = task.model.lacks(task.phenomenon) or phenomenon.lacks(responder)
        measured: dict[str, Measurement] = {}
        if lacks is None:
            measured["model"] = phenomenon.measure(responder, task.number)
            for name in phenomenon.about.controls + phenomenon.about.beside:
                if name == "untrained" and not task.model.untrained:
                    continue
                control = control_of(responder, name)
                # Cells that only tire cannot learn, and stand beside phenomena of learning all the same.
                if control is not None and (name == "adaptation_only" or phenomenon.lacks(control) is None):
                    measured[name] = phenomenon.measure(control, task.number)
        folder = self._folder(task)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            curves = {f"{who}/{name}": values for who, m in measured.items() for name, values in m.curves.items()}
            replace_file(folder / f"{task.phenomenon}.npz", lambda file: np.savez(file, **curves))  # type: ignore[arg-type]
        except OSError as error:
            raise RunFolderError(sentence(str(folder), f"cannot be written ({error.strerror})", cure="choose another --out")) from error
        found = {
            "phenomenon": task.phenomenon,
            "version": phenomenon.about.version,
            "harness": HARNESS,
            "run": str(subject.path),
            "run_digest": subject.digest,
            "seed": task.number,
            "seconds": time.monotonic() - began,
            "lacks": lacks,
            "left_out": [] if task.model.untrained else ["untrained"],
            "effects": {who: dict(m.effects) for who, m in measured.items()},
        }
        write_result(folder / f"{task.phenomenon}.json", to_json(found))

    def _measure_gate(self, task: Task) -> None:
        path, subject = self._folder(task) / GATE_FILE, self.subject(task)
        known = read_result(path)
        if known is None or known["run_digest"] != subject.digest:
            write_result(path, to_json({"run_digest": subject.digest, "ratio": held_out_ratio(subject.path)}))

    def _folder(self, task: Task) -> Path:
        return self.out / RESULTS / task.model.name / str(task.number)
