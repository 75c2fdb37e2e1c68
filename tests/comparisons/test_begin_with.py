"""A training that begins with a trained model: its weights, and the memory of what that one has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import main
from comparisons.inspection import RateRun, load_run
from comparisons.movies import merged
from comparisons.rate_job import RateJob
from comparisons.run_folder import read_json
from comparisons.running import run_job
from snn.errors import StateError

SIZE = 8
NET = ("--channels", "1,3", "--r-channels", "4,3", "--cell", "leaky", "--pooling", "average", "--size", str(SIZE), "--hold-out", "6")
PLAN = ("--batch", "2", "--window", "5", "--no-figures")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, and a run that has learned from the first one."""
    folder = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    np.savez(folder / "clips.npz", **{name: rng.random((16, SIZE, SIZE)) for name in ("a", "b")})
    assert train(folder, "first", "--clips", "a", "--step-ms", "25", "--updates", "2") == 0
    return folder


def train(folder: Path, out: str, *more: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["train-rate", "--frames", str(folder / "clips.npz"), *NET, *PLAN, "--out", str(folder / out), *more])
    return int(stop.value.code or 0)


def rate_run(folder: Path) -> RateRun:
    run = load_run(folder)
    assert isinstance(run, RateRun)
    return run


def test_it_begins_with_the_weights_of_the_other(place: Path) -> None:
    """Oracle: one update of Adam moves no weight by more than its rate; sub-steps may be shorter."""
    start = ("--start", str(place / "first"), "--step-ms", "12.5", "--updates", "1", "--lr", "1e-5", "--lr-end", "1e-6")
    assert train(place, "second", "--clips", "a", *start) == 0
    one, two = (rate_run(place / name).model for name in ("first", "second"))
    assert one.spec.timing is not None and two.spec.timing is not None
    assert (one.spec.timing.step_ms, two.spec.timing.step_ms) == (25.0, 12.5)
    moved = [float((p - q).detach().abs().max()) for p, q in zip(one.parameters(), two.parameters(), strict=True)]
    assert 0 < max(moved) < 1.01e-5
    config = read_json(place / "second" / "config.json")
    assert config["start"] == str(place / "first") and len(config["start_digest"]) == 64
    assert "start" not in read_json(place / "first" / "config.json")


def test_it_remembers_what_the_other_has_seen(place: Path) -> None:
    """Oracle: the frames: learned from the end of a clip, it may not be tested on the beginning that the first one learned."""
    assert train(place, "other", "--clips", "b", "--start", str(place / "first"), "--step-ms", "25", "--updates", "1") == 0
    run = rate_run(place / "other")
    assert set(run.clips) == {"a", "b"} and run.clips["a"] == rate_run(place / "first").clips["a"]
    source = run.job.source.model_copy(update={"clips": ()})
    assert {m.name: m.n_frames for m in source.held_out(run.clips)} == {"a": 6, "b": 6}
    whole = source.model_copy(update={"clips": ("a",), "hold_out": 0})
    assert [m.n_frames for m in whole.held_out({})] == [16] and [m.n_frames for m in whole.held_out(run.clips)] == [6]


def test_frames_are_merged_once() -> None:
    """Oracle: by hand."""
    assert merged({}, {"a": ["1", "2"]}) == {"a": ["1", "2"]}
    assert merged({"a": ["1"], "b": ["7"]}, {"a": ["1", "2"]}) == {"a": ["1", "2"], "b": ["7"]}
    assert merged({"a": ["0", "1"]}, {"a": ["1", "2"]}) == {"a": ["1", "2", "0"]}


@pytest.mark.parametrize(
    ("start", "more", "words"),
    [
        ("nothing", (), "nothing"),
        (
            "first",
            ("--no-shared",),
            "and the model to be trained differ in shared, so its weights would mean something else; got True; allowed: False",
        ),
        ("first", ("--dale",), "differ in dale, so"),
        ("first", ("--tau-frames", "0", "1"), "differ in tau_frames, so"),
        ("first", ("--tau-syn-ms", "10"), "differ in timing, so"),
        ("first/weights.safetensors", (), "does not say which frames it has learned from; give a run folder"),
        ("drift-convlstm", (), "drift-convlstm: and the model to be trained differ in"),
        ("drift-spiking", (), "is a run of a circuit, not of a rate PredNet"),
    ],
)
def test_what_it_cannot_begin_with(
    start: str, more: tuple[str, ...], words: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: one line with the reason, status 2, nothing left behind."""
    given = start if start.startswith("drift") else str(place / start)
    command = ["train-rate", "--frames", str(place / "clips.npz"), *NET, *PLAN, "--step-ms", "25", "--start", given, *more]
    with pytest.raises(SystemExit) as stop:
        main([*command, "--updates", "1", "--out", str(tmp_path / "run")])
    assert stop.value.code == 2 and words in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_has_changed_is_refused(place: Path, tmp_path: Path) -> None:
    """Oracle: the digest of the first call."""
    job = rate_run(place / "first").job
    changed = RateJob(**{**job.model_dump(), "start": str(place / "first"), "start_digest": "0" * 64})
    with pytest.raises(StateError, match=r"first: has changed since this run was begun; got '\w+'; allowed: 000"):
        run_job(changed, tmp_path / "run", figures=False)
    assert list(tmp_path.iterdir()) == []
