"""The public checker of rules: anyone who writes one runs `check_rule` on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import ValidationError

from snn._rules import fault, terms
from snn.description import Network
from snn.engines import engine
from snn.local import Expr, PostSum, Rule, Symbol, evaluate
from snn.seeding import stream
from snn.state import State
from snn.testing import ROUND_OFF, random_rasters
from snn.testing.rules import every_topology

__all__ = ["check_rule"]

W_MAX_mV = 2.0


def check_rule(rule: Rule, engines: tuple[str, ...] = ("reference", "event")) -> tuple[str, ...]:
    """Check that a rule is local, well formed and safe to run.

    What its updates read is declared and nothing but the symbols of `snn.local`; they stay finite on random input;
    constants out of range are refused; the description that holds it survives a file; and on every topology, shared
    weights included, weights stay within their bounds and engines that run it agree on them, on traces and on the
    synapses' own variables (``ROUND_OFF``).

    Parameters
    ----------
    rule : Rule
    engines : tuple of str
        Which engines to run it on; the first one is the reference.

    Returns
    -------
    tuple of str
        Names of the engines that ran it.

    Raises
    ------
    AssertionError
        If it fails, with the reason.
    """
    where = f"rule {rule.kind!r}"
    _check_terms(rule, where)
    _check_numbers(rule, where)
    _check_constants(rule, where)
    network = every_topology(rule, w_max_mV=W_MAX_mV)
    assert Network.from_json(network.to_json(), _kinds(rule)) == network, f"{where}: it is another after a round trip through a file"
    return _check_runs(network, where, engines)


def _kinds(rule: Rule) -> list[type[Rule]]:
    """Classes of a rule and of the rules that it is made of."""
    return [type(rule), *(kind for part in getattr(rule, "rules", ()) for kind in _kinds(part))]


def _check_terms(rule: Rule, where: str) -> None:
    wrong = fault(rule)
    assert wrong is None, f"{where}: {wrong}"


def _check_numbers(rule: Rule, where: str) -> None:
    rng = stream(0, "testing", "rule", rule.kind)
    for _ in range(200):
        values: dict[Expr, Any] = {}

        def value_of(x: Symbol | PostSum, values: dict[Expr, Any] = values) -> Any:
            if x not in values:
                if isinstance(x, PostSum):
                    values[x] = evaluate(x.a, value_of) * rng.integers(1, 50)
                else:
                    values[x] = rng.choice([-1.0, 1.0]) if x.scope in ("sign", "own", "voltage") else 1.0
                    if x.scope != "sign":
                        values[x] *= rng.choice([0.0, 1.0]) * rng.exponential(2.0)
            return values[x]

        for u in rule.updates():
            for new in (float(evaluate(term, value_of)) for term in terms(u)):
                assert math.isfinite(new), f"{where}: {u.when} gives {new} for {values}"


def _check_constants(rule: Rule, where: str) -> None:
    given = {name: getattr(rule, name) for name in type(rule).model_fields}
    for name, value in given.items():
        wrong: list[Any] = [] if not isinstance(value, float) else [math.nan, math.inf, "much"]
        for bad in [*wrong, *([0.0, -1.0] if name.startswith("tau_") and wrong else [])]:
            try:
                type(rule)(**{**given, name: bad})
            except ValidationError:
                continue
            raise AssertionError(f"{where}: {name}={bad!r} is not refused")
    try:
        type(rule)(**given, **{"no_such_constant": "1"})
    except ValidationError:
        return
    raise AssertionError(f"{where}: an unknown constant is not refused")


def _check_runs(network: Network, where: str, engines: tuple[str, ...]) -> tuple[str, ...]:
    n_frames, states = 6, dict[str, State]()
    for name in engines:
        if engine(name).unsupported(network):
            assert name != engines[0], f"{where}: the {name} engine refuses it: {engine(name).unsupported(network)}"
            continue
        simulation = engine(name).build(network, seed=3)
        for t in range(n_frames):
            given = random_rasters(network, 1, share=0.06, seed=t)
            simulation.run(n_frames=1, rasters=given, learn=True, modulator=1.0 if t < n_frames - 1 else -0.5)
            states[name] = simulation.state()
            for j in network.projections:
                w = states[name].weights(j.name)
                what = f"{where}, engine {name!r}, {j.name}: weights from {w.min()} to {w.max()} in frame {t}"
                assert bool(((w >= 0) & (w <= W_MAX_mV)).all()), f"{what}, allowed [0, {W_MAX_mV}]"
    for name, state in states.items():
        for key, a in states[engines[0]].arrays.items():
            b = state.arrays[key]
            what = f"{where}, {key}: {name!r} is {np.abs(np.subtract(a, b, dtype=float)).max(initial=0.0):.2g} off the {engines[0]}"
            assert np.allclose(a, b, rtol=ROUND_OFF, atol=ROUND_OFF * W_MAX_mV), what
    return tuple(states)
