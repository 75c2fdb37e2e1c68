"""The example scripts at small size: a simulation, a phenomenon of one's own, one's own video, recorded neurons."""

from __future__ import annotations

import re
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from comparisons.neural.files import write_neural
from comparisons.neural.simulated import simulated_v1
from comparisons.testing import check_phenomenon
from snn.stimuli.drift import photographs

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames of a real photograph, panned by a pixel a frame."""
    image = photographs(held_out=False)["camera"]
    path = tmp_path_factory.mktemp("video") / "pan.npz"
    np.savez(path, frames=np.stack([image[40:72, t : t + 32] for t in range(40)]))
    return path


def test_a_simulation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Populations of both signs fire, each partner as its cell does; the figure is there."""
    out = tmp_path / "spikes.png"
    runpy.run_path(str(EXAMPLES / "simulation.py"))["main"](None, 20, out)
    rates = {name: float(hz) for name, hz in re.findall(r"^(\S+) .* cells +([\d.]+) Hz", capsys.readouterr().out, re.MULTILINE)}
    assert rates["level0.target"] > 1 and rates["level0.representation_inh"] == pytest.approx(rates["level0.representation"], abs=0.2)
    assert out.stat().st_size > 10_000


def test_a_simulation_of_a_video(tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "simulation.py"))["main"](str(video), 2, tmp_path / "spikes.png")
    assert "error / error of copying the last frame" in capsys.readouterr().out


def test_a_phenomenon_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    """It is found where it was put in and nowhere else, and in a shipped model beside its controls."""
    script = runpy.run_path(str(EXAMPLES / "custom_phenomenon.py"))
    check_phenomenon(script["Reversal"](n_scenes=6), script["Extrapolating"]((16, 16)))
    script["main"](["spiking=drift-spiking"])
    said = capsys.readouterr().out
    effect, born = (float(x) for x in re.search(r"spiking: undecided ([\d.-]+); untrained ([\d.-]+)", said).groups())  # type: ignore[union-attr]
    assert effect > 0.3 > born and "one seed gives no interval" in said


def test_recorded_neurons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a simulated cortex is made of predicts it, other patches do not; and a recording in a file is read."""
    script = runpy.run_path(str(EXAMPLES / "recorded_neurons.py"))
    script["simulated"](120)
    made_of, pixels, others = ([float(x) for x in line[15:].split()] for line in capsys.readouterr().out.splitlines())
    assert len(made_of) == 3 and min(made_of) > 0.2 > max(pixels + others)
    write_neural(tmp_path / "mine.npz", simulated_v1(n_stimuli=60, n_trials=6, n_units=5, mean_count=2.0).data)
    script["recorded"](str(tmp_path / "mine.npz"))
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("of 5 units agree with themselves (r > 0.5 between halves of 6 trials)") and len(said) == 4


def test_scenes_turn_round() -> None:
    """Oracle: the frame in which the scene turns is that of two before; up to it every frame is new."""
    script = runpy.run_path(str(EXAMPLES / "custom_phenomenon.py"))
    made = script["Reversal"](n_scenes=8)
    for movie in made.movies(script["Extrapolating"]((16, 16)), 3):
        frames, turn = movie.frames, made.before
        assert np.array_equal(frames[turn], frames[turn - 2]) and np.array_equal(frames[turn + 1], frames[turn - 3])
        assert all(not np.array_equal(a, b) for a, b in pairwise(frames[:turn]))


def test_ones_own_video(tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last fifth is kept from learning, both seeds are scored, and what is there is not made again."""
    script = runpy.run_path(str(EXAMPLES / "own_video.py"))
    script["main"](video, 16, 2, 1, tmp_path / "mine")
    said = capsys.readouterr().out
    assert "1 clips, 40 frames; the last 8 of each are not learned from" in said
    assert "seed 0, frames" in said and "seed 1, frames" in said and re.search(r"all seeds: [\d.]+ \[", said)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "mine").rglob("*")}
    script["main"](video, 16, 2, 1, tmp_path / "mine")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "mine").rglob("*")}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("simulation", ["--frames", "nothere.mp4", "--out", "a.png"], "nothere.mp4"),
        ("simulation", ["--movies", "0", "--out", "a.png"], "1 or more"),
        ("simulation", ["--movies", "2", "--out", "."], "is a folder"),
        ("own_video", ["nothere.mp4", "--out", "mine"], "nothere.mp4"),
        ("own_video", ["x.npz", "--seeds", "0", "--out", "mine"], "1 or more"),
        ("custom_phenomenon", ["--model", "own=drift-spiking,drift-spiking"], "has one run more than once"),
    ],
)
def test_bad_input_is_one_line(
    name: str, arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of the command line: exit status 2, where and what, no traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [f"{name}.py", *arguments])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().err
    assert stop.value.code == 2 and words in said and "Traceback" not in said


def test_the_folder_of_a_figure_is_made(tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLES / "simulation.py"))["main"](None, 2, tmp_path / "new" / "spikes.png")
    assert (tmp_path / "new" / "spikes.png").is_file()
