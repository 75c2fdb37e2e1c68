"""Runs of ``distil``: the same bytes, a run like any other of a rate PredNet, one line for what is wrong.

Oracles: byte equality, ``evaluate``, and the report on the same networks made by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from comparisons.bars import load_bars
from comparisons.cli import main
from comparisons.distil_job import DistilJob, DistilLearner, report_table, teacher_for
from comparisons.evaluation import evaluate, pooled_ratio
from comparisons.inspection import RateRun, describe, load_circuit, load_run, read_job
from comparisons.movies import PHOTOGRAPHS, Source, clip_of
from comparisons.progress import Reporter
from comparisons.rate_job import RateJob
from comparisons.rate_models import open_rate
from comparisons.run_folder import partial_of, read_json, sha256, to_json, verify
from comparisons.running import run_job
from conversion.backprop_plan import BackpropPlan
from conversion.distil_plan import DistilPlan, student_of
from conversion.distil_report import distillation_report
from conversion.model_files import load_model, save_model
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec, Timing
from snn.errors import ConversionError, MovieError, StateError

SIZE = 8
SPEC = RatePredNetSpec(rows=SIZE, cols=SIZE, channels=(1, 3), r_channels=(4, 3))
TIMING = Timing(step_ms=25.0)
PLAN = BackpropPlan(updates=4, batch=2, n_frames=5)


def source(frames: Path | str, **changes: Any) -> Source:
    return Source(**{"frames": str(frames), "size": SIZE, "hold_out": 5, **changes})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two clips of dots that drift by a pixel a frame, and the run of a teacher of them."""
    folder = tmp_path_factory.mktemp("place")
    rng, arrays = np.random.default_rng(0), {}
    for name in ("a", "b"):
        texture = rng.random((SIZE, SIZE + 12))
        smooth = 0.25 * (texture + np.roll(texture, 1, 0) + np.roll(texture, 1, 1) + np.roll(texture, (1, 1), (0, 1)))
        arrays[name] = np.stack([smooth[:, t : t + SIZE] for t in range(12)])
    np.savez(folder / "clips.npz", **arrays)
    run_job(RateJob(source=source(folder / "clips.npz"), model=SPEC, plan=PLAN), folder / "teacher", figures=False)
    return folder


def distil(place: Path, **changes: Any) -> DistilJob:
    teacher = changes.pop("teacher", place / "teacher")
    settings: dict[str, Any] = {
        "source": source(place / "clips.npz"),
        "teacher": str(teacher),
        "teacher_digest": open_rate(teacher).digest,
        "model": student_of(open_rate(teacher).model.spec, TIMING, channels=(1, 2)),
        "plan": PLAN,
    }
    return DistilJob(**{**settings, **changes})


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Stop(Exception):
    """Stands for whatever ends a process."""


class Stopping(Reporter):
    """Stops after a number of updates."""

    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, done: int, total: int, note: str = "") -> None:
        if done > self.after:
            raise Stop


# ---- the run


def test_stopped_and_resumed_is_uninterrupted(place: Path, tmp_path: Path) -> None:
    job = distil(place)
    with pytest.raises(Stop):
        run_job(job, tmp_path / "run", figures=False, report=Stopping(2), checkpoint_s=0.0)
    run_job(job, tmp_path / "run", resume=True, figures=False)
    run_job(job, tmp_path / "straight", figures=False)
    assert files(tmp_path / "run") == files(tmp_path / "straight")
    verify(tmp_path / "run")
    assert read_job(read_json(tmp_path / "run" / "config.json")) == job


