"""Tables of a ladder: numbers by hand, what is surely broken, and what was not measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from comparisons.figure_ladder import heat_svg, waterfall_svg
from comparisons.ladder import Ladder, ladder
from comparisons.ladder_results import Climbed, Found, as_lines, climbed_of, read_climbed
from comparisons.ladder_table import answers, change_table, changes_of, cost_table, tables, verdicts_of
from comparisons.phenomena import PHENOMENA
from comparisons.records import HARNESS, Record
from comparisons.statistics import t_interval
from comparisons.tables import Table
from snn.errors import SubjectError

NAME = "flow_halt"
ABOUT = PHENOMENA[NAME].about
RATIOS = {"prednet": [0.20, 0.21, 0.22], "leaky": [0.30, 0.31, 0.32], "milliseconds": [0.5, 0.6, 0.55], "local": [0.4, 0.41, 0.42]}
EFFECTS = {"prednet": [0.30, 0.31, 0.30], "leaky": [0.0, 0.01, 0.0], "milliseconds": [0.0, 0.02, 0.01], "local": [0.0, 0.0, 0.01]}


def small() -> Ladder:
    """The quick ladder, asked for one phenomenon."""
    return ladder("quick", phenomena=(NAME,))


def found(effects: dict[str, list[float]] = EFFECTS) -> Found:
    climbed = [
        Climbed(rung, seed, f"{rung}{seed}", "1", {"ratio": ratio, "multiply_adds_per_frame": 1e6})
        for rung, ratios in RATIOS.items()
        for seed, ratio in enumerate(ratios)
    ]
    climbed[-1] = Climbed("local", 2, "local2", "1", {"ratio": 0.42, "synaptic_events_per_frame": 2e5, "spikes_per_frame": 5e3})
    climbed.append(Climbed("circuit", 0, "circuit0", "1", {}, "it blew up"))
    records = [
        Record(rung, seed, NAME, ABOUT.version, HARNESS, f"{rung}{seed}", 0.3, None, (), effects_of(value))
        for rung, values in effects.items()
        for seed, value in enumerate(values)
    ]
    return Found(tuple(climbed), tuple(records))


def effects_of(value: float) -> dict[str, dict[str, float | None]]:
    return {"model": {ABOUT.primary: value}, **{c: {ABOUT.primary: 0.0} for c in ABOUT.controls + ABOUT.beside}}


def test_energy_is_that_of_additions_and_multiply_adds() -> None:
    """Oracle: by hand: 200,000 events of 0.9 pJ; a million multiply-adds of 4.6 pJ."""
    assert found().values("local", "energy_nJ")[2] == pytest.approx(180.0)
    assert found().values("prednet", "energy_nJ")[0] == pytest.approx(4600.0)


def test_changes_are_seed_by_seed() -> None:
    """Oracle: differences by hand, and their interval by Student's t."""
    asked = small()
    changes = changes_of(asked.comparisons()["cumulative"], ("ratio",), found(), verdicts_of(asked, found()))
    assert changes["leaky", "ratio"].values == pytest.approx((0.1, 0.1, 0.1))
    assert changes["milliseconds", "ratio"].values == pytest.approx((0.2, 0.29, 0.23))
    assert changes["milliseconds", "ratio"].interval == pytest.approx(t_interval([0.2, 0.29, 0.23]))
    assert changes["spikes", "ratio"].interval is None


def test_a_constraint_breaks_what_held_before_it() -> None:
    asked = small()
    verdicts = verdicts_of(asked, found())
    assert verdicts["prednet"][NAME].outcome == "holds" and verdicts["leaky"][NAME].outcome == "fails"
    changes = changes_of(asked.comparisons()["cumulative"], ("ratio", NAME), found(), verdicts)
    assert changes["leaky", NAME].effect == "breaks" and changes["leaky", NAME].sure
    assert not changes["milliseconds", NAME].sure and changes["milliseconds", NAME].effect == ""
    said = answers(asked, found())
    assert len(said) == 1 and "breaks" in said[0] and "leaky rectified cells" in said[0]


def test_a_constraint_brings_what_did_not_hold() -> None:
    swapped = EFFECTS | {"prednet": EFFECTS["leaky"], "leaky": EFFECTS["prednet"]}
    asked, here = small(), found(swapped)
    assert changes_of(asked.comparisons()["cumulative"], ("ratio", NAME), here, verdicts_of(asked, here))["leaky", NAME].effect == "brings"


