"""Several rules on one projection: what is kept apart, what is shared, and in which order they act."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import plasticity
from plasticity import Compose, ErrorGated, PairSTDP
from plasticity.testing import check_rule
from snn.description import Network
from snn.engines import engine
from snn.local import Rule, State, Trace, Update, W, own, signal
from snn.testing.rules import small_network

PAIR = PairSTDP(a_plus_mV=0.2, a_minus_mV=0.25)
GATED = ErrorGated(eta=1.0, quantum_mV=3.0, c=0.01)


class Halve(Rule):
    """Half the weight at the end of a frame, and count the frames."""

    kind: Literal["halve"] = "halve"

    def traces(self) -> tuple[Trace, ...]:
        return ()

    def states(self) -> tuple[State, ...]:
        return (State("frames"),)

    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", 0.5 * W, {"frames": own("frames") + 1.0}),)


class Add(Rule):
    """Add one tenth at the end of a frame."""

    kind: Literal["add"] = "add"

    def traces(self) -> tuple[Trace, ...]:
        return ()

    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W + 0.1),)


class Follow(Rule):
    """Follow a signal through a filter of its own."""

    kind: Literal["follow"] = "follow"

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("excess", "signal", tau_ms=10.0),)

    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W + 0.01 * signal("excess")),)


@pytest.mark.parametrize("name", ["reference", "event"])
@pytest.mark.parametrize(("rules", "wanted"), [((Halve(), Add()), 0.5 * 0.8 + 0.1), ((Add(), Halve()), 0.5 * (0.8 + 0.1))])
def test_order(name: str, rules: tuple[Rule, ...], wanted: float) -> None:
    """Oracle: two sums by hand."""
    network = small_network(Compose(rules=rules), w_mV=0.8)
    simulation = engine(name).build(network)
    simulation.run(n_frames=1, learn=True)
    state = simulation.state()
    np.testing.assert_allclose(state.weights("in->out/fast"), wanted, rtol=1e-15)
    i = next(i for i, r in enumerate(rules) if isinstance(r, Halve))
    assert (state.arrays[f"own/in->out/fast/{i}.frames"] == 1.0).all()


def test_signals_of_one_name_are_one() -> None:
    """Oracle: the union by hand; each rule keeps its own filter of the signal."""
    rule = Compose(rules=(GATED, Follow()))
    network = small_network(rule)
    assert {s.name for s in network.projections[0].signals} == {"excess", "deficit"}
    filters = [(t.name, t.carried, t.tau_ms, t.frame) for t in rule.traces() if t.carried == "excess"]
    assert filters == [("0.excess", "excess", None, "sum"), ("1.excess", "excess", 10.0, None)]


def test_a_file_keeps_what_is_within() -> None:
    """Oracle: equality of values; a rule within that is not known is named."""
    network = small_network(Compose(rules=(PAIR, Compose(rules=(GATED, PAIR)))))
    assert Network.from_json(network.to_json(), plasticity.RULES) == network
    with pytest.raises(ValueError, match="unknown rule 'halve'"):
        Network.from_json(small_network(Compose(rules=(PAIR, Halve()))).to_json(), plasticity.RULES)


def test_no_rules_is_refused() -> None:
    """Oracle: the docstring."""
    with pytest.raises(ValueError, match="rules"):
        Compose(rules=())


@pytest.mark.parametrize("rule", [Compose(rules=(PAIR, GATED)), Compose(rules=(PAIR, Halve(), GATED, Follow()))], ids=str)
def test_the_checker_accepts_it(rule: Compose) -> None:
    """Oracle: the reference engine."""
    assert check_rule(rule) == ("reference", "event")
