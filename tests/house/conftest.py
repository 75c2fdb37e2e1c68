"""Where the project is and which files belong to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def rooms() -> tuple[str, ...]:
    """The four import names."""
    return ("snn", "conversion", "plasticity", "comparisons")


@pytest.fixture(scope="session")
def project_files(root: Path) -> list[Path]:
    """Files that git tracks or would track, relative to the root; without git, all that are not hidden."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
        found = [Path(name) for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path.relative_to(root) for path in root.rglob("*")]
        found = [path for path in found if not any(part.startswith(".") or part == "__pycache__" for part in path.parts)]
    files = sorted(path for path in found if (root / path).is_file())
    assert Path("pyproject.toml") in files
    return files
