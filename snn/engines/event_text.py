"""Source text of compiled rules: what a rule says, as loops over the synapses of an event.

Text depends on the form of a rule alone. Its constants, and where its traces and variables lie, are numbers in tables,
so that rules of one form are compiled once. What is the same for all synapses of a row (those of one source cell, or of
one target cell) is computed once a row; what belongs to the other side and is costly, once an event.

An event of a source cell walks along contiguous stretches of weights (`event_kernels.segments`); one of a target cell
walks along a list of its synapses; all synapses are visited source cell by source cell.
"""

from __future__ import annotations

from snn._rules import terms
from snn.engines.event_plan import Lazy
from snn.engines.event_terms import SOURCE_SIDE, TARGET_SIDE, Loop, Program, Terms
from snn.local import EVENTS, Expr, PostSum, Rule, Symbol, Update, walk

HEAD = (
    "kind, m, low, high = r.w.dtype.type, r.w.dtype.type(modulator), c[0], c[1]",
    "n_pre, n_post, w0, n_w = o[0], o[1], o[2], o[3]",
    "weights = r.w[w0 : w0 + n_w]",
)
ARGUMENTS = "(cells, now, modulator, sign, j, o, c, z, law, r)"


def program(rule: Rule, *, shared: bool, lazy: Lazy | None, short: bool = False) -> Program:
    """Write a rule down.

    Parameters
    ----------
    rule : Rule
    shared : bool
        Whether synapses share weights.
    lazy : Lazy or None
        Its form, where its updates at spikes of the target wait.
    short : bool
        Whether a spike delivers a share of the weight, by short-term plasticity.

    Returns
    -------
    Program
        A function for every event at which it does something; for a lazy rule that of arrivals delivers the spikes.
    """
    found = Program()
    for when in EVENTS:
        updates = [u for u in rule.updates() if u.when == when]
        if lazy and when == "pre_spike":
            found.functions[when] = _function(_arrive(found, rule, updates, lazy, short))
        elif lazy and when == "post_spike":
            found.functions[when] = _function(_depart(found, rule, lazy))
        elif updates:
            found.functions[when] = _function([line for u in updates for line in _Kernel(found, rule, u, shared=shared).lines()])
    return found


def _function(lines: list[str]) -> str:
    return "\n".join([f"def run{ARGUMENTS}:", *(f" {line}" for line in (*HEAD, *lines))])


def _indent(lines: list[str], by: int = 1) -> list[str]:
    return [" " * by + line for line in lines]


class _Kernel:
    """An update as a function."""

    def __init__(self, owner: Program, rule: Rule, update: Update, *, shared: bool) -> None:
        self.u, self.shared = update, shared
        self.terms = Terms(owner, rule)
        every = [x for term in terms(update) for x in walk(term)]
        self.sums = list(dict.fromkeys(x for x in every if isinstance(x, PostSum)))
        self.own = list(dict.fromkeys([x for x in every if isinstance(x, Symbol) and x.scope == "own"]))
        self.own += [x for x in (Symbol("own", name) for name in update.own) if x not in self.own]
        self.changed = ([] if update.weight is None else [("w", update.weight)]) + list(update.own.items())

    def lines(self) -> list[str]:
        body = self._columns() if self.u.when == "post_spike" else self._rows()
        return [*self.terms.head, *self._prepare(), *body, *self._settle()]

    def _rows(self) -> list[str]:
        for s in self.sums:
            loop = Loop(self.terms, SOURCE_SIDE, everything=True)
            goal = self.terms.name("t")
            inner = [*self._read("l", s.a), f"g_{goal}[l] += {loop.text(s.a)}"]
            loop.of_stretch[goal] = f"g_{goal} = {goal}[at : at + length]"
            self.terms.head += [f"{goal} = np.zeros(n_post, r.w.dtype)", *_walk_rows(loop, inner, self._stretches(), everything=True)]
            self.terms.sums[s] = goal
        everything = self.u.when != "pre_spike"
        loop = Loop(self.terms, SOURCE_SIDE, everything=everything)
        new = [f"new_{key} = {loop.text(term)}" for key, term in self._keys()]
        return _walk_rows(loop, [*self._read("l"), *new, *self._store("l", "p + l")], self._stretches(), everything=everything)

    def _columns(self) -> list[str]:
        loop = Loop(self.terms, TARGET_SIDE)
        walk_them = [
            "for e in range(r.post_start[o[6] + cell], r.post_start[o[6] + cell + 1]):",
            " i, p = r.post_pre[e], r.post_place[e]",
        ]
        summing: list[str] = []
        for s in self.sums:
            name = self.terms.name("t")
            inner = [*self._read("p", s.a), f"{name} += {loop.text(s.a)}"]
            summing += [f"{name} = kind(0)", *walk_them, *_indent(inner)]
            loop.fixed[s] = name
        ready = len(loop.of_row)
        new = [f"new_{key} = {loop.text(term)}" for key, term in self._keys()]
        inner = [*self._read("p"), *new, *self._store("p", "p")]
        # What a row needs for its sums comes before them, and what needs its sums after.
        row = [*loop.of_row[:ready], *summing, *loop.of_row[ready:], *walk_them, *_indent(inner)]
        return ["for cell in cells:", *_indent(row)]

    def _keys(self) -> list[tuple[str, Expr]]:
        return [(key if key == "w" else self.terms.array(Symbol("own", key)), term) for key, term in self.changed]

    def _names(self) -> list[tuple[Symbol, str]]:
        return [(x, self.terms.array(x)) for x in self.own]

    def _stretches(self) -> list[str]:
        return ["w = weights[p : p + length]", *(f"w_{name} = {name}[p : p + length]" for _, name in self._names())]

    def _read(self, index: str, *only: Expr) -> list[str]:
        """Read the synapse's weight and variables, or those that a term needs."""
        needed = {x for term in (only or terms(self.u)) for x in walk(term) if isinstance(x, Symbol)}
        w = "w" if index == "l" else "weights"
        lines = [f"u = {w}[{index}]"] if Symbol("w") in needed else []
        return lines + [f"r_{name} = {'w_' if index == 'l' else ''}{name}[{index}] * k_{name}" for x, name in self._names() if x in needed]

    def _store(self, index: str, place: str) -> list[str]:
        lines = []
        for key, _ in self._keys():
            if self.shared:
                lines.append(f"m_{key}[{place}] += new_{key}")
            elif key == "w":
                lines.append(f"{'w' if index == 'l' else 'weights'}[{index}] = min(high, max(low, new_w))")
            else:
                lines.append(f"{'w_' if index == 'l' else ''}{key}[{index}] = new_{key} * i_{key}")
        return [*lines, f"asked[{place}] += 1"] if self.shared else lines

    def _prepare(self) -> list[str]:
        """Where synapses share weights, sums of what they ask for."""
        if not self.shared:
            return []
        return ["asked = np.zeros(n_w, r.w.dtype)", *(f"m_{key} = np.zeros(n_w, r.w.dtype)" for key, _ in self._keys())]

    def _settle(self) -> list[str]:
        if not self.shared:
            return []
        lines = [
            "weights[p] = min(high, max(low, m_w[p] / asked[p]))" if key == "w" else f"{key}[p] = m_{key}[p] / asked[p] * i_{key}"
            for key, _ in self._keys()
        ]
        return ["for p in range(n_w):", " if asked[p] > 0:", *_indent(lines, 2)]


