"""Runs that are diagnosed, and the diary that they keep. Oracles: `evaluate`, the files of the run, a run without a stop."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import main
from comparisons.learning import Job, load_checkpoint, load_diary
from comparisons.movies import Source
from comparisons.progress import Reporter
from comparisons.run_folder import partial_of
from comparisons.running import run_job
from comparisons.scoring_runs import Frames, score_path
from plasticity.training import Plan
from snn.state import State

SIZE = 8
UP = "level0.representation->level0.prediction/dendrite_exc"
DOWN = "level0.representation_inh->level0.prediction/dendrite_inh"


def drift(folder: Path, n_frames: int = 12) -> Path:
    """Two clips of a smooth texture that moves by a pixel a frame."""
    rng = np.random.default_rng(0)
    texture = rng.random((SIZE, SIZE + n_frames))
    smooth = 0.25 * (texture + np.roll(texture, 1, 0) + np.roll(texture, 1, 1) + np.roll(texture, (1, 1), (0, 1)))
    frames = np.stack([smooth[:, t : t + SIZE] for t in range(n_frames)])
    np.savez(folder / "clips.npz", **{"one": frames, "two, upright": frames.swapaxes(1, 2)})
    return folder / "clips.npz"


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def call(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert not stop.value.code
    return capsys.readouterr().out


def test_a_run_is_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracles: the rates that `evaluate` gives of the same frames, and the weights of the run's file."""
    frames, run = drift(tmp_path), tmp_path / "run"
    run_job(Job(source=Source(frames=str(frames), size=SIZE), plan=Plan(passes=2)), run, figures=False)
    found = json.loads(call(["diagnose", str(run), "--frames", str(frames), "--clips", "one", "--json"], capsys))
    scored = score_path(run, Frames(str(frames), ("one",)))["one"]
    assert found["activity"]["rates_Hz"] == pytest.approx(scored["mean_rate_Hz"])
    assert found["activity"]["n_frames"] == 12
    assert found["activity"]["all_spikes"] == pytest.approx(scored["spikes_per_frame"] / SIZE**2)
    weights = {name: State.load(run / "weights.npz").weights(name) for name in (UP, DOWN)}
    for name, w in weights.items():  # born at 0, and places beyond the border stay there
        assert found["routes"][name]["change_mV"] == pytest.approx(float(np.linalg.norm(w)))
        assert found["routes"][name]["per_cell_mV"] == pytest.approx(float(w.sum()) / (2 * SIZE**2))
    both = np.minimum(weights[UP], weights[DOWN]).sum() / np.maximum(weights[UP], weights[DOWN]).sum()
    assert found["pairs"][0]["overlap"] == pytest.approx(float(both))
    text = call(["diagnose", str(run), "--frames", str(frames)], capsys)
    assert text.startswith(f"{run}: 24 frames shown\n") and UP in text and "out of their usual range" in text


def test_a_run_that_does_not_learn_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At a modulator of 0; the diary then says of every stretch what a frozen circuit does with it."""
    frames, run = drift(tmp_path), tmp_path / "run"
    plan = Plan(passes=2, eta_start=0, eta_end=0)
    run_job(Job(source=Source(frames=str(frames), size=SIZE), plan=plan), run, figures=False)
    assert "    ^ nothing is learned: all weights are 0" in call(["diagnose", str(run), "--frames", str(frames)], capsys)
    scored = score_path(run, Frames(str(frames)))
    rows = table(run / "diagnostics.csv")
    assert [row["done"] for row in rows] == ["1", "2", "3", "4"]
    assert sorted(row["clip"] for row in rows) == ["one", "one", "two, upright", "two, upright"]
    assert [row["clip"] for row in rows] == [row["clip"] for row in table(run / "curve.csv")]
    for row in rows:
        rates = scored[row["clip"]]["mean_rate_Hz"]
        assert float(row["level0.error_pos_Hz"]) == pytest.approx(rates["level0.error_pos"])
        inputs = sum(rates[f"level0.target{x}"] for x in ("", "_contrast", "_transient")) * 2 * 0.05
        assert float(row["input_spikes_px_frame"]) == pytest.approx(inputs)


class Stop(Exception):
    """Stands for whatever ends a process."""


class Stopping(Reporter):
    """Ends the process after the second stretch is saved."""

    def step(self, done: int, total: int, note: str = "") -> None:
        if done > 2:
            raise Stop


def forgets(arrays: dict[str, np.ndarray]) -> None:
    """As versions without a diary left it."""
    del arrays["clips"], arrays["diary"]


def widened(arrays: dict[str, np.ndarray]) -> None:
    """As a version with other columns left it."""
    arrays["diary"] = np.zeros((2, 99))


@pytest.mark.parametrize(("change", "clips"), [(None, 4), (forgets, 2), (widened, 4)])
def test_the_diary_survives_a_stop(change: Callable[[dict[str, np.ndarray]], None] | None, clips: int, tmp_path: Path) -> None:
    """Also from a checkpoint without one: then it begins where learning goes on, and what is learned is the same."""
    job = Job(source=Source(frames=str(drift(tmp_path)), size=SIZE), plan=Plan(passes=2))
    with pytest.raises(Stop):
        run_job(job, tmp_path / "run", figures=False, report=Stopping(), checkpoint_s=0.0)
    checkpoint = partial_of(tmp_path / "run") / "checkpoint.npz"
    assert len(load_diary(checkpoint, job.network()).to_array()) == 2
    if change is not None:
        state = State.load(checkpoint)
        arrays = dict(state.arrays)
        change(arrays)
        replace(state, arrays=arrays).save(checkpoint)
        assert [p.done for p in load_checkpoint(checkpoint)[1].points] == [1, 2]
    run_job(job, tmp_path / "run", resume=True, figures=False)
    run_job(job, tmp_path / "straight", figures=False)
    whole, rest = (table(tmp_path / name / "diagnostics.csv") for name in ("straight", "run"))
    assert len(whole) == 4 and rest == (whole if change is None else whole[2:])
    assert (tmp_path / "run" / "weights.npz").read_bytes() == (tmp_path / "straight" / "weights.npz").read_bytes()
    curves = [table(tmp_path / name / "curve.csv") for name in ("straight", "run")]
    assert [row["mse_model"] for row in curves[0]] == [row["mse_model"] for row in curves[1]]
    assert [row["clip"] for row in curves[1]] == [row["clip"] if i >= 4 - clips else "" for i, row in enumerate(curves[0])]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["drift-leaky", "--frames", "photographs"], "is a run of the rate PredNet, which diagnose does not apply to"),
        (["nowhere", "--frames", "photographs"], "nowhere: is not a run folder"),
        (["drift-spiking", "--frames", "no.mp4"], "no.mp4"),
        (["drift-spiking"], "--frames"),
        (["drift-spiking", "--frames", "photographs", "--clips", "coffee"], "--clips: does not apply to photographs"),
        (["drift-spiking", "--frames", "no.mp4", "--movies", "3"], "--movies: is for photographs only"),
        (["drift-spiking", "--frames", "photographs", "--movies", "0"], "--movies"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["diagnose", *arguments])
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert err.startswith("spiking-prednet: ") and err.count("\n") == 1 and words in err, err
