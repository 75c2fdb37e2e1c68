"""Run folders: finished means that the manifest verifies; anything else is told and named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparisons import run_folder
from comparisons.cli import main
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.running import run_job
from plasticity.training import Plan
from snn.errors import RunFolderError


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests put back what they change."""
    folder = tmp_path_factory.mktemp("run_folder")
    np.save(folder / "clip.npy", np.random.default_rng(0).random((8, 8, 8)) * 0.3)
    run_job(Job(source=Source(frames=str(folder / "clip.npy"), size=8), plan=Plan(passes=1)), folder / "run", figures=False)
    return folder / "run"


def listed(run: Path) -> list[str]:
    return sorted(p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())


def test_a_finished_run_holds_what_it_needs(finished: Path) -> None:
    run_folder.verify(finished)
    assert set(listed(finished)) == {*run_folder.NEEDED, "weights.npz", "diagnostics.csv", run_folder.MANIFEST}


@pytest.mark.slow
def test_figures_are_under_the_manifest_too(finished: Path, tmp_path: Path) -> None:
    source = Source(frames=str(finished.parent / "clip.npy"), size=8)
    run_job(Job(source=source, plan=Plan(passes=1)), tmp_path / "run")
    run_folder.verify(tmp_path / "run")
    names = set(listed(tmp_path / "run")) - {*run_folder.NEEDED, run_folder.MANIFEST}
    assert "recording.npz" in names and "figures/strip.png" in names
    for name in names:
        path = tmp_path / "run" / name
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(RunFolderError, match=path.name):
            run_folder.verify(tmp_path / "run")
        path.write_bytes(good)


def test_one_byte_of_any_file(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Flip one byte in the middle of each file in turn: the file is named."""
    rng = np.random.default_rng(0)
    for name in listed(finished):
        path = finished / name
        good = path.read_bytes()
        at = int(rng.integers(len(good)))
        try:
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
            with pytest.raises(RunFolderError) as error:
                run_folder.verify(finished)
            if name != run_folder.MANIFEST:
                assert str(error.value).startswith(f"{path}: has changed"), name
            with pytest.raises(SystemExit) as stop:
                main(["evaluate", str(finished), "--frames", str(finished.parent / "clip.npy")])
            out, err = capsys.readouterr()
            assert (stop.value.code, out) == (2, "")
            assert err == f"spiking-prednet: {error.value}\n"
        finally:
            path.write_bytes(good)
    run_folder.verify(finished)


def test_a_missing_file(finished: Path) -> None:
    for name in listed(finished):
        path = finished / name
        good = path.read_bytes()
        path.unlink()
        try:
            with pytest.raises(RunFolderError, match=path.name):
                run_folder.verify(finished)
        finally:
            path.write_bytes(good)


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.9])
def test_a_manifest_that_was_cut(kept: float, finished: Path) -> None:
    manifest = finished / run_folder.MANIFEST
    lines = manifest.read_bytes().splitlines(keepends=True)
    good = b"".join(lines)
    try:
        manifest.write_bytes(b"".join(lines[: int(kept * len(lines))]))
        with pytest.raises(RunFolderError, match=rf"{run_folder.MANIFEST}: does not list .* is damaged"):
            run_folder.verify(finished)
        manifest.write_bytes(b"\xff\xfe" + good)
        with pytest.raises(RunFolderError):
            run_folder.verify(finished)
    finally:
        manifest.write_bytes(good)


def test_what_a_user_adds_does_no_harm(finished: Path) -> None:
    note = finished / "note.txt"
    note.write_text("the good one", encoding="utf-8")
    run_folder.verify(finished)
    note.unlink()


def test_texts_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    run_folder.write_json(path, {"x": 1})
    run_folder.write_json(path, {"x": 2})
    assert run_folder.read_json(path) == {"x": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(RunFolderError, match="cannot be written"):
        run_folder.write_text(path / "b", "under a file")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_json_is_strict(value: object) -> None:
    """Whatever comes in, no NaN goes out; finite values come back as they were."""

    def plain(item: object) -> object:
        if isinstance(item, float) and not np.isfinite(item):
            return None
        if isinstance(item, list):
            return [plain(i) for i in item]
        return {k: plain(v) for k, v in item.items()} if isinstance(item, dict) else item

    assert json.loads(run_folder.to_json(value), parse_constant=pytest.fail) == plain(value)


def test_begin(tmp_path: Path) -> None:
    run = tmp_path / "deep" / "run"
    partial = run_folder.begin(run, resume=False)
    assert partial.is_dir() and partial.name == "run.partial" and not run.exists()
    assert not run_folder.can_resume(run)
    (partial / run_folder.CHECKPOINTS[0]).write_bytes(b"")
    assert run_folder.can_resume(run)
    with pytest.raises(RunFolderError, match="unfinished"):
        run_folder.begin(run, resume=False)
    (partial / "weights.npz.new").write_bytes(b"half")
    (partial / "summary.json.new").write_bytes(b"half")
    assert run_folder.begin(run, resume=True) == partial
    assert [p.name for p in partial.iterdir()] == [run_folder.CHECKPOINTS[0]]
    run.mkdir()
    for resume in (False, True):
        with pytest.raises(RunFolderError, match="exists already"):
            run_folder.begin(run, resume=resume)


def test_versions_name_what_a_result_depends_on() -> None:
    assert {"python", "numpy", "spiking-prednet"} <= set(run_folder.versions())
