"""The terms of a rule as source text: what a compiled rule reads, what it computes once, and what once a synapse.

``event_text.py`` makes loops of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from snn.engines.event_plan import costly, scopes_of
from snn.local import Binary, Const, Exp, Expr, Extreme, PostSum, Rule, Symbol

STEP = ""
"""Name of the constant that is the length of a step; no trace has it."""
SOURCE_SIDE, TARGET_SIDE = frozenset({"pre"}), frozenset({"post", "signal", "voltage", "sum"})
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


class Terms:
    """Variables of one function: what it reads, and what it computes before its inner loop.

    Parameters
    ----------
    owner : Program
        Gets the constants and places that the function asks for.
    rule : Rule
    """

    def __init__(self, owner: Program, rule: Rule) -> None:
        self.owner = owner
        self.traces = {t.name: t for t in rule.traces()}
        self.head: list[str] = []
        self.arrays: dict[Symbol, str] = {}
        self.sums: dict[PostSum, str] = {}
        self.vectors: dict[Expr, str] = {}

    def name(self, letter: str) -> str:
        """Make a name that no other variable of the rule has.

        Parameters
        ----------
        letter : str
            How it begins.

        Returns
        -------
        str
        """
        self.owner.n_names += 1
        return f"{letter}{self.owner.n_names}"

    def _constant(self, value: float | str) -> str:
        name = self.owner.constant(value)
        self.head.append(f"{name} = c[{name[1:]}]")
        return name

    def array(self, x: Symbol) -> str:
        """Array behind a symbol.

        Parameters
        ----------
        x : Symbol

        Returns
        -------
        str
            Name of an array of shape (n_pre,), (n_post,) or, for a synapse's own, (n_weights,).
        """
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
        """Factor that turns a frame's sum into what the rule sees.

        Parameters
        ----------
        x : Symbol

        Returns
        -------
        str
            Empty when there is none.
        """
        if x.scope in ("pre", "post", "signal") and self.traces[x.name].frame and not self.traces[x.name].ago:
            return f" * {self._shares(x.name)}"
        return ""

    def _shares(self, name: str) -> str:
        known = {key: f"c{FIRST_CONSTANTS + i}" for i, key in enumerate(self.owner.constants) if isinstance(key, str)}
        if name not in known:
            return self._constant(name)
        line = f"{known[name]} = c[{known[name][1:]}]"
        if line not in self.head:
            self.head.append(line)
        return known[name]

    def text(self, term: Expr, leaf: Callable[[Expr], str | None]) -> str:
        """Print a term.

        Parameters
        ----------
        term : Expr
        leaf : callable
            Gives the variable of what is not to be written out.

        Returns
        -------
        str
        """
        name = leaf(term)
        if name is not None:
            return name
        if isinstance(term, Const):
            return self._constant(term.value)
        if isinstance(term, Symbol):
            assert term.scope in ("sign", "modulator", "step")
            if term.scope == "step":
                return self._shares(STEP)
            return "sign" if term.scope == "sign" else "m"
        if isinstance(term, Exp):
            return f"exp({self.text(term.a, leaf)})"
        assert isinstance(term, Binary | Extreme)
        a, b = self.text(term.a, leaf), self.text(term.b, leaf)
        return f"{term.op}({a}, {b})" if isinstance(term, Extreme) else f"({a} {term.op} {b})"

    def at(self, x: Expr, index: str) -> str:
        """Value of a symbol, or of a sum, at a cell.

        Parameters
        ----------
        x : Symbol or PostSum
        index : str
            Number of the cell.

        Returns
        -------
        str
        """
        return f"{self.sums[x]}[{index}]" if isinstance(x, PostSum) else f"{self.array(x)}[{index}]{self.share(x)}"  # type: ignore[arg-type]

    def vector(self, term: Expr, side: frozenset[str]) -> str:
        """Compute a term for every cell of one side, before all loops over synapses.

        Parameters
        ----------
        term : Expr
        side : frozenset of str
            Scopes of the side.

        Returns
        -------
        str
            Name of an array of shape (n_pre,) or (n_post,).
        """
        if term not in self.vectors:
            size = "n_pre" if side == SOURCE_SIDE else "n_post"
            line = self.text(
                term, lambda e: self.at(e, "k") if isinstance(e, PostSum) or (isinstance(e, Symbol) and e.scope in side) else None
            )
            name = self.vectors[term] = self.name("h")
            self.head += [f"{name} = np.empty({size}, r.w.dtype)", f"for k in range({size}):", f" {name}[k] = {line}"]
        return self.vectors[term]


class Loop:
    """One term or several in the inner loop over the synapses of a row.

    Parameters
    ----------
    owner : Terms
    row : frozenset of str
        Scopes of the side to which the row belongs.
    everything : bool
        Whether all rows are visited, so that each value of the other side is needed many times.
    """

    def __init__(self, owner: Terms, row: frozenset[str], *, everything: bool = False) -> None:
        self.owner, self.row, self.everything = owner, row, everything
        self.of_row: list[str] = []
        self.of_stretch: dict[str, str] = {}
        self.scalars: dict[Expr, str] = {}
        self.fixed: dict[PostSum, str] = {}

    def text(self, term: Expr) -> str:
        """Print a term as it stands in the inner loop; what is to be computed before comes into the lists.

        Parameters
        ----------
        term : Expr

        Returns
        -------
        str
        """
        return self.owner.text(term, self._leaf)

    def _leaf(self, e: Expr) -> str | None:
        if isinstance(e, Const):
            return None
        o, scopes = self.owner, scopes_of(e)
        other = TARGET_SIDE if self.row == SOURCE_SIDE else SOURCE_SIDE
        if scopes and scopes <= self.row:
            if e not in self.scalars:
                line = o.text(e, self._of_cell)
                self.scalars[e] = o.name("a")
                self.of_row.append(f"{self.scalars[e]} = {line}")
            return self.scalars[e]
        if scopes and scopes <= other and not isinstance(e, Symbol | PostSum) and (costly(e) or self.everything):
            return self._there(o.vector(e, other))
        if isinstance(e, PostSum):
            return self._there(o.sums[e])
        if isinstance(e, Symbol) and e.scope == "w":
            return "u"
        if isinstance(e, Symbol) and e.scope == "own":
            return f"r_{o.array(e)}"
        if isinstance(e, Symbol) and e.scope in other:
            return self._there(o.array(e)) + o.share(e)
        return None

    def _of_cell(self, e: Expr) -> str | None:
        if isinstance(e, PostSum):
            return self.fixed.get(e) or self.owner.at(e, "cell")
        return self.owner.at(e, "cell") if isinstance(e, Symbol) and e.scope in self.row else None

    def _there(self, array: str) -> str:
        """What an array of the other side says of the synapse; rows of a source cell are stretches of target cells."""
        if self.row == TARGET_SIDE:
            return f"{array}[i]"
        self.of_stretch[f"b_{array}"] = f"b_{array} = {array}[at : at + length]"
        return f"b_{array}[l]"
