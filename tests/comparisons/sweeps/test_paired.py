"""Differences against a baseline are of the same seed and the same other settings."""

from __future__ import annotations

import pandas as pd
import pytest

from comparisons.sweeps.paired import against, differences, settings_of

ROWS = [
    ("none", 0.2, 0, "done", 0.50),
    ("none", 0.2, 1, "done", 0.60),
    ("none", 0.8, 0, "done", 0.40),
    ("shared", 0.2, 0, "done", 0.51),
    ("shared", 0.2, 1, "done", 0.63),
    ("shared", 0.8, 0, "failed", float("nan")),
    ("signed", 0.2, 2, "done", 0.9),
]
COLUMNS = ("ablation", "eta", "seed", "status", "ratio")
TABLE = pd.DataFrame([{"run": str(k), **dict(zip(COLUMNS, row, strict=True))} for k, row in enumerate(ROWS)])


def test_settings_stand_between_run_and_seed() -> None:
    assert settings_of(TABLE) == ["ablation", "eta"]


def test_pairs_are_of_one_seed_and_one_setting() -> None:
    """Oracle: by hand: 0.01 and 0.03; a run that failed and a seed without partner have none."""
    found = differences(TABLE, "ablation", "none", "ratio")
    assert list(found["ablation"]) == ["shared", "shared"] and found["ratio"].tolist() == pytest.approx([0.01, 0.03])
    assert differences(TABLE, "ablation", "none", "missing").empty


def test_the_table() -> None:
    """Oracle: by hand: 0.01 and 0.03 have a mean of 0.02 and an interval of +- 0.127."""
    lines = against(TABLE, "ablation", "none", ["ratio"]).markdown().splitlines()
    assert lines[:2] == ["| ablation less none | pairs (all values of eta) | ratio |", "|---|---|---|"]
    assert lines[2] == "| shared | 2 | 0.02 [-0.107, 0.147] |" and lines[3] == "| signed | 0 | - |"
