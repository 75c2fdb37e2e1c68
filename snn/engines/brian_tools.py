"""Tools that the brian engine needs of Brian2: silence, compiling once, an integrator, code in a slot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brian2
import numpy as np
from brian2 import Network as BrianNetwork
from brian2.groups.group import CodeRunner
from brian2.parsing.sympytools import str_to_sympy
from brian2.utils.logger import catch_logs
from scipy.linalg import expm


@contextmanager
def quiet(target: str) -> Iterator[None]:
    """Let Brian2 compile for a target, without its remarks, and leave its preferences as they were.

    Parameters
    ----------
    target : {'numpy', 'cython'}

    Yields
    ------
    None
    """
    before = brian2.prefs["codegen.target"]
    brian2.prefs["codegen.target"] = target
    try:
        with catch_logs():
            yield
    finally:
        brian2.prefs["codegen.target"] = before


class OnceCompiled(BrianNetwork):  # type: ignore[misc]
    """A Brian2 network that compiles its code at the first run only; Brian2's own compiles it anew for each run."""

    compiled = False

    def before_run(self, run_namespace: Any) -> None:
        """Prepare all objects, once.

        Parameters
        ----------
        run_namespace : mapping
            Names that objects do not define themselves.
        """
        if not self.compiled:
            super().before_run(run_namespace)
            self.compiled = True


def matrix_exponential(equations: Any, variables: Any, method_options: Any = None) -> str:
    """Integrate linear equations exactly, by the exponential of their matrix of numbers: a Brian2 ``method``.

    Brian2's ``exact`` refuses a membrane without a leak (its matrix is singular), and is inexact where two time
    constants are nearly equal.

    Parameters
    ----------
    equations : brian2.Equations
    variables : mapping of str to Variable
    method_options : mapping, optional
        Unused.

    Returns
    -------
    str
        Code of one step.
    """
    moving = [(name, str_to_sympy(e.code, variables)) for name, e in equations.get_substituted_expressions(variables)]
    names = [name for name, _ in moving]
    # Currents that stay and the external one are constant within a step.
    names += sorted({s.name for _, e in moving for s in e.free_symbols if not variables[s.name].scalar} - set(names))
    matrix = np.zeros((len(names), len(names)))
    for row, (_, e) in enumerate(moving):
        constants = {s: float(variables[s.name].get_value()) for s in e.free_symbols if s.name not in names}
        for s in e.free_symbols:
            if s.name in names:
                matrix[row, names.index(s.name)] = float(e.diff(s).subs(constants))
    step = expm(matrix * float(variables["dt"].get_value().item()))
    lines = [
        f"_{name} = " + " + ".join(f"({f!r})*{x}" for f, x in zip(row.tolist(), names, strict=True) if f)
        for (name, _), row in zip(moving, step, strict=False)
    ]
    return "\n".join((*lines, *(f"{name} = _{name}" for name, _ in moving)))


def runner(group: Any, code: str, when: str, order: int, clock: Any) -> Any:
    """Make Brian2 run code on a group in every step, or in every frame, of the network to which it is added.

    Parameters
    ----------
    group : brian2.NeuronGroup or brian2.Synapses
    code : str
    when : str
        Slot.
    order : int
        Order in the slot.
    clock : brian2.Clock

    Returns
    -------
    brian2 CodeRunner
    """
    return CodeRunner(group, "stateupdate", code=code, name=f"{group.name}_{when}*", clock=clock, when=when, order=order)
