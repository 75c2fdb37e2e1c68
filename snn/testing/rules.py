"""Small networks in which a rule is tried on every topology."""

from __future__ import annotations

from typing import Any, Literal

from snn._rules import symbols
from snn.cells import LIF, Cell, Escape, SpikeSource, TwoCompartment
from snn.description import MIXED, Network, Population, Projection, Sign, Signal, Tap
from snn.local import (
    MODULATOR,
    SIGN,
    Rule,
    State,
    STEP_ms,
    Trace,
    Update,
    W,
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
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, OneToOne, SharedKernel, Topology
from snn.weights import Constant, Normal, Uniform, Weights

__all__ = ["TOPOLOGIES", "Everything", "cell_for", "every_topology", "small_network"]

TOPOLOGIES: dict[str, Topology] = {
    "local": LocalField(size=3),
    "dense": Dense(),
    "one_to_one": OneToOne(),
    "shared": SharedKernel(size=3),
}


class Everything(Rule):
    """Reads all that a synapse sees, at every event.

    References
    ----------
    None; it is made up, so that engines are compared on all that a rule may do.
    """

    kind: Literal["everything"] = "everything"

    def traces(self) -> tuple[Trace, ...]:
        """Of every side, with and without decay, of this frame and of the one before."""
        return (
            Trace("x", "pre", tau_ms=9.0),
            Trace("before", "pre", frame="mean", ago=1),
            Trace("y", "post", tau_ms=14.0),
            Trace("late", "post", tau_ms=14.0, frame="mean", late=True, ago=1),
            Trace("seen", "post", tau_ms=5.0, follows="potential", lag_ms=3.0),
            Trace("taught", "signal", tau_ms=8.0, of="teacher"),
            Trace("count", "signal", frame="sum", of="teacher"),
        )

    def states(self) -> tuple[State, ...]:
        """One that decays and one that stays."""
        return State("eligibility", tau_ms=30.0), State("sum")

    def updates(self) -> tuple[Update, ...]:
        """Eligibility at spikes, weights in every step and at the end of a frame."""
        e, x, y = own("eligibility"), pre("x"), post("y")
        error = maximum(voltage() - 0.5, 0.0) - 0.5 * signal("taught") + 0.1 * post("late") - 0.3 * post("seen")
        return (
            Update("pre_spike", None, {"eligibility": e - 0.2 * y / (1.0 + post_sum(W)), "sum": own("sum") + x - 0.01 * W}),
            Update("pre_spike", minimum(W + 0.02 * e, 1.8)),
            Update("post_spike", W + 0.05 * exp(0.0 - e * e) * x, {"eligibility": e + 0.2 * x - 0.1 * pre("before")}),
            Update("step", W - 0.01 * STEP_ms * MODULATOR * SIGN * error * e),
            Update("frame_end", 0.99 * W + 0.001 * own("sum") * signal("count"), {"sum": 0.5 * own("sum")}),
        )


def signals_of(rule: Rule) -> tuple[Signal, ...]:
    """Give each signal that a rule reads to a population of its own.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    tuple of Signal
    """
    asked = dict.fromkeys(t.carried for t in rule.traces() if t.side == "signal")
    return tuple(Signal(name=name, taps=(Tap(population=f"teacher.{name}"),)) for name in asked)


def cell_for(rule: Rule, **more: Any) -> tuple[Cell, Receptor]:
    """Choose a cell on which a rule can act, and the receptor for its synapses.

    Parameters
    ----------
    rule : Rule
    **more
        Fields of the cell.

    Returns
    -------
    (LIF or TwoCompartment, Receptor)
        With a dendrite, on which the receptor ``fast`` is, where the rule reads the potential of one.
    """
    given: dict[str, Any] = {"tau_mem_ms": 8.0, "t_ref_ms": 2.0, **more}
    if any(x.scope == "voltage" and x.name for x in symbols(rule)):
        cell = TwoCompartment(**given, tau_dend_ms=12.0, coupling=2.0, escape=Escape(width_mV=1.0))
        return cell, Receptor(name="fast", tau_ms=4.0, compartment="dendrite")
    return LIF(**given), Receptor(name="fast", tau_ms=4.0)


def _teachers(rule: Rule, shape: tuple[int, int, int]) -> tuple[Population, ...]:
    return tuple(Population(name=s.taps[0].population, shape=shape, cell=SpikeSource()) for s in signals_of(rule))


def small_network(rule: Rule, *, w_mV: float = 0.5, w_max_mV: float = 2.0, topology: Topology | None = None, **more: Any) -> Network:
    """One projection that learns, from sources to cells.

    Parameters
    ----------
    rule : Rule
    w_mV, w_max_mV : float
        Initial weight and its bound.
    topology : LocalField, SharedKernel, OneToOne or Dense, optional
        Dense when left out.
    **more
        Fields of the target population.

    Returns
    -------
    Network
    """
    shape = (3, 3, 1)
    out: dict[str, Any] = {"cell": LIF(tau_mem_ms=8.0, v_threshold_mV=2.0), "receptors": (Receptor(name="fast", tau_ms=4.0),)}
    return Network(
        name=f"small, with rule {rule.kind}",
        frame_ms=50.0,
        populations=(
            Population(name="in", shape=shape, cell=SpikeSource()),
            Population(name="out", shape=shape, **{**out, **more}),
            *_teachers(rule, shape),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="fast", topology=topology or Dense(), weights=Constant(value_mV=w_mV), delay_ms=2.0,
                rule=rule, signals=signals_of(rule), w_max_mV=w_max_mV,
            ),
        ),
    )  # fmt: skip


def every_topology(rule: Rule, *, w_max_mV: float = 2.0, names: tuple[str, ...] = tuple(TOPOLOGIES), mixed: bool = False) -> Network:
    """Excitatory and inhibitory sources on cells that learn by a rule over every topology, and teachers at their sites.

    Cells have a dendrite, on which all synapses are, where the rule reads its potential.

    Parameters
    ----------
    rule : Rule
    w_max_mV : float
        Bound of all weights.
    names : tuple of str
        Which of `TOPOLOGIES` take part.
    mixed : bool
        Whether there is also a source without Dale's law, whose weights have no bounds.

    Returns
    -------
    Network
        Projections have the name of their topology as label.
    """
    cell, fast = cell_for(rule, v_threshold_mV=2.0, threshold_jitter_mV=0.3)
    shape = (3, 3, 1)
    signs: dict[str, Sign] = {"exc": "excitatory", "inh": "inhibitory", **({"any": MIXED} if mixed else {})}
    ends = [(label, "inh" if label == "dense" else "exc") for label in names] + ([("local", "any")] if mixed else [])

    def learns(k: int, label: str, source: str) -> Projection:
        weights: Weights = Normal(scale_mV=0.5) if source == "any" else Uniform(low_mV=0.0, high_mV=w_max_mV)
        return Projection(
            source=source, target="out", receptor="fast", topology=TOPOLOGIES[label], weights=weights, delay_ms=1.0 + k,
            label=label, rule=rule, signals=signals_of(rule), w_max_mV=w_max_mV,
        )  # fmt: skip

    return Network(
        name=f"check of {rule.kind}",
        frame_ms=50.0,
        populations=(
            *(Population(name=name, shape=shape, cell=SpikeSource(), sign=sign) for name, sign in signs.items()),
            Population(name="out", shape=shape, cell=cell, receptors=(fast,)),
            *_teachers(rule, shape),
        ),
        projections=tuple(learns(k, label, source) for k, (label, source) in enumerate(ends)),
    )
