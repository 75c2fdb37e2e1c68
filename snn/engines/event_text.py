"""Source text of compiled rules: what a rule says, as loops over the synapses of an event.

Text depends on the form of a rule alone. Its constants, and where its traces and variables lie, are numbers in tables,
so that rules of one form are compiled once. What is the same for all synapses of a row (those of one source cell, or of
one target cell) is computed once a row; what belongs to the other side and is costly, once an event.

An event of a source cell walks along contiguous stretches of weights (`event_kernels.segments`); one of a target cell
walks along a list of its synapses; all synapses are visited source cell by source cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from snn._rules import terms
from snn.engines.event_plan import Lazy
from snn.local import EVENTS, Binary, Const, Exp, Expr, Extreme, PostSum, Rule, Symbol, Update, walk

STEP = ""
"""Name of the constant that is the length of a step; no trace has it."""
SOURCE_SIDE, TARGET_SIDE = frozenset({"pre"}), frozenset({"post", "signal", "voltage", "sum"})
HEAD = (
    "kind, m, low, high = r.w.dtype.type, r.w.dtype.type(modulator), c[0], c[1]",
    "n_pre, n_post, w0, n_w = o[0], o[1], o[2], o[3]",
    "weights = r.w[w0 : w0 + n_w]",
)
ARGUMENTS = "(cells, now, modulator, sign, j, o, c, z, law, r)"
FIRST_OFFSETS, FIRST_CONSTANTS = 8, 2
"""Places at the beginning of a rule's numbers: cells, weights, its traces, its synapses by target, lazy row; its bounds."""


@dataclass
class Program:
    """A rule as text, and the numbers that its text asks for.

    Attributes
    ----------
    slots : list of (str, str)
        What each further place of the offsets says: kind and name of a trace or variable.
    constants : list of (float or str)
        Further constants; a string is the name of a trace, for the factor of its frame value.
    functions : dict of str to str
        Text of each function, by the event at which it runs.
    n_names : int
        Names that are taken.
    """

    slots: list[tuple[str, str]] = field(default_factory=list)
    constants: list[float | str] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    n_names: int = 0

    def slot(self, kind: str, name: str) -> int:
        """Place of the offset of a trace or variable.

        Parameters
        ----------
        kind, name : str

        Returns
        -------
        int
        """
        if (kind, name) not in self.slots:
            self.slots.append((kind, name))
        return FIRST_OFFSETS + self.slots.index((kind, name))

    def constant(self, value: float | str) -> str:
        """Variable that holds a constant.

        Parameters
        ----------
        value : float or str

        Returns
        -------
        str
        """
        self.constants.append(value)
        return f"c{FIRST_CONSTANTS + len(self.constants) - 1}"


def program(rule: Rule, *, shared: bool, lazy: Lazy | None) -> Program:
    """Write a rule down.

    Parameters
    ----------
    rule : Rule
    shared : bool
        Whether synapses share weights.
    lazy : Lazy or None
        Its form, where its updates at spikes of the target wait.

    Returns
    -------
    Program
        A function for every event at which it does something; for a lazy rule that of arrivals delivers the spikes.
    """
    found = Program()
    for when in EVENTS:
        updates = [u for u in rule.updates() if u.when == when]
        if lazy and when == "pre_spike":
            found.functions[when] = _function(_arrive(found, rule, updates, lazy))
        elif lazy and when == "post_spike":
            found.functions[when] = _function(_depart(found, rule, lazy))
        elif updates:
            found.functions[when] = _function([line for u in updates for line in _Kernel(found, rule, u, shared=shared).lines()])
    return found


def _function(lines: list[str]) -> str:
    return "\n".join([f"def run{ARGUMENTS}:", *(f" {line}" for line in (*HEAD, *lines))])


def _indent(lines: list[str], by: int = 1) -> list[str]:
    return [" " * by + line for line in lines]


def _scopes(term: Expr) -> set[str]:
    if isinstance(term, PostSum):
        return {"sum"}
    if isinstance(term, Symbol):
        return {str(term.scope)} - {"sign", "modulator", "step"}
    if isinstance(term, Binary | Extreme):
        return _scopes(term.a) | _scopes(term.b)
    return _scopes(term.a) if isinstance(term, Exp) else set()


