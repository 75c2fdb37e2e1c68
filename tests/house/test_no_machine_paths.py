"""No file mentions a folder that exists on one machine only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

# Written without slashes, so that this file does not find itself.
TOPS = ("Users", "content", "farm", "home", "mnt", "opt", "root", "scratch", "tmp", "work", "workspace")
PATTERN = re.compile(r"(?:(?<![\w.~/\\\-})$*])|(?<=file://))/(?:" + "|".join(TOPS) + r")/[\w.*]|\b[A-Z]:\\(?:Users|work)")


def mentions(root: Path, files: Iterable[Path]) -> list[str]:
    """Lines of text files that name such a folder."""
    found = []
    for path in files:
        data = (root / path).read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
            if PATTERN.search(line):
                found.append(f"{path}:{number}: {line.strip()}")
    return found


def test_no_file_names_a_folder_of_one_machine(root: Path, project_files: list[Path]) -> None:
    assert mentions(root, project_files) == []


@pytest.mark.parametrize("top", ["work", "root", "home", "tmp"])
@pytest.mark.parametrize("before", ["", "x = '", "see ", "file://", "(", "="])
def test_the_checker_sees_an_absolute_path(tmp_path: Path, top: str, before: str) -> None:
    (tmp_path / "note.md").write_text("fine\n" + before + "/".join(["", top, "data"]) + "\n", encoding="utf-8")
    assert [found.split(": ")[0] for found in mentions(tmp_path, [Path("note.md")])] == ["note.md:2"]


def test_the_checker_lets_relative_paths_and_addresses_pass(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("https://example.org/work/a and runs/tmp/b and ../root/c\n", encoding="utf-8")
    assert mentions(tmp_path, [Path("note.md")]) == []
