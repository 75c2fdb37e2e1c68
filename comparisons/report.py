"""The report of a battery: one page that holds everything, and needs nothing else to be read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.battery import Battery, Task
from comparisons.figure_battery import curves_svg, effect_svg
from comparisons.phenomena import PHENOMENA
from comparisons.run_folder import versions
from comparisons.verdict_table import in_words
from comparisons.verdicts import GATE, Verdict
from snn.files import replace_file

TEMPLATE = Path(__file__).with_name("report.html.j2")
TITLE = "Which cortical properties of PredNet does each model have?"
CSS = {"not applicable": "na", "not trained enough": "gate"}
DIGITS = 12
"""Digits of a manifest's digest that are printed."""


def write_report(out: Path) -> Path:
    """Write the report of a battery beside its results.

    Parameters
    ----------
    out : Path
        The folder of the battery.

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
    text = render(battery)
    replace_file(page, lambda file: file.write(text.encode()))
    return page


def render(battery: Battery) -> str:
    """Print the report as HTML.

    Parameters
    ----------
    battery : Battery

    Returns
    -------
    str
    """
    from jinja2 import Environment, StrictUndefined

    verdicts = battery.verdicts()
    context = {
        "title": TITLE,
        "summary": summary(verdicts),
        "models": [{"name": m.name, "gate": _mean([battery.gate(Task(m, k, "")) for k in range(len(m.runs))])} for m in battery.models],
        "phenomena": [_phenomenon(battery, name, verdicts) for name in battery.phenomena],
        "runs": _runs(battery),
        "gate": GATE,
        "command": _command(battery),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(TEMPLATE.read_text()).render(context)


def summary(verdicts: Mapping[str, Mapping[str, Verdict]]) -> str:
    """Say in one sentence what each model has.

    Parameters
    ----------
    verdicts : mapping of str to mapping
        Per model and phenomenon.

    Returns
    -------
    str
    """
    parts = []
    for model, found in verdicts.items():
        counts = {what: sum(v.outcome == what for v in found.values()) for what in ("holds", "fails", "undecided")}
        parts.append(f"in {model} {counts['holds']} hold, {counts['fails']} fail, {counts['undecided']} are undecided")
    seeds = {v.n_seeds for found in verdicts.values() for v in found.values() if v.effect is not None}
    count = f"{min(seeds)}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}" if seeds else "no"
    what = "Each model was shown the same simple movies and asked for the same cortical phenomena"
    return f"{what}, with {count} trained network{'s' if seeds != {1} else ''} each: {'; '.join(parts)}."


def _phenomenon(battery: Battery, name: str, verdicts: Mapping[str, Mapping[str, Verdict]]) -> dict[str, Any]:
    about = PHENOMENA[name].about
    here = {model: found[name] for model, found in verdicts.items()}
    seeds, curves = {}, {}
    for model in battery.models:
        tasks = [Task(model, k, name) for k in range(len(model.runs))]
        results = [r for r in (battery.result(t) for t in tasks) if r is not None and not r["lacks"]]
        seeds[model.name] = [_number(r["effects"]["model"][about.primary]) for r in results]
        curves[model.name] = [c["model"] for c in (battery.curves(t) for t in tasks) if "model" in c]
    names = list(dict.fromkeys(other for v in here.values() for other in v.others))
    others = [{"name": other, "cells": [_cell(v, other) for v in here.values()]} for other in names]
    return {
        "about": about,
        "verdicts": {model: _verdict(v, about.unit) for model, v in here.items()},
        "controls": " and ".join(c.replace("_", " ") for c in about.controls) or "no control",
        "effect_svg": effect_svg(about, here, seeds) if any(v.effect for v in here.values()) else "",
        "curves_svg": curves_svg(curves),
        "others": others,
    }


def _verdict(verdict: Verdict, unit: str) -> dict[str, str]:
    number = "" if verdict.effect is None else in_words(verdict.effect, unit)
    against = "; ".join(f"{name.replace('_', ' ')} {in_words(value, unit)}" for name, value in verdict.controls.items())
    said = ". ".join(
        part for part in (f"{verdict.outcome}: {verdict.reason}" if verdict.reason else verdict.outcome, number, against) if part
    )
    return {
        "outcome": verdict.outcome,
        "css": CSS.get(verdict.outcome, verdict.outcome),
        "reason": verdict.reason,
        "effect": number,
        "sentence": said + ".",
    }


def _cell(verdict: Verdict, other: str) -> str:
    return in_words(verdict.others[other], "") if other in verdict.others else "-"


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
                    "run": str(subject.path),
                    "digest": subject.digest[:DIGITS],
                    "gate": _mean([battery.gate(task)]),
                    "folder": f"results/{model.name}/{seed}",
                }
            )
    return rows


def _command(battery: Battery) -> str:
    words = ["spiking-prednet", "battery"]
    for model in battery.models:
        words += ["--model", f"{model.name}={','.join(map(str, model.runs))}"]
    return shlex.join([*words, "--phenomena", ",".join(battery.phenomena), "--out", str(battery.out)])


def _mean(values: Sequence[float]) -> str:
    known = [v for v in values if not np.isnan(v)]
    return f"{np.mean(known):.2f}" if known else "not measured"


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
