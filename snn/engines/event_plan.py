"""Whether the event engine may put off what a rule does at spikes of the target until the next arrival at the synapse.

An update ``W + x F``, with ``x`` a decaying trace of the source and ``F`` made of what the target cell has, only ever
adds between two arrivals, or only ever subtracts, as long as ``F`` keeps its sign. Then all of it can be done at once at
the next arrival, from the difference of two snapshots of ``sum of F exp(-t / tau)`` of the target cell, and clipped once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from snn._rules import terms
from snn.local import Binary, Const, Exp, Expr, Extreme, PostSum, Rule, Symbol, Trace, Update, walk

ZERO, ONE = Const(0.0), Const(1.0)


@dataclass(frozen=True)
class Lazy:
    """A rule whose updates at spikes of the target can wait.

    Attributes
    ----------
    trace : Trace
        ``x``, of the source.
    factor : Expr
        ``F``, of the target.
    """

    trace: Trace
    factor: Expr


def lazy_form(rule: Rule, *, shared: bool, sign: float) -> Lazy | str:
    """Split a rule's update at spikes of the target into trace and factor.

    Parameters
    ----------
    rule : Rule
    shared : bool
        Whether synapses share weights.
    sign : float
        Transmitter sign of the synapses.

    Returns
    -------
    Lazy or str
        Or the reason why it must act at every spike.
    """
    by_event = {when: [u for u in rule.updates() if u.when == when] for when in ("pre_spike", "post_spike", "step")}
    after = by_event["post_spike"]
    if not after:
        return "nothing happens at spikes of the target that could wait"
    if shared:
        return "synapses share weights"
    if by_event["step"]:
        return "it acts in every step"
    if any(u.own for u in rule.updates()):
        return "synapses have variables of their own, which change at every event"
    if len(after) > 1:
        return "it has several updates at spikes of the target"
    if any(isinstance(x, PostSum) for u in (*by_event["pre_spike"], *after) for term in terms(u) for x in walk(term)):
        return "it sums over a cell's synapses at spikes, so all weights must be up to date"
    found = _split(after[0])
    if found is None:
        return "its update at spikes of the target is not W + trace of the source * factor of the target"
    name, factor = found
    trace = next(t for t in rule.traces() if t.name == name and t.side == "pre")
    if trace.frame:
        return f"the trace {name!r} belongs to a frame and does not decay"
    followed = {t.name for t in rule.traces() if t.follows == "potential"}
    if any(isinstance(x, Symbol) and x.scope == "post" and x.name in followed for x in walk(factor)):
        return "a trace of the potential stands at spikes of the target, and may have either sign"
    if any(isinstance(x, Symbol) and x.scope == "modulator" for x in walk(factor)):
        return "the modulator stands at spikes of the target, and may change its sign"
    low, high = bounds(factor, sign)
    if low < 0 < high:
        return "what it adds at spikes of the target may have either sign, and so meet both bounds between two arrivals"
    return Lazy(trace, factor)


def _split(update: Update) -> tuple[str, Expr] | None:
    """Read ``W + x F``: name of the trace x, and F."""
    assert update.weight is not None
    parts = linear(update.weight, Symbol("w"))
    if parts is None or parts[0] != ONE:
        return None
    traces = {x for x in walk(parts[1]) if isinstance(x, Symbol) and x.scope == "pre"}
    if len(traces) != 1:
        return None
    trace = traces.pop()
    inner = linear(parts[1], trace)
    return None if inner is None or inner[1] != ZERO else (trace.name, inner[0])


def linear(expr: Expr, symbol: Symbol) -> tuple[Expr, Expr] | None:
    """Write a term as ``a * symbol + b``.

    Parameters
    ----------
    expr : Expr
    symbol : Symbol

    Returns
    -------
    (Expr, Expr) or None
        ``a`` and ``b``, neither of which holds the symbol; None when the term is not of that form.
    """
    if expr == symbol:
        return ONE, ZERO
    if symbol not in walk(expr):
        return ZERO, expr
    if not isinstance(expr, Binary) or expr.op == "**":
        return None
    left, right = linear(expr.a, symbol), linear(expr.b, symbol)
    if left is None or right is None:
        return None
    if expr.op in "+-":
        return _joined(expr.op, left[0], right[0]), _joined(expr.op, left[1], right[1])
    if right[0] == ZERO:
        return _joined(expr.op, left[0], right[1]), _joined(expr.op, left[1], right[1])
    if expr.op == "*" and left[0] == ZERO:
        return _joined("*", left[1], right[0]), _joined("*", left[1], right[1])
    return None


def _joined(op: str, a: Expr, b: Expr) -> Expr:
    """Join two terms, without those that change nothing."""
    if op in "*/" and a == ZERO:
        return ZERO
    if op == "*" and b == ZERO:
        return ZERO
    if (op in "+-" and b == ZERO) or (op in "*/" and b == ONE):
        return a
    if (op == "+" and a == ZERO) or (op == "*" and a == ONE):
        return b
    if isinstance(a, Const) and isinstance(b, Const) and (op != "/" or b.value):
        values = {"+": a.value + b.value, "-": a.value - b.value, "*": a.value * b.value}
        return Const(values[op] if op != "/" else a.value / b.value)
    return Binary(op, a, b)  # type: ignore[arg-type]


def bounds(expr: Expr, sign: float) -> tuple[float, float]:
    """Bound a term, given that traces and signals are never negative.

    Parameters
    ----------
    expr : Expr
    sign : float
        Transmitter sign of the synapses.

    Returns
    -------
    (float, float)
        Least and greatest value; the interval may be wider than need be.
    """
    if isinstance(expr, Const):
        return expr.value, expr.value
    if isinstance(expr, Symbol):
        if expr.scope in ("pre", "post", "signal", "step"):
            return 0.0, math.inf
        return (sign, sign) if expr.scope == "sign" else (-math.inf, math.inf)
    if isinstance(expr, Exp):
        low, high = (math.exp(min(x, 700.0)) for x in bounds(expr.a, sign))
        return low, math.inf if bounds(expr.a, sign)[1] > 700.0 else high
    if isinstance(expr, PostSum):
        return -math.inf, math.inf
    assert isinstance(expr, Binary | Extreme)
    (a, b), (c, d) = bounds(expr.a, sign), bounds(expr.b, sign)
    if isinstance(expr, Extreme):
        return (max(a, c), max(b, d)) if expr.op == "max" else (min(a, c), min(b, d))
    if expr.op == "+":
        return a + c, b + d
    if expr.op == "-":
        return a - d, b - c
    if expr.op == "**":
        return max(a, 0.0) ** d, max(b, 0.0) ** d
    if expr.op == "/":
        if c < 0 < d or c == d == 0:
            return -math.inf, math.inf
        # What divides keeps its sign: multiply by its inverse.
        c, d = (1.0 / d if d else -math.inf), (1.0 / c if c else math.inf)
    corners = [0.0 if 0.0 in (p, q) else p * q for p in (a, b) for q in (c, d)]
    return min(corners), max(corners)


def scopes_of(term: Expr) -> set[str]:
    """Say what a term depends on, besides numbers that all synapses share; a ``post_sum`` is of the scope ``sum``.

    Parameters
    ----------
    term : Expr

    Returns
    -------
    set of str
    """
    if isinstance(term, PostSum):
        return {"sum"}
    if isinstance(term, Symbol):
        return {str(term.scope)} - {"sign", "modulator", "step"}
    if isinstance(term, Binary | Extreme):
        return scopes_of(term.a) | scopes_of(term.b)
    return scopes_of(term.a) if isinstance(term, Exp) else set()


def costly(term: Expr) -> bool:
    """Say whether a term takes more than sums and products.

    Parameters
    ----------
    term : Expr

    Returns
    -------
    bool
    """
    return any(isinstance(x, Exp) or (isinstance(x, Binary) and x.op in ("/", "**")) for x in walk(term))
