"""Rules in the event engine: which take the lazy path, and compiled code for those that act at the end of a frame.

The terms of a rule are split by what they depend on: parts that are the same for all synapses of a source cell, or of
a target cell, are computed once per cell; only the rest is compiled into the loop over synapses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn._rules import symbols, terms
from snn.local import Binary, Const, Exp, Expr, Extreme, PostSum, Rule, Symbol, Update, evaluate, render, walk
from snn.topology import Edges


class PairConstants(NamedTuple):
    """An additive pair rule: ``w + a_plus x`` at spikes of the target, ``w - a_minus y`` at arrivals."""

    a_plus_mV: float
    a_minus_mV: float
    tau_plus_ms: float
    tau_minus_ms: float


def pair_constants(rule: Rule) -> PairConstants | None:
    """Recognise an additive pair rule, whose updates can all be moved to arrivals.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    PairConstants or None
        None when the rule has another form.
    """
    updates = {u.when: u.weight for u in rule.updates() if u.weight is not None}
    if rule.states() or len(updates) < len(rule.updates()):
        return None
    traces = {(t.side, t.name): t for t in rule.traces()}
    if set(updates) != {"pre_spike", "post_spike"} or len(traces) != 2 or any(t.frame or not t.tau_ms for t in traces.values()):
        return None
    up, down = _additive(updates["post_spike"], "pre"), _additive(updates["pre_spike"], "post")
    if up is None or down is None:
        return None
    tau_plus, tau_minus = traces["pre", up[1]].tau_ms, traces["post", down[1]].tau_ms
    assert tau_plus is not None
    assert tau_minus is not None
    if up[0] < 0 or down[0] > 0:
        return None
    return PairConstants(up[0], -down[0], tau_plus, tau_minus)


def _additive(expr: Expr, side: str) -> tuple[float, str] | None:
    """Read ``w + c * trace`` and give c and the trace's name; None for anything else."""
    symbols = {x for x in walk(expr) if isinstance(x, Symbol | PostSum)}
    others = [x for x in symbols if not (isinstance(x, Symbol) and x.scope == "w")]
    if len(others) != 1 or not isinstance(others[0], Symbol) or others[0].scope != side:
        return None
    trace = others[0]

    def at(w: float, x: float) -> float:
        return float(evaluate(expr, lambda s: w if isinstance(s, Symbol) and s.scope == "w" else x))

    slope = at(0.0, 1.0)
    points = ((0.0, 0.0), (1.0, 0.0), (3.0, 0.5), (-2.0, 4.0))
    linear = all(abs(at(w, x) - (w + slope * x)) <= 1e-12 * (1 + abs(w) + abs(slope * x)) for w, x in points)
    return (slope, trace.name) if linear else None


def problems(rule: Rule, name: str) -> list[str]:
    """Say why this engine cannot run a rule.

    Parameters
    ----------
    rule : Rule
    name : str
        Name of the projection.

    Returns
    -------
    list of str
        Empty when it can.
    """
    kinds = {u.when for u in rule.updates()}
    plain = not rule.states() and not any(t.ago for t in rule.traces()) and not any(x.scope == "voltage" for x in symbols(rule))
    plain = plain and not any(isinstance(x, Extreme) for u in rule.updates() for term in terms(u) for x in walk(term))
    if (plain and kinds <= {"frame_end"}) or pair_constants(rule) is not None:
        return []
    return [
        f"{name}: rule {rule.kind!r} acts at spikes and is not an additive pair rule, which is the only such form that this engine "
        "compiles so far; use the reference or the brian engine"
    ]


Place = Callable[[Symbol], NDArray[np.floating] | float]