def test_the_more_is_asked_the_surer_a_change_must_be() -> None:
    """Oracle: a change with p = 0.02 is sure alone and not among four others that say nothing."""
    values = [0.1, 0.2, 0.24]
    climbed = [Climbed("prednet", s, f"p{s}", "1", {"ratio": 0.2, "a": 0.0}) for s in range(3)]
    climbed += [Climbed("leaky", s, f"l{s}", "1", {"ratio": 0.2 + v, "a": [0.1, -0.1, 0.05][s]}) for s, v in enumerate(values)]
    here, compared = Found(tuple(climbed)), small().comparisons()["cumulative"][:2]
    half = t_interval(values)
    assert half.low < 0.01, "otherwise this shows nothing"
    alone = changes_of(compared, ("ratio",), here, {})["leaky", "ratio"].sure
    among = changes_of(compared, ("ratio", "a"), here, {})["leaky", "ratio"].sure
    assert alone == (half.low > 0) and not among


def test_tables_say_what_is_missing() -> None:
    asked = small()
    costs = cost_table(asked, found(), "cumulative")
    assert [row[0] for row in costs.rows] == ["prednet", "leaky", "milliseconds", "spikes", "circuit", "local"]
    assert [row[2] for row in costs.rows] == ["3", "3", "3", "0, 3 to come", "0, 1 failed, 2 to come", "3"]
    assert costs.rows[0][3] == "0.21 [0.185, 0.235]" and costs.rows[0][-1].startswith("**holds** 0.303")
    assert costs.rows[3][3:] == ["-", "-", "-", "-"]
    changes = change_table(asked, found(), "cumulative")
    assert changes.rows[0][0] == "leaky" and "breaks" in changes.rows[0][4] and changes.rows[2][3:] == ["-", "-"]
    text = tables(asked, found())
    assert "### From PredNet to biology" in text and "- average pooling; leaky" in text


def test_seeds_that_failed_do_not_shift_the_others() -> None:
    """A record counts the runs of its rung that are done: the second record of seeds 0 and 2 is of seed 2."""
    climbed = (
        Climbed("prednet", 0, "a", "1", {"ratio": 0.2}),
        Climbed("prednet", 1, "b", "1", {}, "no"),
        Climbed("prednet", 2, "c", "1", {"ratio": 0.3}),
    )
    records = tuple(
        Record("prednet", k, NAME, ABOUT.version, HARNESS, run, 0.3, None, (), effects_of(value))
        for k, (run, value) in enumerate([("a", 0.1), ("c", 0.2)])
    )
    assert Found(climbed, records).values("prednet", NAME) == {0: 0.1, 2: 0.2}


def test_runs_survive_being_written(tmp_path: Path) -> None:
    path = tmp_path / "ladder.jsonl"
    path.write_text(as_lines(found().climbed))
    assert tuple(read_climbed(path)) == found().climbed
    path.write_text('{"rung": 1}\n')
    with pytest.raises(SubjectError, match=r"ladder.jsonl, line 1: is no run of a ladder"):
        read_climbed(path)


def test_what_a_sweep_has_not_done_is_no_run() -> None:
    rows = [
        {"rung": "a", "seed": 0, "run": "x", "status": "done", "version": "1", "error": "", "ratio": 0.25, "spikes_per_frame": np.nan},
        {"rung": "a", "seed": 1, "run": "y", "status": "failed", "version": "1", "error": "why", "ratio": np.nan},
        {"rung": "a", "seed": 2, "run": "z", "status": "waiting", "version": None, "error": ""},
    ]
    assert climbed_of(rows, "rung") == [Climbed("a", 0, "x", "1", {"ratio": 0.25}), Climbed("a", 1, "y", "1", {}, "why")]


def test_figures_have_every_rung_and_every_change() -> None:
    asked, here = small(), found()
    compared = asked.comparisons()["cumulative"]
    waterfall = waterfall_svg(compared, {name: list(here.values(name, "ratio").values()) for name in RATIOS})
    for text in ("PredNet", "0.31", "0.55", "gate 0.8"):
        assert text in waterfall
    measures = {"ratio": "error", NAME: ABOUT.title}
    heat = heat_svg(compared, measures, changes_of(compared, tuple(measures), here, verdicts_of(asked, here)))
    assert "breaks" in heat and "+0.1" in heat


def test_a_table_of_words_as_html() -> None:
    """Text of users is escaped; bold stays bold."""
    page = Table(["a<b"], [["**sure** 1 & 2"]]).html()
    assert "<th>a&lt;b</th>" in page and "<td><b>sure</b> 1 &amp; 2</td>" in page
