"""Imports point down the rooms, and ``import snn`` stays light."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

HEAVY = {"PIL", "av", "brian2", "matplotlib", "numba", "scipy", "skimage", "snntorch", "torch"}
LIGHT = {"numpy", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}

# Prints the third-party modules that an import has loaded, beyond those of the bare interpreter.
PROBE = """
import json, sys, sysconfig
before = set(sys.modules)
import {name}
site = {{sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}}
new = {{m for m in set(sys.modules) - before if any((getattr(sys.modules[m], "__file__", None) or "").startswith(s) for s in site)}}
print(json.dumps(sorted({{m.split(".")[0] for m in new}})))
"""


def third_party_loaded_by(name: str, folder: Path) -> set[str]:
    """Top-level names from the site folder that ``import name`` loads in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", PROBE.format(name=name)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a project folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def aliases(source: str) -> Iterable[str]:
    """Foreign modules that a source imports under the name of a room."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.asname in {"snn", "conversion", "plasticity", "comparisons"})


def test_contracts_hold(root: Path) -> None:
    done = lint_imports(root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_snn_loads_numpy_and_pydantic_only(tmp_path: Path) -> None:
    loaded = third_party_loaded_by("snn", tmp_path)
    assert loaded & HEAVY == set()
    assert loaded <= LIGHT


def test_no_module_is_imported_under_the_name_of_a_room(root: Path, project_files: list[Path]) -> None:
    found = {str(path): list(aliases((root / path).read_text(encoding="utf-8"))) for path in project_files if path.suffix == ".py"}
    assert {path: names for path, names in found.items() if names} == {}


def miniature(root: Path, folder: Path) -> None:
    """Write a project with our contracts and empty modules."""
    shutil.copy(root / "pyproject.toml", folder)
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    engines = {f"snn.engines.{name}" for name in ("reference", "event", "brian")}
    named = {name for contract in settings["contracts"] for name in contract.get("source_modules", ())} | engines
    for name in settings["root_packages"] + sorted(named):
        path = folder.joinpath(*name.split("."))
        package = path if name in settings["root_packages"] else path.parent
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        if package != path:
            path.with_suffix(".py").touch()


def test_the_contracts_see_each_kind_of_offence(root: Path, tmp_path: Path) -> None:
    miniature(root, tmp_path)
    assert lint_imports(tmp_path).returncode == 0
    offences = {
        "snn/errors.py": ("import plasticity", "snn.errors -> plasticity"),
        "plasticity/__init__.py": ("import conversion", "plasticity -> conversion"),
        "snn/cells.py": ("from snn.engines import event", "snn.cells -> snn.engines.event"),
        "snn/engines/event.py": ("import snn.engines.reference", "snn.engines.event -> snn.engines.reference"),
        "snn/recording.py": ("def later():\n    import torch", "snn.recording -> torch"),
    }
    for name, (line, named) in offences.items():
        (tmp_path / name).write_text(line + "\n", encoding="utf-8")
        done = lint_imports(tmp_path)
        assert done.returncode != 0, line
        assert named in done.stdout, done.stdout
        (tmp_path / name).write_text("", encoding="utf-8")


def test_the_probe_sees_a_heavy_import(tmp_path: Path) -> None:
    (tmp_path / "heavy_probe.py").write_text("import scipy\n", encoding="utf-8")
    assert "scipy" in third_party_loaded_by("heavy_probe", tmp_path)


def test_the_checker_sees_an_alias() -> None:
    assert list(aliases("import snntorch as snn\nimport numpy as np\nimport snn\n")) == ["snntorch"]
