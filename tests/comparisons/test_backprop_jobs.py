"""Runs of models trained by backprop: the same bytes, the same keys, one line for what is wrong.

Oracles: byte equality, and the engine that did not train.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from comparisons import corners, run_folder, shipped
from comparisons.backprop_job import BackpropJob
from comparisons.bars import load_bars
from comparisons.cli import main
from comparisons.corners import run_corner, run_corners, tabulate
from comparisons.evaluation import evaluate, pooled_ratio
from comparisons.inspection import CircuitRun, RateRun, describe, load_circuit, load_run, read_job, violations
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.progress import Reporter
from comparisons.rate_job import RateJob
from comparisons.run_folder import partial_of, read_json, verify
from comparisons.running import AnyJob, run_job
from comparisons.statistics import t_interval
from conversion.backprop_plan import BackpropPlan
from conversion.rate_spec import RatePredNetSpec
from conversion.rate_trainable import RateTrainable
from snn.engines import engine
from snn.errors import BlowUpError, MovieError, StateError

SIZE = 8
SPEC = RatePredNetSpec(rows=SIZE, cols=SIZE, channels=(1, 3), r_channels=(4, 3), cell="leaky")
PLAN = BackpropPlan(updates=4, batch=3, n_frames=6)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of dots that drift by a pixel a frame."""
    folder = tmp_path_factory.mktemp("frames")
    rng, arrays = np.random.default_rng(0), {}
    for name in ("a", "b"):
        texture = rng.random((SIZE, SIZE + 12))
        smooth = 0.25 * (texture + np.roll(texture, 1, 0) + np.roll(texture, 1, 1) + np.roll(texture, (1, 1), (0, 1)))
        arrays[name] = np.stack([smooth[:, t : t + SIZE] for t in range(12)])
    np.savez(folder / "clips.npz", **arrays)
    return folder / "clips.npz"


def rate(frames: Path, **changes: object) -> RateJob:
    settings: dict[str, object] = {"source": Source(frames=str(frames), size=SIZE, hold_out=5), "model": SPEC, "plan": PLAN}
    return RateJob(**{**settings, **changes})


def circuit(frames: Path, **changes: object) -> BackpropJob:
    settings: dict[str, object] = {"source": Source(frames=str(frames), size=SIZE, hold_out=5), "plan": PLAN}
    return BackpropJob(**{**settings, **changes})


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Stop(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("make", [rate, circuit])
def test_stopped_and_resumed_is_uninterrupted(make: object, frames: Path, tmp_path: Path) -> None:
    job: AnyJob = make(frames)  # type: ignore[operator]

    class Stopping(Reporter):
        def step(self, done: int, total: int, note: str = "") -> None:
            if done > 2:
                raise Stop

    with pytest.raises(Stop):
        run_job(job, tmp_path / "run", figures=False, report=Stopping(), checkpoint_s=0.0)
    run_job(job, tmp_path / "run", resume=True, figures=False)
    run_job(job, tmp_path / "straight", figures=False)
    assert files(tmp_path / "run") == files(tmp_path / "straight")
    verify(tmp_path / "run")


@pytest.mark.parametrize("make", [rate, circuit])
def test_the_keys_are_those_of_every_run(make: object, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_job(make(frames), tmp_path / "run", figures=False)  # type: ignore[operator]
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(tmp_path / "run"), "--frames", str(frames), "--only", "held-out", "--json"])
    found = json.loads(capsys.readouterr().out)["clips"]
    assert set(found) == {"a", "b"}
    run = load_run(tmp_path / "run")
    for row in found.values():
        assert {"mse_model", "mse_copy_last", "mse_gated_shift", "mse_one_frame", "ratio", "mean_rate_Hz", "frames_scored"} <= set(row)
        spiking = isinstance(run, CircuitRun)
        assert (row["spikes_per_frame"] is None, row["multiply_adds_per_frame"] is None) == (not spiking, spiking)
        assert set(row["mean_rate_Hz" if spiking else "mean_activity"]) == set(run.forecaster.cells)


