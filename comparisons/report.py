"""The report of a battery: one page that holds everything, and needs nothing else to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.battery import Battery
from comparisons.battery_models import Task
from comparisons.figure_battery import COLOURS, POINTS, effect_svg, named_control
from comparisons.figure_curves import Run, panel_svg
from comparisons.page import filled
from comparisons.panels import Panel, by_level, default_panels
from comparisons.phenomena import PHENOMENA
from comparisons.phenomenon import About
from comparisons.records import KNOWN_FILE, Record
from comparisons.report_films import films_of
from comparisons.report_sources import command, command_of_report, shown_path
from comparisons.run_folder import versions
from comparisons.sketches import SKETCHES, Sketch
from comparisons.statistics import TINY, Interval
from comparisons.tables import numbered
from comparisons.verdicts import GATE, Verdict
from snn.files import replace_file

TITLE = "Do networks that predict behave like visual cortex?"
TEMPLATE = "report.html.j2"
CSS = {"not applicable": "na", "not trained enough": "gate"}
RANK = ("holds", "undecided", "fails", "not trained enough", "not applicable")
"""Order in which verdicts are sorted."""
DIGITS = 12
"""Digits of a manifest's digest that are printed."""
MOST_DIGITS = 4
"""After the point."""
DASHES = {"-": "", "--": "7 3", ":": "2 3", "-.": "7 3 2 3"}
"""Of the lines in a legend."""


@dataclass(frozen=True)
class Section:
    """A further part of the page.

    Attributes
    ----------
    name : str
        By which it is linked.
    title : str
    html : str
        What stands in it; classes are those of ``page_style.css``.
    options : tuple of str
        Of the command ``report``, by which it comes to stand there.
    """

    name: str
    title: str
    html: str
    options: tuple[str, ...] = ()


def write_report(out: Path, sections: Sequence[Section] = (), *, lead: Sequence[Section] = ()) -> Path:
    """Write the report of a battery beside its results.

    Parameters
    ----------
    out : Path
        The folder of the battery.
    sections : sequence of Section
        Further parts.
    lead : sequence of Section
        Parts that come before the phenomena.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunFolderError
        If no battery was run into the folder, or one of its runs is missing or has changed.
    """
    battery = Battery.open(out)
    page = out / "report.html"
    text = render(battery, sections, lead=lead)
    replace_file(page, lambda file: file.write(text.encode()))
    return page


def render(battery: Battery, sections: Sequence[Section] = (), *, lead: Sequence[Section] = ()) -> str:
    """Print the report as HTML.

    Parameters
    ----------
    battery : Battery
    sections : sequence of Section
        Further parts.
    lead : sequence of Section
        Parts that come before the phenomena.

    Returns
    -------
    str
    """
    verdicts, records = battery.verdicts(), list(battery.records())
    context = {
        "title": TITLE,
        "models": [_model(battery, k, verdicts) for k in range(len(battery.models))],
        "phenomena": [_phenomenon(battery, name, verdicts, [r for r in records if r.phenomenon == name]) for name in battery.phenomena],
        "sections": sections,
        "lead": lead,
        "runs": _runs(battery),
        "known": KNOWN_FILE,
        "gate": GATE,
        "command": command(battery),
        "command_of_report": command_of_report(battery, [word for section in sections for word in section.options]),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }
    return filled(TEMPLATE, **context)


def _model(battery: Battery, k: int, verdicts: Mapping[str, Mapping[str, Verdict]]) -> dict[str, Any]:
    model = battery.models[k]
    tasks = [Task(model, seed, "") for seed in range(len(model.runs))]
    gates = [battery.gate(task) for task in tasks]
    sites = battery.subject(tasks[0]).responder.sites
    levels = len({s.level for s in sites})
    outcomes = [v.outcome for v in verdicts[model.name].values()]
    counts = [(outcome, outcomes.count(outcome)) for outcome in RANK if outcome in outcomes]
    return {
        "name": model.name,
        "colour": COLOURS[k % len(COLOURS)],
        "point": POINTS[k % len(POINTS)],
        "kind": "spiking network" if any(s.spiking for s in sites) else "rate network",
        "levels": numbered(levels, "level"),
        "n_seeds": len(model.runs),
        "gate": _mean(gates),
        "passes": None if np.isnan(gates).any() else all(g <= GATE for g in gates),
        "counts": [{"outcome": outcome, "css": CSS.get(outcome, outcome), "n": n} for outcome, n in counts],
    }