def _walk_rows(loop: Loop, inner: list[str], stretches: list[str], *, everything: bool) -> list[str]:
    """Walk the rows of all source cells, or of those whose spikes arrive."""
    lines = ["for cell in range(n_pre):"] if everything else ["for cell in cells:"]
    lines += _indent(loop.of_row)
    lines += _indent(
        [
            "for s in range(segments(j, r.pair_start, r.pair_post, cell, r.segment)):",
            " at, p, length = r.segment[s, 0], r.segment[s, 1] - w0, r.segment[s, 2]",
            *_indent([*stretches, *loop.of_stretch.values()]),
            " for l in range(length):",
            *_indent(inner, 2),
        ]
    )
    return lines


def _arrive(owner: Program, rule: Rule, updates: list[Update], lazy: Lazy, short: bool) -> list[str]:
    """Phases 4 and 5 of arrivals for a lazy rule: what waited, delivery, then the rule's own updates at arrivals."""
    found = Terms(owner, rule)
    loop = Loop(found, SOURCE_SIDE)
    acting = [f"u = min(high, max(low, {loop.text(u.weight)}))" for u in updates if u.weight is not None]
    trace = found.array(Symbol("pre", lazy.trace.name))
    stretches = [
        "g = r.g[j[J_G] + at : j[J_G] + at + length]",
        "w = weights[p : p + length]",
        "new = r.history[h0 + now * n_post + at : h0 + now * n_post + at + length]",
        "old = r.history[row + at : row + at + length]",
    ]
    inner = [
        "u = min(high, max(low, w[l] + waits * (new[l] - old[l])))",
        "g[l] += sign * u" if not short else "g[l] += sent * u",
        *acting,
        "w[l] = u",
    ]
    loop.of_row += ["waits = r.lazy_coefficient[c0 + cell]", "row = h0 + r.lazy_row[c0 + cell] * n_post"]
    if short:
        loop.of_row.append("sent = sign * r.trace[j[J_USED] + cell] * r.trace[j[J_SHORT] + cell]")
    after = ["r.lazy_coefficient[c0 + cell] = kind((" + trace + "[cell] + 1) * grown)", "r.lazy_row[c0 + cell] = now"]
    return [
        "h0, c0, grown = z[Z_HISTORY], z[Z_CELLS], np.exp(now * law[ZL_RATE])",
        *found.head,
        *_walk_rows(loop, inner, stretches, everything=False),
        *_indent(after),
    ]


def _depart(owner: Program, rule: Rule, lazy: Lazy) -> list[str]:
    """Phase 5 of spikes of the target for a lazy rule: they go into the next snapshot."""
    found = Terms(owner, rule)
    loop = Loop(found, TARGET_SIDE)
    factor = loop.text(lazy.factor)
    return [
        *found.head,
        "first, discount = z[Z_HISTORY] + (now + 1) * n_post, kind(np.exp(-now * law[ZL_RATE]))",
        "for cell in cells:",
        *_indent([*loop.of_row, f"r.history[first + cell] += discount * {factor}"]),
    ]
