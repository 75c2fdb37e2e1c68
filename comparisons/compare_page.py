"""The page of models side by side: numbers and figures of a folder, as one page or as a section of another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from comparisons import run_folder
from comparisons.beside import CHANGE, PIXELS, RELATIONS
from comparisons.dynamics import HEADS, LEGEND, aligned
from comparisons.fields import FIELD_NUMBERS
from comparisons.gratings import NUMBERS as TUNING_NUMBERS
from comparisons.page import filled, section_page
from comparisons.statistics import Interval, holm_steps, p_above_zero
from comparisons.verdicts import ALPHA
from snn.errors import RunFolderError, sentence

NUMBERS = "numbers.json"
PAGE = "compare.html"
FIGURES = "figures"
TITLE = "Models side by side: rates and spikes on the same movies"
LEADS = {
    "trajectories": "Every population of each model, on the same movies. The first question is not whether two populations are alike, but "
    "whether they are more alike than the same two models before they learned, than either and the frames themselves, and as much so "
    "as two runs of one model.",
    "rsa": "At each frame after movies begin: which movies look alike to a population, and is that so in the other model too? Grey comes "
    "before; there is nothing to tell apart there, so that curves must lie at 0 or be undefined.",
    "fields": "What white noise looked like before a cell was active. Red: light, blue: dark; the number is the largest correlation. "
    "Cells with a field are those beyond the same with movies dealt anew to answers (1 of 100 would be by chance).",
    "tuning": "Drifting gratings over the whole frame. Best gratings, and the cells that answer, are chosen on half of the trials, indices "
    "taken on the other half: without tuning they are 0 in the mean. "
    "Tuned cells are those beyond directions dealt anew to trials (1 of 100 would be by chance); a cell can be surely tuned and hardly "
    "selective.",
}
HEADINGS = {
    "trajectories": "What every population did",
    "rsa": "Telling movies apart, over time",
    "fields": "Receptive fields",
    "tuning": "Tuning to gratings",
}
CAPTIONS = {
    "trajectories": "Mean activity over cells, z-scored, less what a clip is like as a whole; band: standard deviation over seeds.",
    "onset": "Mean activity over cells and movies when movies begin after grey, z-scored; band: standard deviation over seeds.",
    "rsa": "Similarity of the dissimilarities of movies (1: equal, 0: unrelated); band: 95 % interval over seeds.",
    "fields": "First seed: mean field of all cells at the lag of most energy, then the clearest cells; 9 px wide, 17 px at level 1. "
    "Right: energy by lag, all seeds.",
    "tuning": "Shares of the cells that answer; full lines: trained, with the spread over seeds; broken: untrained.",
}
MEASURES = {
    "trajectories": {"rsa": "RSA of all frames, and what it is to be compared with", "cka": "CKA"},
    "rsa": {"mean": "RSA, mean over the frames after onset"},
    "fields": {
        "matched": "Cosine of the fields of cells at one place, paired by the best assignment",
        "mean_field": "Cosine of mean fields (signs cancel where cells are of both)",
    },
    "tuning": {
        "osi_distance": "Distance of the distributions of orientation selectivity (0: equal)",
        "dsi_distance": "Distance of the distributions of direction selectivity",
        "octaves_distance": "Distance of the distributions of preferred frequency (octaves)",
    },
}
ALONE = {
    "share": "cells with a field",
    "radius_px": "radius (px)",
    "lag_frames": "best lag (frames)",
    "on_share": "of these, ON",
    "answer": "cells that answer",
    "oriented": "tuned to orientation",
    "directed": "tuned to direction",
    "osi": "OSI",
    "dsi": "DSI",
    "frequency_per_px": "preferred cycles/px",
    "modulated": "follow the stripes (F1 > F0)",
}
SHARE, SIGNED, POSITIVE = (0.0, 1.0), (-1.0, 1.0), (0.0, math.inf)
RANGES = {
    **dict.fromkeys(("share", "on_share", "answer", "oriented", "directed", "modulated"), SHARE),
    **dict.fromkeys(("correlation", "cka", "rsa", "mean", "mean_field", "matched", "osi", "dsi"), SIGNED),
    **dict.fromkeys(("nrmse", "dimensions", "other_dimensions", "radius_px", "frequency_per_px"), POSITIVE),
    **dict.fromkeys(("osi_distance", "dsi_distance", "octaves_distance"), POSITIVE),
}
"""Values that there can be; intervals are cut to them where they are shown."""
SHORT = {
    "models": "models",
    "untrained": "both untrained",
    "learning": "itself untrained",
    "seeds": "two runs",
    "pixels": "pixels",
}
Rows = Sequence[Mapping[str, Any]]


def write_page(out: Path) -> Path:
    """Write the page of a comparison anew, beside its numbers.

    Parameters
    ----------
    out : Path
        The --out of the comparison.

    Returns
    -------
    Path

    Raises
    ------
    RunFolderError
        If the folder holds no comparison.
    """
    found = _read(out)
    where = "All numbers are in <code>numbers.json</code>, all figures in <code>figures</code>, beside this page."
    text = section_page(
        TITLE, side_by_side_section(out), models=found["models"], where=where, command=found["command"], versions=found["versions"]
    )
    run_folder.write_text(out / PAGE, text)
    return out / PAGE


def side_by_side_section(out: Path) -> str:
    """Give what a comparison found as HTML that can stand in any page with ``page_style.css``.

    Parameters
    ----------
    out : Path
        The --out of a comparison.

    Returns
    -------
    str
        Paragraphs, tables and figures under headings of the second rank; nothing is loaded from elsewhere.

    Raises
    ------
    RunFolderError
        If the folder holds no comparison.
    """
    found = _read(out)
    parts = [_part(name, part, out) for name, part in found["parts"].items()]
    there = {row["relation"] for part in found["parts"].values() for row in part["rows"]}
    return filled(
        "compare_section.html.j2",
        sentences=summary(found["parts"]),
        remarks=found["remarks"],
        parts=parts,
        relations=[(SHORT[relation], text) for relation, text in RELATIONS.items() if relation in there],
    )


def summary(parts: Mapping[str, Any]) -> list[str]:
    """Say in a few sentences what came out.

    Parameters
    ----------
    parts : mapping
        Of ``numbers.json``.

    Returns
    -------
    list of str
    """
    found = []
    for part, key in (("trajectories", "rsa"), ("rsa", "mean")):
        rows = parts.get(part, {}).get("rows", [])
        for first, other in dict.fromkeys((r["one"], r["other"]) for r in rows if r["relation"] == "models"):
            here = [r for r in rows if r["relation"] == "models" and r["other"] == other]
            known = {r["site"]: r["numbers"][key]["mean"] for r in here if r["numbers"][key]["mean"] is not None}
            if not known:
                continue
            order = sorted(known, key=lambda site: -known[site])
            what = "all frames" if part == "trajectories" else "movies at one and the same frame"
            text = f"{other} beside {first}, telling apart {what}: most alike in {order[0]} (RSA {known[order[0]]:.2f})"
            text += f", least in {order[-1]} ({known[order[-1]]:.2f})" if len(order) > 1 else ""
            p = [_p_of_gain(r, key) for r in here]
            gained = [r["site"] for r, sure in zip(here, holm_steps(p, ALPHA), strict=True) if sure]
            if not all(map(math.isnan, p)):
                text += (
                    f"; surely more alike than before learning (corrected for the number of populations) in {len(gained)} of {len(here)}"
                )
                text += f" ({', '.join(gained)})" if gained else ""
            elif here[0]["n"] == 1:
                text += "; of one run each, so that there are no intervals"
            found.append(text + ".")
    return found


def plain_tables(name: str, part: Mapping[str, Any]) -> str:
    """Print the tables of a part as plain text.

    Parameters
    ----------
    name : str
        Of the part.
    part : mapping
        As in ``numbers.json``.

    Returns
    -------
    str
    """
    shown = [[t["caption"], "", *aligned([t["head"], *t["rows"]])] for t in _tables_of(name, part) if t["rows"]]
    return "\n\n".join("\n".join(lines) for lines in shown)


def _p_of_gain(row: Mapping[str, Any], key: str) -> float:
    """One-sided p that two models are not more alike than before learning; NaN without an interval over seeds."""
    gain = row["gains"].get(key, {})
    bounds = [gain.get(name) for name in Interval._fields]
    return float("nan") if None in bounds else p_above_zero(Interval(*bounds), row["n"])


def _part(name: str, part: Mapping[str, Any], out: Path) -> dict[str, Any]:
    figures = [{"svg": (out / FIGURES / f"{f}.svg").read_text(encoding="utf-8"), "caption": CAPTIONS[f]} for f in part["figures"]]
    tables = [t for t in _tables_of(name, part) if t["rows"]]
    return {"name": name, "heading": HEADINGS[name], "lead": LEADS[name], "figures": figures, "tables": tables}


def _tables_of(name: str, part: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = part["rows"]
    tables: list[dict[str, Any]] = []
    for k, (key, text) in enumerate(MEASURES[name].items()):
        tables.append({"caption": text, **_pivot(rows, key), "folded": k > 0})
    if name == "trajectories":
        tables = [*_pairs(rows), *tables, _dimensions(rows)]
    if part["alone"]:
        numbers = FIELD_NUMBERS if name == "fields" else TUNING_NUMBERS
        tables = [*_by_model(part["alone"], numbers), *tables]
    return tables


def _pairs(rows: Rows) -> list[dict[str, Any]]:
    """Of each two models: trajectories, reading and dimensions."""
    found = []
    for first, other in dict.fromkeys((r["one"], r["other"]) for r in rows if r["relation"] == "models"):
        here = [r for r in rows if r["relation"] == "models" and r["other"] == other]
        keys = [k for k in HEADS if k != "dimensions"]
        cells = [[r["site"], *(_cell(r["numbers"], k) for k in keys)] for r in here]
        found.append(
            {
                "caption": f"{other} beside {first}. {LEGEND}",
                "head": ["population", *(HEADS[k] for k in keys)],
                "rows": cells,
                "folded": False,
            }
        )
    return found


def _dimensions(rows: Rows) -> dict[str, Any]:
    """Dimensions of every subject."""
    found: dict[str, dict[str, str]] = {}
    for r in rows:
        for who, key in ((r["one"], "dimensions"), (r["other"], "other_dimensions")):
            # Of two runs of one model only the first of each pair is meant: all runs stand in the rows beside pixels.
            if r["relation"] in ("learning", "pixels"):
                found.setdefault(who, {})[r["site"]] = _cell(r["numbers"], key)
    columns = sorted(found, key=lambda who: who in (PIXELS, CHANGE))
    sites = list(dict.fromkeys(r["site"] for r in rows))
    cells = [[site, *(found[who].get(site, "-") for who in columns)] for site in sites]
    return {
        "caption": "Dimensions in which a population moves (participation ratio)",
        "head": ["population", *columns],
        "rows": cells,
        "folded": True,
    }


def _pivot(rows: Rows, key: str) -> dict[str, Any]:
    """One measure of every population: a column for each two subjects."""
    columns = sorted(dict.fromkeys((r["relation"], r["one"], r["other"]) for r in rows), key=lambda c: list(RELATIONS).index(c[0]))
    known = {(r["site"], r["relation"], r["one"], r["other"]): _cell(r["numbers"], key) for r in rows}
    sites = list(dict.fromkeys(r["site"] for r in rows))
    cells = [[site, *(known.get((site, *c), "-") for c in columns)] for site in sites]
    return {"head": ["population", *(_label(*c) for c in columns)], "rows": [c for c in cells if any(v != "-" for v in c[1:])]}


def _by_model(alone: Mapping[str, Any], numbers: Sequence[str]) -> list[dict[str, Any]]:
    """A table for every subject: its numbers by population."""
    found = []
    for who, sites in alone.items():
        cells = [[site, *(_cell(values, key) for key in numbers)] for site, values in sites.items()]
        found.append(
            {
                "caption": f"{who}, by itself",
                "head": ["population", *(ALONE[key] for key in numbers)],
                "rows": cells,
                "folded": "untrained" in who,
            }
        )
    return found


def _label(relation: str, one: str, other: str) -> str:
    if relation in ("models", "pixels"):
        return f"{one} beside {other}" if relation == "pixels" else f"{other} beside {one}"
    if relation == "untrained":
        return f"{other.partition(',')[0]} beside {one.partition(',')[0]}, both untrained"
    return f"two runs of {one}" if relation == "seeds" else f"{one} beside itself untrained"


def _cell(numbers: Mapping[str, Mapping[str, float | None]], key: str) -> str:
    mean, low, high = (numbers[key][k] for k in ("mean", "low", "high"))
    if mean is None or math.isnan(mean):
        return "-"
    least, most = RANGES.get(key, (-math.inf, math.inf))
    # As JSON has it, and as it is before it is written.
    return f"{mean:.2f}" if low is None or high is None or math.isnan(low) else f"{mean:.2f} [{max(low, least):.2f}, {min(high, most):.2f}]"


def _read(out: Path) -> dict[str, Any]:
    if not (out / NUMBERS).is_file():
        raise RunFolderError(sentence(str(out), f"has no {NUMBERS}", cure="it is not the --out of a comparison"))
    found: dict[str, Any] = run_folder.read_json(out / NUMBERS)
    return found
