"""Jobs: the same options give the same bytes, blow-ups are told and leave the last good state.

Oracles: byte equality, and a second, plain computation.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import main
from comparisons.inspection import load_run
from comparisons.learning import Job, load_checkpoint
from comparisons.movies import Source
from comparisons.run_folder import partial_of, verify
from comparisons.running import run_job
from plasticity.training import Plan
from snn.errors import BlowUpError, MovieError, RunFolderError, StateError

SIZE = 8


def clips(folder: Path, n: int = 3, n_frames: int = 12, seed: int = 0, name: str = "clips.npz") -> Path:
    """Write clips of dots that drift by a pixel a frame, faint enough to learn from."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for i in range(n):
        texture = rng.random((SIZE, SIZE + n_frames))
        smooth = 0.25 * (texture + np.roll(texture, 1, 0) + np.roll(texture, 1, 1) + np.roll(texture, (1, 1), (0, 1)))
        arrays[f"clip{i}"] = np.stack([smooth[:, t : t + SIZE] for t in range(n_frames)])
    np.savez(folder / name, **arrays)
    return folder / name


def job(frames: Path, **changes: object) -> Job:
    settings: dict[str, object] = {"source": Source(frames=str(frames), size=SIZE), "plan": Plan(passes=2)}
    return Job(**{**settings, **changes})


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    source = clips(tmp_path)
    for out in ("a", "b"):
        run_job(job(source), tmp_path / out, figures=False)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    run_job(job(source, seed=1), tmp_path / "c", figures=False)
    assert (tmp_path / "c" / "weights.npz").read_bytes() != (tmp_path / "a" / "weights.npz").read_bytes()


