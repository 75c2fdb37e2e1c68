"""What can be told of a rule from its terms alone: what it reads, and whether it is well formed."""

from __future__ import annotations

from collections.abc import Iterator

from snn._terms import SEEN
from snn.local import EVENTS, Binary, Const, Exp, Expr, Extreme, PostSum, Rule, Symbol, Update, walk


def terms(update: Update) -> tuple[Expr, ...]:
    """List the expressions of an update: the new weight, where there is one, then those of the synapse's own.

    Parameters
    ----------
    update : Update

    Returns
    -------
    tuple of Expr
    """
    return (*(() if update.weight is None else (update.weight,)), *update.own.values())


def symbols(rule: Rule) -> Iterator[Symbol]:
    """Visit every symbol that a rule reads, in all of its updates.

    Parameters
    ----------
    rule : Rule

    Yields
    ------
    Symbol
    """
    for update in rule.updates():
        for term in terms(update):
            yield from (x for x in walk(term) if isinstance(x, Symbol))


def fault(rule: Rule) -> str | None:
    """Say what is wrong with a rule, wherever it may be used.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    str or None
        A sentence, or None when it is well formed.
    """
    declared = [*((t.side, t.name) for t in rule.traces()), *(("own", s.name) for s in rule.states())]
    twice = [pair for pair in declared if declared.count(pair) > 1]
    keys = [t.name for t in rule.traces()]
    if twice or len(set(keys)) < len(keys):
        name = twice[0][1] if twice else next(k for k in keys if keys.count(k) > 1)
        return f"{name!r} is declared twice; give each trace and each state a name of its own"
    if not rule.updates():
        return "it has no update; it would change nothing"
    for u in rule.updates():
        if u.when not in EVENTS:
            return f"it acts at {u.when!r}; allowed: {', '.join(EVENTS)}"
        missing = [name for name in u.own if ("own", name) not in declared]
        if missing:
            return f"{u.when} sets the state {missing[0]!r}, which is not declared; list it in states()"
        for x in (x for term in terms(u) for x in walk(term)):
            if not isinstance(x, Const | Symbol | Binary | Extreme | Exp | PostSum):
                return f"{u.when} holds a {type(x).__name__}, which is no term"
            if isinstance(x, Symbol) and x.scope not in SEEN and (x.scope, x.name) not in declared:
                where = "state" if x.scope == "own" else f"{x.scope} trace"
                return f"{u.when} reads the {where} {x.name!r}, which is not declared"
            if isinstance(x, PostSum) and any(isinstance(y, PostSum) for y in walk(x.a)):
                return f"{u.when} has a post_sum within a post_sum"
    return None
