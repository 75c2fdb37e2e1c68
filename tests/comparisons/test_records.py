"""What batteries have measured on one machine or several is judged together, and what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import app
from comparisons.phenomena import PHENOMENA
from comparisons.records import HARNESS, Record, as_lines, judged, judged_together, read_records
from comparisons.statistics import t_interval
from snn.errors import SubjectError


def record(seed: int, decay: float, *, model: str = "a", gate: float | None = 0.5, lacks: str | None = None) -> Record:
    """On/off dynamics of a seed; its controls do not decay."""
    effects = {} if lacks else {"model": {"decay": decay, "offset": None}, "untrained": {"decay": 0.0}, "adaptation_only": {"decay": 0.0}}
    return Record(model, seed, "on_off", PHENOMENA["on_off"].about.version, HARNESS, f"digest {seed}", gate, lacks, (), effects)


def test_records_of_two_machines_are_judged_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the interval of all seeds by `t_interval`; the later file counts where both have a seed."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text(as_lines([record(0, 50.0), record(1, -90.0)]))
    two.write_text(as_lines([record(1, 60.0), record(2, 70.0), record(0, 1.0, model="b")]))
    found = judged_together(read_records([one, two]))
    assert list(found) == ["a", "b"] and list(found["a"]) == ["on_off"]
    assert found["a"]["on_off"].effect == t_interval([50.0, 60.0, 70.0]) and found["a"]["on_off"].outcome == "holds"
    assert found["b"]["on_off"].reason == "one seed gives no interval"
    app(["verdicts", str(one), str(two)], exit_on_error=False, result_action="return_value")
    assert "| On/off dynamics | 20% | **holds** 60% [35.2, 84.8] (u 0, a 0) | undecided 1% (u 0, a 0) |" in capsys.readouterr().out
    app(["verdicts", str(one), str(two), "--brief"], exit_on_error=False, result_action="return_value")
    assert capsys.readouterr().out.splitlines()[2:] == ["| On/off dynamics | 20% | **holds** 60% [35.2, 84.8] | undecided 1% |"]


def test_seeds_that_are_missing_are_said() -> None:
    """Oracle: three seeds of another phenomenon; only two of this one."""
    other = [replace(record(s, 0.0), phenomenon="rhythms", version=PHENOMENA["rhythms"].about.version) for s in range(3)]
    found = judged_together([record(0, 50.0), record(1, 50.0), *other])["a"]
    assert found["on_off"].reason == "measured in 2 of 3 seeds so far"


@pytest.mark.parametrize(
    ("gate", "outcome"), [(0.5, "holds"), (0.9, "not trained enough"), (float("inf"), "not trained enough"), (float("nan"), "holds")]
)
def test_the_gate_is_kept(gate: float, outcome: str, tmp_path: Path) -> None:
    """Oracle: what was measured alone, with JSON between; infinite is far above the gate, and what was not measured decides nothing."""
    rows = []
    for seed, decay in enumerate((50.123456789, 60.0, 70.0)):
        bare = record(seed, decay)
        subjects = {"model": {"decay": decay, "offset": float("nan")}, "untrained": {"decay": 0.0, "offset": 9.0}}
        result = {**vars(bare), "effects": {**bare.effects, **subjects}}
        rows.append(Record.of(result, "a", gate))
    assert rows[0].effects["model"] == {"decay": 50.123, "offset": None} and rows[0].effects["untrained"] == {"decay": 0.0}
    (tmp_path / "r.jsonl").write_text(as_lines(rows))
    read = read_records([tmp_path / "r.jsonl"])
    assert read == rows
    found = judged(read, {"a": 3}, ["on_off"])["a"]["on_off"]
    assert found.outcome == outcome and (gate < np.inf or np.isnan(gate) or "is inf of copying" in found.reason)


def test_what_cannot_be_asked() -> None:
    found = judged_together([record(0, 0.0, lacks="it has no eyes"), record(1, 0.0, lacks="it has no eyes")])
    assert (found["a"]["on_off"].outcome, found["a"]["on_off"].reason) == ("not applicable", "it has no eyes")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "line 2.*another version.*measure it again"),
        ({"harness": HARNESS + 1}, "another version"),
        ({"phenomenon": "onoff"}, "did you mean 'on_off'"),
        ({"colour": "red"}, "is no record of a battery"),
        ({"gate": "0.5 of copying"}, "is no record of a battery"),
        ({"phenomenon": ["on_off"]}, "is no record of a battery"),
        ({"effects": {}}, "has no effects of the model"),
        ({"run_digest": "other", "phenomenon": "rhythms", "version": PHENOMENA["rhythms"].about.version}, "seed 0: are of two runs"),
        ({"seed": 1}, "one run as seeds 0 and 1"),
    ],
)
def test_records_that_do_not_fit_are_refused(change: dict[str, object], words: str, tmp_path: Path) -> None:
    row = as_lines([record(0, 50.0)])
    (tmp_path / "r.jsonl").write_text(row + json.dumps({**json.loads(row), **change}) + "\n")
    with pytest.raises(SubjectError, match=words):
        read_records([tmp_path / "r.jsonl"])


def test_fewer_controls_do_not_replace_more(tmp_path: Path) -> None:
    """Oracle: the record with all controls, in either order of the files."""
    whole, less = record(0, 50.0), replace(record(0, 50.0), left_out=("untrained",))
    for name, one in (("whole", whole), ("less", less)):
        (tmp_path / name).write_text(as_lines([one]))
    assert read_records([tmp_path / "whole", tmp_path / "less"]) == read_records([tmp_path / "less", tmp_path / "whole"]) == [whole]


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(SubjectError, match=r"empty\.jsonl: holds no records"):
        read_records([tmp_path / "empty.jsonl"])
    with pytest.raises(SubjectError, match=r"cannot be read.*records\.jsonl of a battery"):
        read_records([tmp_path / "none"])
    (tmp_path / "cut.jsonl").write_text(as_lines([record(0, 50.0)])[:40])
    with pytest.raises(SubjectError, match=r"line 1.*is no record"):
        read_records([tmp_path / "cut.jsonl"])