class _Terms:
    """Variables of one function: what it reads, and what it computes before its inner loop."""

    def __init__(self, owner: Program, rule: Rule) -> None:
        self.owner = owner
        self.traces = {t.name: t for t in rule.traces()}
        self.head: list[str] = []
        self.arrays: dict[Symbol, str] = {}
        self.sums: dict[PostSum, str] = {}
        self.vectors: dict[Expr, str] = {}

    def name(self, letter: str) -> str:
        self.owner.n_names += 1
        return f"{letter}{self.owner.n_names}"

    def constant(self, value: float | str) -> str:
        name = self.owner.constant(value)
        self.head.append(f"{name} = c[{name[1:]}]")
        return name

    def array(self, x: Symbol) -> str:
        """Array of shape (n_pre,), (n_post,) or, for a synapse's own, (n_weights,) behind a symbol."""
        if x not in self.arrays:
            kind, flat, size = "own", "own", "n_w"
            if x.scope in ("pre", "post", "signal"):
                t = self.traces[x.name]
                kind, flat = ("ago", "frame_ago") if t.ago else ("frame", "frame_value") if t.frame else ("trace", "trace")
                size = "n_pre" if x.scope == "pre" else "n_post"
            elif x.scope == "voltage":
                kind, flat, size = "v", x.name or "v", "n_post"
            at, self.arrays[x] = self.owner.slot(kind, x.name), self.name("v")
            self.head.append(f"{self.arrays[x]} = r.{flat}[o[{at}] : o[{at}] + {size}]")
            if x.scope == "own":
                row = self.owner.slot("scale", x.name)
                self.head += [f"k_{self.arrays[x]} = kind(r.own_scale[o[{row}]])", f"i_{self.arrays[x]} = kind(1) / k_{self.arrays[x]}"]
        return self.arrays[x]

    def share(self, x: Symbol) -> str:
        """Factor that turns a frame's sum into what the rule sees."""
        if x.scope in ("pre", "post", "signal") and self.traces[x.name].frame and not self.traces[x.name].ago:
            return f" * {self.shares(x.name)}"
        return ""

    def shares(self, name: str) -> str:
        known = {key: f"c{FIRST_CONSTANTS + i}" for i, key in enumerate(self.owner.constants) if isinstance(key, str)}
        if name not in known:
            return self.constant(name)
        line = f"{known[name]} = c[{known[name][1:]}]"
        if line not in self.head:
            self.head.append(line)
        return known[name]

    def text(self, term: Expr, leaf: Callable[[Expr], str | None]) -> str:
        """Print a term; ``leaf`` gives the variable of what is not to be written out."""
        name = leaf(term)
        if name is not None:
            return name
        if isinstance(term, Const):
            return self.constant(term.value)
        if isinstance(term, Symbol):
            assert term.scope in ("sign", "modulator", "step")
            if term.scope == "step":
                return self.shares(STEP)
            return "sign" if term.scope == "sign" else "m"
        if isinstance(term, Exp):
            return f"exp({self.text(term.a, leaf)})"
        assert isinstance(term, Binary | Extreme)
        a, b = self.text(term.a, leaf), self.text(term.b, leaf)
        return f"{term.op}({a}, {b})" if isinstance(term, Extreme) else f"({a} {term.op} {b})"

    def at(self, x: Expr, index: str) -> str:
        """A symbol, or a sum, of the cell with a number."""
        return f"{self.sums[x]}[{index}]" if isinstance(x, PostSum) else f"{self.array(x)}[{index}]{self.share(x)}"  # type: ignore[arg-type]

    def vector(self, term: Expr, side: frozenset[str]) -> str:
        """Compute a term for every cell of one side, before all loops over synapses."""
        if term not in self.vectors:
            size = "n_pre" if side == SOURCE_SIDE else "n_post"
            line = self.text(
                term, lambda e: self.at(e, "k") if isinstance(e, PostSum) or (isinstance(e, Symbol) and e.scope in side) else None
            )
            name = self.vectors[term] = self.name("h")
            self.head += [f"{name} = np.empty({size}, r.w.dtype)", f"for k in range({size}):", f" {name}[k] = {line}"]
        return self.vectors[term]


def _costly(term: Expr) -> bool:
    return any(isinstance(x, Exp) or (isinstance(x, Binary) and x.op == "/") for x in walk(term))


class _Loop:
    """One term or several in the inner loop over the synapses of a row.

    Parameters
    ----------
    owner : _Terms
    row : frozenset of str
        Scopes of the side to which the row belongs.
    everything : bool
        Whether all rows are visited, so that each value of the other side is needed many times.
    """

    def __init__(self, owner: _Terms, row: frozenset[str], *, everything: bool = False) -> None:
        self.owner, self.row, self.everything = owner, row, everything
        self.of_row: list[str] = []
        self.of_stretch: dict[str, str] = {}
        self.scalars: dict[Expr, str] = {}
        self.fixed: dict[PostSum, str] = {}

    def text(self, term: Expr) -> str:
        return self.owner.text(term, self.leaf)

    def leaf(self, e: Expr) -> str | None:
        if isinstance(e, Const):
            return None
        o, scopes = self.owner, _scopes(e)
        other = TARGET_SIDE if self.row == SOURCE_SIDE else SOURCE_SIDE
        if scopes and scopes <= self.row:
            if e not in self.scalars:
                line = o.text(e, self.of_cell)
                self.scalars[e] = o.name("a")
                self.of_row.append(f"{self.scalars[e]} = {line}")
            return self.scalars[e]
        if scopes and scopes <= other and not isinstance(e, Symbol | PostSum) and (_costly(e) or self.everything):
            return self.there(o.vector(e, other))
        if isinstance(e, PostSum):
            return self.there(o.sums[e])
        if isinstance(e, Symbol) and e.scope == "w":
            return "u"
        if isinstance(e, Symbol) and e.scope == "own":
            return f"r_{o.array(e)}"
        if isinstance(e, Symbol) and e.scope in other:
            return self.there(o.array(e)) + o.share(e)
        return None

    def of_cell(self, e: Expr) -> str | None:
        if isinstance(e, PostSum):
            return self.fixed.get(e) or self.owner.at(e, "cell")
        return self.owner.at(e, "cell") if isinstance(e, Symbol) and e.scope in self.row else None

    def there(self, array: str) -> str:
        """What an array of the other side says of the synapse; rows of a source cell are stretches of target cells."""
        if self.row == TARGET_SIDE:
            return f"{array}[i]"
        self.of_stretch[f"b_{array}"] = f"b_{array} = {array}[at : at + length]"
        return f"b_{array}[l]"