def _phenomenon(battery: Battery, name: str, verdicts: Mapping[str, Mapping[str, Verdict]], records: Sequence[Record]) -> dict[str, Any]:
    about, sketch = PHENOMENA[name].about, SKETCHES.get(name, Sketch())
    here = {model: found[name] for model, found in verdicts.items()}
    seeds, curves, elsewhere = {}, {}, []
    for model in battery.models:
        tasks = [Task(model, k, name) for k in range(len(model.runs))]
        asked = [r for r in records if r.model == model.name and not r.lacks]
        seeds[model.name] = [_number(r.effects["model"][about.primary]) for r in asked]
        curves[model.name] = [c for c in (battery.curves(t) for t in tasks) if "model" in c]
        if len(curves[model.name]) < len(asked):
            elsewhere.append(model.name)
    names = list(dict.fromkeys(other for v in here.values() for other in v.others))
    drawn = _panels(sketch, curves)
    folders = [f"results/{m.name}/{'0' if len(m.runs) == 1 else f'0..{len(m.runs) - 1}'}/{name}.json" for m in battery.models]
    return {
        "about": about,
        "sketch": sketch,
        "question": sketch.question or about.claim,
        "needed": _needed(about.primary, about.least, about.unit),
        "verdicts": {model: _verdict(v, about) for model, v in here.items()},
        "controls": [c.replace("_", " ") for c in about.controls],
        "beside": [c.replace("_", " ") for c in about.beside],
        "effect_svg": effect_svg(about, here, seeds) if any(v.effect for v in here.values()) else "",
        "panels": [text for text in (panel_svg(panel, curves) for panel in drawn) if text],
        "drawn": [model for model, runs in curves.items() if runs],
        "lines": _legend(drawn),
        "shown": films_of(battery, name),
        "others": [{"name": other, "cells": [_cell(v, other) for v in here.values()]} for other in names],
        "folders": folders,
        "elsewhere": elsewhere,
    }


def _panels(sketch: Sketch, curves: Mapping[str, Sequence[Run]]) -> list[Panel]:
    """Panels of a phenomenon for the curves that there are."""
    first = [runs[0]["model"] for runs in curves.values() if runs]
    points = {name: len(values) if values.ndim == 1 else 0 for found in first for name, values in found.items()}
    names = [name for found in first for name in found]
    return by_level(sketch.panels, names) or list(default_panels(list(points), list(points.values())))


def _legend(panels: Sequence[Panel]) -> list[dict[str, str]]:
    """What each style of line means; bars say it themselves."""
    found = {line.label: DASHES[line.style] for panel in panels if not panel.bars for line in panel.lines if line.label}
    return [{"label": label, "dashes": dashes} for label, dashes in found.items()]


def _needed(primary: str, least: float, unit: str) -> str:
    return f"{primary} > {least:g}{'' if unit in ('', '%') else ' '}{unit}"


def _verdict(verdict: Verdict, about: About) -> dict[str, Any]:
    controls = [f"{named_control(about, name)} {short(value, about.unit)}" for name, value in verdict.controls.items()]
    return {
        "outcome": verdict.outcome,
        "css": CSS.get(verdict.outcome, verdict.outcome),
        "rank": RANK.index(verdict.outcome),
        "reason": verdict.reason,
        "effect": "" if verdict.effect is None else short(verdict.effect, about.unit),
        "controls": "; ".join(controls),
        "p": "" if np.isnan(verdict.p) else f"{verdict.p:.2g}",
        "n_seeds": verdict.n_seeds,
    }


def short(value: Interval, unit: str) -> str:
    """Print a mean with its interval, to the digits that the width of the interval allows; the results have all.

    Parameters
    ----------
    value : Interval
    unit : str

    Returns
    -------
    str
    """
    if np.isnan(value.mean):
        return "-"
    wide = (value.high - value.low) / 2 if not np.isnan(value.low) else abs(value.mean) / 10
    # Half the width to one digit, or to two if the first is a 1 or a 2.
    digits = min(MOST_DIGITS, max(0, -int(np.floor(np.log10(wide / 3))))) if wide > TINY else MOST_DIGITS
    mean, low, high = (f"{round(x, digits) + 0.0:.{digits}f}" if wide > TINY else f"{round(x, digits) + 0.0:g}" for x in value)
    space = "" if unit in ("", "%") else "\u202f"
    return f"{mean}{space}{unit}" + ("" if np.isnan(value.low) else f" [{low}, {high}]")


def _cell(verdict: Verdict, other: str) -> str:
    return short(verdict.others[other], "") if other in verdict.others else "-"


def _runs(battery: Battery) -> list[dict[str, str]]:
    rows = []
    for model in battery.models:
        for seed in range(len(model.runs)):
            task = Task(model, seed, "")
            subject = battery.subject(task)
            rows.append(
                {
                    "model": model.name,
                    "seed": str(seed),
                    "run": shown_path(subject.path, battery.out),
                    "digest": subject.digest[:DIGITS],
                    "gate": _mean([battery.gate(task)]),
                    "folder": f"results/{model.name}/{seed}",
                }
            )
    return rows


def _mean(values: Sequence[float]) -> str:
    known = [v for v in values if not np.isnan(v)]
    return f"{np.mean(known):.2f}" if known else "not measured"


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
