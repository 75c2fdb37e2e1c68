"""Public names say what they take, give and raise; cells and rules say where they come from.

The sources are read, not imported, so that this costs no heavy import. Rules, for every public name of the four rooms:

- modules, classes, functions, methods and properties have a docstring;
- ``Parameters`` lists the arguments of the signature, in order; a method may instead be one that a base class
  documents with the same arguments, or say "As `Class.method`" of one that is documented with these arguments;
- ``Parameters`` or ``Attributes`` lists every field of a model, and only fields; of other classes with fields, if they
  have such a section;
- ``Raises`` names the errors of the package that the body raises;
- what returns arrays states a shape;
- cells and rules have ``References`` with a DOI.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ARRAY = re.compile(r"\b(NDArray|ndarray|Tensor|\w*Array)\b")
ELSEWHERE = re.compile(r"\b[Aa]s `(\w+)\.(\w+)`")
TAG = "kind"  # names the class in a file; users of Python never write it
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Sources:
    """All modules of the rooms, with their classes by name."""

    modules: dict[str, ast.Module]
    classes: dict[str, list[tuple[str, ast.ClassDef]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, tree in self.modules.items():
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    self.classes.setdefault(node.name, []).append((name, node))

    def find(self, name: str, near: str) -> tuple[str, ast.ClassDef] | None:
        """Class of a name, from the module itself if it has one."""
        known = self.classes.get(name, [])
        return next((found for found in known if found[0] == near), known[0] if known else None)

    def ancestry(self, module: str, node: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
        """Yield the class and its bases in the rooms, nearest first."""
        yield module, node
        for name in base_names(node):
            found = self.find(name, module)
            if found and found[1] is not node:
                yield from self.ancestry(*found)

    def descends(self, module: str, node: ast.ClassDef, base: str) -> bool:
        """Tell whether a class has a base of that name, however far up."""
        return any(base in base_names(cls) for _, cls in self.ancestry(module, node))


def base_names(node: ast.ClassDef) -> list[str]:
    """Last parts of the names of the bases, without type arguments."""
    plain = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return [ast.unparse(base).rsplit(".", 1)[-1] for base in plain]


def sections(doc: str) -> dict[str, str]:
    """Numpydoc sections of a docstring; the text before the first is under the empty name."""
    lines = doc.splitlines()
    found: dict[str, list[str]] = {"": []}
    current, i = "", 0
    while i < len(lines):
        if i + 1 < len(lines) and lines[i].strip() and re.fullmatch(r"-{3,}", lines[i + 1].strip()):
            current = lines[i].strip()
            found[current] = []
            i += 2
        else:
            found[current].append(lines[i])
            i += 1
    return {name: "\n".join(text) for name, text in found.items()}


def entries(section: str) -> list[str]:
    """Names that a ``Parameters`` section documents, in order; ``a, b : float`` gives two."""
    heads = [line for line in section.splitlines() if line and not line[0].isspace()]
    return [name.strip().lstrip("*") for head in heads for name in head.split(" : ")[0].split(",")]


def arguments(function: Function) -> list[str]:
    """Public arguments of a signature, without self."""
    a = function.args
    star, stars = [a.vararg] if a.vararg else [], [a.kwarg] if a.kwarg else []
    names = [arg.arg for arg in [*a.posonlyargs, *a.args, *star, *a.kwonlyargs, *stars]]
    return [name for name in names if name not in {"self", "cls"} and not name.startswith("_")]


def decorators(node: Function) -> set[str]:
    """Last parts of the names of the decorators."""
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return {ast.unparse(d).rsplit(".", 1)[-1] for d in called}


def raised(function: Function) -> set[str]:
    """Names of what the body itself raises, nested functions aside."""
    found, todo = set(), list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            what = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found.add(ast.unparse(what).rsplit(".", 1)[-1])
        todo.extend(ast.iter_child_nodes(node))
    return found


def own_fields(node: ast.ClassDef) -> list[str]:
    """Public annotated names in the body of a class."""
    declared = [
        s
        for s in node.body
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name) and "ClassVar" not in ast.unparse(s.annotation)
    ]
    names = [s.target.id for s in declared if isinstance(s.target, ast.Name)]
    return [name for name in names if not name.startswith("_") and name not in {TAG, "model_config"}]


def methods(node: ast.ClassDef) -> dict[str, Function]:
    """Public methods of a class."""
    return {m.name: m for m in node.body if isinstance(m, Function) and not m.name.startswith("_")}


def function_problems(sources: Sources, module: str, node: Function, owner: ast.ClassDef | None) -> Iterator[str]:
    """Yield what the docstring of a function or method lacks."""
    marks = decorators(node)
    if marks & {"overload", "setter", "deleter"}:
        return
    doc = ast.get_docstring(node)
    if doc is None:
        yield "has no docstring"
        return
    wanted, found = arguments(node), sections(doc)
    listed = entries(found.get("Parameters", ""))
    if listed != wanted and (listed or not documented_elsewhere(sources, module, node, owner, found[""], wanted)):
        yield f"Parameters list {listed}, the signature has {wanted}"
    errors = {
        name for name in raised(node) if any(where == "snn.errors" or name.endswith("Error") for where, _ in sources.classes.get(name, []))
    }
    for name in sorted(errors):
        if name not in found.get("Raises", "").split():
            yield f"raises {name}, which Raises does not name"
    returns = ast.unparse(node.returns) if node.returns else ""
    place = doc if marks & {"property", "cached_property"} or not wanted else found.get("Returns", "") + found.get("Yields", "")
    if ARRAY.search(returns) and "shape" not in place and "Parameters" in found:
        yield f"returns {returns} and states no shape"


def documented_elsewhere(sources: Sources, module: str, node: Function, owner: ast.ClassDef | None, text: str, wanted: list[str]) -> bool:
    """Tell whether a base class, or the method that the text points to, documents these arguments."""
    candidates = [methods(cls).get(node.name) for _, cls in sources.ancestry(module, owner)][1:] if owner else []
    for cls_name, method in ELSEWHERE.findall(" ".join(text.split())):
        found = sources.find(cls_name, module)
        candidates.append(methods(found[1]).get(method) if found else None)
    docs = [sections(ast.get_docstring(c) or "") for c in candidates if c is not None and arguments(c) == wanted]
    return any(entries(doc.get("Parameters", "")) == wanted for doc in docs)


def class_problems(sources: Sources, module: str, node: ast.ClassDef) -> Iterator[str]:
    """Yield what the docstring of a class lacks."""
    doc = ast.get_docstring(node)
    if doc is None:
        yield "has no docstring"
        return
    found = sections(doc)
    line = list(sources.ancestry(module, node))
    fields = list(dict.fromkeys(name for _, cls in reversed(line) for name in own_fields(cls)))
    listed = entries(found.get("Parameters", "")) + entries(found.get("Attributes", ""))
    model = any({"Described", "BaseModel"} & set(base_names(cls)) for _, cls in line)
    if fields and (model or listed):
        for name in sorted(set(fields) - set(listed)):
            yield f"field {name} is not documented"
        for name in sorted(set(listed) - set(fields) - set(properties(line))):
            yield f"documents {name}, which is not a field"
    init = next((s for s in node.body if isinstance(s, Function) and s.name == "__init__"), None)
    if init is not None and listed != arguments(init):
        yield f"Parameters list {listed}, the signature has {arguments(init)}"
    sourced = module == "snn.cells" or (module.startswith("plasticity.") and sources.descends(module, node, "Rule"))
    if sourced and "doi.org/10." not in found.get("References", "").lower():
        yield "has no References with a DOI"


def properties(line: list[tuple[str, ast.ClassDef]]) -> Iterator[str]:
    """Yield the names of the properties of a class and its bases."""
    for _, cls in line:
        yield from (name for name, m in methods(cls).items() if decorators(m) & {"property", "cached_property"})


def problems(sources: Sources) -> list[str]:
    """List everything that the docstrings of the public names lack."""
    found = []
    for module, tree in sources.modules.items():
        if any(part.startswith("_") for part in module.split(".")):
            continue
        if ast.get_docstring(tree) is None:
            found.append(f"{module}: has no docstring")
        for node in tree.body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            where = f"{module}.{node.name}"
            if isinstance(node, ast.ClassDef):
                found += [f"{where}: {text}" for text in class_problems(sources, module, node)]
                for m in (s for s in node.body if isinstance(s, Function) and not s.name.startswith("_")):
                    found += [f"{where}.{m.name}: {text}" for text in function_problems(sources, module, m, node)]
            else:
                found += [f"{where}: {text}" for text in function_problems(sources, module, node, None)]
    return found


def read(root: Path, files: list[Path]) -> Sources:
    """Parse modules, named by their paths."""
    parsed = {}
    for path in files:
        parts = path.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        parsed[name] = ast.parse((root / path).read_text(encoding="utf-8"))
    return Sources(parsed)


def test_public_names_are_documented(root: Path, project_files: list[Path], rooms: tuple[str, ...]) -> None:
    sources = read(root, [path for path in project_files if path.suffix == ".py" and path.parts[0] in rooms])
    assert len(sources.modules) > 10
    assert problems(sources) == []


ERRORS = '"""Errors."""\n\nclass BadError(Exception):\n    """Bad."""\n'

GOOD = '''"""Cells."""

class Cell(Described):
    """A cell.

    Parameters
    ----------
    tau_ms, v_mV : float
        Two numbers.

    References
    ----------
    Someone (2000), https://doi.org/10.1000/1.
    """

    kind: str = "cell"
    tau_ms: float
    v_mV: float

    def run(self, steps: int, *names: str, seed: int) -> FloatArray:
        """Run.

        Parameters
        ----------
        steps : int
        *names : str
        seed : int

        Returns
        -------
        ndarray, shape (steps,)

        Raises
        ------
        BadError
            If it is bad.
        """
        raise BadError("bad")


class Copy(Cell):
    """A copy.

    Parameters
    ----------
    tau_ms, v_mV
        As in `Cell`.

    References
    ----------
    Someone (2000), https://doi.org/10.1000/1.
    """

    def run(self, steps: int, *names: str, seed: int) -> FloatArray:
        """Run as the base does."""
'''

OFFENCES = [
    ('"""Cells."""', "", "snn.cells: has no docstring"),
    ("    tau_ms, v_mV : float", "    tau_ms : float", "snn.cells.Cell: field v_mV is not documented"),
    ("    tau_ms, v_mV : float", "    tau_ms, v_mV, w : float", "snn.cells.Cell: documents w, which is not a field"),
    ("        seed : int\n", "", "snn.cells.Cell.run: Parameters list ['steps', 'names'], the signature has ['steps', 'names', 'seed']"),
    ("ndarray, shape (steps,)", "ndarray", "snn.cells.Cell.run: returns FloatArray and states no shape"),
    ("        BadError\n", "        OtherError\n", "snn.cells.Cell.run: raises BadError, which Raises does not name"),
    ('        """Run as the base does."""', "        pass", "snn.cells.Copy.run: has no docstring"),
    ("As in `Cell`.\n\n    References\n    ----------", "As in `Cell`.\n", "snn.cells.Copy: has no References with a DOI"),
]


def test_the_checker_accepts_a_good_module_and_sees_each_offence() -> None:
    def check(source: str) -> list[str]:
        return problems(Sources({"snn.errors": ast.parse(ERRORS), "snn.cells": ast.parse(source)}))

    assert check(GOOD) == []
    for before, after, expected in OFFENCES:
        assert GOOD.count(before) == 1, before
        assert expected in check(GOOD.replace(before, after)), expected
