"""Recurrent networks of ReLU units on three tasks, before and after conversion, and with one global gain.

    python benchmarks/tasks.py --out runs/tasks [--networks 5] [--copies 16]

A network converts when its spiking form does at least 95 % of the test trials right (Kim, Li & Sejnowski 2019,
https://doi.org/10.1073/pnas.1905926116, by whose method no network of ReLU units did). Training goes on where it was killed, and
finished networks are not run again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from conversion.pipeline import convert
from conversion.rate_rnn import RateRNN
from conversion.recipe import BASELINES, Recipe
from conversion.task_training import TaskPlan, TaskTrainer, respond, untrained
from conversion.tasks import TASKS, Trials, score
from conversion.trace import trace
from conversion.trace_rnn import perform
from snn.files import replace_file

SUCCESS = 0.95
GAINS = (0.25, 0.5, 1.0, 2.0, 4.0)
CALIBRATION, TEST = 10, 100


def trained(kind: str, seed: int, folder: Path) -> RateRNN:
    """Train a network, or go on with it."""
    task = TASKS[kind]()
    trainer = TaskTrainer(untrained(task, seed), task, TaskPlan(), seed)
    checkpoint = folder / f"{kind}-{seed}.safetensors"
    if checkpoint.is_file():
        trainer.load(checkpoint)
    trainer.train(lambda: trainer.save(checkpoint) if len(trainer.losses) % 20 == 0 else None)
    trainer.save(checkpoint)
    return trainer.model


def result(kind: str, seed: int, folder: Path, copies: int) -> dict[str, Any]:
    """Train, convert and test one network; what was done before is read."""
    path = folder / f"{kind}-{seed}-{copies}.json"
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    model = trained(kind, seed, folder)
    task = TASKS[kind]()
    calibration, test = task.trials(CALIBRATION, 10_000 + seed), task.trials(TEST, 20_000 + seed)
    movies = calibration.movies()
    frames = sum(m.n_frames for m in movies)
    recipe = Recipe(copies=copies, dead="keep", calibration_frames=frames, percentile=99.9, seed=seed)
    circuit = trace(model)
    made = convert(circuit, recipe, movies)

    def share(one: Any, trials: Trials) -> float:
        return score(perform(one, model, trials)[0], trials)

    by_gain = {}
    for gain in GAINS:
        changes = {"copies": copies, "dead": "keep", "calibration_frames": frames, "gain": gain}
        kim = convert(circuit, BASELINES["global_gain"].model_copy(update=changes), movies)
        by_gain[gain] = share(kim.circuit, calibration), kim.circuit
    best = max(by_gain, key=lambda g: by_gain[g][0])
    found = {
        "rate": score(respond(model, test), test),
        "spiking": share(made.circuit, test),
        "global_gain": share(by_gain[best][1], test),
        "gain": best,
        "cells": made.network.n_neurons,
    }
    replace_file(path, lambda file: file.write(json.dumps(found).encode()))
    return found


def main() -> None:
    """Print a line for each network and a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=5)
    parser.add_argument("--copies", type=int, default=16)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind in TASKS:
        found = []
        for seed in range(given.networks):
            one = result(kind, seed, given.out, given.copies)
            found.append(one)
            print(f"{kind} {seed}: rate {one['rate']:.2f}, spiking {one['spiking']:.2f}, one gain {one['global_gain']:.2f}", flush=True)
        learned = [f for f in found if f["rate"] >= SUCCESS]
        converts = [sum(f[how] >= SUCCESS for f in learned) for how in ("spiking", "global_gain")]
        rows.append((kind, len(found), len(learned), *converts))
    print(f"{'task':<22}{'trained':>9}{'learned':>9}{'converted':>11}{'with one gain':>15}")
    for row in rows:
        print(f"{row[0]:<22}{row[1]:>9}{row[2]:>9}{row[3]:>11}{row[4]:>15}")


if __name__ == "__main__":
    main()