class _Kernel:
    """An update as a function."""

    def __init__(self, owner: Program, rule: Rule, update: Update, *, shared: bool) -> None:
        self.u, self.shared = update, shared
        self.terms = _Terms(owner, rule)
        every = [x for term in terms(update) for x in walk(term)]
        self.sums = list(dict.fromkeys(x for x in every if isinstance(x, PostSum)))
        self.own = list(dict.fromkeys([x for x in every if isinstance(x, Symbol) and x.scope == "own"]))
        self.own += [x for x in (Symbol("own", name) for name in update.own) if x not in self.own]
        self.changed = ([] if update.weight is None else [("w", update.weight)]) + list(update.own.items())

    def lines(self) -> list[str]:
        body = self._columns() if self.u.when == "post_spike" else self._rows()
        return [*self.terms.head, *self._prepare(), *body, *self._settle()]

    def _rows(self) -> list[str]:
        lines: list[str] = []
        for s in self.sums:
            loop = _Loop(self.terms, SOURCE_SIDE, everything=True)
            goal = self.terms.name("t")
            inner = [*self._read("l", s.a), f"g_{goal}[l] += {loop.text(s.a)}"]
            loop.of_stretch[goal] = f"g_{goal} = {goal}[at : at + length]"
            self.terms.head += [f"{goal} = np.zeros(n_post, r.w.dtype)", *_walk_rows(loop, inner, self._stretches(), everything=True)]
            self.terms.sums[s] = goal
        everything = self.u.when != "pre_spike"
        loop = _Loop(self.terms, SOURCE_SIDE, everything=everything)
        new = [f"new_{key} = {loop.text(term)}" for key, term in self._keys()]
        return lines + _walk_rows(loop, [*self._read("l"), *new, *self._store("l", "p + l")], self._stretches(), everything=everything)

    def _columns(self) -> list[str]:
        loop = _Loop(self.terms, TARGET_SIDE)
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


def _walk_rows(loop: _Loop, inner: list[str], stretches: list[str], *, everything: bool) -> list[str]:
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


def _arrive(owner: Program, rule: Rule, updates: list[Update], lazy: Lazy) -> list[str]:
    """Phases 4 and 5 of arrivals for a lazy rule: what waited, delivery, then the rule's own updates at arrivals."""
    found = _Terms(owner, rule)
    loop = _Loop(found, SOURCE_SIDE)
    acting = [f"u = min(high, max(low, {loop.text(u.weight)}))" for u in updates if u.weight is not None]
    trace = found.array(Symbol("pre", lazy.trace.name))
    stretches = [
        "g = r.g[j[J_G] + at : j[J_G] + at + length]",
        "w = weights[p : p + length]",
        "new = r.history[h0 + now * n_post + at : h0 + now * n_post + at + length]",
        "old = r.history[row + at : row + at + length]",
    ]
    inner = ["u = min(high, max(low, w[l] + waits * (new[l] - old[l])))", "g[l] += sign * u", *acting, "w[l] = u"]
    loop.of_row += ["waits = r.lazy_coefficient[c0 + cell]", "row = h0 + r.lazy_row[c0 + cell] * n_post"]
    after = ["r.lazy_coefficient[c0 + cell] = kind((" + trace + "[cell] + 1) * grown)", "r.lazy_row[c0 + cell] = now"]
    return [
        "h0, c0, grown = z[Z_HISTORY], z[Z_CELLS], np.exp(now * law[ZL_RATE])",
        *found.head,
        *_walk_rows(loop, inner, stretches, everything=False),
        *_indent(after),
    ]


def _depart(owner: Program, rule: Rule, lazy: Lazy) -> list[str]:
    """Phase 5 of spikes of the target for a lazy rule: they go into the next snapshot."""
    found = _Terms(owner, rule)
    loop = _Loop(found, TARGET_SIDE)
    factor = loop.text(lazy.factor)
    return [
        *found.head,
        "first, discount = z[Z_HISTORY] + (now + 1) * n_post, kind(np.exp(-now * law[ZL_RATE]))",
        "for cell in cells:",
        *_indent([*loop.of_row, f"r.history[first + cell] += discount * {factor}"]),
    ]