def test_it_is_a_run_of_a_rate_prednet(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: ``evaluate`` on what is held out, the report by hand, and what ``info`` must show."""
    frames, out = str(place / "clips.npz"), str(tmp_path / "run")
    more = ["--batch", "2", "--window", "5", "--channels", "1,2", "--step-ms", "25", "--no-figures"]
    taught = ["distil", str(place / "teacher"), "--frames", frames, "--size", str(SIZE), "--hold-out", "5", "--updates", "4"]
    with pytest.raises(SystemExit, match="0"):
        main([*taught, *more, "--out", out])
    said = capsys.readouterr().out
    run = load_run(tmp_path / "run")
    assert isinstance(run, RateRun) and run.job == distil(place)
    report = run.summary["distillation"]
    assert report_table(report) in said and "level1.error_pos" in said and "held-out frames: error / copy-last of the teacher" in said
    held_out = source(frames).held_out(run.clips)
    again = distillation_report(open_rate(place / "teacher").model, run.model, held_out, clip_of)
    assert {key: report[key] for key in again} == json.loads(to_json(again))
    assert (report["frames"], report["frames_teacher_learned_from"], report["teacher_network"]) == (
        "held-out",
        0,
        "rate-prednet-2-convlstm",
    )
    scores = evaluate(run.forecaster, held_out, *load_bars(run.path))
    assert report["student"]["ratio"] == pytest.approx(pooled_ratio(scores), rel=1e-5)
    text = describe(run)
    assert f"distilled from {place / 'teacher'} on {frames}" in text and report_table(report) in text and "cell leaky" in text
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", out, "--frames", frames, "--only", "held-out", "--json"])
    found = json.loads(capsys.readouterr().out)["clips"]
    assert {name: row["ratio"] for name, row in found.items()} == pytest.approx(report["student"]["clips"], rel=1e-5)
    with pytest.raises(StateError, match="is a run of the rate PredNet, which check does not apply to"):
        load_circuit(tmp_path / "run", "check")
    _, about = load_model(tmp_path / "run" / "weights.safetensors")
    assert about == {"distilled_from": str(place / "teacher"), "teacher_digest": sha256(place / "teacher" / "weights.safetensors")}


def test_figures(place: Path, tmp_path: Path) -> None:
    run_job(distil(place), tmp_path / "run")
    assert {p.name for p in (tmp_path / "run" / "figures").iterdir()} == {"learning_curve.png", "strip.png", "animation.gif"}


def test_a_file_and_a_distilled_run_can_teach(place: Path, tmp_path: Path) -> None:
    """Oracle: the same teacher from a file teaches the same weights; a leaky one in milliseconds lends its own first."""
    run_job(distil(place), tmp_path / "run", figures=False)
    file = tmp_path / "teacher.safetensors"
    save_model(file, open_rate(place / "teacher").model)
    run_job(distil(place, teacher=file), tmp_path / "from_file", figures=False)
    weights = [dict(load_model(tmp_path / name / "weights.safetensors")[0].named_parameters()) for name in ("run", "from_file")]
    assert all(torch.equal(p, weights[1][name]) for name, p in weights[0].items())
    assert read_json(tmp_path / "from_file" / "summary.json")["distillation"]["frames_teacher_learned_from"] is None
    second = distil(place, teacher=tmp_path / "run", match=DistilPlan(frame=0.0), plan=PLAN.model_copy(update={"updates": 1}))
    summary = run_job(second.model_copy(update={"model": load_run(tmp_path / "run").job.model}), tmp_path / "second", figures=False)
    assert set(summary["distillation"]["begun_with"]) == set(weights[0])
    assert summary["distillation"]["populations"]["level0.prediction"]["nrmse"] < 0.1


@pytest.mark.parametrize(
    ("changes", "which"),
    [({"hold_out": 4}, "held-out"), ({"hold_out": 0, "validate_frames": 5}, "validation"), ({"hold_out": 0}, "learning")],
)
def test_what_is_reported_on(place: Path, tmp_path: Path, changes: dict[str, int], which: str) -> None:
    """Oracle: the frames by hand; those that the teacher has learned from are counted."""
    summary = run_job(distil(place, source=source(place / "clips.npz", **changes)), tmp_path / "run", figures=False)
    report = summary["distillation"]
    scored = {"held-out": 2 * 1, "validation": 2 * 2, "learning": 2 * 9}[which]
    assert (report["frames"], report["frames_scored"]) == (which, scored)
    known = {"held-out": 0, "validation": 0, "learning": 2 * 7}[which]
    assert report["frames_teacher_learned_from"] == known
    assert ("these frames were learned from" in report_table(report)) == (which == "learning")
    assert ("the teacher has learned from 14 of these frames" in report_table(report)) == (which == "learning")


def test_drifts_are_reported_on_as_they_are_evaluated(place: Path) -> None:
    """Oracle: the photographs that ``evaluate`` shows: 60 drifts of those that nobody learned from."""
    job = distil(place, source=Source(frames=PHOTOGRAPHS, size=SIZE, n_movies=3))
    learner = job.learner()
    assert isinstance(learner, DistilLearner)
    which, movies = learner.unseen(place)
    assert which == "held-out" and len(movies) == 60 and {clip_of(m) for m in movies} == {"astronaut", "coffee"}
    expected = job.source.model_copy(update={"n_movies": 60}).held_out({})
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(movies, expected, strict=True))


# ---- what is refused


def test_a_teacher_that_has_changed(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "teacher.safetensors"
    save_model(file, RatePredNet(SPEC, seed=1))
    job = distil(place, teacher=file)
    save_model(file, RatePredNet(SPEC, seed=2))
    with pytest.raises(StateError, match=r"teacher.safetensors: has changed since this run was begun; .*begin anew"):
        run_job(job, tmp_path / "run", figures=False)
    assert not (tmp_path / "run").exists() and not partial_of(tmp_path / "run").exists()


def test_a_teacher_that_says_always_the_same(place: Path, tmp_path: Path) -> None:
    model = RatePredNet(SPEC)
    with torch.no_grad():
        dict(model.named_parameters())["predict.0.weight"].zero_()
    save_model(tmp_path / "mute.safetensors", model)
    with pytest.raises(ConversionError, match="teacher: has nothing to teach: its forecasts do not vary"):
        run_job(distil(place, teacher=tmp_path / "mute.safetensors"), tmp_path / "run", figures=False)
    assert {p.name for p in tmp_path.iterdir()} == {"mute.safetensors"}


def test_jobs_that_contradict_themselves(place: Path) -> None:
    """Oracle: the sentences."""
    with pytest.raises(ValueError, match=r"model.timing is missing, so the student has no form in spikes; got None"):
        distil(place, model=SPEC)
    with pytest.raises(ValueError, match="model and source differ in frame_ms; got 50 and 40"):
        distil(place, source=source(place / "clips.npz", frame_ms=40.0))
    with pytest.raises(ValueError, match="model and source differ in size; got 8x8 and 16"):
        distil(place, source=source(place / "clips.npz", size=16))
    with pytest.raises(MovieError, match=r"--size: the teacher drift-convlstm sees frames of 16x16; got 8; give --size 16"):
        teacher_for(Path("drift-convlstm"), source(place / "clips.npz"))


@pytest.mark.parametrize(
    ("teacher", "arguments", "words"),
    [
        ("drift-convlstm", [], "--size: the teacher drift-convlstm sees frames of 16x16; got 8; give --size 16"),
        ("drift-spiking", [], "drift-spiking: is a run of a circuit, not of a rate PredNet; give a run of `train-rate`"),
        ("drift-convlst", [], "drift-convlst: is not a run folder; check the path; of the shipped models: did you mean 'drift-convlstm'?"),
        ("nothing.safetensors", [], "nothing.safetensors: there is no such file"),
        (None, ["--step-ms", "7"], "step_ms must divide frame_ms 50.0 into two or more sub-steps; got 7.0"),
        (None, ["--channels", "1,2,3"], "student: cannot be built (r_channels must have one entry a level"),
        (
            None,
            ["--channels", "1", "--r-channels", "4"],
            "student.channels: has other levels than the teacher; got (1,); allowed: 2 levels",
        ),
        (None, ["--channels", "2,3"], "student: cannot be built (timing needs channels that begin with 1"),
        (None, ["--channels", "x"], "--channels: is not a list of whole numbers; got 'x'"),
        (None, ["--forecast-weight", "0", "--frame-weight", "0"], "forecast and frame must not both be 0"),
        (None, ["--error-weight", "-1"], "error: Input should be greater than or equal to 0"),
        (None, ["--window", "20"], "has fewer frames than a training window"),
        (None, ["--movies", "3"], "--movies: is for photographs only"),
    ],
)
def test_bad_options_are_one_line(
    teacher: str | None, arguments: list[str], words: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--frames", str(place / "clips.npz"), "--size", str(SIZE), "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as stop:
        main(["distil", teacher or str(place / "teacher"), *common, *arguments])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and words in err and err.count("\n") == 1, err
    assert list(tmp_path.iterdir()) == []
