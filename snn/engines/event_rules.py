"""Rules in the event engine: how each is run, and its compiled functions."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import cfunc, config, types
from numba.core.errors import NumbaExperimentalFeatureWarning

from snn.description import MIXED, Network, Projection
from snn.engines import event_arrays
from snn.engines.event_arrays import RuleView
from snn.engines.event_kernels import segments
from snn.engines.event_plan import Lazy, lazy_form
from snn.engines.event_terms import Program
from snn.engines.event_text import program

SCOPE: dict[str, Any] = {
    **{name: value for name, value in vars(event_arrays).items() if name.isupper()},
    "np": np,
    "exp": np.exp,
    "segments": segments,
}
N_RULES = 12
"""Functions are handed over in tuples whose length is a multiple of it: for each length the loop is compiled anew."""


@dataclass(frozen=True)
class Compiled:
    """How a projection learns.

    Attributes
    ----------
    program : Program
        Its text, and the numbers that it asks for.
    lazy : Lazy or None
        Its form, where updates wait.
    reason : str
        Where they do not, why.
    within : bool
        Whether it does anything within a frame.
    at_end : bool
        Whether it does anything at the end of a frame.
    """

    program: Program
    lazy: Lazy | None
    reason: str
    within: bool
    at_end: bool

    @property
    def walks_targets(self) -> bool:
        """Whether it visits the synapses of a cell that spikes."""
        return self.lazy is None and "post_spike" in self.program.functions

    def __str__(self) -> str:
        end = "at the end of each frame" if self.at_end else ""
        if not self.within:
            return f"frame end: {end}"
        then = f"; and {end}" if end else ""
        if self.lazy:
            return f"lazy: what spikes of the target do waits for the next arrival{then}"
        return f"eager: {self.reason}{then}"


def compiled(network: Network, j: Projection) -> Compiled:
    """Say how a projection learns, and write its rule down; nothing is compiled before it is needed.

    Parameters
    ----------
    network : Network
    j : Projection
        With a rule.

    Returns
    -------
    Compiled
    """
    assert j.rule is not None
    shared, events = j.topology.kind == "shared", {u.when for u in j.rule.updates()}
    found = lazy_form(j.rule, shared=shared, sign=-1.0 if network.population(j.source).sign == "inhibitory" else 1.0)
    lazy = found if isinstance(found, Lazy) else None
    text = program(j.rule, shared=shared, lazy=lazy, short=j.short_term is not None)
    return Compiled(text, lazy, "" if lazy else str(found), bool(events - {"frame_end"}), "frame_end" in events)


def weight_bounds(network: Network, j: Projection) -> tuple[float, float]:
    """Least and greatest weight of a projection.

    Parameters
    ----------
    network : Network
    j : Projection

    Returns
    -------
    (float, float)
        In mV.
    """
    if network.population(j.source).sign == MIXED:
        return -np.inf, np.inf
    return 0.0, np.inf if j.w_max_mV is None else j.w_max_mV


@cache
def function(text: str, precision: str) -> Any:
    """Compile what a rule does at an event; its text is made of a closed set of terms only.

    Parameters
    ----------
    text : str
    precision : {'float64', 'float32'}

    Returns
    -------
    CFunc
        To be handed to `event_advance.advance_rules`.
    """
    scope = dict(SCOPE)
    exec(compile(text, f"<rule {hashlib.sha256(text.encode()).hexdigest()[:12]}>", "exec"), scope)
    if getattr(config, "DISABLE_JIT", False):
        return scope["run"]
    with quiet():
        return cfunc(_signature(precision), error_model="numpy")(scope["run"])


def _signature(precision: str) -> Any:
    number = types.float64 if precision == "float64" else types.float32
    kinds = {"own_scale": types.float64, "post_pre": types.uint32, "post_place": types.uint32}
    whole = {"lazy_row", "segment", "pair_start", "pair_post", "post_start"}
    fields = [kinds.get(name, types.int64 if name in whole else number) for name in RuleView._fields]
    arrays = [types.Array(kind, 2 if name == "segment" else 1, "C") for name, kind in zip(RuleView._fields, fields, strict=True)]
    view = types.NamedTuple(arrays, RuleView)
    whole_numbers, numbers = types.Array(types.int64, 1, "C"), types.Array(number, 1, "C")
    cells, law = types.Array(types.int32, 1, "C"), types.Array(types.float64, 1, "C")
    return types.void(cells, types.int64, types.float64, number, whole_numbers, whole_numbers, numbers, whole_numbers, law, view)


def padded(functions: list[Any]) -> tuple[Any, ...]:
    """Repeat the first of some functions until their number is a multiple of `N_RULES`.

    Parameters
    ----------
    functions : list of CFunc

    Returns
    -------
    tuple of CFunc
    """
    return (*functions, *(functions[0] for _ in range(-len(functions) % N_RULES)))


@contextmanager
def quiet() -> Iterator[None]:
    """Hand functions to compiled code without numba's remark that it can do so since not long ago.

    Yields
    ------
    None
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        yield
