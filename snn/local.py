"""The plasticity port: what a synapse may see, and how a rule is written over it.

A rule is a frozen set of constants that states the traces and the variables of its own that it needs and, per event, an
expression for the new weight and for its new variables. Expressions are built from the symbols below with ``+ - * /``,
`exp`, `maximum`, `minimum` and `power`; nothing else exists in them, so a rule cannot see another synapse's weight, another
site's error or the future. The same expression is evaluated by the reference engine, compiled by the event engine and
printed as a string by the brian engine.

A synapse sees: its own weight `W` (mV) and transmitter sign `SIGN` (+1 or -1), variables of its own (`own`), traces of
its source cell as they arrive at it (`pre`), traces of its target cell's spikes or potential (`post`) and that cell's
membrane potential (`voltage`), signals that reach its target cell from other populations of the same site (`signal`), a broadcast
`MODULATOR`, and `post_sum`: a sum over the target cell's synapses of the same projection. `STEP_ms` is the length of a
step, for what a rule does at every one of them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from snn._model import Described
from snn._terms import BRIAN, PYTHON, Binary, Const, Exp, Expr, Extreme, PostSum, Symbol, as_expr, evaluate, render, walk

__all__ = [
    "BRIAN",
    "EVENTS",
    "MODULATOR",
    "PYTHON",
    "SIGN",
    "Binary",
    "Const",
    "Exp",
    "Expr",
    "Extreme",
    "PostSum",
    "Rule",
    "STEP_ms",
    "State",
    "Symbol",
    "THIS_STEP_ms",
    "Trace",
    "Update",
    "W",
    "When",
    "as_expr",
    "evaluate",
    "exp",
    "maximum",
    "minimum",
    "own",
    "post",
    "post_sum",
    "power",
    "pre",
    "render",
    "signal",
    "voltage",
    "walk",
]

W = Symbol("w")
SIGN = Symbol("sign")
MODULATOR = Symbol("modulator")
THIS_STEP_ms = 1e-6
"""Decay of a trace that holds the spikes of one step alone, however short the step."""
STEP_ms = Symbol("step")


def pre(name: str) -> Symbol:
    """Name a trace of the source cell.

    Parameters
    ----------
    name : str
        A trace that the rule lists with ``side="pre"``.

    Returns
    -------
    Symbol
    """
    return Symbol("pre", name)


def post(name: str) -> Symbol:
    """Name a trace of the target cell.

    Parameters
    ----------
    name : str
        A trace that the rule lists with ``side="post"``.

    Returns
    -------
    Symbol
    """
    return Symbol("post", name)


def signal(name: str) -> Symbol:
    """Name a signal that reaches the target cell.

    Parameters
    ----------
    name : str
        A trace that the rule lists with ``side="signal"``; the projection says which populations carry it.

    Returns
    -------
    Symbol
    """
    return Symbol("signal", name)


def own(name: str) -> Symbol:
    """Name a variable of the synapse's own.

    Parameters
    ----------
    name : str
        A `State` that the rule lists.

    Returns
    -------
    Symbol
    """
    return Symbol("own", name)


def voltage(compartment: str = "") -> Symbol:
    """Name the membrane potential of the target cell in mV, after the reset of the step.

    Parameters
    ----------
    compartment : str
        The soma when left out; another only of cells that have it.

    Returns
    -------
    Symbol
    """
    return Symbol("voltage", compartment)


def maximum(a: Expr | float, b: Expr | float) -> Expr:
    """Greater of two terms; ``maximum(x, 0)`` rectifies.

    Parameters
    ----------
    a, b : Expr or float

    Returns
    -------
    Expr
    """
    return Extreme("max", as_expr(a), as_expr(b))


def minimum(a: Expr | float, b: Expr | float) -> Expr:
    """Lesser of two terms.

    Parameters
    ----------
    a, b : Expr or float

    Returns
    -------
    Expr
    """
    return Extreme("min", as_expr(a), as_expr(b))


def power(a: Expr | float, exponent: float) -> Expr:
    """Raise a term to a power; what is below 0 counts as 0.

    Parameters
    ----------
    a : Expr or float
    exponent : float
        0 or more.

    Returns
    -------
    Expr

    Raises
    ------
    ValueError
        If the exponent is below 0.
    """
    if not 0 <= exponent < math.inf:
        raise ValueError(f"power: exponent must be 0 or more, and finite; got {exponent}")
    if exponent == 1:
        return maximum(a, 0.0)  # the same number, without a call of pow at every spike
    return Binary("**", maximum(a, 0.0), Const(float(exponent)))


def exp(a: Expr | float) -> Expr:
    """Exponential function of a term.

    Parameters
    ----------
    a : Expr or float

    Returns
    -------
    Expr
    """
    return Exp(as_expr(a))


def post_sum(a: Expr) -> PostSum:
    """Sum a term over all synapses that the target cell has in this projection.

    Parameters
    ----------
    a : Expr
        A term without another ``post_sum``.

    Returns
    -------
    PostSum
    """
    return PostSum(a)


@dataclass(frozen=True)
class Trace:
    """A quantity that a rule needs.

    With ``tau_ms`` it rises by 1 at each spike and decays exponentially; without, it is the spike train itself. One that
    follows the potential is its low-pass with ``tau_ms``, in mV, of now or of ``lag_ms`` ago. With ``frame`` the rule sees its
    ``mean`` over the steps of the frame, or its ``sum``, and it starts anew each frame; with ``late`` only the second half of
    the frame counts. With ``ago=1`` the rule sees the value of the frame before.

    Attributes
    ----------
    name : str
        Name used in the rule's terms.
    side : {'pre', 'post', 'signal'}
        Whose spikes: the source's as they arrive, the target's own, or those of the projection's signal populations.
    tau_ms : float or None
        Decay time constant.
    frame : {'mean', 'sum'} or None
        What is done over a frame.
    late : bool
        Whether only the second half of the frame counts.
    ago : {0, 1}
        Of which frame the value is: the present one, as far as it has come, or the whole one before it.
    of : str
        For a signal: which of the projection's; left out, the one of the same name as the trace.
    follows : {'spikes', 'potential'}
        For the target: its spikes, or the potential of its soma after the reset of the step.
    lag_ms : float
        How much later than the cell it hears of the potential; a whole number of steps. A clip begins as if rest had been before it.

    Raises
    ------
    ValueError
        If a time constant is not above 0, a lag is below 0, or a field needs another.
    """

    name: str
    side: Literal["pre", "post", "signal"]
    tau_ms: float | None = None
    frame: Literal["mean", "sum"] | None = None
    late: bool = False
    ago: int = 0
    of: str = ""
    follows: Literal["spikes", "potential"] = "spikes"
    lag_ms: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.lag_ms < math.inf:
            raise ValueError(f"trace {self.name!r}: lag_ms must be 0 or more, and finite; got {self.lag_ms}")
        if self.lag_ms and self.follows != "potential":
            raise ValueError(f"trace {self.name!r}: lag_ms={self.lag_ms} needs follows='potential'; got follows={self.follows!r}")
        if self.follows != "spikes" and (self.follows != "potential" or self.side != "post" or self.tau_ms is None):
            raise ValueError(
                f"trace {self.name!r}: follows must be 'spikes', or 'potential' with side='post' and tau_ms; got {self.follows!r}"
            )
        if self.tau_ms is not None and not self.tau_ms > 0:
            raise ValueError(f"trace {self.name!r}: tau_ms must be > 0; got {self.tau_ms}")
        if self.tau_ms is None and self.frame is None:
            raise ValueError(f"trace {self.name!r}: needs tau_ms, or frame='sum' or 'mean', or both")
        if self.late and self.frame is None:
            raise ValueError(f"trace {self.name!r}: late=True needs frame='sum' or 'mean'")
        if self.ago not in (0, 1) or (self.ago and self.frame is None):
            raise ValueError(f"trace {self.name!r}: ago must be 0, or 1 with frame='sum' or 'mean'; got {self.ago}")
        if self.of and self.side != "signal":
            raise ValueError(f"trace {self.name!r}: of={self.of!r} needs side='signal'; got side={self.side!r}")

    @property
    def carried(self) -> str:
        """Name of the projection's signal that it follows."""
        return self.of or self.name


