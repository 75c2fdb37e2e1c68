"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import pytest

from comparisons.cli import app
from comparisons.ladder import LadderName, ladder
from comparisons.ladder_results import Found, read_climbed
from comparisons.ladder_table import cost_table, tables
from comparisons.neural.files import read_neural
from comparisons.records import judged_together, read_records
from comparisons.verdict_table import table
from snn.constraints import CONSTRAINTS
from snn.engines import engine

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Lines of shell blocks, without comments."""
    return [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()]


def test_there_are_blocks() -> None:
    assert len(blocks("python")) == 4
    assert sum(c.startswith("spiking-prednet ") for c in commands()) >= 5


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("spiking-prednet ")])
def test_commands_parse(command: str) -> None:
    words = shlex.split(command)[1:]
    function, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert function.__name__ == words[0].replace("-", "_")
    assert bound.arguments or len(words) == 1


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("make ")])
def test_make_knows_the_targets(command: str) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(command.split()[1:]) <= set(targets)


def run_first(text: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], float]:
    """Run the first block; what it defines, and the ratio it prints."""
    names: dict[str, object] = {}
    exec(compile(text, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    found = re.fullmatch(r"error / error of copying the last frame: (\d+\.\d\d)\n", printed)
    assert found, printed
    return names, float(found[1])


def test_python_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    """With few movies, so that it is quick; then the ablations, built and checked."""
    first, rate, _, second = blocks("python")
    reduced = first.replace(" 100, 10, 16,", " 6, 10, 16,")
    assert reduced != first
    names, ratio = run_first(reduced, capsys)
    assert ratio > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(second, "README.md", "exec"), names)
    exec(compile(rate, "README.md", "exec"), {})
    said = re.search(r"^print.*# (.*)$", rate, flags=re.MULTILINE)
    assert said and capsys.readouterr().out == said[1] + "\n"
    network, slower, mixed = names["network"], names["slower"], names["mixed"]
    assert slower.population("level0.error_pos").cell.tau_mem_ms == 2.0  # type: ignore[attr-defined]
    assert network.population("level0.error_pos").cell.tau_mem_ms != 2.0  # type: ignore[attr-defined]
    for edited in (slower, mixed):
        assert edited.digest != network.digest  # type: ignore[attr-defined]
        engine("event").build(edited, seed=0)  # type: ignore[arg-type]
    state = engine("event").build(mixed, seed=0).state()  # type: ignore[arg-type]
    assert [v.where for v in CONSTRAINTS["dale"](mixed, state)] != []  # type: ignore[arg-type]


def test_the_conversion_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """With fewer frames; four copies are coarse, and come within a third of the rate model's activity."""
    text = blocks("python")[2]
    reduced = text.replace("1, 12, 16,", "1, 8, 16,").replace("2, 20, 16,", "1, 16, 16,")
    assert reduced != text
    exec(compile(reduced, "README.md", "exec"), {})
    n_cells, worst, ratio = capsys.readouterr().out.split()
    assert int(n_cells) == 112640
    assert 0 < float(worst) < 0.33
    assert float(ratio) > 0


@pytest.mark.slow
def test_python_block_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """One clip is a small sample: the demonstration says how far below 1 the error comes."""
    _, ratio = run_first(blocks("python")[0], capsys)
    assert ratio < 1


def test_tables_of_verdicts_follow_from_what_was_measured() -> None:
    """Oracle: the verdicts on the records that are kept beside them."""
    verdicts = judged_together(read_records([ROOT / "docs" / "battery.jsonl"]))
    assert table(verdicts) in (ROOT / "docs" / "battery.md").read_text(encoding="utf-8")
    assert table(verdicts, brief=True) in README


def between(text: str, name: str) -> str:
    """What stands between the marks of a table that is made by the package."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", text, flags=re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize("name", ["quick", "full"])
def test_tables_of_the_ladder_follow_from_what_was_measured(name: LadderName) -> None:
    """Oracle: the tables of the runs and records that are kept beside them."""
    asked, kept = ladder(name, ("cumulative",)), ROOT / "docs"
    found = Found(read_climbed(kept / f"ladder_{name}.jsonl"), read_records([kept / f"ladder_{name}_records.jsonl"]))
    assert between((kept / "ladder.md").read_text(encoding="utf-8"), f"{name} ladder") == tables(asked, found)
    if name == "full":
        assert between(README, "ladder") == cost_table(asked, found, "cumulative").markdown()


def test_a_recording_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/recordings.md says is written, is read."""
    text = (ROOT / "docs" / "recordings.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/recordings.md", "exec"), {})
    data = read_neural(tmp_path / "mine.npz")
    assert (data.name, data.n_units, data.n_stimuli, data.n_trials) == ("my V1", 5, 60, 8)
