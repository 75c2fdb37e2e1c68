"""Make the tables of docs/rules.md again, from the rules, the catalogue and benchmarks/results/rule_costs.json."""

from __future__ import annotations

import json
from pathlib import Path

from plasticity.rule_tables import filled, tables

ROOT = Path(__file__).resolve().parents[1]
PAGE, COSTS = ROOT / "docs" / "rules.md", ROOT / "benchmarks" / "results" / "rule_costs.json"


def main() -> None:
    """Write the page."""
    made = tables(json.loads(COSTS.read_text(encoding="utf-8")))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
