"""Rules in the event engine: compiled functions, how each rule is run, and the loop over the steps that calls them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from snn.description import MIXED, Network, Projection
from snn.engines import event_arrays
from snn.engines.event_advance import begin_step
from snn.engines.event_kernels import arrivals, deliver, segments
from snn.engines.event_lazy import end_step, next_snapshot
from snn.engines.event_plan import Lazy, lazy_form
from snn.engines.event_text import Program, program
from snn.engines.event_traces import decay_own, decay_traces, raise_traces

SCOPE: dict[str, Any] = {
    **{name: value for name, value in vars(event_arrays).items() if name.isupper()},
    "np": np,
    "exp": np.exp,
    "arrivals": arrivals,
    "segments": segments,
    "decay_traces": decay_traces,
    "raise_traces": raise_traces,
    "next_snapshot": next_snapshot,
    "end_step": end_step,
}


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
    def functions(self) -> tuple[Any, Any]:
        """What runs in every step, and at the end of a frame."""
        return _compiled(tuple(self.program.functions.items()))

    @property
    def walks_targets(self) -> bool:
        """Whether it visits the synapses of a cell that spikes."""
        return "post_spike0" in self.program.functions

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
    text = program(j.rule, shared=shared, lazy=lazy)
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


def _define(text: str, scope: dict[str, Any], name: str) -> Any:
    """Compile one function; its text is made of a closed set of terms only."""
    label = hashlib.sha256(text.encode()).hexdigest()[:12]
    exec(compile(text, f"<rule {label}>", "exec"), scope)
    return njit(error_model="numpy")(scope[name])


@cache
def _compiled(functions: tuple[tuple[str, str], ...]) -> tuple[Any, Any]:
    scope = dict(SCOPE)
    for name, text in functions:
        scope[name] = _define(text, scope, name)
    return scope["learn"], scope["frame_end"]


@cache
def advance_with(rules: tuple[Any, ...]) -> Any:
    """Make the loop over the steps of a frame, with rules that act within it; else as `event_advance.advance`.

    Parameters
    ----------
    rules : tuple of compiled functions
        ``learn`` of every kind of rule in the network.

    Returns
    -------
    compiled function
    """
    scope = {**SCOPE, "begin_step": begin_step, "deliver": deliver, "decay_own": decay_own}
    scope |= {f"learn{k}": rule for k, rule in enumerate(rules)}
    calls = [f"   {'el' if k else ''}if kernel == {k}:\n    learn{k}(n, s, act, modulator, q, o, c, t, x)" for k in range(len(rules))]
    lines = [
        "def advance(n0, steps, act, modulator, raster_start, raster_cells, thresholds, t, x, spike_steps, spike_cells):",
        " listed = 0",
        " for s in range(steps):",
        "  n = n0 + s",
        "  listed = begin_step(n, s, listed, raster_start, raster_cells, thresholds, t, x, spike_steps, spike_cells)",
        "  decay_own(t, x)",
        "  at = 0",
        "  for r in range(len(t.rule)):",
        "   q, kernel = t.rule[r, R_PROJECTION], t.rule[r, R_KERNEL]",
        "   o, c = t.offset[t.rule[r, R_OFFSETS] :], t.constant[t.rule[r, R_CONSTANTS] :]",
        "   deliver(n, at, q if t.rule[r, R_DELIVERS] else q + 1, t, x)",
        "   at = q + 1",
        *calls,
        "  deliver(n, at, len(t.projection), t, x)",
        "  decay_traces(0, t.common[0], t, x)",
        "  raise_traces(n, s, 0, t.common[0], True, True, t, x)",
        " return listed",
    ]
    return _define("\n".join(lines), scope, "advance")
