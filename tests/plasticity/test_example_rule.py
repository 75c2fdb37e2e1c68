"""The example of a rule of one's own, as it is shown."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from plasticity.testing import check_rule

EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_rule.py"


def test_the_example_learns(capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: inputs that fire together drive the cells (Song, Miller & Abbott 2000), and so grow stronger."""
    after = runpy.run_path(str(EXAMPLE))["main"]()
    said = capsys.readouterr().out
    assert after["together"] > 1.3 * after["alone"]
    assert "together->out/fast learns eager: " in said
    assert "mean weight of the inputs that fire together" in said


def test_its_rule_is_sound() -> None:
    """Oracle: the public checker of rules, on three engines."""
    rule = runpy.run_path(str(EXAMPLE), run_name="example")["SoftSTDP"]()
    assert check_rule(rule, ("reference", "event", "torch_")) == ("reference", "event", "torch_")
