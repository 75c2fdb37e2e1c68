"""Random rules of the closed set of terms: every engine does the same as the reference."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from snn.description import Network
from snn.engines import engine
from snn.local import (
    MODULATOR,
    SIGN,
    Expr,
    Rule,
    State,
    STEP_ms,
    Trace,
    Update,
    W,
    When,
    exp,
    maximum,
    minimum,
    own,
    post,
    post_sum,
    pre,
    signal,
    voltage,
)
from snn.seeding import stream
from snn.testing import ROUND_OFF, first_difference, random_rasters, show
from snn.testing.networks import Case
from snn.testing.rules import every_topology

TRACES = (
    Trace("x", "pre", tau_ms=9.0),
    Trace("x2", "pre", tau_ms=30.0),
    Trace("xm", "pre", tau_ms=15.0, frame="mean", late=True),
    Trace("xb", "pre", frame="sum", ago=1),
    Trace("y", "post", tau_ms=14.0),
    Trace("y2", "post", tau_ms=40.0),
    Trace("yb", "post", tau_ms=20.0, frame="mean", ago=1),
    Trace("u", "post", tau_ms=11.0, follows="potential"),
    Trace("um", "post", tau_ms=5.0, frame="mean", follows="potential"),
    Trace("e", "signal", tau_ms=6.0),
    Trace("es", "signal", frame="sum", of="e"),
)
READ = (
    *(pre(n) for n in ("x", "x2", "xm", "xb")), *(post(n) for n in ("y", "y2", "yb", "u", "um")), signal("e"), signal("es"),
    W, W, own("a"), own("b"), voltage(), SIGN, MODULATOR,
)  # fmt: skip


class AnyRule(Rule):
    """A rule drawn at random."""

    kind: Literal["any"] = "any"
    seed: int
    n_updates: int = 3

    def traces(self) -> tuple[Trace, ...]:
        return TRACES

    def states(self) -> tuple[State, ...]:
        return State("a", tau_ms=25.0), State("b")

    def updates(self) -> tuple[Update, ...]:
        rng = stream(self.seed, "any rule")
        return tuple(_update(rng) for _ in range(self.n_updates))


def _bounded(term: Expr) -> Expr:
    """Keep a term between -1 and 1, smoothly, or chaos would magnify the last digit."""
    return term / (1.0 + maximum(term, 0.0 - term))


def _term(rng: np.random.Generator, depth: int, *, sums: bool = True) -> Expr:
    if depth == 0:
        return READ[rng.integers(len(READ))] if rng.random() < 0.8 else maximum(float(rng.normal()), 0.1)
    kind = rng.integers(8 if sums else 7)
    a, b = (_term(rng, depth - 1, sums=sums) for _ in range(2))
    made: list[Expr] = [a + b, a - b, a * b, a / (1.0 + b * b), maximum(a, b), minimum(a, 0.5 - b), exp(_bounded(a))]
    return made[kind] if kind < 7 else _bounded(post_sum(_bounded(_term(rng, 1, sums=False))))


def _update(rng: np.random.Generator) -> Update:
    whens: tuple[When, ...] = ("pre_spike", "post_spike", "step", "frame_end")
    when = whens[rng.integers(4)]
    size = 0.01 if when == "step" else 0.2
    weight = W + size * _bounded(_term(rng, 3)) if rng.random() < 0.8 else None
    states = {name: 0.7 * own(name) + size * _bounded(_term(rng, 2)) for name in ("a", "b") if weight is None or rng.random() < 0.5}
    return Update(when, weight, states)


def agree(network: Network, names: tuple[str, ...], *, n_frames: int = 4, seed: int = 0) -> None:
    """Show spikes to a network on the reference and on other engines, learning, frozen and learning again."""
    case = Case(network.name, network, n_frames, rasters=random_rasters(network, n_frames, share=0.05, seed=seed))
    runs: dict[str, list[Any]] = {}
    for name in ("reference", *names):
        assert engine(name).unsupported(network) == ()
        simulation = engine(name).build(network, seed=7)
        spikes = [show(case, simulation, t, t + 1, learn=t != n_frames // 2, modulator=(1.0, -0.5)[t % 2]) for t in range(n_frames)]
        runs[name] = [spikes, simulation.state().arrays]
    moved = any(np.any(a != 0) for key, a in runs["reference"][1].items() if key.startswith("own/"))
    for name in names:
        for t, (one, two) in enumerate(zip(runs["reference"][0], runs[name][0], strict=True)):
            assert first_difference(one, two) == "", f"{name}, frame {t}"
        for key, wanted in runs["reference"][1].items():
            found = runs[name][1][key]
            np.testing.assert_allclose(found, wanted, rtol=ROUND_OFF, atol=ROUND_OFF * 1e-2, err_msg=f"{name}: {key}")
    assert moved or not network.projections[0].rule.states()


def test_random_rules() -> None:
    """Oracle: the reference engine, spike for spike, on every topology, without Dale's law too."""
    agree(every_topology(AnyRule(seed=4), mixed=True), ("event",))


def test_random_rules_on_the_other_engines() -> None:
    """Oracle: as above; brian has a weight for every synapse, and refuses shared ones in words."""
    rule = AnyRule(seed=4)
    assert "Brian2 has a weight for every synapse" in engine("brian").unsupported(every_topology(rule))[0]
    agree(every_topology(rule, names=("local", "one_to_one"), mixed=True), ("brian",), n_frames=3)
    agree(every_topology(rule), ("torch_",), n_frames=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_many_random_rules(seed: int) -> None:
    """Oracle: as above."""
    agree(every_topology(AnyRule(seed=seed, n_updates=2), mixed=seed % 2 == 1), ("event",), seed=seed)


class Waiting(Rule):
    """Rules whose updates at spikes of the target can wait, of four forms."""

    kind: Literal["waiting"] = "waiting"
    form: Literal["triplet", "inhibitory", "falling", "signalled"]

    def traces(self) -> tuple[Trace, ...]:
        return TRACES

    def updates(self) -> tuple[Update, ...]:
        x, x2, y, y2 = pre("x"), pre("x2"), post("y"), post("y2")
        forms = {
            "triplet": (W + x * (0.05 + 0.04 * y2), W - y * (0.06 + 0.01 * x2)),
            "inhibitory": (W + 0.1 * x, W + 0.1 * (y - 0.5)),
            "falling": (W - x * exp(0.0 - y2) / (3.0 + STEP_ms), W * (1.0 - 0.05 * y) + 0.2 * maximum(voltage(), 0.0)),
            "signalled": (W - SIGN * x * minimum(signal("e"), 0.3) * -0.2, minimum(W + 0.02 * MODULATOR * post("yb"), 1.5)),
        }
        after, before = forms[self.form]
        return Update("pre_spike", before), Update("post_spike", after), Update("frame_end", 0.95 * W + 0.02 * pre("xb"))


@pytest.mark.parametrize("form", ["triplet", "inhibitory", "falling", "signalled"])
def test_rules_that_can_wait(form: Any) -> None:
    """Oracle: the reference engine; the plan says that they do wait where weights are not shared."""
    network = every_topology(Waiting(form=form), mixed=True)
    plan = engine("event").plan(network)  # type: ignore[attr-defined]
    assert {name: how.split(":")[0] for name, how in plan.items()} == {
        j.name: "eager" if j.topology.kind == "shared" else "lazy" for j in network.projections
    }
    agree(network, ("event",), n_frames=6)