@pytest.mark.parametrize("changes", [{"cells": "rate"}, {"precision": "float32"}, {"engine": "reference"}])
def test_other_cells_precisions_and_engines_too(changes: dict[str, object], tmp_path: Path) -> None:
    source = clips(tmp_path, n=1, n_frames=6)
    for out in ("a", "b"):
        run_job(job(source, plan=Plan(passes=1), **changes), tmp_path / out, figures=False)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_what_a_run_leaves(tmp_path: Path) -> None:
    made = job(clips(tmp_path), source=Source(frames=str(tmp_path / "clips.npz"), size=SIZE, validate_frames=4, hold_out=2))
    summary = run_job(made, tmp_path / "run", figures=False)
    assert {p.name for p in tmp_path.iterdir()} == {"clips.npz", "run"}
    verify(tmp_path / "run")
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        *(
            "config.json",
            "clips.json",
            "description.json",
            "summary.json",
            "curve.csv",
            "diagnostics.csv",
            "weights.npz",
            "bars.npz",
            "MANIFEST.sha256",
        )
    }
    run = load_run(tmp_path / "run")
    assert run.job == made
    assert json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8")) == summary
    assert set(summary["validation"]) == {"clip0", "clip1", "clip2"}
    assert {c["frames_scored"] for c in summary["validation"].values()} == {1}
    assert {name: len(frames) for name, frames in run.clips.items()} == {"clip0": 10, "clip1": 10, "clip2": 10}
    rows = list(csv.DictReader((tmp_path / "run" / "curve.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(r["done"]) for r in rows] == list(range(1, 7)) and {r["frames_scored"] for r in rows} == {"3"}
    ratio = sum(float(r["mse_model"]) for r in rows) / sum(float(r["mse_copy_last"]) for r in rows)
    assert summary["ratio_while_learning"] == pytest.approx(ratio)


def test_held_out_frames_do_not_reach_the_run(tmp_path: Path) -> None:
    """Changing the frames that are held out changes no byte of what was learned."""
    source = clips(tmp_path)
    found = {}
    for out in ("a", "b"):
        made = job(source, source=Source(frames=str(source), size=SIZE, hold_out=4))
        run_job(made, tmp_path / out, figures=False)
        found[out] = files(tmp_path / out)
        with np.load(source) as file:
            arrays = {k: file[k].copy() for k in file.files}
        for a in arrays.values():
            a[-4:] = 1.0 - a[-4:]
        np.savez(source, **arrays)
    assert found["a"] == found["b"]
    arrays["clip1"][-5] = 1.0 - arrays["clip1"][-5]
    np.savez(source, **arrays)
    run_job(made, tmp_path / "c", figures=False)
    assert files(tmp_path / "c")["weights.npz"] != found["a"]["weights.npz"]


def test_validation_frames_do_not_reach_the_weights(tmp_path: Path) -> None:
    source = clips(tmp_path)
    found = []
    for out in ("a", "b"):
        run_job(job(source, source=Source(frames=str(source), size=SIZE, validate_frames=4)), tmp_path / out, figures=False)
        found.append(files(tmp_path / out))
        with np.load(source) as file:
            np.savez(tmp_path / "new.npz", **{k: np.concatenate([file[k][:-4], file[k][:4]]) for k in file.files})
        (tmp_path / "new.npz").replace(source)
    assert {k for k in found[0] if found[0][k] != found[1][k]} == {"summary.json", "clips.json", "MANIFEST.sha256"}


def test_resume_needs_the_same_settings_and_frames(tmp_path: Path) -> None:
    source = clips(tmp_path)
    made = job(source)
    out = tmp_path / "run"
    begin_and_stop(made, out)
    with pytest.raises(RunFolderError, match="--resume"):
        run_job(made, out, figures=False)
    with pytest.raises(StateError, match="other settings"):
        run_job(job(source, seed=1), out, resume=True, figures=False)
    clips(tmp_path, seed=1)
    with pytest.raises(StateError, match="other frames"):
        run_job(made, out, resume=True, figures=False)
    clips(tmp_path)
    run_job(made, out, resume=True, figures=False)
    run_job(made, tmp_path / "straight", figures=False)
    assert files(out) == files(tmp_path / "straight")


class Stop(Exception):
    """Stands for whatever ends a process."""


def begin_and_stop(made: Job, out: Path, after: int = 2) -> None:
    """Learn a few stretches with a checkpoint after each, then stop."""
    from comparisons.progress import Reporter

    class Stopping(Reporter):
        def step(self, done: int, total: int, note: str = "") -> None:
            if done > after:
                raise Stop

    with pytest.raises(Stop):
        run_job(made, out, figures=False, report=Stopping(), checkpoint_s=0.0)


@pytest.mark.parametrize("after", [0, 1, 5])
def test_resume_from_any_stretch(after: int, tmp_path: Path) -> None:
    made = job(clips(tmp_path))
    begin_and_stop(made, tmp_path / "run", after)
    _, curve = load_checkpoint(partial_of(tmp_path / "run") / "checkpoint.npz")
    assert [p.done for p in curve.points] == list(range(1, after + 1))
    run_job(made, tmp_path / "run", resume=True, figures=False)
    run_job(made, tmp_path / "straight", figures=False)
    assert files(tmp_path / "run") == files(tmp_path / "straight")


def test_resume_after_a_kill_while_the_run_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything has been learned; the process dies before the folder has its name."""
    made = job(clips(tmp_path))

    def dies(*_: object) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dies)
        with pytest.raises(Stop):
            run_job(made, tmp_path / "run", figures=False)
    (partial_of(tmp_path / "run") / "weights.npz.new").write_bytes(b"half")
    run_job(made, tmp_path / "run", resume=True, figures=False)
    run_job(made, tmp_path / "straight", figures=False)
    assert files(tmp_path / "run") == files(tmp_path / "straight")


def test_an_attempt_that_never_began_is_not_in_the_way(tmp_path: Path) -> None:
    made = job(clips(tmp_path))
    partial = partial_of(tmp_path / "run")
    partial.mkdir()
    (partial / "config.json").write_text("{}", encoding="utf-8")
    (partial / "checkpoint.npz.new").write_bytes(b"half")
    with pytest.raises(RunFolderError, match="without --resume"):
        run_job(made, tmp_path / "run", resume=True, figures=False)
    run_job(made, tmp_path / "run", figures=False)
    verify(tmp_path / "run")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    partial = partial_of(tmp_path / "run")
    partial.mkdir()
    (partial / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(RunFolderError, match="remove it"):
        run_job(job(clips(tmp_path)), tmp_path / "run", figures=False)
    assert [p.name for p in partial.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("cells", ["spiking", "rate"])
def test_a_blow_up_is_told_and_the_last_good_state_loads(cells: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A learning rate a thousand times too high."""
    source, out = clips(tmp_path), tmp_path / "run"
    options = ["--size", str(SIZE), "--passes", "4", "--no-figures", "--eta", str(1000 * Plan().eta_start), "--cells", cells]
    with pytest.raises(SystemExit) as stop:
        main(["learn", "--frames", str(source), "--out", str(out), *options])
    out_text, err = capsys.readouterr()
    assert (stop.value.code, out_text) == (2, "")
    checkpoint = partial_of(out) / "checkpoint.npz"
    assert err.startswith("spiking-prednet: level0.") and err.count("\n") == 1
    for word in (" in stretch ", " of 12 (clip 'clip", " ms); allowed: <= ", "lower the learning rate", str(checkpoint)):
        assert word in err, (word, err)
    assert not out.exists()
    state, curve = load_checkpoint(partial_of(out) / "checkpoint.npz")
    assert all(np.isfinite(a).all() for a in state.arrays.values())
    assert all(p.mse_model <= 4 * p.mse_copy_last for p in curve.points)
    # The last good state is worth something: the same network goes on from it.
    made = Job(source=Source(frames=str(source), size=SIZE), plan=Plan(passes=1), cells=cells)
    simulation = made.simulation(made.network(), state)
    assert np.isfinite(simulation.run(made.source.learning(1)[0]).readouts["level0.forecast"]).all()


def test_a_late_blow_up_keeps_the_checkpoint_before_it(tmp_path: Path) -> None:
    """Faint clips are learned well, then a modulator that grows a thousandfold tears the network apart."""
    source, out = clips(tmp_path), tmp_path / "run"
    made = job(source, plan=Plan(passes=8, eta_start=0.1, eta_end=1e4))
    with pytest.raises(BlowUpError, match=r"in stretch \d+ of 24 .*checkpoint\.npz"):
        run_job(made, out, figures=False, checkpoint_s=0.0)
    state, curve = load_checkpoint(partial_of(out) / "checkpoint.npz")
    assert len(curve.points) >= 3
    assert all(np.isfinite(a).all() for a in state.arrays.values())


@pytest.mark.parametrize("kind", ["noise", "flicker", "still", "steps"])
def test_hard_movies_are_no_blow_up(kind: str, tmp_path: Path) -> None:
    """Movies on which nothing can be forecast drive error cells hard; that alone is no reason to stop."""
    rng = np.random.default_rng(3)
    frames = {
        "noise": rng.random((20, SIZE, SIZE)),
        "flicker": (np.indices((20, SIZE, SIZE)).sum(0) % 2).astype(float),
        "still": np.repeat(rng.random((1, SIZE, SIZE)), 20, 0),
        "steps": np.repeat(rng.integers(0, 2, (4, 1, 1)), 5, 0) * np.ones((20, SIZE, SIZE)),
    }[kind]
    np.save(tmp_path / "hard.npy", frames)
    summary = run_job(job(tmp_path / "hard.npy", plan=Plan(passes=6)), tmp_path / "run", figures=False)
    assert summary["steps"] == 6


def test_what_fails_before_learning_leaves_nothing(tmp_path: Path) -> None:
    """The network is another than the movie's: only the first frame can tell."""
    with pytest.raises(MovieError, match="frame_ms"):
        run_job(job(clips(tmp_path), overrides=(("frame_ms", 25.0),)), tmp_path / "run", figures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["clips.npz"]
