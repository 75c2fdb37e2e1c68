"""The figures of rules: each script runs, draws, and prints the numbers that its figure shows."""

from __future__ import annotations

import math
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def printed(name: str, out: Path) -> str:
    """What a script prints; it must draw without a warning."""
    command = [sys.executable, "-W", "error::UserWarning", str(ROOT / "examples" / f"{name}.py"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=out.parent)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 10_000
    return done.stdout


def numbers(text: str, pattern: str) -> list[float]:
    return [float(x) for x in re.findall(pattern, text)]


@pytest.mark.slow
def test_stdp(tmp_path: Path) -> None:
    """Oracle: signs known from Sjöström et al. (2001), amounts of the closed-form sum at 50 Hz."""
    text = printed("stdp", tmp_path / "stdp.png")
    assert numbers(text, r"0\.1 Hz ([+-][\d.]+) %")[:2] == [0.0, -31.2]
    assert numbers(text, r"50 Hz ([+-][\d.]+) %")[:2] == [74.1, 72.7]


@pytest.mark.slow
def test_balance(tmp_path: Path) -> None:
    """Oracle: the tuning of excitation."""
    (r,) = numbers(printed("balance", tmp_path / "balance.png"), r"r = ([\d.]+)")
    assert r >= 0.9


@pytest.mark.slow
def test_alignment(tmp_path: Path) -> None:
    """Oracle: the closed form."""
    text = printed("alignment", tmp_path / "alignment.png")
    assert max(numbers(text, r"at most ([\d.e+-]+) of")) < 1e-9
    assert numbers(text, r"to ([\d.e+-]+) degrees")[-1] < 0.01


@pytest.mark.slow
def test_homeostasis(tmp_path: Path) -> None:
    """Oracle: the target rate; adaptation alone spreads."""
    free, adapted, held = (
        numbers(line, r"mV ([\d.]+) Hz") for line in printed("homeostasis", tmp_path / "homeostasis.png").splitlines()[:3]
    )
    assert max(free) > 3 * min(free) and max(adapted) > 3 * min(adapted)
    assert min(held) > 9.5 and max(held) < 10.5


@pytest.mark.slow
def test_sparse_code(tmp_path: Path) -> None:
    """Oracle: Gabor functions, and the untrained network as a control."""
    text = printed("sparse_code", tmp_path / "sparse_code.png")
    untrained, trained = numbers(text, r"trained: (\d+)%")
    assert untrained <= 5 and trained >= 50


def test_dendritic_prediction(tmp_path: Path) -> None:
    """Oracle: the time course that was taught, after a tenth of the lessons; a control that never learns as it was."""
    done = runpy.run_path(str(ROOT / "examples" / "dendritic_prediction.py"))["main"](tmp_path / "dendritic.png", repeats=20)
    assert (tmp_path / "dendritic.png").stat().st_size > 10_000
    assert done["correlation after"] > 0.8 > 0.2 > done["correlation before"]
    assert done["correlation control"] == done["correlation before"]
    assert done["error after"] < 0.1 * done["error control"]


@pytest.mark.slow
def test_error_balance(tmp_path: Path) -> None:
    """Oracle: cells balanced by hand are silent; fewer lessons than the figure's already silence most of the rest; a bias is told."""
    done = runpy.run_path(str(ROOT / "examples" / "error_balance.py"))["main"](tmp_path / "error_balance.png", stills=200, frames=100)
    assert (tmp_path / "error_balance.png").stat().st_size > 10_000
    assert done["as predicted, balanced by hand"] == [0.0]
    assert done["as predicted, calibrated"][0] < 0.2 * done["as predicted, at birth"][0]
    assert done["biased, frozen, frame 100"] == done["biased, frozen, frame 0"]
    assert done["biased, full speed, frame 100"][0] < done["biased, 100 times slower, frame 100"][0]


def test_anticipation(tmp_path: Path) -> None:
    """Oracle: the paper, in shape: weights gather at the front of a sequence, and of the same inputs in any order they stay even."""
    done = runpy.run_path(str(ROOT / "examples" / "anticipation.py"))["main"](tmp_path / "anticipation.png")
    assert (tmp_path / "anticipation.png").stat().st_size > 10_000
    assert done["last spikes, in order"] <= 1.5 < 0.2 * done["first spikes, in order"]
    assert done["first half of the weights, in order"] > 0.8
    assert abs(done["first half of the weights, another order each time"] - 0.5) < 0.05


def test_voltage_stdp(tmp_path: Path) -> None:
    """Oracle: a closed form at a clamp; pairings have the shape that Sjöström et al. (2001) measured and the paper's figure 2 shows."""
    done = runpy.run_path(str(ROOT / "examples" / "voltage_stdp.py"))["main"](tmp_path / "voltage.png")
    assert (tmp_path / "voltage.png").stat().st_size > 10_000
    above = np.arange(-80.0, -29.0, 5.0) + 70.6
    # What the trace of one arrival sums to, in steps of 1 ms over its 15 ms.
    whole = (1.0 / 15.0) / (1.0 - math.exp(-1.0 / 15.0))
    moved = 8e-5 * np.maximum(above - 25.3, 0.0) * np.maximum(above, 0.0) * whole - 14e-5 * np.maximum(above, 0.0)
    np.testing.assert_allclose(done["held"], 100.0 + 100.0 / 0.5 * 100.0 * moved, rtol=1e-9)
    assert [w < 100.0 for w in done["held"]] == [0.0 < v < 27.0 for v in above]
    causal, acausal = np.array(done["pre 10 ms before post"]), np.array(done["post 10 ms before pre"])
    # Rates are 0.1, 10, 20, 30, 40 and 50 Hz.
    assert abs(causal[0] - 100.0) < 5.0 and causal[-1] > 130.0 and (np.diff(causal[1:]) > 0).all()
    assert acausal[0] < 75.0 and acausal[3] < 100.0 < 120.0 < acausal[-1] and (np.diff(acausal[2:]) > 0).all()
    assert (causal[:-1] > acausal[:-1] + 10.0).all()


@pytest.mark.slow
def test_dendritic_balance(tmp_path: Path) -> None:
    """Oracle: the paper, in shape: single bars where they come in pairs, and with somatic balance only where they come alone."""
    done = runpy.run_path(str(ROOT / "examples" / "dendritic_balance.py"))["main"](tmp_path / "dendritic_balance.png", seeds=range(2))
    assert (tmp_path / "dendritic_balance.png").stat().st_size > 10_000
    assert min(done["bars learned, pairs, dendritic"]) >= 5
    assert max(done["bars learned, pairs, somatic"]) <= 2
    assert max(done["unexplained, pairs, dendritic"]) < 0.15 < 0.2 < min(done["unexplained, pairs, somatic"])
    assert min(done["unexplained, pairs, never learned"]) > 0.6
    assert min(done["bars learned, single, dendritic"]) >= 6
    assert min(done["bars learned, single, somatic"]) >= 4
