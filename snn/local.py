"""The plasticity port: what a synapse may see, and how a rule is written over it.

A rule is a frozen set of constants that states the traces it needs and, per event, one expression for the new weight.
Expressions are built from the symbols below with ``+ - * /`` and `exp`; nothing else exists in them, so a rule cannot
see another synapse's weight, another site's error or the future. The same expression is evaluated by the reference
engine, compiled by the event engine and printed as a string by the brian engine.

A synapse sees: its own weight `W` (mV) and transmitter sign `SIGN` (+1 or -1), traces of its source cell as they
arrive at it (`pre`), traces of its target cell (`post`), signals that reach its target cell from other populations of
the same site (`signal`), a broadcast `MODULATOR`, and `post_sum`: a sum over the target cell's synapses of the same
projection.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snn._model import Described


class Expr:
    """A term of a rule; combine terms with ``+ - * /``."""

    def __add__(self, other: Expr | float) -> Expr:
        """Sum of two terms."""
        return Binary("+", self, as_expr(other))

    def __radd__(self, other: float) -> Expr:
        """Sum of two terms."""
        return Binary("+", as_expr(other), self)

    def __sub__(self, other: Expr | float) -> Expr:
        """Difference of two terms."""
        return Binary("-", self, as_expr(other))

    def __rsub__(self, other: float) -> Expr:
        """Difference of two terms."""
        return Binary("-", as_expr(other), self)

    def __mul__(self, other: Expr | float) -> Expr:
        """Product of two terms."""
        return Binary("*", self, as_expr(other))

    def __rmul__(self, other: float) -> Expr:
        """Product of two terms."""
        return Binary("*", as_expr(other), self)

    def __truediv__(self, other: Expr | float) -> Expr:
        """Quotient of two terms."""
        return Binary("/", self, as_expr(other))

    def __rtruediv__(self, other: float) -> Expr:
        """Quotient of two terms."""
        return Binary("/", as_expr(other), self)

    def __neg__(self) -> Expr:
        """Negated term."""
        return Binary("-", Const(0.0), self)


@dataclass(frozen=True)
class Const(Expr):
    """A number."""

    value: float


@dataclass(frozen=True)
class Symbol(Expr):
    """Something that the synapse sees."""

    scope: Literal["w", "sign", "modulator", "pre", "post", "signal"]
    name: str = ""


@dataclass(frozen=True)
class Binary(Expr):
    """Two terms joined by an operator."""

    op: Literal["+", "-", "*", "/"]
    a: Expr
    b: Expr


@dataclass(frozen=True)
class Exp(Expr):
    """Exponential function of a term."""

    a: Expr


@dataclass(frozen=True)
class PostSum(Expr):
    """Sum of a term over all synapses that the target cell has in this projection."""

    a: Expr


W = Symbol("w")
SIGN = Symbol("sign")
MODULATOR = Symbol("modulator")


def as_expr(value: Expr | float) -> Expr:
    """Turn a number into a term; leave a term as it is.

    Parameters
    ----------
    value : Expr or float

    Returns
    -------
    Expr
    """
    return value if isinstance(value, Expr) else Const(float(value))


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

    With ``tau_ms`` it rises by 1 at each spike and decays exponentially; without, it is the spike train itself. With
    ``frame`` the rule sees its ``mean`` over the steps of the frame, or its ``sum``, and it starts anew each frame; with
    ``late`` only the second half of the frame counts.

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
    """

    name: str
    side: Literal["pre", "post", "signal"]
    tau_ms: float | None = None
    frame: Literal["mean", "sum"] | None = None
    late: bool = False

    def __post_init__(self) -> None:
        if self.tau_ms is not None and not self.tau_ms > 0:
            raise ValueError(f"trace {self.name!r}: tau_ms must be > 0; got {self.tau_ms}")
        if self.tau_ms is None and self.frame is None:
            raise ValueError(f"trace {self.name!r}: needs tau_ms, or frame='sum' or 'mean', or both")
        if self.late and self.frame is None:
            raise ValueError(f"trace {self.name!r}: late=True needs frame='sum' or 'mean'")


When = Literal["pre_spike", "post_spike", "frame_end"]


@dataclass(frozen=True)
class Update:
    """New weight at an event.

    Attributes
    ----------
    when : {'pre_spike', 'post_spike', 'frame_end'}
        Arrival of a spike at the synapse, spike of the target cell, or end of a frame.
    weight : Expr
        The new weight in mV. Engines clip it to ``[0, w_max_mV]``, unless the source population is ``mixed``.
    """

    when: When
    weight: Expr


class Rule(Described):
    """A local learning rule: constants, the traces it needs, and a new weight per event."""

    kind: str

    @abstractmethod
    def traces(self) -> tuple[Trace, ...]:
        """List the traces that the rule reads."""

    @abstractmethod
    def updates(self) -> tuple[Update, ...]:
        """Give the new weight at each event at which the rule acts."""


def walk(expr: Expr) -> Iterator[Expr]:
    """Visit a term and everything in it.

    Parameters
    ----------
    expr : Expr

    Yields
    ------
    Expr
    """
    yield expr
    if isinstance(expr, Binary):
        yield from walk(expr.a)
        yield from walk(expr.b)
    elif isinstance(expr, Exp | PostSum):
        yield from walk(expr.a)


def render(expr: Expr, name_of: Callable[[Symbol | PostSum], str]) -> str:
    """Print a term as infix text that Python, numba and Brian2 all read.

    Parameters
    ----------
    expr : Expr
    name_of : callable
        Gives the variable that stands for a symbol or for a ``post_sum``.

    Returns
    -------
    str
    """
    if isinstance(expr, Symbol | PostSum):
        return name_of(expr)
    if isinstance(expr, Const):
        return repr(expr.value)
    if isinstance(expr, Exp):
        return f"exp({render(expr.a, name_of)})"
    assert isinstance(expr, Binary)
    return f"({render(expr.a, name_of)} {expr.op} {render(expr.b, name_of)})"


def evaluate(expr: Expr, value_of: Callable[[Symbol | PostSum], Any]) -> Any:
    """Compute a term.

    Parameters
    ----------
    expr : Expr
    value_of : callable
        Gives the number or array (n_edges,) that stands for a symbol or for a ``post_sum``.

    Returns
    -------
    float or ndarray, shape (n_edges,)
    """
    if isinstance(expr, Symbol | PostSum):
        return value_of(expr)
    if isinstance(expr, Const):
        return expr.value
    if isinstance(expr, Exp):
        return np.exp(evaluate(expr.a, value_of))
    assert isinstance(expr, Binary)
    a, b = evaluate(expr.a, value_of), evaluate(expr.b, value_of)
    return a + b if expr.op == "+" else a - b if expr.op == "-" else a * b if expr.op == "*" else a / b