def test_a_rate_run_is_described_and_has_no_synapses_to_check(frames: Path, tmp_path: Path) -> None:
    run_job(rate(frames), tmp_path / "run", figures=False)
    run = load_run(tmp_path / "run")
    assert isinstance(run, RateRun) and run.job == rate(frames)
    text = describe(run)
    assert re.search(r"level1\.error_pos +4x4x3 +48", text) and f"parameters {run.model.n_parameters}" in text
    with pytest.raises(StateError, match="is a run of the rate PredNet, which check does not apply to"):
        load_circuit(tmp_path / "run", "check")


def test_backprop_breaks_local_plasticity_and_nothing_else(frames: Path, tmp_path: Path) -> None:
    run_job(circuit(frames), tmp_path / "run", figures=False)
    run = load_circuit(tmp_path / "run", "check")
    assert {name for name, bad in violations(run).items() if bad} == {"local_plasticity"}
    plastic = [j.name for j in run.network.projections if j.rule is not None]
    born = Job(source=run.job.source).simulation(run.network).state()
    changed = [j.name for j in run.network.projections if not np.array_equal(run.state.weights(j.name), born.weights(j.name))]
    assert changed == plastic


def test_what_was_trained_is_what_runs(frames: Path, tmp_path: Path) -> None:
    """Trained at the step at which it runs, the torch engine and the event engine give one forecast."""
    run_job(circuit(frames, train_dt_ms=5.0, dt_ms=5.0, lag_ms=5.0), tmp_path / "run", figures=False)
    run = load_circuit(tmp_path / "run", "a test")
    (movie, _) = Source(frames=str(frames), size=SIZE).read()
    found = [
        engine(name).build(run.network, state=run.state, dt_ms=5.0).run(movie).readouts["level0.forecast"] for name in ("event", "torch_")
    ]
    np.testing.assert_allclose(*found, atol=1e-9)
    assert np.ptp(found[0]) > 0


def test_figures(frames: Path, tmp_path: Path) -> None:
    run_job(rate(frames), tmp_path / "run")
    assert {p.name for p in (tmp_path / "run" / "figures").iterdir()} == {"learning_curve.png", "strip.png", "animation.gif"}


def test_a_checkpoint_of_another_architecture(frames: Path, tmp_path: Path) -> None:
    """The settings are told apart first; a checkpoint put in another's place is told by the tensor."""
    for name, spec in (("a", SPEC), ("b", SPEC.model_copy(update={"r_channels": (5, 3)}))):
        with pytest.raises(Stop):
            run_job(rate(frames, model=spec), tmp_path / name, figures=False, report=_stop_at_once(), checkpoint_s=0.0)
    stolen = partial_of(tmp_path / "b") / "checkpoint.safetensors"
    stolen.write_bytes((partial_of(tmp_path / "a") / "checkpoint.safetensors").read_bytes())
    with pytest.raises(StateError, match=r"parameter/cells\.0\.conv\.weight: does not fit the model; got"):
        run_job(rate(frames, model=SPEC.model_copy(update={"r_channels": (5, 3)})), tmp_path / "b", resume=True, figures=False)
    stolen.write_bytes(stolen.read_bytes()[:-9])
    with pytest.raises(StateError, match="not a complete safetensors file"):
        run_job(rate(frames, model=SPEC.model_copy(update={"r_channels": (5, 3)})), tmp_path / "b", resume=True, figures=False)
    with pytest.raises(StateError, match="was begun with other settings"):
        run_job(rate(frames), tmp_path / "b", resume=True, figures=False)


