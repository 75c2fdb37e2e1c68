"""The public checker of engines, on the engines that exist and on broken ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.engines.port import Engine
from snn.errors import EngineError
from snn.state import Array, State
from snn.testing import SINGLE, cases, check_engine, check_single

NAMES = tuple(case.name for case in cases())
RATES = ("prednet of rate units", "pooled rate units", "gates of rate units")


@pytest.mark.parametrize("name", NAMES)
def test_event(name: str) -> None:
    """Oracle: the reference engine."""
    assert check_engine(engine("event"), names=[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_torch(name: str) -> None:
    """Oracle: the reference engine; cells with a dendrite or an upswing are refused in words."""
    skipped = check_engine(engine("torch_"), names=[name])
    assert [s.network for s in skipped] == ([name] if name in ("compartments", "upswing") else [])


@pytest.mark.parametrize("name", NAMES)
def test_reference(name: str) -> None:
    """Oracle: itself; bytes, states, restarts and refusals."""
    assert check_engine(engine("reference"), names=[name]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_brian(name: str) -> None:
    """Oracle: the reference engine; rate units, and rules on shared weights, are refused in words."""
    skipped = check_engine(engine("brian", target="numpy"), names=[name])
    assert [s.network for s in skipped] == ([name] if name in (*RATES, "any rule on shared weights") else [])


def test_single_precision() -> None:
    """Oracle: float64, open loop, 10 s, by the tolerance SINGLE; in float64 this engine is the reference to the spike."""
    assert check_single(engine("event", precision="float32"), engine("event")) >= SINGLE.same_step


class Broken:
    """The reference engine with a defect planted in the state that it takes over or gives."""

    name = "broken"

    def __init__(self, defect: str) -> None:
        self.defect, self.true = defect, engine("reference")

    def unsupported(self, network: Network) -> tuple[str, ...]:
        return () if self.defect == "accepts all" else self.true.unsupported(network)

    def build(self, network: Network, *, state: State | None = None, dt_ms: float = 1.0, seed: int = 0) -> Simulation:
        defect = self.defect
        if defect == "accepts all" and self.true.unsupported(network):
            raise EngineError("no")
        if defect == "seed":
            seed += 1
        simulation = self.true.build(network, state=state, dt_ms=dt_ms, seed=seed)
        backend: Any = simulation.backend
        if defect == "refractory":
            for cells in backend.cells.values():
                law = cells.law
                if law is not None and law.refractory_steps:
                    cells.law = type(law)(**{**vars(law), "refractory_steps": law.refractory_steps + 1})
        if defect == "delay":
            backend.synapses[-1].delay = max(1, backend.synapses[-1].delay - 1)
        if defect == "flight":
            load = backend.load

            def forget(arrays: Mapping[str, Array], step: int) -> None:
                load({k: np.zeros_like(a) if k.startswith("flight/") else a for k, a in arrays.items()}, step)

            backend.load = forget
            forget(backend.dump(), backend.n)
        if defect == "rest":
            backend.rest = lambda: None
        return simulation


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("refractory", r"network 'refractory'.* differs from engine 'reference': step \d+, population '\w+', cell \d+ fires in"),
        ("delay", "differs from engine 'reference': step"),
        ("seed", "differs from engine 'reference'"),
        ("flight", "goes on from its state after frame"),
        ("rest", "restart"),
        ("accepts all", "gives no reason"),
    ],
)
def test_a_broken_engine_fails(defect: str, words: str) -> None:
    """Oracle: the defect planted; ``>`` for ``>=`` in the refractory test is one step more."""
    broken: Engine = Broken(defect)
    with pytest.raises(AssertionError, match=words):
        check_engine(broken, names=["refractory"])


def test_an_unknown_case_is_named() -> None:
    """Oracle: the misspelt name."""
    with pytest.raises(ValueError, match="did you mean 'refractory'"):
        check_engine(engine("reference"), names=["refractery"])
