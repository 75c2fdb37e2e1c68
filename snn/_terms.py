"""The terms in which rules are written: a closed set, so that every engine can read, print and compile them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Scope = Literal["w", "own", "sign", "modulator", "pre", "post", "signal", "voltage", "step"]
SEEN = ("w", "sign", "modulator", "voltage", "step")
"""Scopes whose symbols a rule need not declare."""


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

    scope: Scope
    name: str = ""


@dataclass(frozen=True)
class Binary(Expr):
    """Two terms joined by an operator."""

    op: Literal["+", "-", "*", "/", "**"]
    a: Expr
    b: Expr


@dataclass(frozen=True)
class Exp(Expr):
    """Exponential function of a term."""

    a: Expr


@dataclass(frozen=True)
class Extreme(Expr):
    """The greater or the lesser of two terms."""

    op: Literal["max", "min"]
    a: Expr
    b: Expr


@dataclass(frozen=True)
class PostSum(Expr):
    """Sum of a term over all synapses that the target cell has in this projection."""

    a: Expr


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
    if isinstance(expr, Binary | Extreme):
        yield from walk(expr.a)
        yield from walk(expr.b)
    elif isinstance(expr, Exp | PostSum):
        yield from walk(expr.a)


PYTHON = {"exp": "exp({})", "max": "max({}, {})", "min": "min({}, {})"}
BRIAN = {"exp": "exp({})", "max": "clip({}, {}, inf)", "min": "clip({}, -inf, {})"}


def render(expr: Expr, name_of: Callable[[Symbol | PostSum], str], functions: Mapping[str, str] = PYTHON) -> str:
    """Print a term as infix text.

    Parameters
    ----------
    expr : Expr
    name_of : callable
        Gives the variable that stands for a symbol or for a ``post_sum``.
    functions : mapping of str to str
        How the language writes ``exp``, ``max`` and ``min``: `PYTHON` (numba reads it too) or `BRIAN`.

    Returns
    -------
    str
    """
    if isinstance(expr, Symbol | PostSum):
        return name_of(expr)
    if isinstance(expr, Const):
        return repr(expr.value)
    if isinstance(expr, Exp):
        return functions["exp"].format(render(expr.a, name_of, functions))
    assert isinstance(expr, Binary | Extreme)
    a, b = render(expr.a, name_of, functions), render(expr.b, name_of, functions)
    return functions[expr.op].format(a, b) if isinstance(expr, Extreme) else f"({a} {expr.op} {b})"


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
    assert isinstance(expr, Binary | Extreme)
    a, b = evaluate(expr.a, value_of), evaluate(expr.b, value_of)
    if isinstance(expr, Extreme):
        return np.maximum(a, b) if expr.op == "max" else np.minimum(a, b)
    if expr.op == "**":
        return a**b
    return a + b if expr.op == "+" else a - b if expr.op == "-" else a * b if expr.op == "*" else a / b