def _stop_at_once() -> Reporter:
    class Stopping(Reporter):
        def step(self, done: int, total: int, note: str = "") -> None:
            raise Stop

    return Stopping()


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wild(self: RateTrainable, clips: torch.Tensor) -> tuple[float, torch.Tensor]:
        _, forecast = true(self, clips)
        calls.append(None)
        return (float("nan") if len(calls) == 3 else 0.1), forecast

    calls: list[None] = []
    true = RateTrainable.accumulate
    monkeypatch.setattr(RateTrainable, "accumulate", wild)
    with pytest.raises(BlowUpError, match=r"not a number in update 3 of 4.*begin anew with a lower learning rate.*checkpoint\.safetensors"):
        run_job(rate(frames), tmp_path / "run", figures=False, checkpoint_s=0.0)
    learner = rate(frames).learner()
    learner.load(partial_of(tmp_path / "run") / learner.checkpoint)
    learner.refuse_bad()
    assert [p.done for p in learner.curve.points] == [1, 2]
    assert not (tmp_path / "run").exists()


def test_a_clip_shorter_than_a_window_leaves_nothing(frames: Path, tmp_path: Path) -> None:
    with pytest.raises(MovieError, match=r"clip 'a': has fewer frames than a training window; got 7; allowed: >= 20"):
        run_job(rate(frames, plan=BackpropPlan(n_frames=20)), tmp_path / "run", figures=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train-rate", "--channels", "1,x"], "--channels: is not a list of whole numbers; got '1,x'"),
        (["train-rate", "--r-channels", "1,2,3"], "r_channels must have one entry a level"),
        (["train-rate", "--size", "7"], "rows and cols must be multiples of 2"),
        (["train-rate", "--dale"], "dale needs cell 'leaky'"),
        (["train-rate", "--lr", "0"], "lr: Input should be greater than 0"),
        (["train-rate", "--window", "1"], "n_frames: Input should be greater than or equal to 2"),
        (["train-backprop", "--train-dt-ms", "7"], "train_dt_ms must divide the frame of 50 ms; got 7.0"),
        (["train-backprop", "--dt-ms", "2", "--lag-ms", "2"], "train_dt_ms must be a multiple of dt_ms; got 5.0 and 2.0"),
        (["train-backprop", "--dt-ms", "2.5"], "partner.delay_ms: is shorter than one step of 2.5 ms"),
        (["train-rate", "--size", "4"], "a frame is smaller than the field; got (4, 4)"),
        (["train-rate", "--tau-frames", "0", "5"], "tau_frames belongs to cell 'leaky'"),
        (["train-rate", "--speed", "1", "2"], "--speed: is for photographs only"),
        (["train-backprop", "--movies", "3"], "--movies: is for photographs only"),
        (["corners", "--budgets", "1", "1"], "--budgets: are not different positive numbers"),
        (["corners", "--budgets", "inf"], "--budgets: are not different positive numbers"),
        (["learn", "--engine", "reference", "--precision", "float32"], "precision 'float32' is one of the event and torch engines"),
        (["train-backprop", "--lr", "-1"], "lr: Input should be greater than 0"),
        (["train-backprop", "--set", "x"], "--set: is not PATH=VALUE"),
    ],
)
def test_bad_options_are_one_line(
    arguments: list[str], words: str, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = [] if "--size" in arguments else ["--size", str(SIZE)]
    with pytest.raises(SystemExit) as stop:
        main([*arguments, *([] if arguments[0] == "corners" else [*size, "--frames", str(frames)]), "--out", str(tmp_path / "run")])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and words in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_corner_is_run_once_scored_and_timed(frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corners, "TEST_MOVIES", 2)
    job = corners.corner_job("spiking", "backprop", 0.01, 3)
    assert (job.seed, job.cells, job.plan.updates) == (3, "spiking", 1)
    found = run_corner(job, tmp_path / "x")
    assert found["cpu_s"] > 0
    run = load_run(tmp_path / "x")
    source = job.source.model_copy(update={"n_movies": 2})
    again = evaluate(run.forecaster, source.held_out(run.clips, corners.TEST_SEED), *load_bars(tmp_path / "x"))
    assert found["ratio"] == pytest.approx(pooled_ratio(again))
    before = files(tmp_path)
    assert run_corner(job, tmp_path / "x") == read_json(tmp_path / "x.json") and files(tmp_path) == before
    with pytest.raises(StateError, match="holds a run of other settings"):
        run_corner(corners.corner_job("rate", "local", 0.01, 3), tmp_path / "x")


def test_corners_twice_are_the_same_corners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets with a dot in them, two seeds: the second call reads each score from its own file."""
    monkeypatch.setattr(corners, "TEST_MOVIES", 1)
    monkeypatch.setattr(corners, "CORNERS", (("rate", "backprop"),))
    first = run_corners(tmp_path, seeds=2, budgets_s=(0.5, 0.7), workers=1)
    assert len(list(tmp_path.glob("rate-*.json"))) == 4
    assert run_corners(tmp_path, seeds=2, budgets_s=(0.5, 0.7), workers=1) == first
    (tmp_path / "rate-backprop-0.5s-0.json").unlink()
    with pytest.raises(StateError, match=r"rate-backprop-0\.5s-0: is there, but not the score"):
        run_corners(tmp_path, seeds=2, budgets_s=(0.5, 0.7), workers=1)


def test_all_corners_share_everything_but_cells_and_teacher() -> None:
    made = [corners.corner_job(cells, teacher, 60, 1) for cells, teacher in corners.CORNERS]
    assert len({(j.cells, j.kind) for j in made}) == 4
    spiking, rates = ({j.network().digest for j in made if j.cells == cells} for cells in ("spiking", "rate"))
    assert len(spiking) == len(rates) == 1
    assert {(j.dt_ms, j.lag_ms, j.seed, j.source.model_copy(update={"n_movies": 1})) for j in made}.__len__() == 1


def test_the_table_of_corners() -> None:
    scores = {
        (c, t, 60, s): {"ratio": 0.5 + 0.1 * s, "cpu_s": 61.0, "bars": {"gated_shift": 0.1, "one_frame": 0.8}}
        for c, t in corners.CORNERS
        for s in range(3)
    }
    lines = tabulate(scores, (60,), 3).splitlines()
    assert len(lines) == 3 + 4
    mean, low, high = t_interval([0.5, 0.6, 0.7])
    assert f"{mean:.3f}   {low:.3f} to {high:.3f}   0.500 0.600 0.700" in lines[3]


def test_t_interval() -> None:
    """Oracle: the table of Student's t, 4.303 for two degrees of freedom at 95 %."""
    mean, low, high = t_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert (high - low) / 2 == pytest.approx(4.303 / np.sqrt(3), rel=1e-3)
    assert np.isnan(t_interval([1.0]).low)
    with pytest.raises(ValueError, match="at least one"):
        t_interval([])


def test_shipped_models_are_whole_and_on_record(capsys: pytest.CaptureFixture[str]) -> None:
    folders = [p for p in run_folder.SHIPPED.iterdir() if p.is_dir()]
    assert {p.name for p in folders} == set(shipped.jobs())
    for folder in folders:
        verify(folder)
        assert read_job(read_json(folder / "config.json")) == shipped.jobs()[folder.name]
    assert sum(p.stat().st_size for p in run_folder.SHIPPED.rglob("*")) <= 15e6
    with pytest.raises(SystemExit, match="0"):
        main(["models"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in shipped.jobs())


def test_a_shipped_model_stands_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its forecasts of drifts that it has never seen beat copying; a folder of the same name comes first."""
    run = load_run(Path("drift-leaky"))
    source = run.job.source.model_copy(update={"n_movies": 4})
    clips = evaluate(run.forecaster, source.held_out(run.clips, 1), *load_bars(run.path))
    assert pooled_ratio(clips) < 0.4
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drift-leaky").mkdir()
    assert run_folder.resolve(Path("drift-leaky")) == Path("drift-leaky")
    assert run_folder.resolve(Path("nothing")) == Path("nothing")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """As in ``spiking-prednet info drift-leaky | head -0``."""
    command = [sys.executable, "-m", "comparisons", "info", "drift-leaky"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)
    process.stderr.close()
