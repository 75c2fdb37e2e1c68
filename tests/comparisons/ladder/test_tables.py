"""Tables of a ladder: numbers by hand, what is surely broken, and what was not measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from comparisons.figure_ladder import heat_svg, waterfall_svg
from comparisons.ladder import Ladder, ladder
from comparisons.ladder_results import Climbed, Found, as_lines, climbed_of, read_climbed
from comparisons.ladder_table import answers, change_table, changes_of, cost_table, made_with, tables, verdicts_of
from comparisons.phenomena import PHENOMENA
from comparisons.records import HARNESS, Record
from comparisons.statistics import p_two_sided, t_interval
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


def gated(rung: str, ratio: float, effects: dict[str, list[float]] = EFFECTS) -> Found:
    """The same, with another held-out error of a rung."""
    here = found(effects)
    records = tuple(Record(**{**vars(r), "gate": ratio if r.model == rung else r.gate}) for r in here.records)
    return Found(here.climbed, records)


@pytest.mark.parametrize("rung", ["prednet", "leaky"])
def test_what_has_not_learned_enough_breaks_nothing(rung: str) -> None:
    """Neither a network below the gate nor what is compared with one; and it does not count among the changes of the table."""
    asked, here = small(), gated(rung, 0.9)
    verdicts = verdicts_of(asked, here)
    assert verdicts[rung][NAME].outcome == "not trained enough"
    change = changes_of(asked.comparisons()["cumulative"], ("ratio", NAME), here, verdicts)["leaky", NAME]
    assert not change.comparable and not change.sure and change.effect == ""
    assert change_table(asked, here, "cumulative").rows[0][-1] == "not trained enough"
    assert answers(asked, here) == ["No constraint surely breaks or brings a property in these seeds."]


def test_what_is_undecided_is_not_broken() -> None:
    """A smaller effect whose interval includes the criterion is lower, and no more is known."""
    least = ABOUT.least
    asked, here = small(), found(EFFECTS | {"leaky": [least + 0.02, least - 0.02, least]})
    verdicts = verdicts_of(asked, here)
    assert verdicts["leaky"][NAME].outcome == "undecided"
    change = changes_of(asked.comparisons()["cumulative"][:2], (NAME,), here, verdicts)["leaky", NAME]
    assert change.sure and change.effect == "lowers"


def test_no_change_at_all_is_not_sure() -> None:
    asked, here = small(), found(EFFECTS | {"leaky": EFFECTS["prednet"]})
    change = changes_of(asked.comparisons()["cumulative"][:2], (NAME,), here, verdicts_of(asked, here))["leaky", NAME]
    assert change.values == (0.0, 0.0, 0.0) and not change.sure and change.effect == ""


def test_a_seed_that_is_not_defined_is_said() -> None:
    """Oracle: two of three seeds are defined: their mean is shown with that, and is not sure."""
    asked, here = small(), found(EFFECTS | {"leaky": [0.0, float("nan"), 0.0]})
    change = changes_of(asked.comparisons()["cumulative"][:2], (NAME,), here, verdicts_of(asked, here))["leaky", NAME]
    assert np.isnan(change.values[1]) and not change.sure
    assert "2 of 3" in change_table(asked, here, "cumulative").rows[0][-1]


def test_an_error_without_end_is_a_number() -> None:
    """A network that ran away: its first reading and that after JSON say the same, and its energy is not 0."""
    row = {"rung": "a", "seed": 0, "run": "x", "status": "done", "version": "1", "error": ""}
    one, other = climbed_of([row | {"ratio": np.inf}, row | {"ratio": np.nan}], "rung")
    assert one == other and one.numbers["ratio"] > 1e100 and np.isnan(one.energy_nJ)
    assert "Infinity" not in as_lines([one])


def test_versions_are_marked() -> None:
    here = found()
    assert made_with(here) == "Made with 1."
    mixed = Found((*here.climbed[1:], Climbed("prednet", 0, "prednet0", "2", {"ratio": 0.2})))
    assert made_with(mixed).startswith("**Networks of different versions") and "1, 2" in tables(small(), mixed)


def test_what_others_are_compared_with_stands_before_them() -> None:
    """Of the single design, Dale's law is compared with the leaky network, which is no rung of it."""
    asked = ladder("quick", ("single",), (NAME,))
    rows = [(row[0], row[1]) for row in change_table(asked, found(), "single").rows]
    assert ("leaky-dale", "leaky") in rows and ("average", "prednet") in rows
    names = [row[0] for row in cost_table(asked, found(), "single").rows]
    assert names[0] == "prednet" and names.index("leaky") + 1 == names.index("leaky-dale") and "hidden" in names


