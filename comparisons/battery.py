"""Every phenomenon in every model, seed by seed; each result is written as soon as it is there, so that it can be stopped.

A battery's folder holds ``results/MODEL/SEED/PHENOMENON.json`` (effects of the model and of its controls) with its curves in
``.npz``, ``results/MODEL/SEED/gate.json``, and when all is done ``verdicts.json`` and ``verdicts.md``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.phenomena import PHENOMENA
from comparisons.phenomenon import Measurement
from comparisons.progress import Reporter
from comparisons.responder import Exposable, Responder, Response
from comparisons.responders.null import Idle, control_of
from comparisons.run_folder import to_json
from comparisons.subjects import Subject, held_out_ratio, open_subject
from comparisons.verdicts import Verdict, decide, holm
from snn.errors import RunFolderError, SubjectError, nearest, sentence
from snn.files import replace_file
from snn.stimuli.movie import Movie

RESULTS = "results"
GATE_FILE = "gate.json"
TIMED_FRAMES = 12
"""Frames on which the speed of a subject is measured for the estimate."""


@dataclass(frozen=True)
class Model:
    """A model of the battery.

    Attributes
    ----------
    name : str
        In tables and folder names.
    runs : tuple of Path
        One run a seed, alike but for the seed.
    """

    name: str
    runs: tuple[Path, ...]


@dataclass(frozen=True)
class Task:
    """One phenomenon in one run.

    Attributes
    ----------
    model : Model
    seed : int
        Number of the run in its model; also the seed of stimuli and noise.
    phenomenon : str
    """

    model: Model
    seed: int
    phenomenon: str


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
        If a phenomenon is unknown, or two models have one name.
    """

    def __init__(self, models: Sequence[Model], phenomena: Sequence[str], out: Path) -> None:
        for name in phenomena:
            if name not in PHENOMENA:
                raise SubjectError(sentence("battery.phenomena", f"there is no phenomenon {name!r}", cure=nearest(name, PHENOMENA)))
        names = [m.name for m in models]
        if not models or len(set(names)) != len(names):
            raise SubjectError(sentence("battery.models", "need names, each of its own", got=names))
        self.models, self.phenomena, self.out = tuple(models), tuple(phenomena), out
        self._opened: dict[Path, Subject] = {}

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
        """List the tasks without a result that still holds.

        Returns
        -------
        list of Task

        Raises
        ------
        RunFolderError
            If a run is missing or damaged.
        """
        return [task for task in self.tasks() if self.result(task) is None]

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
        found = _read(self._folder(task) / f"{task.phenomenon}.json")
        if found is None or found["version"] != PHENOMENA[task.phenomenon].about.version or found["run_digest"] != digest:
            return None
        return found

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
        speed: dict[str, float] = {}
        total = 0.0
        for task in tasks:
            responder, phenomenon = self.subject(task).responder, PHENOMENA[task.phenomenon]
            if phenomenon.lacks(responder) is not None:
                continue
            if task.model.name not in speed:
                speed[task.model.name] = _frame_s(responder)
            counted = _Counting(responder)
            phenomenon.measure(counted, task.seed)
            runs = 1 + sum(control_of(responder, c) is not None for c in phenomenon.about.controls if c != "adaptation_only")
            total += counted.frames * runs * speed[task.model.name]
        return total

    def run(self, report: Reporter | None = None) -> dict[str, dict[str, Verdict]]:
        """Do what is left, and judge.

        Parameters
        ----------
        report : Reporter, optional
            Where progress goes.

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
        left = self.left()
        report.begin("battery")
        for done, task in enumerate(left):
            report.step(done, len(left), f"{task.model.name}, seed {task.seed}: {task.phenomenon}")
            self._measure(task)
        report.step(len(left), max(1, len(left)))
        report.end()
        for model in self.models:
            for seed in range(len(model.runs)):
                self._gate(Task(model, seed, self.phenomena[0]))
        verdicts = self.verdicts()
        _write(self.out / "verdicts.json", to_json({m: {p: as_json(v) for p, v in found.items()} for m, found in verdicts.items()}))
        _write(self.out / "verdicts.md", table(verdicts))
        return verdicts

    def verdicts(self) -> dict[str, dict[str, Verdict]]:
        """Judge by the results that are there.

        Returns
        -------
        dict of str to dict
            Per model and phenomenon; corrected for the number of phenomena.
        """
        found: dict[str, dict[str, Verdict]] = {}
        for model in self.models:
            here = {}
            for name in self.phenomena:
                results = [self.result(Task(model, seed, name)) for seed in range(len(model.runs))]
                gates = [_read(self._folder(Task(model, seed, name)) / GATE_FILE) for seed in range(len(model.runs))]
                known = [r for r in results if r is not None]
                lacks = [r["lacks"] for r in known if r["lacks"]]
                if lacks:
                    here[name] = Verdict("not applicable", lacks[0])
                    continue
                here[name] = decide(PHENOMENA[name].about, [r["effects"] for r in known], [g["ratio"] for g in gates if g])
            found[model.name] = holm(here)
        return found

    def _measure(self, task: Task) -> None:
        subject, phenomenon, began = self.subject(task), PHENOMENA[task.phenomenon], time.monotonic()
        lacks = phenomenon.lacks(subject.responder)
        measured: dict[str, Measurement] = {}
        if lacks is None:
            measured["model"] = phenomenon.measure(subject.responder, task.seed)
            for name in phenomenon.about.controls:
                control = control_of(subject.responder, name)
                if control is not None and phenomenon.lacks(control) is None:
                    measured[name] = phenomenon.measure(control, task.seed)
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
            "run": str(subject.path),
            "run_digest": subject.digest,
            "seed": task.seed,
            "seconds": time.monotonic() - began,
            "lacks": lacks,
            "effects": {who: dict(m.effects) for who, m in measured.items()},
        }
        _write(folder / f"{task.phenomenon}.json", to_json(found))

    def _gate(self, task: Task) -> None:
        path, subject = self._folder(task) / GATE_FILE, self.subject(task)
        known = _read(path)
        if known is None or known["run_digest"] != subject.digest:
            _write(path, to_json({"run_digest": subject.digest, "ratio": held_out_ratio(subject.path)}))

    def _folder(self, task: Task) -> Path:
        return self.out / RESULTS / task.model.name / str(task.seed)


class _Counting(Idle):
    """Counts the frames that a phenomenon would show to a subject, and learns nothing from them."""

    def __init__(self, subject: Responder) -> None:
        super().__init__(subject.frame_size, 1, "noise", subject.frame_ms)
        self.sites, self.finest_bin_ms, self.frames = subject.sites, subject.finest_bin_ms, 0
        self.learns = isinstance(subject, Exposable)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        self.frames += movie.n_frames * trials
        return super().respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)

    def control(self, name: str) -> Responder | None:
        """As `Responder.control`: itself, counted too."""
        return self

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Responder:
        """As `Exposable.expose`."""
        self.frames += movie.n_frames * repeats
        return self


def _frame_s(responder: Responder) -> float:
    """Time of a frame, measured."""
    movie = Movie(np.random.default_rng(0).random((TIMED_FRAMES, *responder.frame_size)), responder.frame_ms)
    names = [s.name for s in responder.sites][:1]
    responder.respond(movie, names)
    began = time.monotonic()
    responder.respond(movie, names)
    return (time.monotonic() - began) / TIMED_FRAMES


def _read(path: Path) -> dict[str, Any] | None:
    """Read a result; one that is cut short or damaged is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "run_digest" in found else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: file.write(text.encode()))


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Give a verdict as what JSON can hold.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    dict
    """
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "effect": None if verdict.effect is None else verdict.effect._asdict(),
        "controls": {k: v._asdict() for k, v in verdict.controls.items()},
        "beyond": {k: v._asdict() for k, v in verdict.beyond.items()},
        "others": {k: v._asdict() for k, v in verdict.others.items()},
        "n_seeds": verdict.n_seeds,
        "p": verdict.p,
    }


def table(verdicts: Mapping[str, Mapping[str, Verdict]]) -> str:
    """Print verdicts as a table in Markdown, phenomena down, models across, with the reasons below.

    Parameters
    ----------
    verdicts : mapping of str to mapping
        Per model and phenomenon.

    Returns
    -------
    str
    """
    models = list(verdicts)
    names = list(dict.fromkeys(name for found in verdicts.values() for name in found))
    rows = [f"| | {' | '.join(models)} |", "|---|" + "---|" * len(models)]
    notes = []
    for name in names:
        about = PHENOMENA[name].about
        cells = []
        for model in models:
            verdict = verdicts[model][name]
            cells.append(cell(verdict, about.unit))
            if verdict.reason:
                notes.append(f"- {about.title}, {model}: {verdict.outcome}; {verdict.reason}.")
        rows.append(f"| {about.title} | {' | '.join(cells)} |")
    return "\n".join([*rows, "", *notes, ""])


def cell(verdict: Verdict, unit: str) -> str:
    """Print a verdict in a few words.

    Parameters
    ----------
    verdict : Verdict
    unit : str
        Of its effect.

    Returns
    -------
    str
    """
    if verdict.effect is None:
        return verdict.outcome
    mean, low, high = verdict.effect
    interval = "" if np.isnan(low) else f" [{low:.3g}, {high:.3g}]"
    space = "" if unit in ("", "%") else " "
    outcome = f"**{verdict.outcome}**" if verdict.outcome == "holds" else verdict.outcome
    return f"{outcome} {mean:.3g}{space}{unit}{interval}"
