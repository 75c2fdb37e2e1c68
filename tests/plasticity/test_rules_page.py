"""The tables of docs/rules.md are what the rules, the engines and the measured costs say, and no rule is left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import plasticity
from plasticity.catalogue import CATALOGUE
from plasticity.rule_tables import Paper, filled, papers, tables
from snn.engines.event import EventEngine
from snn.local import Rule
from snn.testing.rules import every_topology

ROOT = Path(__file__).parents[2]
COSTS: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "rule_costs.json").read_text(encoding="utf-8"))


def test_every_rule_has_an_entry() -> None:
    """Oracle: the list of rules of the package."""
    assert set(CATALOGUE) == set(plasticity.RULES)
    assert [k for k, entry in CATALOGUE.items() if type(entry.rule) is not k] == []
    families = [name for name, _ in groupby(entry.family for entry in CATALOGUE.values())]
    assert len(set(families)) == len(families), "rules of a family stand together"


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda k: k.__name__)
def test_every_rule_has_papers(kind: type[Rule]) -> None:
    """Oracle: the addresses in the docstring; their publication is later than 1900 and the resolver's prefix is theirs."""
    assert all(1900 < p.year < 2100 and "/" in p.doi for p in papers(kind))


@pytest.mark.parametrize("script", sorted({entry.script for entry in CATALOGUE.values()} - {""}))
def test_examples_are_there_and_show_the_rule(script: str) -> None:
    """Oracle: the folder, and the name of the rule in the script."""
    text = (ROOT / "examples" / f"{script}.py").read_text(encoding="utf-8")
    assert [k.__name__ for k, entry in CATALOGUE.items() if entry.script == script and k.__name__ not in text] == []


def test_the_page_is_what_the_rules_say() -> None:
    """Oracle: the rules; `python benchmarks/rules_page.py` makes the page again."""
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert filled(page, tables(COSTS)) == page


def test_rows_by_hand() -> None:
    """Oracle: rows written down from the papers and from what the engines are known not to have."""
    made = tables(COSTS)
    needs, runs = (made[name].splitlines() for name in ("what rules need", "how rules run"))
    assert (
        "| `TripletSTDP` | `stdp.py` | source: 2 traces; target: 2 traces | arrivals, spikes of the target | `stdp.py` | "
        "[Pfister & Gerstner 2006](https://doi.org/10.1523/JNEUROSCI.1425-06.2006) |"
    ) in needs
    (row,) = (line for line in needs if line.startswith("| `DendriticPrediction`"))
    assert "source: 2 traces; target: potential of the dendrite; 1 variable of its own; the modulator; a `TwoCompartment` cell" in row
    (row,) = (line for line in runs if line.startswith("| `DendriticPrediction`"))
    assert row.startswith("| `DendriticPrediction` | every step | yes | yes | unshared | no |")
    (row,) = (line for line in runs if line.startswith("| `PairSTDP`"))
    assert row.startswith("| `PairSTDP` | lazy | yes | yes | unshared | yes |")


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda k: k.__name__)
def test_costs_are_of_the_rules_as_they_are(kind: type[Rule]) -> None:
    """Oracle: the plan of the engine today; a rule that is run in another way has another cost."""
    network = every_topology(CATALOGUE[kind].rule, names=("local",))
    (how,) = EventEngine().plan(network).values()
    cost = COSTS["rules"][kind.__name__]
    assert cost["how"].split(":")[0] == how.split(":")[0]
    assert cost["ns_per_event"] > 0 and cost["times_static"] > 0


def test_nest_has_what_the_page_says() -> None:
    """Oracle: NEST itself."""
    nest = pytest.importorskip("nest", reason="NEST is not installed; pip install -e '.[nest]' brings it")
    named = {name for entry in CATALOGUE.values() for name in entry.nest}
    assert len(named) > 5 and named <= set(nest.synapse_models)


class _Cited(Rule):
    """One.

    References
    ----------
    The idea: van der Berg & O'Neil-Smith (1999), https://doi.org/10.1000/a.b-1; then Ångström, Éluard & de Vries (2001),
    https://doi.org/10.1000/2.

    Notes
    -----
    See https://doi.org/10.1000/elsewhere.
    """


def test_papers_are_read_or_refused() -> None:
    """Oracle: the docstring above, and one in which a year is missing."""
    first, second = papers(_Cited)
    assert second == Paper("Ångström, Éluard & de Vries", 2001, "10.1000/2")
    assert second.link() == "[Ångström et al. 2001](https://doi.org/10.1000/2)"
    assert (first.year, first.doi) == (1999, "10.1000/a.b-1") and first.link().startswith("[Berg & O'Neil-Smith 1999]")
    wrong = type("Wrong", (_Cited,), {"__doc__": (_Cited.__doc__ or "").replace(" (2001)", ""), "__module__": __name__})
    with pytest.raises(ValueError, match="Wrong: References must have DOIs"):
        papers(wrong)


def test_what_is_missing_is_said() -> None:
    """Oracle: the words."""
    costs = {**COSTS, "rules": {k: v for k, v in COSTS["rules"].items() if k != "BCM"}}
    with pytest.raises(KeyError, match=r"no cost of BCM; run python benchmarks/rule_costs\.py --only BCM"):
        tables(costs)
    with pytest.raises(ValueError, match="no marks '<!-- t -->'"):
        filled("a page", {"t": "x\n"})
    assert filled("a\n<!-- t -->\nold\n<!-- end of t -->\nb\n", {"t": "new\n"}) == "a\n<!-- t -->\nnew\n<!-- end of t -->\nb\n"


@pytest.mark.slow
def test_brian2_does_the_same(tmp_path: Path) -> None:
    """Oracle: Brian2's own code; the benchmark refuses a peer whose spikes or weights differ."""
    out = tmp_path / "costs.json"
    asked = ["--only", "RewardModulatedSTDP", "--repeats", "1", "--side", "6", "--frames", "4", "--out", str(out)]
    command = [sys.executable, str(ROOT / "benchmarks" / "rule_costs.py"), *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert set(found["brian2"]) == {"static", "RewardModulatedSTDP"} and set(found["rules"]) == {"RewardModulatedSTDP"}
    assert 0 < found["brian2"]["RewardModulatedSTDP"]["difference_mV"] < 1e-5
