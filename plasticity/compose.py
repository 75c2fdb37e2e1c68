"""Several rules on one projection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny

from snn.local import Binary, Exp, Expr, Extreme, PostSum, Rule, State, Symbol, Trace, Update


class Compose(Rule):
    """Several rules that act on the same synapses.

    Each keeps its traces and variables for itself; signals of one name are one signal of the projection. At an event
    the updates act in the order of the rules, each on the weight that the one before it left.

    Parameters
    ----------
    rules : tuple of Rule
        At least one.

    References
    ----------
    Stacking plasticity mechanisms: Zenke, Agnes & Gerstner (2015), https://doi.org/10.1038/ncomms7922.

    Notes
    -----
    *Departures.* That paper adds up the changes that its mechanisms ask for; here each acts on what the one before it
    left, bounds included. For changes that do not depend on the weight the two differ only at a bound.
    """

    kind: Literal["compose"] = "compose"
    rules: Annotated[tuple[SerializeAsAny[Rule], ...], Field(min_length=1)]

    def traces(self) -> tuple[Trace, ...]:
        """Traces of all rules; ``x`` of the first is called ``0.x``."""
        return tuple(
            replace(t, name=f"{i}.{t.name}", of=t.carried if t.side == "signal" else "")
            for i, rule in enumerate(self.rules)
            for t in rule.traces()
        )

    def states(self) -> tuple[State, ...]:
        """Variables of all rules, named as the traces are."""
        return tuple(replace(s, name=f"{i}.{s.name}") for i, rule in enumerate(self.rules) for s in rule.states())

    def updates(self) -> tuple[Update, ...]:
        """Updates of all rules, in their order."""
        found = []
        for i, rule in enumerate(self.rules):

            def named(x: Symbol, i: int = i) -> Symbol:
                return replace(x, name=f"{i}.{x.name}") if x.scope in ("pre", "post", "signal", "own") else x

            for u in rule.updates():
                own = {f"{i}.{name}": _renamed(term, named) for name, term in u.own.items()}
                found.append(Update(u.when, None if u.weight is None else _renamed(u.weight, named), own))
        return tuple(found)


def _renamed(term: Expr, named: Callable[[Symbol], Symbol]) -> Expr:
    if isinstance(term, Symbol):
        return named(term)
    if isinstance(term, Binary | Extreme):
        return replace(term, a=_renamed(term.a, named), b=_renamed(term.b, named))
    return replace(term, a=_renamed(term.a, named)) if isinstance(term, Exp | PostSum) else term
