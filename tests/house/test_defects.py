"""The defects that tests are tried on are still of the files as they are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def test_a_chosen_defect_is_of_one_place_and_its_tests_are_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``tests/defects.py`` plants them, which takes long; that it can is seen at once."""
    monkeypatch.syspath_prepend(str(root / "tests"))
    spec = importlib.util.spec_from_file_location("defects_chosen", root / "tests" / "defects_chosen.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "defects_chosen", module)
    spec.loader.exec_module(module)
    found = {c.name: (root / c.file).read_text(encoding="utf-8").count(c.old) for c in module.CHOSEN}
    assert found == dict.fromkeys(found, 1) and len(found) == len(module.CHOSEN)
    tests = {**module.SELECTIONS, **module.OTHERS}
    assert {c.file for c in module.CHOSEN} <= set(tests)
    assert all((root / name.split("::")[0]).is_file() for names in tests.values() for name in names)
