"""The command that scores models against recordings, on a small recording whose truth is known."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import app, main
from comparisons.neural.data import NeuralData
from comparisons.neural.files import write_neural
from comparisons.neural.kept import Kept
from comparisons.neural.simulated import simulated_v1
from snn.errors import RunFolderError


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "v1.npz"
    write_neural(path, simulated_v1(n_stimuli=60, n_units=12, mean_count=2.0, seed=3).data)
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two cells that count spikes for the left and the right half of films, whose brightness is drawn anew in each frame."""
    rng = np.random.default_rng(0)
    films = 0.9 * np.repeat(rng.random((6, 12, 16, 2)), 8, axis=3) + 0.1 * rng.random((6, 12, 16, 16))
    halves = np.stack([films[..., :8].mean((2, 3)), films[..., 8:].mean((2, 3))], axis=-1)
    responses = rng.poisson(200 * halves, (4, 6, 12, 2)).astype(float)
    write_neural(tmp_path / "film.npz", NeuralData(films, responses, np.arange(6), 50.0, 50.0, name="halves"))
    return tmp_path / "film.npz"


def run(*arguments: object) -> None:
    app([str(a) for a in arguments], exit_on_error=False, result_action="return_value")


def said(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def test_models_beside_what_needs_none(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["score", "spiking=drift-spiking", "drift-leaky", "--neural", recording, "--trials", "1", "--out", str(out)]
    run(*command, "--json")
    found = said(capsys)
    rows = {(row["model"], row["population"], row["role"]): row["numbers"] for row in found["rows"]}
    assert ("spiking", "level0.error_pos", "model") in rows and ("spiking", "level0.error_pos", "untrained") in rows
    assert ("drift-leaky", "level1.representation", "model") in rows
    pixels = next(numbers for (_, population, _), numbers in rows.items() if population == "pixels")
    energy = next(numbers for (_, population, _), numbers in rows.items() if population == "Gabor energy")
    shuffled = next(numbers for (_, _, kind), numbers in rows.items() if kind == "shuffled")
    assert energy["rsa"]["over_runs"]["mean"] > pixels["rsa"]["over_runs"]["mean"] + 0.1
    assert energy["cka"]["over_stimuli"]["low"] > 0
    assert shuffled["cka"]["over_stimuli"]["low"] < 0 < shuffled["cka"]["over_stimuli"]["high"]
    learned = rows["spiking", "level0.error_pos", "model"]["rsa"]["over_runs"]["mean"]
    born = rows["spiking", "level0.error_pos", "untrained"]["rsa"]["over_runs"]["mean"]
    gain = next(g for g in found["gains"] if g["population"] == "level0.error_pos" and g["role"] == "more than before learning")
    assert gain["numbers"]["rsa"]["over_runs"]["mean"] == pytest.approx(learned - born)
    page = (out / "score.html").read_text()
    assert "level1.representation" in page and "<svg" in page and "http" not in re.sub(r"http://www\.w3\.org[^\"]*", "", page)
    assert json.loads((out / "scores.json").read_text())["rows"] == json.loads(json.dumps(found["rows"]))


def test_what_was_scored_is_not_scored_again(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["score", "drift-leaky", "--neural", recording, "--trials", "1", "--out", str(tmp_path / "out"), "--json"]
    run(*command)
    first = said(capsys)
    asked = []
    monkeypatch.setattr("comparisons.neural.scoring.score_responder", lambda *a, **k: asked.append(a))
    run(*command)
    assert said(capsys)["rows"] == first["rows"] and not asked


def test_a_change_of_the_recording_or_of_how_it_is_scored_is_scored_anew(recording: Path, tmp_path: Path) -> None:
    from comparisons.neural.files import read_neural

    data = read_neural(recording)
    other = replace(data, responses=data.responses + 1.0)
    assert other.digest != data.digest == replace(data, name="another").digest
    assert data.digest != replace(data, frame_ms=40.0).digest
    Kept(tmp_path, "one").write({}, "run", True, 0)
    assert Kept(tmp_path, "one").read("run", True, 0) == {}
    assert Kept(tmp_path, "two").read("run", True, 0) is Kept(tmp_path, "one").read("run", False, 0) is Kept().read("run", True, 0) is None


def test_without_models_the_references_stand_alone(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("score", "--neural", recording, "--method", "pls")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:6]] == ["pixels", "Gabor filters", "Gabor energy", "Gabor energy, shuffled"]
    assert not any("before learning" in line for line in lines)


def test_films_have_a_curvature(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames of noise: 120 degrees in pixels; and what sees each frame answers its bin."""
    run("score", "drift-leaky", "--neural", str(film), "--trials", "1", "--no-untrained", "--json")
    rows = {row["population"]: row["numbers"] for row in said(capsys)["rows"]}
    assert rows["pixels"]["curvature_deg"]["over_runs"]["mean"] == pytest.approx(120, abs=5)
    # The lowest target is the frame, with little noise.
    turned = rows["level0.target"]["curvature_deg"]["over_runs"]["mean"]
    assert turned == pytest.approx(rows["pixels"]["curvature_deg"]["over_runs"]["mean"], abs=3)
    assert rows["pixels"]["encoding"]["over_runs"]["mean"] > 0.3


def test_one_trial_leaves_ceilings_unknown(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from comparisons.neural.files import read_neural

    data = read_neural(recording)
    write_neural(tmp_path / "one.npz", replace(data, responses=data.responses[:1]))
    run("score", "--neural", str(tmp_path / "one.npz"), "--out", str(tmp_path / "out"))
    head, _, pixels = capsys.readouterr().out.splitlines()[:3]
    assert "RSA (most: unknown)" in head and "CKA (most: unknown)" in head
    assert [cell.strip()[:1] for cell in pixels.split("|")[4:6]] == ["-", "-"]
    assert "12 units without an encoding score" in (tmp_path / "out" / "score.html").read_text()


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        (("drift-leaky", "drift-leaky"), "two models have one name"),
        (("a=drift-leaky,drift-leaky",), "has one run twice"),
        (("drift-leeky",), "did you mean 'drift-leaky'"),
    ],
)
def test_what_cannot_be_scored_is_refused(runs: tuple[str, ...], says: str, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["score", *runs, "--neural", str(recording)])
    assert says in capsys.readouterr().err


def test_scores_of_another_recording_are_not_replaced(
    recording: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run("score", "--neural", recording, "--out", out)
    held = (out / "score.html").read_bytes()
    run("score", "--neural", recording, "--method", "pls", "--out", out)
    assert (out / "score.html").read_bytes() != held
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(["score", "--neural", str(film), "--out", str(out)])
    assert "holds scores of another recording, simulated V1; choose another --out" in capsys.readouterr().err


def test_units_without_a_score_are_said_in_the_terminal(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from comparisons.neural.files import read_neural

    data = read_neural(recording)
    responses = data.responses.copy()
    responses[..., :3] = 0.0
    responses[..., 4] = np.random.default_rng(0).poisson(1.0, responses.shape[:2])
    write_neural(tmp_path / "some.npz", replace(data, responses=responses))
    run("score", "--neural", str(tmp_path / "some.npz"), "--folds", "100")
    told = capsys.readouterr()
    assert "4 units without an encoding score; 3 such as unit 0: never responds; unit 4: " in told.out
    assert "8 have an encoding score (regression in 9 folds)" in told.err and "RSA and CKA compare 60 of 60 stimuli" in told.err


@pytest.mark.parametrize("held", ["{}", "[]", '{"recording": ', '{"recording": null}'])
def test_a_file_of_something_else_is_not_replaced(held: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scores.json").write_text(held)
    with pytest.raises(SystemExit, match="2"):
        main(["score", "--neural", str(recording), "--out", str(tmp_path)])
    assert "scores.json: is not of score, or damaged; choose another --out" in capsys.readouterr().err
    assert (tmp_path / "scores.json").read_text() == held


def test_films_in_bins_say_how_long_both_are(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("score", "--neural", str(film))
    told = capsys.readouterr()
    assert "Responses are in 12 bins of 50 ms, 600 ms in all, stimuli last 600 ms." in told.err
    assert "Curvature: by how much the path of a film turns" in told.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--neural", "simulated-v2"), "simulated-v2: is neither a file nor a simulated cortex; allowed: simulated-v1"),
        (("--neural", "simulated-v1", "--groups", "each"), "is not for simulated-v1"),
        (("--neural", "RECORDING", "--groups", "each"), "says itself which stimuli belong together"),
    ],
)
def test_what_would_be_ignored_is_refused(words: tuple[str, ...], says: str, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["score", *(word.replace("RECORDING", str(recording)) for word in words)])
    assert says in capsys.readouterr().err


def test_a_recording_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["score", "--neural", "nowhere.npz"])
    assert "nowhere.npz: cannot be read" in capsys.readouterr().err


def test_a_report_holds_the_sections_of_scores(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands on the page of the scores stands in the report, under its own heading; a folder without scores is refused."""
    out, given = tmp_path / "out", []
    run("score", "--neural", recording, "--out", out)
    monkeypatch.setattr("comparisons.report.write_report", lambda folder, sections: given.extend(sections) or folder)
    run("report", tmp_path, "--score", out)
    assert [(s.name, s.title, s.options) for s in given] == [("neurons", "Models and recorded neurons", ("--score", str(out)))]
    page, html = (out / "score.html").read_text(), given[0].html
    assert html.partition("<details")[0].replace("h3>", "h2>") in page and "<svg" in html and "<h2>" not in html
    # The section says itself where it is from.
    assert "spiking-prednet score --neural" in html and "beside <code>score.html</code>" in html
    with pytest.raises(RunFolderError, match=r"has no joint.section.html.*give the --out of the command that writes joint.html"):
        run("report", tmp_path, "--joint", tmp_path)
