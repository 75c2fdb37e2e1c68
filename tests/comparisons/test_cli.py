"""What a user types wrongly costs one line and nothing else.

Oracle: the house's promise. Exit status 2, one line on stderr that names the place and a cure (or what is allowed), no
traceback, and nothing half-written.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from comparisons.cli import main
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.run_folder import MANIFEST, sha256

SIZE = 8


def drift(n: int = 14, seed: int = 0) -> np.ndarray:
    """Frames of a smooth texture that moves by half a pixel a frame."""
    coarse = np.random.default_rng(seed).random((9, 9))
    x = np.linspace(0, 8, 4 * SIZE)
    rows = np.stack([np.interp(x, np.arange(9), row) for row in coarse])
    fine = np.stack([np.interp(x, np.arange(9), column) for column in rows.T], axis=1)
    return np.stack([fine[t // 2 : t // 2 + SIZE, t : t + SIZE] for t in range(n)])


def call(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command line; exit status, stdout, stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def refused(result: tuple[int, str, str], *words: str) -> None:
    """Assert the promise of the module's first lines."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("spiking-prednet: ") and err.endswith("\n") and err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err, (word, err)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad sources of frames."""
    folder = tmp_path_factory.mktemp("material")
    frames = drift()
    np.save(folder / "good.npy", frames)
    np.savez(folder / "two.npz", a=frames, b=frames[::-1])
    np.save(folder / "one.npy", frames[:1])
    np.save(folder / "short.npy", frames[:4])
    np.save(folder / "negative.npy", frames - 0.5)
    np.save(folder / "nan.npy", np.where(np.arange(14)[:, None, None] == 7, np.nan, frames))
    zipfile.ZipFile(folder / "empty.zip", "w").close()
    (folder / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    (folder / "sizes").mkdir()
    for i in range(6):
        Image.fromarray(np.zeros((SIZE, SIZE + (i == 4)), np.uint8)).save(folder / "sizes" / f"f{i}.png")
    (folder / "note.txt").write_text("no movie", encoding="utf-8")
    return folder


def learn_call(material: Path, out: Path, frames: str = "good.npy", *more: str) -> list[str]:
    source = frames if frames == "photographs" else str(material / frames)
    usual = {"--size": str(SIZE), "--passes": "1"}
    options = [word for pair in usual.items() if pair[0] not in more for word in pair]
    return ["learn", "--frames", source, "--out", str(out), "--no-figures", *options, *more]


@pytest.fixture(scope="module")
def finished(material: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which no test may change."""
    out = tmp_path_factory.mktemp("finished") / "run"
    with pytest.raises(SystemExit) as stop:
        main(learn_call(material, out))
    assert not stop.value.code
    return out


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to damage."""
    run = tmp_path / "run"
    run.mkdir()
    for path in finished.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    return run


BAD_FRAMES = {
    "missing file": ("godo.npy", ["godo.npy", "good.npy"]),
    "empty zip": ("empty.zip", ["empty.zip", "no frames", ".png"]),
    "cut zip": ("cut.zip", ["cut.zip", "damaged"]),
    "two sizes": ("sizes", ["f4.png", "(8, 9)", "(8, 8)", "clips of their own"]),
    "not a number": ("nan.npy", ["nan.npy frame 7", "finite", "[0, 1]"]),
    "negative": ("negative.npy", ["negative.npy frame 0", "negative", "[0, 1]"]),
    "one frame": ("one.npy", ["one.npy", "got 1", ">= 2"]),
    "too few to learn": ("short.npy", ["'short'", "4 frames", "at least 5"]),
    "no movie": ("note.txt", ["note.txt", ".txt", ".npz"]),
}
BAD_OPTIONS = {
    "frame smaller than the field": (["--size", "4"], ["prednet.field", "4 pixels", "got 5", "larger frames"]),
    "frame smaller than asked": (["--size", "99"], ["good.npy", "(8, 8)", "smaller size"]),
    "field leaves no level": (["--levels", "2"], ["level 1", "fewer levels"]),
    "unknown option": (["--epochs", "3"], ["--epochs", "learn --help"]),
    "not a number": (["--passes", "many"], ["--passes", "many", "--help"]),
    "unknown choice": (["--engine", "gpu"], ["--engine", "reference"]),
    "unknown key": (["--set", "level0.error_pos.cell.tau_mem_m=2"], ["level0.error_pos.cell.tau_mem_m:", "'tau_mem_ms'"]),
    "unknown population": (["--set", "level0.eror_pos.cell.tau_mem_ms=2"], ["level0.eror_pos", "did you mean"]),
    "no pair": (["--set", "level0.error_pos.cell.tau_mem_ms"], ["--set", "PATH=VALUE", "for example"]),
    "no such sign": (["--set", "level0.error_pos.sign=both"], ["level0.error_pos.sign", "mixed"]),
    "zero time constant": (["--set", "level0.error_pos.cell.tau_mem_ms=0"], ["level0.error_pos.cell.tau_mem_ms", "greater than 0", "0.0"]),
    "negative time constant": (["--set", "level0.error_pos.cell.tau_mem_ms=-2"], ["level0.error_pos.cell.tau_mem_ms", "greater than 0"]),
    "no time constant": (["--set", "level0.error_pos.cell.tau_mem_ms=nan"], ["level0.error_pos.cell.tau_mem_ms", "nan"]),
    "delay below one step": (
        ["--set", "level0.target->level0.target_inh/pulse.delay_ms=0.5"],
        ["level0.target->level0.target_inh/pulse.delay_ms", "one step", "0.5", "smaller dt_ms"],
    ),
    "frame no multiple": (["--frame-ms", "50.5"], ["frame_ms", "whole number of steps", "50.5", "multiple"]),
    "frame time of nothing": (["--frame-ms", "0"], ["frame_ms", "greater than 0"]),
    "frame time of two minds": (["--set", "frame_ms=25"], ["frame_ms", "25"]),
    "step": (["--dt-ms", "-1"], ["dt_ms", "greater than 0", "-1"]),
    "step that is none": (["--dt-ms", "nan"], ["dt_ms", "finite", "nan"]),
    "rate": (["--eta", "-1"], ["eta_start", "-1"]),
    "rate without end": (["--eta", "inf"], ["eta_start", "inf"]),
    "seed": (["--seed", "-1"], ["seed", "-1"]),
    "unknown clip": (["--clips", "gud"], ["good.npy", "'gud'", "good"]),
    "nothing left": (["--hold-out", "12"], ["'good'", "14 frames", "--hold-out"]),
    "validation that cannot be scored": (["--validate", "2"], ["'good'", "got 2", "> 3"]),
    "engine that cannot": (["--engine", "brian", "--cells", "rate"], ["brian", "cannot run"]),
}


@pytest.mark.parametrize("case", BAD_FRAMES)
def test_bad_frames(case: str, material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, words = BAD_FRAMES[case]
    refused(call(learn_call(material, tmp_path / "run", frames), capsys), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options(case: str, material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options, words = BAD_OPTIONS[case]
    refused(call(learn_call(material, tmp_path / "run", "good.npy", *options), capsys), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--movies", "0"], ["n_movies", "0"]),
        (["--speed", "2", "1"], ["speed", "(2.0, 1.0)"]),
        (["--speed", "0", "1"], ["speed", "greater than 0"]),
        (["--direction", "90", "0"], ["direction", "(90.0, 0.0)"]),
        (["--size", "400"], ["smaller window"]),
    ],
)
def test_bad_options_of_photographs(
    options: list[str], words: list[str], material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(call(learn_call(material, tmp_path / "run", "photographs", *options), capsys), *words)
    assert list(tmp_path.iterdir()) == []


def test_out_cannot_be_written(material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    refused(call(learn_call(material, tmp_path / "file" / "run"), capsys), str(tmp_path / "file" / "run"), "cannot be written", "--out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("out", [".", ""])
def test_out_is_the_folder_one_is_in(
    out: str, material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(call(learn_call(material, Path(out)), capsys), "exists already", "--out")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(
    material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "bars.npz")

    monkeypatch.setattr("comparisons.bars.np.savez", full)
    monkeypatch.setattr("comparisons.learning.save_checkpoint", lambda *_: None)
    code, _, err = call(learn_call(material, tmp_path / "run"), capsys)
    assert code == 2
    assert err.splitlines()[-1].startswith("spiking-prednet: bars.npz: No space left on device; free some room")
    assert "Traceback" not in err


def test_a_run_is_not_overwritten(finished: Path, material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name: p.read_bytes() for p in finished.iterdir()}
    for resume in ([], ["--resume"]):
        refused(call(learn_call(material, finished, "good.npy", *resume), capsys), str(finished), "exists already", "--out")
    assert {p.name: p.read_bytes() for p in finished.iterdir()} == before
    assert [p.name for p in finished.parent.iterdir()] == ["run"]


# NumPy leaves a damaged file open until the next collection, which then tells of it in whatever runs.
left_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect what a test left open before the next begins."""
    yield
    gc.collect()


VERBS: dict[str, Callable[[Path, Path], list[str]]] = {
    "evaluate": lambda run, material: ["evaluate", str(run), "--frames", str(material / "good.npy")],
    "check": lambda run, material: ["check", str(run)],
    "info": lambda run, material: ["info", str(run)],
    "diagnose": lambda run, material: ["diagnose", str(run), "--frames", str(material / "good.npy")],
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", ["nothing", "a file", "an empty folder", "an unfinished run"])
def test_not_a_run(verb: str, what: str, material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    if what == "a file":
        run.write_text("x", encoding="utf-8")
    elif what == "an empty folder":
        run.mkdir()
    elif what == "an unfinished run":
        run.with_name("run.partial").mkdir()
    cure = {"an unfinished run": "--resume", "an empty folder": "run `learn`", "a file": "import-rate"}.get(what, "check the path")
    refused(call(VERBS[verb](run, material), capsys), str(run), cure)


@left_open
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("verb", VERBS)
def test_weights_cut_short(verb: str, copied: Path, material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = copied / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused(call(VERBS[verb](copied, material), capsys), str(weights), "cut short", "restore")


def signed(run: Path) -> None:
    """Make the manifest fit the files, so that only the readers stand between damage and the user."""
    names = [line.partition("  ")[2] for line in (run / MANIFEST).read_text(encoding="utf-8").splitlines()]
    (run / MANIFEST).write_text("".join(f"{sha256(run / name)}  {name}\n" for name in names), encoding="utf-8")


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "weights cut": ("weights.npz", lambda old: old[:-100]),
    "weights empty": ("weights.npz", lambda old: b""),
    "description cut": ("description.json", lambda old: old[: len(old) // 2]),
    "description is a list": ("description.json", lambda old: b"[1, 2]"),
    "description is no text": ("description.json", lambda old: b"\xff\xfe\x00"),
    "description of another network": ("description.json", lambda old: old.replace(b'"w_max_mV": 64.0', b'"w_max_mV": 63.0')),
    "description with an unknown rule": ("description.json", lambda old: old.replace(b'"error_gated"', b'"error_grated"')),
    "description with an unknown field": ("description.json", lambda old: old.replace(b'"delay_ms"', b'"delay_s"', 1)),
    "job is a list": ("config.json", lambda old: b"[1, 2]"),
    "job cut": ("config.json", lambda old: old[:-30]),
    "job with an unknown field": ("config.json", lambda old: old.replace(b'"levels"', b'"storeys"')),
    "bars cut": ("bars.npz", lambda old: old[:-100]),
    "clips cut": ("clips.json", lambda old: old[:-3]),
    "clips of another kind": ("clips.json", lambda old: b"[3]"),
}


@left_open
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("case", DAMAGE)
def test_damage_that_the_manifest_does_not_know(case: str, copied: Path, material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, change = DAMAGE[case]
    path = copied / name
    old = path.read_bytes()
    path.write_bytes(change(old))
    assert path.read_bytes() != old
    signed(copied)
    where = "weights.npz" if case == "description of another network" else name
    refused(call(VERBS["evaluate"](copied, material), capsys), str(copied / where), "again")


def test_held_out_of_a_run_that_held_out_nothing(finished: Path, material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = call([*VERBS["evaluate"](finished, material), "--only", "held-out"], capsys)
    refused(result, "'good'", "--hold-out", "leave out --only held-out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--clips", "gud"], ["'gud'", "good"]),
        (["--only", "some"], ["--only", "held-out"]),
        (["--frames", "photographs", "--movies", "0"], ["n_movies"]),
    ],
)
def test_bad_options_of_evaluate(
    options: list[str], words: list[str], finished: Path, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [] if "--frames" in options else ["--frames", str(material / "good.npy")]
    refused(call(["evaluate", str(finished), *frames, *options], capsys), *words)


@pytest.mark.parametrize("option", ["--seeds", "--workers", "--movies"])
def test_demo_of_nothing(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(call(["demo", "--out", str(tmp_path / "demo"), option, "0"], capsys), option, ">= 1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["train"], ["learn"], ["info"], ["check", "a", "b"]])
def test_bad_verbs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    refused(call(arguments, capsys), "--help")


def test_defaults_are_those_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line repeats the defaults for its help; they must not drift apart."""
    given = []

    def note(job: Job, *_: object, **__: object) -> dict[str, object]:
        given.append(job)
        return {"n_neurons": 0, "n_synapses": 0, "ratio_while_learning": 1.0, "validation": {}}

    monkeypatch.setattr("comparisons.running.run_job", note)
    call(["learn", "--frames", "x.npy", "--out", str(tmp_path / "run")], capsys)
    assert given == [Job(source=Source(frames="x.npy"))]


def test_check_and_info_of_a_run(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(["check", str(finished)], capsys)
    assert (code, err) == (0, "")
    assert {line.split()[1] for line in out.splitlines()[:-1]} == {"0"}
    code, out, err = call(["info", str(finished)], capsys)
    assert (code, err) == (0, "")
    assert " learns frame end: at the end of each frame" in out
    assert "level0.error_pos" in out and "error_gated" in out


def test_lifting_a_constraint_shows_in_check(finished: Path, copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A negative excitatory weight, which no engine makes, is told and gives status 1."""
    with np.load(copied / "weights.npz") as file:
        arrays = {k: file[k] for k in file.files}
    key = next(k for k in arrays if k.startswith("weights/"))
    arrays[key] = -arrays[key]
    np.savez(copied / "weights.npz", **arrays)
    signed(copied)
    code, out, _ = call(["check", str(copied)], capsys)
    assert code == 1
    assert key.removeprefix("weights/") in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["learn", "--frames", "gone.mp4", "--out", "run"], ["gone.mp4", "no such file"]),
        (["learn", "--frames", "good.npy", "--out", "good.npy/run", "--size", "8"], ["good.npy/run", "cannot be written"]),
        (["evaluate", "run", "--frames", "good.npy", "--jsn"], ["--jsn", "--help"]),
    ],
)
def test_in_a_process_of_its_own(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", drift())
    done = subprocess.run([sys.executable, "-m", "comparisons", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    refused((done.returncode, done.stdout, done.stderr), *words)
    assert [p.name for p in tmp_path.iterdir()] == ["good.npy"]


def test_json_is_all_there_is_on_stdout(finished: Path, material: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "comparisons", *VERBS["evaluate"](finished, material), "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)["clips"]) == {"good"}


def test_an_ablation_shows_in_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dale's law is lifted by saying so, and `check` says so too; how the frames were made is on record."""
    np.save(tmp_path / "drift.npy", drift())
    lifted = ["--set", "level0.representation.sign=mixed", "--passes", "1", "--no-figures"]
    where = ["--frames", str(tmp_path / "drift.npy"), "--out", str(tmp_path / "run"), "--size", "8"]
    assert call(["learn", *where, *lifted], capsys)[0] == 0
    code, out, _ = call(["check", str(tmp_path / "run")], capsys)
    assert code == 1
    assert "level0.representation: its sign is 'mixed'" in out
    assert "drift: " in call(["info", str(tmp_path / "run")], capsys)[1]
