"""What one model's effects are less another's, seed by seed: which phenomena survive when a network is made of spikes.

    python examples/paired.py docs/battery.jsonl --of converted --less leaky-ms

Seeds of a converted network are the conversions of the same seeds of its rate network, so that the difference of each pair says what
the spikes changed, and nothing of how networks differ. Mean over pairs and 95 % interval; phenomena in which either was not asked are
left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from comparisons.phenomena import PHENOMENA
from comparisons.records import read_records
from comparisons.statistics import t_interval
from comparisons.verdict_table import in_words


def main(files: list[Path], of: str, less: str) -> None:
    """Print one line a phenomenon."""
    effects: dict[tuple[str, str, int], float] = {}
    for r in read_records(files):
        value = r.effects.get("model", {}).get(PHENOMENA[r.phenomenon].about.primary)
        if value is not None:
            effects[r.model, r.phenomenon, r.seed] = value
    print(f"| {of} less {less} | difference | {less} | pairs |\n|---|---|---|---|")
    for name, phenomenon in PHENOMENA.items():
        about = phenomenon.about
        pairs = [
            (x, effects[less, name, seed])
            for (model, p, seed), x in effects.items()
            if (model, p) == (of, name) and (less, p, seed) in effects
        ]
        if pairs:
            difference, base = t_interval([x - y for x, y in pairs]), t_interval([y for _, y in pairs])
            print(f"| {about.title} | {in_words(difference, about.unit)} | {in_words(base, about.unit)} | {len(pairs)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="records.jsonl of batteries")
    parser.add_argument("--of", required=True, help="model")
    parser.add_argument("--less", required=True, help="model to compare it with")
    given = parser.parse_args()
    main(given.files, given.of, given.less)