@dataclass(frozen=True)
class State:
    """A variable of a synapse's own, such as an eligibility; it starts at 0, as at the beginning of a clip.

    Attributes
    ----------
    name : str
        Name used in the rule's terms.
    tau_ms : float or None
        With it the variable decays exponentially, every step, when the traces do.

    Raises
    ------
    ValueError
        If the time constant is not above 0.
    """

    name: str
    tau_ms: float | None = None

    def __post_init__(self) -> None:
        if self.tau_ms is not None and not self.tau_ms > 0:
            raise ValueError(f"state {self.name!r}: tau_ms must be > 0; got {self.tau_ms}")


When = Literal["pre_spike", "post_spike", "step", "frame_end"]
EVENTS: tuple[When, ...] = ("pre_spike", "post_spike", "step", "frame_end")


@dataclass(frozen=True)
class Update:
    """New weight, and new variables of the synapse's own, at an event.

    All expressions of an update see the values before it. A rule may list several updates of one event: they act in
    their order.

    Attributes
    ----------
    when : {'pre_spike', 'post_spike', 'step', 'frame_end'}
        Arrival of a spike at the synapse, spike of the target cell, every step (after all else that a step does: this
        costs time for every synapse), or end of a frame.
    weight : Expr or None
        The new weight in mV; left out, it stays. Engines clip it to ``[0, w_max_mV]``, unless the source population is
        ``mixed``. Where synapses share a weight, it becomes the mean of what those at the event ask for.
    own : mapping of str to Expr
        New values of the rule's `State` variables.

    Raises
    ------
    ValueError
        If it changes nothing.
    """

    when: When
    weight: Expr | None = None
    own: Mapping[str, Expr] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.weight is None and not self.own:
            raise ValueError(f"update at {self.when}: it changes nothing; give weight= or own=")


class Rule(Described):
    """A local learning rule: constants, the traces it needs, and a new weight per event."""

    kind: str

    @abstractmethod
    def traces(self) -> tuple[Trace, ...]:
        """List the traces that the rule reads."""

    @abstractmethod
    def updates(self) -> tuple[Update, ...]:
        """Give the new weight at each event at which the rule acts."""

    def states(self) -> tuple[State, ...]:
        """List the variables that each synapse keeps for the rule."""
        return ()
