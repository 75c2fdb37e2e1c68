"""The public checker of rules: anyone who writes one runs `check_rule` on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from snn._rules import fault, terms
from snn.cells import LIF, Cell, SpikeSource
from snn.description import Network, Population, Projection, Sign
from snn.engines import engine
from snn.local import Expr, PostSum, Rule, Symbol, evaluate
from snn.seeding import stream
from snn.state import State
from snn.synapses import Receptor
from snn.testing import ROUND_OFF, random_rasters
from snn.testing.rules import every_topology, signals_of
from snn.topology import Dense, OneToOne
from snn.weights import Constant

__all__ = ["check_rule", "forced", "taught"]

W_MAX_mV = 2.0
NEVER_mV = 1e6


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


def taught(
    rule: Rule,
    n_pre: int,
    n_post: int,
    *,
    cell: Cell | None = None,
    tau_syn_ms: float | None = None,
    frame_ms: float = 50.0,
    step_ms: float = 1.0,
    w_max_mV: float = 10.0,
    sign: Sign = "excitatory",
) -> Network:
    """Put a rule on all synapses between sources and cells that fire when a teacher says so, and only then.

    Parameters
    ----------
    rule : Rule
        What it reads of signals comes from populations ``teacher.NAME``, one cell for each target.
    n_pre, n_post : int
        Sources, and cells that learn.
    cell : Cell, optional
        Target; one that nothing but the teacher fires when left out.
    tau_syn_ms : float, optional
        Decay of the current that an arrival makes; a pulse when left out.
    frame_ms, step_ms : float
        Frame, and step at which the network is to be run: delays are one step.
    w_max_mV : float
        Bound of the weights.
    sign : {'excitatory', 'inhibitory', 'mixed'}
        Of the sources.

    Returns
    -------
    Network
        With populations ``in``, ``teacher``, ``out`` and one for each signal; the rule is on ``in->out/weak``.
    """
    weak = Receptor(name="weak", tau_ms=tau_syn_ms) if tau_syn_ms else Receptor(name="weak", kinetics="pulse")
    receptors = (weak, Receptor(name="push", kinetics="pulse"))
    target = cell or LIF(tau_mem_ms=20.0, v_threshold_mV=NEVER_mV)
    tellers = signals_of(rule)
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, n_pre), cell=SpikeSource(), sign=sign),
            Population(name="teacher", shape=(1, 1, n_post), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, n_post), cell=target, receptors=receptors),
            *(Population(name=s.taps[0].population, shape=(1, 1, n_post), cell=SpikeSource()) for s in tellers),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="weak", topology=Dense(), weights=Constant(value_mV=0.0), delay_ms=step_ms, rule=rule,
                signals=tellers, w_max_mV=w_max_mV,
            ),
            Projection(
                source="teacher", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=1000 * NEVER_mV),
                delay_ms=step_ms,
            ),
        ),
    )  # fmt: skip


def forced(
    rule: Rule,
    arrivals: NDArray[np.bool_],
    spikes: NDArray[np.bool_],
    weights_mV: NDArray[np.float64] | float,
    *,
    told: Mapping[str, NDArray[np.bool_]] | None = None,
    cell: Cell | None = None,
    tau_syn_ms: float | None = None,
    frame_steps: int | None = None,
    step_ms: float = 1.0,
    w_max_mV: float = 10.0,
    sign: Sign = "excitatory",
    modulator: float = 1.0,
    engine_name: str = "reference",
) -> NDArray[np.float64]:
    """Play spikes to a rule, and give the weights that it leaves: what papers show of a pairing protocol.

    Parameters
    ----------
    rule : Rule
    arrivals : ndarray of bool, shape (n_steps, n_pre)
        When spikes reach the synapses.
    spikes : ndarray of bool, shape (n_steps, n_post)
        When the target cells fire; not in the first step.
    weights_mV : ndarray, shape (n_pre, n_post), or float
        At the beginning.
    told : mapping of str to ndarray of bool, shape (n_steps, n_post), optional
        Spikes of each signal that the rule reads.
    cell, tau_syn_ms
        As in `taught`.
    frame_steps : int, optional
        Steps of a frame; all are one frame when left out.
    step_ms, w_max_mV, sign
        As in `taught`.
    modulator : float
        Broadcast signal.
    engine_name : str
        Engine that runs it.

    Returns
    -------
    ndarray, shape (n_pre, n_post)
        In mV.

    Raises
    ------
    ValueError
        If a target is to fire in the first step, which no teacher can bring about, or the steps are not whole frames.
    """
    n, n_pre, n_post = len(arrivals), arrivals.shape[1], spikes.shape[1]
    frame_steps = frame_steps or n
    if spikes[0].any() or n % frame_steps or len(spikes) != n:
        raise ValueError(f"forced: needs as many steps on both sides, whole frames of {frame_steps} and no spike in step 0; got {n} steps")
    frame_ms = frame_steps * step_ms
    network = taught(
        rule, n_pre, n_post, cell=cell, tau_syn_ms=tau_syn_ms, frame_ms=frame_ms, step_ms=step_ms, w_max_mV=w_max_mV, sign=sign
    )
    born = engine(engine_name).build(network, dt_ms=step_ms).state()
    name = network.projections[0].name
    given = {**born.arrays, f"weights/{name}": np.broadcast_to(weights_mV, (n_pre, n_post)).reshape(network.weight_shape(name)).copy()}
    simulation = engine(engine_name).build(network, state=replace(born, arrays=given), dt_ms=step_ms)
    # A teacher is heard a step later.
    push = np.concatenate([spikes[1:], np.zeros_like(spikes[:1])])
    rasters = {"in": arrivals, "teacher": push, **{f"teacher.{k}": v for k, v in (told or {}).items()}}
    simulation.run(n_frames=n // frame_steps, rasters=rasters, learn=True, modulator=modulator)
    return simulation.state().weights(name).reshape(n_pre, n_post)


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
