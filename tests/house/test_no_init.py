"""Folders under tests/ are not packages: tests/snn would otherwise answer to ``import snn``."""

from __future__ import annotations

import tomllib
from pathlib import Path


def packages_under(folder: Path) -> list[str]:
    """Folders that an ``__init__.py`` makes into packages."""
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("__init__.py"))


def test_no_test_folder_is_a_package(root: Path) -> None:
    assert packages_under(root / "tests") == []


def test_pytest_imports_by_file(root: Path) -> None:
    options = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert "--import-mode=importlib" in options["addopts"]


def test_only_the_rooms_are_packages_at_the_top(root: Path, project_files: list[Path], rooms: tuple[str, ...]) -> None:
    tops = {path.parts[0] for path in project_files if path.name == "__init__.py" and len(path.parts) == 2}
    assert tops == set(rooms)


def test_the_checker_sees_a_package(tmp_path: Path) -> None:
    (tmp_path / "snn").mkdir()
    (tmp_path / "snn" / "__init__.py").touch()
    assert packages_under(tmp_path) == ["snn"]
