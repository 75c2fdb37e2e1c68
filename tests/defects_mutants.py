"""Small changes to a source file, one at a time, by its syntax tree: what `defects.py` draws its random defects from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "%"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.MatMult: ("@", "*"),
}
COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
}
TWINS = {"min": "max", "minimum": "maximum", "floor": "ceil", "argmin": "argmax", "zeros": "ones", "exp": "expm1", "sum": "max"}
TWINS |= {b: a for a, b in TWINS.items()}
INDEX = re.compile(r"[a-z]|[A-Z][A-Z0-9_]+|cell|slot|row|site|tap|first|now")


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes
    ----------
    file : str
        Relative to the root of the project.
    start, stop : int
        Characters that are replaced.
    new : str
        What stands there instead.
    line : int
        Line of the change.
    before, after : str
        Its lines, as they were and as they become, joined and stripped.
    """

    file: str
    start: int
    stop: int
    new: str
    line: int
    before: str
    after: str

    def apply(self, source: str) -> str:
        return source[: self.start] + self.new + source[self.stop :]


def mutants(file: str, source: str) -> list[Mutant]:
    """List all changes to a file, in the order of its text."""
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    lines = source.splitlines()

    def place(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    found = set()
    for start, stop, new in _changes(ast.parse(source), source, place):
        if source[start:stop] == new:
            continue
        line = source.count("\n", 0, start) + 1
        last = source.count("\n", 0, stop) + 1
        before = " ".join(text.strip() for text in lines[line - 1 : last])
        changed = source[starts[line - 1] : start] + new + source[stop : starts[last]]
        found.add(Mutant(file, start, stop, new, line, before, " ".join(changed.split())))
    return sorted(found, key=lambda m: (m.start, m.stop, m.new))


def _skipped(node: ast.AST) -> bool:
    """What is text, or types, or raised, or a check of the code on itself: no numbers come from it."""
    if isinstance(node, ast.keyword):
        return node.arg in ("strict", "cache")
    if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
        # The default of a field is a choice, made on data; every value in its range is right.
        return True
    if isinstance(node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("sentence", "Field", "NamedTuple", "cast")
    # A type alias, or the table of names that a module lends out.
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and isinstance(node.targets[0], ast.Name)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    if _skipped(node):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child)


def _changes(tree: ast.AST, source: str, place) -> Iterator[tuple[int, int, str]]:  # type: ignore[no-untyped-def]
    def span(node: ast.AST) -> tuple[int, int]:
        return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def between(a: ast.AST, b: ast.AST, text: str) -> tuple[int, int]:
        at = source.index(text, span(a)[1], span(b)[0])
        return at, at + len(text)

    for node in _nodes(tree):
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            old, new = OPERATORS[type(node.op)]
            yield *between(node.left, node.right, old), new
        elif isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
            old, new = OPERATORS[type(node.op)]
            yield *between(node.target, node.value, old + "="), new + "="
            yield *span(node), "pass"
        elif isinstance(node, ast.Compare):
            for a, b, op in zip([node.left, *node.comparators], node.comparators, node.ops, strict=False):
                if type(op) in COMPARISONS:
                    old, news = COMPARISONS[type(op)]
                    for new in news:
                        yield *between(a, b, old), new
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for a, b in zip(node.values, node.values[1:], strict=False):
                yield *between(a, b, old), new
        elif isinstance(node, ast.UnaryOp):
            at, length = span(node)[0], 4 if isinstance(node.op, ast.Not) else 1
            if isinstance(node.op, ast.USub | ast.Not | ast.Invert):
                yield at, at + length, ""
        elif isinstance(node, ast.Constant):
            yield from ((*span(node), new) for new in _numbers(node.value))
        elif isinstance(node, ast.IfExp | ast.If):
            start, stop = span(node.test)
            yield start, stop, f"not ({source[start:stop]})"
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in TWINS:
                stop = span(node.func)[1]
                yield stop - len(name), stop, TWINS[name]
        elif isinstance(node, ast.Subscript):
            for index in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
                if isinstance(index, ast.Name) and INDEX.fullmatch(index.id):
                    yield *span(index), f"{index.id} - 1"
                elif isinstance(index, ast.Slice):
                    for bound in (index.lower, index.upper):
                        if bound is not None and not isinstance(bound, ast.Constant):
                            yield span(bound)[1], span(bound)[1], " + 1"


def _numbers(value: object) -> list[str]:
    if isinstance(value, bool):
        return [str(not value)]
    if isinstance(value, int):
        return {0: ["1"], 1: ["0", "2"]}.get(value, [str(value + 1), str(value - 1)])
    if isinstance(value, float):
        return {0.0: ["1.0"], 1.0: ["0.0", "2.0"]}.get(value, [repr(2 * value)])
    return []
