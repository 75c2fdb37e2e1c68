"""Recipes of ``learn``: each learns from the command line; lessons follow each other and survive a stop.

Oracles: byte equality with an uninterrupted run, and what the description must hold.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from comparisons.cli import main
from comparisons.inspection import load_circuit
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.recipes import RECIPES, RecipeName
from plasticity import ApicalError, Compose, ErrorGated, GatedDelta, PairSTDP, SymmetricFeedback, SymmetricForecast, VogelsSTDP
from plasticity.training import Plan, learn
from snn.curve import Curve
from snn.engines import engine
from snn.errors import MovieError
from snn.prednet import PredNetSpec, prednet
from snn.stimuli.movie import Movie
from snn.testing import random_walk

SIZE = 12


def frames(folder: Path) -> str:
    np.savez(folder / "clips.npz", one=random_walk(9, SIZE, SIZE, seed=1).frames, two=random_walk(9, SIZE, SIZE, seed=2).frames)
    return str(folder / "clips.npz")


def run_command(*arguments: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert not left.value.code


def network_of(recipe: str) -> object:
    return Job(source=Source(frames="photographs", size=SIZE), recipe=recipe, levels=RECIPES[recipe].levels).network()


def test_every_name_is_a_recipe() -> None:
    """Oracle: the names that the option takes."""
    assert set(RECIPES) == set(get_args(RecipeName))


@pytest.mark.parametrize(
    ("recipe", "branches", "levels", "rules"),
    [
        ("plain", 0, 1, {ErrorGated}),
        ("gated", 9, 1, {GatedDelta}),
        ("hierarchical", 9, 2, {GatedDelta, ErrorGated}),
        ("stdp_only", 0, 1, {PairSTDP, VogelsSTDP}),
        ("dendritic", 0, 1, {ApicalError}),
        ("eprop", 0, 1, {Compose, SymmetricFeedback, SymmetricForecast}),
        ("hidden", 0, 1, {Compose, SymmetricFeedback, SymmetricForecast}),
    ],
)
def test_a_recipe_builds_what_it_says(recipe: str, branches: int, levels: int, rules: set[type]) -> None:
    """Oracle: populations, levels and rules of the description; excitatory synapses never learn by Vogels' rule."""
    network = network_of(recipe)
    names = [p.name for p in network.populations]  # type: ignore[attr-defined]
    assert max(int(n[5]) for n in names) == levels - 1
    assert ("level0.branch" in names) == bool(branches)
    if branches:
        assert network.population("level0.branch").shape[2] == 2 * branches  # type: ignore[attr-defined]
    plastic = [j for j in network.projections if j.rule is not None]  # type: ignore[attr-defined]
    assert {type(j.rule) for j in plastic} == rules
    for j in plastic:
        if isinstance(j.rule, PairSTDP | VogelsSTDP):
            assert isinstance(j.rule, VogelsSTDP) == (network.population(j.source).sign == "inhibitory")  # type: ignore[attr-defined]


@pytest.mark.parametrize("recipe", ["gated", "stdp_only", "hidden", "dendritic", "eprop"])
def test_a_recipe_learns_from_the_command_line(recipe: str, tmp_path: Path) -> None:
    """Oracle: weights that differ from those at birth, a curve of rearing and learning, branches as asked."""
    options = ["--size", str(SIZE), "--recipe", recipe, "--passes", "2", "--rear", "1"]
    chosen = ["--branches", "2"] if recipe == "gated" else ["--no-figures"]
    run_command("learn", "--frames", frames(tmp_path), *options, *chosen, "--out", str(tmp_path / "run"))
    run = load_circuit(tmp_path / "run", "check")
    with (tmp_path / "run" / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1 + 2 * 2, "one stretch of rearing, two passes of two clips"
    assert "drift" in rows[0]["clip"]
    born = engine("event").build(run.network, seed=0).state()
    for j in run.network.projections:
        if j.rule is not None:
            assert not np.array_equal(run.state.weights(j.name), born.weights(j.name)), j.name
    if recipe == "gated":
        assert run.network.population("level0.branch").shape[2] == 4
        assert (tmp_path / "run" / "figures" / "weights.png").stat().st_size > 10_000


@pytest.mark.slow
def test_two_levels_with_gates_learn(tmp_path: Path) -> None:
    """Oracle: the run folder verifies and both levels have learned."""
    options = ["--size", str(SIZE), "--recipe", "hierarchical", "--branches", "2", "--passes", "1", "--no-figures"]
    run_command("learn", "--frames", frames(tmp_path), *options, "--out", str(tmp_path / "run"))
    run = load_circuit(tmp_path / "run", "check")
    assert {j.target.split(".")[0] for j in run.network.projections if j.rule is not None} == {"level0", "level1"}


class Stop(Exception):
    """What stops a run in the middle."""


@pytest.mark.parametrize("at", [1, 2, 3])
def test_lessons_go_on_where_they_were_stopped(at: int) -> None:
    """Oracle: the weights and the curve of an uninterrupted run, byte by byte; at 1 within rearing, at 2 between, at 3 after."""
    network = prednet(PredNetSpec(rows=8, cols=8), ErrorGated())
    reared, own = ([random_walk(8, 8, 8, seed=10 * s + i) for i in range(2)] for s in (1, 2))
    first, plan = Plan(passes=1, eta_start=0.8, eta_end=0.1), Plan(passes=1, eta_start=0.2, eta_end=0.1)

    def whole(stop: int | None) -> tuple[bytes, Curve]:
        simulation, curve = engine("event").build(network, seed=3), Curve()

        def after(progress: object, _: object) -> None:
            if len(curve.points) == stop:
                raise Stop

        try:
            learn(simulation, own, plan, before=[(reared, first)], seed=5, curve=curve, after=after)
        except Stop:
            simulation = engine("event").build(network, state=simulation.state())
            learn(simulation, own, plan, before=[(reared, first)], seed=5, curve=curve, start=len(curve.points))
        name = next(j.name for j in network.projections if j.rule is not None)
        return simulation.state().weights(name).tobytes(), curve

    (one, curve), (two, resumed) = whole(None), whole(at)
    assert one == two
    assert [p.done for p in curve.points] == [1, 2, 3, 4]
    assert curve.points == resumed.points


def test_a_lesson_too_short_to_learn_from_is_refused() -> None:
    """Oracle: the message."""
    simulation = engine("event").build(prednet(PredNetSpec(rows=8, cols=8), ErrorGated()))
    short = Movie(np.full((2, 8, 8), 0.5), 50.0)
    with pytest.raises(MovieError, match="no clip has more than"):
        learn(simulation, [random_walk(8, 8, 8)], Plan(), before=[([short], Plan())])
