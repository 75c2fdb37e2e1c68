"""The examples of the battery print what can be worked out by hand."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from comparisons.phenomena import PHENOMENA
from comparisons.phenomena.two_pulse import TwoPulse
from comparisons.records import HARNESS, Record, as_lines
from comparisons.subjects import open_subject

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pairs_of_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: by hand: differences 1 and 3 have a mean of 2 and an interval of +- 12.7; the third seed has no partner."""
    one = Record("a", 0, "on_off", PHENOMENA["on_off"].about.version, HARNESS, "a0", 0.5, None, (), {"model": {"decay": 10.0}})
    rows = [replace(one, model=m, seed=s, run_digest=f"{m}{s}", effects={"model": {"decay": x}}) for m, s, x in
            (("a", 0, 10.0), ("a", 1, 20.0), ("a", 2, 99.0), ("b", 0, 11.0), ("b", 1, 23.0))]  # fmt: skip
    (tmp_path / "r.jsonl").write_text(as_lines(rows))
    example("paired").main([tmp_path / "r.jsonl"], "b", "a")
    assert capsys.readouterr().out.splitlines()[2:] == ["| On/off dynamics | 2% [-10.7, 14.7] | 15% [-48.5, 78.5] | 2 |"]


def test_memory(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the phenomenon itself, with the same gaps; an image that stays is foretold by a copying circuit."""
    module = example("memory")
    monkeypatch.setattr(module, "GAPS", (0, 1))
    monkeypatch.setattr(module, "OFF", (3,))
    monkeypatch.setattr(module, "TwoPulse", lambda gaps: TwoPulse(n_pairs=1, gaps=gaps, short=1))
    module.main(["local=drift-spiking"])
    lines = capsys.readouterr().out.splitlines()
    told = [float(x) for x in re.findall(r"\| (-?[\d.e-]+)", next(line for line in lines if line.startswith("| local |")))]
    learned = open_subject(Path("drift-spiking"), "local").responder
    first = TwoPulse(n_pairs=1, gaps=(0, 1), short=1).measure(learned, 0).effects["repetition"]
    assert told[0] == pytest.approx(first, rel=5e-3) and len(told) == 2
    untrained = next(line for line in lines if line.startswith("| local, untrained |"))
    assert float(re.findall(r"\| (-?[\d.e-]+)", untrained)[0]) > 20 and not np.isnan(told).any()
    assert sum(line.startswith("| local") for line in lines) == 4
