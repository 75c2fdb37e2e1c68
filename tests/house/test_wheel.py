"""The wheel holds the four rooms, whole, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder


def wheel_problems(in_wheel: Iterable[str], in_tree: Iterable[str], rooms: tuple[str, ...]) -> list[str]:
    """How a wheel's files differ from the rooms of the tree they were built from."""
    packed = {name for name in in_wheel if not name.split("/")[0].endswith(".dist-info")}
    wanted = {name for name in in_tree if name.split("/")[0] in rooms}
    problems = [f"no {room}/py.typed" for room in rooms if f"{room}/py.typed" not in packed]
    problems += [f"missing: {name}" for name in sorted(wanted - packed)]
    problems += [f"should not be there: {name}" for name in sorted(packed - wanted)]
    return problems


def names_in(wheel: Path) -> list[str]:
    """Files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


def test_the_wheel_is_the_four_rooms(root: Path, project_files: list[Path], rooms: tuple[str, ...], tmp_path: Path) -> None:
    (built,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    assert wheel_problems(names_in(Path(built)), [path.as_posix() for path in project_files], rooms) == []


def test_a_wheel_made_from_the_source_distribution_is_the_same(root: Path, rooms: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (through_source,) = tmp_path.glob("*.whl")
    (direct,) = WheelBuilder(str(root)).build(directory=str(tmp_path / "direct"), versions=["standard"])
    assert wheel_problems(names_in(through_source), names_in(Path(direct)), rooms) == []


def test_the_checker_sees_what_is_missing_and_what_is_too_much() -> None:
    tree = ["a/__init__.py", "a/py.typed", "a/law.md", "b/__init__.py", "b/py.typed", "tests/test_a.py"]
    good = [*tree[:5], "dist-1.dist-info/METADATA"]
    assert wheel_problems(good, tree, ("a", "b")) == []
    bad = ["a/__init__.py", "a/py.typed", "b/__init__.py", "tests/test_a.py"]
    assert wheel_problems(bad, tree, ("a", "b")) == [
        "no b/py.typed",
        "missing: a/law.md",
        "missing: b/py.typed",
        "should not be there: tests/test_a.py",
    ]
