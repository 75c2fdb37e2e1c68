"""Rules that ask for what is not there: each is refused in a sentence that names it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from snn.cells import RateUnit
from snn.engines import engine
from snn.errors import EngineError, StateError
from snn.local import Expr, Rule, State, Trace, Update, W, maximum, own, pre, signal, voltage
from snn.state import initial_state
from snn.testing.rules import small_network

ENGINES = ("reference", "event", "brian", "torch_")


class Given(Rule):
    """A rule whose parts are handed to it."""

    kind: Literal["given"] = "given"
    part: str

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("x", "pre", tau_ms=5.0), *((Trace("e", "signal", tau_ms=5.0),) if self.part == "signal" else ()))

    def states(self) -> tuple[State, ...]:
        return (State("a"), State("a")) if self.part == "twice" else ()

    def updates(self) -> tuple[Update, ...]:
        terms: dict[str, Expr] = {
            "own": W + own("a"),
            "trace": W + pre("z"),
            "dendrite": W + maximum(voltage("dendrite"), 0.0),
            "signal": W + signal("e"),
        }
        if self.part == "sets":
            return (Update("step", None, {"a": W}),)
        return (Update("frame_end" if self.part == "dendrite" else "pre_spike", terms.get(self.part, W)),)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("own", "pre_spike reads the state 'a', which is not declared"),
        ("sets", "step sets the state 'a', which is not declared"),
        ("trace", "pre_spike reads the pre trace 'z', which is not declared"),
        ("twice", "'a' is declared twice"),
    ],
)
def test_what_is_not_declared(part: str, words: str) -> None:
    """Oracle: the sentence, with the name of the projection, when the network is described."""
    with pytest.raises(ValueError, match=f"in->out/fast.*rule 'given': .*{words}"):
        small_network(Given(part=part))


def test_a_signal_that_nobody_carries() -> None:
    """Oracle: the sentence names what is asked for and what is given."""
    network = small_network(Given(part="signal"))
    with pytest.raises(ValueError, match=r"reads the signals \['e'\]; got \[\]"):
        network.override("in->out/fast.signals", ())


@pytest.mark.parametrize("name", ENGINES)
def test_a_compartment_that_cells_do_not_have(name: str) -> None:
    """Oracle: every engine refuses, with the compartment and the kind of cell."""
    network = small_network(Given(part="dendrite"))
    with pytest.raises(EngineError, match="voltage of 'dendrite', a compartment that a cell of kind 'lif' does not have"):
        engine(name).build(network)


@pytest.mark.parametrize("name", ENGINES)
def test_spikes_of_a_rate_unit(name: str) -> None:
    """Oracle: every engine refuses an event that never happens."""
    network = small_network(Given(part="plain"), cell=RateUnit(tau_mem_ms=5.0, gain_Hz_per_mV=10.0))
    with pytest.raises(EngineError, match="the rule acts at pre_spike, but a rate unit sends no single spikes"):
        engine(name).build(network)


@pytest.mark.parametrize("name", ENGINES)
def test_weights_beyond_their_bounds(name: str) -> None:
    """Oracle: a state whose weights no rule could have left is refused."""
    network = small_network(Given(part="plain"))
    for value, words in ((2.5, "above their bound"), (-0.1, "below 0")):
        state = initial_state(network, dt_ms=1.0, seed=0)
        state.arrays["weights/in->out/fast"][0, 0] = value  # type: ignore[index]
        with pytest.raises(StateError, match=words):
            engine(name).build(network, state=state)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Trace("x", "pre", tau_ms=-1.0), "tau_ms must be > 0; got -1.0"),
        (lambda: Trace("x", "pre", tau_ms=np.nan), "tau_ms must be > 0; got nan"),
        (lambda: Trace("x", "pre", tau_ms=5.0, ago=1), "ago must be 0, or 1 with frame"),
        (lambda: Trace("x", "pre", frame="sum", ago=2), "got 2"),
        (lambda: Trace("x", "pre", tau_ms=5.0, of="e"), "needs side='signal'; got side='pre'"),
        (lambda: State("a", tau_ms=0.0), "state 'a': tau_ms must be > 0; got 0.0"),
        (lambda: Update("step"), "it changes nothing"),
    ],
)
def test_parts_that_make_no_sense(make: Any, words: str) -> None:
    """Oracle: the sentence."""
    with pytest.raises(ValueError, match=words):
        make()