class FrameEnd:
    """One projection's frame-end updates, compiled.

    Parameters
    ----------
    rule : Rule
    edges : Edges
        Its synapses.
    n_pre, n_post : int
        Cells on both sides.
    mixed : bool
        Whether weights may have both signs.
    w_max_mV : float or None
        Upper bound.
    """

    def __init__(self, rule: Rule, edges: Edges, n_pre: int, n_post: int, *, mixed: bool, w_max_mV: float | None) -> None:
        self.n_pre, self.n_post = n_pre, n_post
        self.edges = tuple(a.astype(np.uint32) for a in (edges.pre, edges.post, edges.weight))
        self.updates = [_Split(u) for u in rule.updates() if u.when == "frame_end"]
        self.low = -np.inf if mixed else 0.0
        self.high = np.inf if mixed or w_max_mV is None else w_max_mV

    def apply(self, w: NDArray[np.floating], value_of: Place) -> None:
        """Change the weights of a projection.

        Parameters
        ----------
        w : ndarray, shape (n_weights,)
            Its weights, flattened; changed in place.
        value_of : callable
            Gives the array of shape (n_pre,) or (n_post,), or number, behind a symbol other than ``w``.
        """
        n_pre, n_post = self.n_pre, self.n_post
        for u in self.updates:
            sums = [self._vector(u.part(s.a), value_of, w.dtype, n_pre, n_post) for s in u.sums]
            totals: dict[PostSum, NDArray[np.float64]] = {}
            for s, (loop, a, b) in zip(u.sums, sums, strict=True):
                out = np.zeros((1, n_post), dtype=w.dtype)
                loop(*self.edges, w, a, b, out[0], 0.0, 0.0)
                totals[s] = out[0].astype(np.float64)

            def full(x: Symbol | PostSum, totals: dict[PostSum, NDArray[np.float64]] = totals) -> Any:
                return totals[x] if isinstance(x, PostSum) else value_of(x)

            loop, a, b = self._vector(u.part(u.weight), full, w.dtype, n_pre, n_post)
            kind = w.dtype.type
            loop(*self.edges, w, a, b, np.zeros(0, dtype=w.dtype), kind(self.low), kind(self.high))

    @staticmethod
    def _vector(
        part: _Part, value_of: Callable[[Any], Any], dtype: np.dtype[Any], n_pre: int, n_post: int
    ) -> tuple[Any, NDArray[Any], NDArray[Any]]:
        def rows(terms: list[Expr], n: int) -> NDArray[Any]:
            found = np.zeros((max(1, len(terms)), n), dtype=dtype)
            for i, term in enumerate(terms):
                found[i] = evaluate(term, value_of)
            return found

        return part.loop, rows(part.pre, n_pre), rows(part.post, n_post)


class _Part(NamedTuple):
    """A term split into per-source and per-target vectors and a compiled loop over synapses."""

    loop: Any
    pre: list[Expr]
    post: list[Expr]


class _Split:
    """An update with its reductions."""

    def __init__(self, update: Update) -> None:
        assert update.weight is not None
        self.weight = update.weight
        self.sums = list(dict.fromkeys(x for x in walk(self.weight) if isinstance(x, PostSum)))
        self.parts = {id(s.a): _part(s.a, "sum") for s in self.sums} | {id(self.weight): _part(self.weight, "weight")}

    def part(self, expr: Expr) -> _Part:
        return self.parts[id(expr)]


def _scopes(expr: Expr) -> set[str]:
    if isinstance(expr, PostSum):
        return {"post"}
    if isinstance(expr, Symbol):
        return {"w": {"w"}, "pre": {"pre"}, "post": {"post"}, "signal": {"post"}}.get(expr.scope, set())
    if isinstance(expr, Binary):
        return _scopes(expr.a) | _scopes(expr.b)
    return _scopes(expr.a) if isinstance(expr, Exp) else set()


def _part(expr: Expr, goal: str) -> _Part:
    pre: list[Expr] = []
    post: list[Expr] = []

    def hoist(e: Expr) -> Expr:
        scopes = _scopes(e)
        if scopes <= {"pre"} and not isinstance(e, Const):
            pre.append(e)
            return Symbol("pre", str(len(pre) - 1))
        if scopes <= {"post"} and not isinstance(e, Const):
            post.append(e)
            return Symbol("post", str(len(post) - 1))
        if isinstance(e, Binary):
            return Binary(e.op, hoist(e.a), hoist(e.b))
        return Exp(hoist(e.a)) if isinstance(e, Exp) else e

    rest = hoist(expr)

    def name_of(x: Symbol | PostSum) -> str:
        assert isinstance(x, Symbol)
        return "u" if x.scope == "w" else f"pre[{x.name}, i]" if x.scope == "pre" else f"post[{x.name}, k]"

    return _Part(_compiled(render(rest, name_of), goal), pre, post)


@cache
def _compiled(text: str, goal: str) -> Any:
    """Compile a loop over the synapses of a projection; ``text`` is made from a closed set of terms only."""
    lines = [
        "def loop(edge_pre, edge_post, edge_weight, weights, pre, post, out, low, high):",
        " one = weights.dtype.type(1)",
        " for e in range(len(edge_pre)):",
    ]
    lines += ["  i, k, place = edge_pre[e], edge_post[e], edge_weight[e]", "  u = weights[place]"]
    lines += [f"  out[k] += {text}"] if goal == "sum" else [f"  weights[place] = min(high, max(low, one * ({text})))"]
    scope: dict[str, Any] = {"exp": np.exp}
    label = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    exec(compile("\n".join(lines), f"<rule {label}>", "exec"), scope)
    return njit(scope["loop"])
