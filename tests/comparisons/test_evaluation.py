"""Scores: against a plain computation from the frames and the recording, with weights that do not move."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from comparisons.bars import load_bars
from comparisons.cli import main
from comparisons.evaluation import evaluate, table
from comparisons.inspection import load_run
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.running import run_job
from plasticity.training import Plan
from snn.errors import MovieError
from snn.recording import Record

SIZE, HOLD_OUT, FIRST = 8, 6, 3
KEYS = {
    *("mse_model", "mse_copy_last", "mse_gated_shift", "mse_one_frame", "ratio"),
    *("mean_rate_Hz", "mean_activity", "spikes_per_frame", "synaptic_events_per_frame", "multiply_adds_per_frame", "frames_scored"),
}


def texture(n: int, seed: int) -> np.ndarray:
    """Smooth frames that drift by a pixel a frame."""
    wide = np.random.default_rng(seed).random((SIZE, SIZE + n))
    smooth = (wide + np.roll(wide, 1, 0) + np.roll(wide, 1, 1)) / 3
    return np.stack([smooth[:, t : t + SIZE] for t in range(n)])


@pytest.fixture(scope="module")
def frames() -> dict[str, np.ndarray]:
    return {"a": texture(16, 0), "b": texture(20, 1), "unlearned": texture(12, 2), "still": np.repeat(texture(1, 3), 9, 0)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, frames: dict[str, np.ndarray]) -> Path:
    """Clips, and a run that learned from two of them."""
    path = tmp_path_factory.mktemp("evaluation")
    np.savez(path / "clips.npz", **frames)
    source = Source(frames=str(path / "clips.npz"), clips=("a", "b"), size=SIZE, hold_out=HOLD_OUT)
    run_job(Job(source=source, plan=Plan(passes=2)), path / "run", figures=False)
    return path


def scores(folder: Path, capsys: pytest.CaptureFixture[str], *options: str, source: str = "clips.npz") -> dict[str, dict]:
    """What ``evaluate --json`` prints, and nothing else on stdout."""
    capsys.readouterr()
    frames = source if source == "photographs" else str(folder / source)
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(folder / "run"), "--frames", frames, "--json", *options])
    assert not stop.value.code
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert set(found) == {"clips"}
    return found["clips"]


def copy_last(x: np.ndarray) -> float:
    """Mean squared difference of neighbouring frames; a plain loop."""
    return float(np.mean([np.mean((x[t] - x[t - 1]) ** 2) for t in range(FIRST, len(x))]))


def test_the_keys(folder: Path, frames: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(folder, capsys)
    assert list(found) == list(frames)
    populations = {p.name for p in load_run(folder / "run").simulation.network.populations}
    for name, row in found.items():
        assert set(row) == KEYS
        assert set(row["mean_rate_Hz"]) == populations
        assert row["mse_copy_last"] == pytest.approx(copy_last(frames[name]), rel=1e-5, abs=1e-12)
        assert row["frames_scored"] == len(frames[name]) - FIRST
        if name != "still":
            assert row["ratio"] == pytest.approx(row["mse_model"] / copy_last(frames[name]), rel=1e-5)
    assert found["still"]["ratio"] is None and found["still"]["mse_copy_last"] == 0


def test_against_the_recording(folder: Path, frames: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    """Error, rates and events from every single spike."""
    row = scores(folder, capsys, "--clips", "b")["b"]
    simulation = load_run(folder / "run").simulation
    network = simulation.network
    (movie,) = Source(frames=str(folder / "clips.npz"), clips=("b",), size=SIZE).read()
    recording = simulation.run(movie, record=Record(spikes=True))
    forecast = recording.readouts["level0.forecast"][..., 0]
    assert row["mse_model"] == pytest.approx(np.mean((forecast[FIRST:] - movie.frames[FIRST:]) ** 2), rel=1e-12)
    n, spikes, events = len(frames["b"]), 0, 0
    routes = dict.fromkeys((p.name for p in network.populations), 0)
    for j in network.projections:
        from snn.topology import edges

        found = edges(j.topology, network.population(j.source).grid, network.population(j.target).grid)
        leaving = np.bincount(found.pre, minlength=network.population(j.source).n)
        routes[j.source] += int(leaving[recording.spikes[j.source].cells].sum())
    for p in network.populations:
        count = len(recording.spikes[p.name].steps)
        assert row["mean_rate_Hz"][p.name] == pytest.approx(count / (p.n * n * 0.05))
        spikes, events = spikes + count, events + routes[p.name]
    assert row["spikes_per_frame"] == pytest.approx(spikes / n)
    assert row["synaptic_events_per_frame"] == pytest.approx(events / n)


def test_nothing_is_learned(folder: Path) -> None:
    """Files and state before and after; the second evaluation gives what the first gave."""
    before = {p.name: p.read_bytes() for p in (folder / "run").iterdir()}
    run = load_run(folder / "run")
    movies = Source(frames=str(folder / "clips.npz"), size=SIZE).read()
    fixed = {k: a.copy() for k, a in run.simulation.state().arrays.items() if k.startswith(("weights/", "threshold/", "trace/"))}
    first = evaluate(run.forecaster, movies[:2], *load_bars(folder / "run"))
    run.simulation.restart()
    after = run.simulation.state().arrays
    assert all(np.array_equal(after[k], a) for k, a in fixed.items())
    assert evaluate(run.forecaster, movies[:2], *load_bars(folder / "run")) == first
    assert {p.name: p.read_bytes() for p in (folder / "run").iterdir()} == before


def test_the_state_at_rest_is_the_state_before(folder: Path) -> None:
    run = load_run(folder / "run")
    run.simulation.restart()
    before = run.simulation.state()
    evaluate(run.forecaster, Source(frames=str(folder / "clips.npz"), clips=("a",), size=SIZE).read(), *load_bars(folder / "run"))
    run.simulation.restart()
    after = run.simulation.state()
    assert before.arrays.keys() == after.arrays.keys()
    assert all(np.array_equal(after.arrays[k], a) for k, a in before.arrays.items())


def test_held_out(folder: Path, frames: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    """The last frames of clips that were learned from, and others whole."""
    found = scores(folder, capsys, "--only", "held-out")
    for name, row in found.items():
        kept = frames[name][-HOLD_OUT:] if name in ("a", "b") else frames[name]
        assert row["frames_scored"] == len(kept) - FIRST
        assert row["mse_copy_last"] == pytest.approx(copy_last(kept), rel=1e-5, abs=1e-12)


def test_held_out_sees_through_another_name(folder: Path, frames: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(folder / "renamed.npz", other=frames["a"], new=texture(16, 9))
    found = scores(folder, capsys, "--only", "held-out", source="renamed.npz")
    assert {name: row["frames_scored"] for name, row in found.items()} == {"other": HOLD_OUT - FIRST, "new": 16 - FIRST}


def test_backwards(folder: Path, frames: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(folder, capsys, "--clips", "a,b", "--only", "held-out", "--backwards")
    assert list(found) == ["a backwards", "b backwards"]
    for name in ("a", "b"):
        turned = frames[name][-HOLD_OUT:][::-1]
        assert found[f"{name} backwards"]["mse_copy_last"] == pytest.approx(copy_last(turned), rel=1e-5)


def test_photographs_are_reported_by_photograph(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forwards = scores(folder, capsys, "--movies", "5", source="photographs")
    assert set(forwards) <= {"astronaut", "coffee"}
    backwards = scores(folder, capsys, "--movies", "5", "--backwards", source="photographs")
    assert set(backwards) == {f"{name} backwards" for name in forwards}
    assert sum(row["frames_scored"] for row in backwards.values()) == 5 * 7


def test_drifts_of_one_photograph_are_pooled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pooled error is the mean over all scored frames of the clips."""
    found = scores(folder, capsys, "--movies", "4", "--seed", "5", source="photographs")
    source = load_run(folder / "run").job.source.model_copy(update={"frames": "photographs", "n_movies": 4})
    drifts = source.held_out({}, 5)
    for name, row in found.items():
        mine = [copy_last(m.frames) for m in drifts if m.name.startswith(name)]
        assert row["mse_copy_last"] == pytest.approx(np.mean(mine), rel=1e-9)


def test_too_short_to_score(folder: Path) -> None:
    run = load_run(folder / "run")
    (movie,) = Source(frames=str(folder / "clips.npz"), clips=("a",), size=SIZE).read()
    with pytest.raises(MovieError, match=r"clip 'a': .*got 3; allowed: > 3"):
        evaluate(run.forecaster, [movie.part(0, 3)], *load_bars(folder / "run"))


def test_the_table_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(folder, capsys)
    with pytest.raises(SystemExit):
        main(["evaluate", str(folder / "run"), "--frames", str(folder / "clips.npz")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["clip", "frames", "copy-last", "model"]
    for line, (name, row) in zip(lines[1:], found.items(), strict=True):
        words = line.split()
        assert words[0] == name and int(words[1]) == row["frames_scored"]
        if row["ratio"] is not None:
            assert [float(w) for w in words[2:4]] == pytest.approx([row["mse_copy_last"], row["ratio"]], abs=6e-4)
    assert table({}).count("\n") == 0
