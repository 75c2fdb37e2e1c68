"""A file of code has at most 400 lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

LIMIT = 400


def too_long(root: Path, files: Iterable[Path]) -> list[str]:
    """Python files over the limit, with their lengths."""
    lengths = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path in files if path.suffix == ".py"}
    return [f"{path} ({n} lines)" for path, n in lengths.items() if n > LIMIT]


def test_files_are_short(root: Path, project_files: list[Path]) -> None:
    assert too_long(root, project_files) == []


def test_the_checker_sees_one_line_too_many(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * (LIMIT + 1), encoding="utf-8")
    (tmp_path / "short.py").write_text("x = 1\n" * LIMIT, encoding="utf-8")
    assert too_long(tmp_path, [Path("long.py"), Path("short.py")]) == ["long.py (401 lines)"]