def test_the_more_is_asked_the_surer_a_change_must_be() -> None:
    """Oracle: a change that is just sure alone (p = 0.049) is not beside another that says nothing."""
    values = [0.1, 0.2, 0.24]
    climbed = [Climbed("prednet", s, f"p{s}", "1", {"ratio": 0.2, "a": 0.0}) for s in range(3)]
    climbed += [Climbed("leaky", s, f"l{s}", "1", {"ratio": 0.2 + v, "a": [0.1, -0.1, 0.05][s]}) for s, v in enumerate(values)]
    here, compared = Found(tuple(climbed)), small().comparisons()["cumulative"][:2]
    assert 0.025 < p_two_sided(values) < 0.05
    assert changes_of(compared, ("ratio",), here, {})["leaky", "ratio"].sure
    assert not changes_of(compared, ("ratio", "a"), here, {})["leaky", "ratio"].sure


def test_tables_say_what_is_missing() -> None:
    asked = small()
    costs = cost_table(asked, found(), "cumulative")
    assert [row[0] for row in costs.rows] == ["prednet", "leaky", "milliseconds", "spikes", "circuit", "local"]
    assert [row[2] for row in costs.rows] == ["3", "3", "3", "0, 3 to come", "0, 1 failed, 2 to come", "3"]
    assert costs.rows[0][3] == "0.21 [0.185, 0.235]" and costs.rows[0][-1].startswith("**holds** 0.303")
    assert costs.rows[3][3:] == ["-", "-", "-", "-"]
    changes = change_table(asked, found(), "cumulative")
    assert changes.rows[0][0] == "leaky" and "breaks" in changes.rows[0][5] and changes.rows[2][4:] == ["-", "-"]
    text = tables(asked, found())
    assert "### From PredNet to biology" in text and "- average pooling; leaky" in text


def test_seeds_that_failed_do_not_shift_the_others() -> None:
    """Records have the seeds of their runs, so that seed 2 is compared with seed 2 where seed 1 is missing."""
    climbed = (
        Climbed("prednet", 0, "a", "1", {"ratio": 0.2}),
        Climbed("prednet", 1, "b", "1", {}, "no"),
        Climbed("prednet", 2, "c", "1", {"ratio": 0.3}),
    )
    records = tuple(
        Record("prednet", seed, NAME, ABOUT.version, HARNESS, run, 0.3, None, (), effects_of(value))
        for seed, run, value in [(0, "a", 0.1), (2, "c", 0.2)]
    )
    here = Found(climbed, records)
    assert here.values("prednet", NAME) == {0: 0.1, 2: 0.2} and here.seeds("prednet") == [0, 2]


def test_runs_survive_being_written(tmp_path: Path) -> None:
    path = tmp_path / "ladder.jsonl"
    path.write_text(as_lines(found().climbed))
    assert tuple(read_climbed(path)) == found().climbed
    path.write_text("")
    with pytest.raises(SubjectError, match=r"ladder.jsonl: holds no runs"):
        read_climbed(path)
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
    assert "cut" not in waterfall
    assert "7.00 (bar is cut)" in waterfall_svg(compared, {name: [7.0] for name in RATIOS})
    measures = {"ratio": "error", NAME: ABOUT.title}
    heat = heat_svg(compared, measures, changes_of(compared, tuple(measures), here, verdicts_of(asked, here)))
    assert "breaks" in heat and "+0.1" in heat


def test_a_table_of_words_as_html() -> None:
    """Text of users is escaped; bold stays bold."""
    page = Table(["a<b"], [["**sure** 1 & 2"]]).html()
    assert "<th>a&lt;b</th>" in page and "<td><b>sure</b> 1 &amp; 2</td>" in page
