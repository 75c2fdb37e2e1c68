"""What joint learning changes, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from comparisons.neural.joint import BETTER, MEASURES
from comparisons.neural.joint_study import Found, Kind, Task, chosen, of
from comparisons.neural.score_tables import with_most
from comparisons.statistics import Interval, bracketed, holm_steps, p_two_sided, t_interval
from comparisons.tables import Table
from comparisons.verdicts import ALPHA

NAMES = {"apart": "forecast alone", "joint": "both", "responses": "responses alone", "shuffled": "both, responses of other films"}
LEGEND = (
    "Films never learned from; mean and 95 % over seeds (Student's t: with two seeds intervals tell next to nothing), "
    "changes seed by seed; bold: surely not 0 among all numbers of the table (Holm, 5 %). Weight: of the errors of responses, chosen by "
    "each seed on validation films. Most: what a perfect model would get."
)
KINDS_OF_MEASURES = {"forecast": ("forecast_ratio", "psnr_db", "ssim"), "likeness to neurons": ("response_r", "encoding", "rsa", "cka")}


def condition_table(found: Mapping[Task, Found], kinds: Sequence[Kind], most: Mapping[str, float] | None = None) -> Table:
    """Lay out what networks of each condition do on test films.

    Parameters
    ----------
    found : mapping of Task to mapping
    kinds : sequence of {'rate', 'spiking'}
    most : mapping of str to float, optional
        What a perfect model would get.

    Returns
    -------
    Table
    """
    rows = []
    for kind in kinds:
        for name in NAMES:
            cells = [bracketed(t_interval(of(found, kind, name, m))) for m in MEASURES]
            rows.append([kind, NAMES[name], "0" if name == "apart" else _weights(found, kind), *cells])
    return Table(["network", "what teaches", "weight", *(with_most(name, m, most or {}) for m, name in MEASURES.items())], rows)


def change_table(found: Mapping[Task, Found], kinds: Sequence[Kind]) -> Table:
    """Lay out what joint learning changes, seed by seed: beside the forecast alone, and beside responses of other films.

    Parameters
    ----------
    found : mapping of Task to mapping
    kinds : sequence of {'rate', 'spiking'}

    Returns
    -------
    Table
        Bold is surely not 0 among all numbers of the table (Holm).
    """
    lines = []
    for kind in kinds:
        for other in ("apart", "shuffled", "responses"):
            pairs = {m: (of(found, kind, "joint", m), of(found, kind, other, m)) for m in MEASURES}
            lines.append((kind, other, [[a - b for a, b in zip(*pair, strict=True)] for pair in pairs.values()]))
    sure = iter(holm_steps([p_two_sided(changes) for *_, every in lines for changes in every], 2 * ALPHA))
    rows = []
    for kind, other, every in lines:
        cells = [(bracketed(t_interval(changes)), next(sure)) for changes in every]
        rows.append([kind, f"both less {NAMES[other]}", *(f"**{cell}**" if bold else cell for cell, bold in cells)])
    return Table(["network", "change", *MEASURES.values()], rows)


def verdict(found: Mapping[Task, Found], kind: Kind) -> str:
    """Say what joint learning makes better, and worse, than learning the forecast alone.

    Parameters
    ----------
    found : mapping of Task to mapping
    kind : {'rate', 'spiking'}

    Returns
    -------
    str
    """

    def change(measure: str) -> Interval:
        pairs = zip(of(found, kind, "joint", measure), of(found, kind, "apart", measure), strict=True)
        return t_interval([BETTER[measure] * (a - b) for a, b in pairs])

    words = []
    for what, measures in KINDS_OF_MEASURES.items():
        found_better = [MEASURES[m] for m in measures if change(m).low > 0]
        found_worse = [MEASURES[m] for m in measures if change(m).high < 0]
        better = f"better in {', '.join(found_better)}" if found_better else "better in nothing"
        words.append(f"{what} {better}" + (f", worse in {', '.join(found_worse)}" if found_worse else ""))
    return f"{kind}: both together, beside the forecast alone (95 % over seeds, each by itself): {'; '.join(words)}."


def _weights(found: Mapping[Task, Found], kind: Kind) -> str:
    each = [chosen(found, kind, seed) for seed in sorted({t.seed for t in found if t.network == kind})]
    return f"{min(each):g}" if len(set(each)) == 1 else f"{min(each):g} to {max(each):g}"
