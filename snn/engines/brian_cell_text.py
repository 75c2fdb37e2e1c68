"""What the brian engine says to Brian2 of a population: equations, conditions and code. Text only; Brian2 is not imported.

Voltages and currents are numbers in mV. The numbers of the phases are those of ``conventions.md``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from snn.cells import IF, LIF, AdaptiveLIF, AdEx, TwoCompartment
from snn.description import Population
from snn.engines.layout import Layout, REST_BELOW_mV
from snn.engines.upswing import MOST_UPSWING


def identifier(text: str, taken: set[str]) -> str:
    """Make a name that Brian2 accepts, and take it.

    Parameters
    ----------
    text : str
        Any name.
    taken : set of str
        Names in use; the new one is added.

    Returns
    -------
    str
    """
    clean = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    if not re.match(r"[A-Za-z]", clean):
        clean = f"n_{clean}"
    # Brian2 keeps these endings for the two sides of a synapse.
    if clean.endswith(("_pre", "_post")):
        clean += "_"
    name, k = clean, 1
    while name in taken:
        name, k = f"{clean}_{k}", k + 1
    taken.add(name)
    return name


@dataclass
class CellText:
    """A population in Brian2's words.

    Attributes
    ----------
    name : str
        Of its NeuronGroup.
    equations : list of str
        Its model.
    constants : dict of str to float
        Time constants in ms that the equations name.
    receptors : dict of str to str
        Variable of each receptor.
    threshold, reset : str
        Phases 2 and 3.
    hold, before, after : list of str
        Code around the integration, phase 1. ``hold`` runs by itself: in one piece of code, Brian2 with NumPy takes
        ``kept = v`` for a second name of ``v``, not for a copy.
    source_add, frame_add, frame_clear : list of str
        Code for the frame means: of traces of source cells, of others, and at the end of a frame.
    refractory_steps : int
    late_from : int or None
        First step of a frame that late traces count, where there are any.
    leaky : bool
    """

    name: str
    equations: list[str] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    receptors: dict[str, str] = field(default_factory=dict)
    threshold: str = "sends"
    reset: str = ""
    hold: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    source_add: list[str] = field(default_factory=list)
    frame_add: list[str] = field(default_factory=list)
    frame_clear: list[str] = field(default_factory=list)
    refractory_steps: int = 0
    late_from: int | None = None
    leaky: bool = True

    def time_constant(self, name: str, value_ms: float) -> str:
        """Name a time constant; equal ones share a name, so that Brian2 finds the limit for equal constants.

        Parameters
        ----------
        name : str
            Name if it is a new one.
        value_ms : float

        Returns
        -------
        str
        """
        known = {value: key for key, value in self.constants.items()}
        if value_ms not in known:
            self.constants[name] = value_ms
        return known.get(value_ms, name)


def cell_text(p: Population, layout: Layout, taken: set[str]) -> CellText:
    """Write down a population.

    Parameters
    ----------
    p : Population
        A spiking one.
    layout : Layout
    taken : set of str
        Names of groups in use.

    Returns
    -------
    CellText
    """
    text = CellText(identifier(p.name, taken))
    cell = p.cell
    if not isinstance(cell, IF | LIF | AdaptiveLIF | AdEx | TwoCompartment):
        text.equations.append("sends : boolean  # the raster")
        return text
    text.leaky = not isinstance(cell, IF)
    text.time_constant("tau_mem", cell.tau_mem_ms)
    variables = set("v a dendrite I theta left kept driven rested upswing began peaked after risen stood t dt i N".split())
    openings: dict[str, str] = {}
    text.receptors = {r.name: identifier(f"g_{r.name}", variables) for r in p.receptors}
    for r in p.receptors:
        if r.gate or r.shunt:
            opening = identifier(f"open_{r.name}", variables)
            gate = f"clip({text.receptors[r.gate]}, 0, inf)" if r.gate else "1"
            shunt = f"/(1 + clip(-{text.receptors[r.shunt]}, 0, inf))" if r.shunt else ""
            text.equations.append(f"{opening} : 1  # of the branch, as the step found it")
            text.before.append(f"{opening} = clip({gate}{shunt}, 0, 1)")
            openings[r.name] = opening
    terms = [
        text.receptors[r.name] + (f"*{openings[r.name]}" if r.name in openings else "")
        for r in p.receptors
        if r.kinetics not in ("pulse", "gate") and r.compartment == "soma"
    ] + ["I"]
    terms += ["upswing", *(["after"] if cell.afterpotential_mV else [])] if isinstance(cell, AdEx) else []
    losses = ["v"] * text.leaky + ["a"] * isinstance(cell, AdaptiveLIF | AdEx)
    text.equations.append(f"dv/dt = ({' + '.join(terms)}{''.join(f' - {x}' for x in losses)})/tau_mem : 1")
    if isinstance(cell, TwoCompartment):
        _dendrite(cell, p, text, terms)
    text.equations += ["I : 1  # external current", "theta : 1  # threshold"]
    for r in p.receptors:
        g = text.receptors[r.name]
        tau = text.time_constant(f"tau_{g}", r.tau_ms) if r.tau_ms else ""
        text.equations.append(f"d{g}/dt = -{g}/{tau} : 1" if tau else f"{g} : 1  # {r.kinetics}")
    if isinstance(cell, AdEx):
        _upswing(cell, text, layout)
    text.refractory_steps = round(cell.t_ref_ms / layout.dt_ms)
    text.threshold = "v >= theta"
    if text.refractory_steps:
        text.equations.append("left : 1  # refractory steps left")
        text.hold.append("left = clip(left - 1, 0, inf)")
        text.threshold += " and left <= 0"
    if text.refractory_steps and not p.dendritic:
        text.equations.append("kept : 1  # v before the step")
        text.hold.append("kept = 1.0*v")
        text.after.append("v = int(left > 0)*kept + int(left <= 0)*v")
    if isinstance(cell, IF) and cell.tau_rest_ms is not None:
        rest = text.time_constant("tau_rest", cell.tau_rest_ms)
        text.equations += ["rested : 1  # v after a step of return to rest", "driven : boolean  # a current above 0"]
        pulses = "".join(f" + {text.receptors[r.name]}" for r in p.receptors if r.kinetics == "pulse")
        text.hold += [f"driven = ({' + '.join(terms)}) > {REST_BELOW_mV!r}", f"rested = (v{pulses})*exp(-dt/{rest})"]
        text.after.append("v = int(driven)*v + int(not driven)*rested")
    for r in p.receptors:
        if r.kinetics == "pulse":
            moved = "dendrite" if r.compartment == "dendrite" else "v"
            text.before += [f"{moved} += {text.receptors[r.name]}", f"{text.receptors[r.name]} = 0"]
    if cell.v_floor_mV is not None:
        text.after.append(f"v = clip(v, {cell.v_floor_mV!r}, inf)")
    resets = [f"v -= {cell.reset_by_mV!r}" if cell.reset_by_mV is not None else f"v = {cell.v_reset_mV!r}"]
    if isinstance(cell, AdEx) and (steps := round(cell.peak_ms / layout.dt_ms)):
        resets[0] = f"v = {cell.peak_mV!r}"
        resets.append(f"peaked = {steps}")
    if isinstance(cell, AdEx):
        resets += [f"{x} = {size!r}" for x, size in (("after", cell.afterpotential_mV), ("risen", cell.onset_jump_mV)) if size]
    if isinstance(cell, AdaptiveLIF | AdEx) or (isinstance(cell, TwoCompartment) and cell.adaptation_mV):
        tau = text.time_constant("tau_adaptation", cell.tau_adaptation_ms) if cell.tau_adaptation_ms else ""
        text.equations.append(f"da/dt = -a/{tau} : 1" if tau else "a : 1  # adaptation")
        resets.append(f"a += {cell.adaptation_mV!r}")
    if text.refractory_steps:
        resets.append(f"left = {text.refractory_steps}")
    text.reset = "\n".join(resets)
    return text


def _upswing(cell: AdEx, text: CellText, layout: Layout) -> None:
    """Write what begins with the step: the upswing, the coupling of adaptation, and the end of a peak."""
    text.equations += ["upswing : 1  # as the step began", "began : 1  # v as the step began"]
    if cell.peak_ms:
        text.equations.append("peaked : 1  # steps of the peak left")
        ends = f"int(peaked == 1)*{cell.v_reset_mV!r} + int(peaked != 1)*v"
        text.hold += [f"v = {ends}", "peaked = clip(peaked - 1, 0, inf)"]
    if cell.afterpotential_mV:
        text.equations.append(f"dafter/dt = -after/{text.time_constant('tau_after', cell.tau_afterpotential_ms)} : 1")
    if cell.onset_jump_mV:
        text.equations.append(f"drisen/dt = -risen/{text.time_constant('tau_risen', cell.tau_onset_ms)} : 1  # of the onset")
    onset = f"{cell.v_onset_mV!r}" + (" - risen" if cell.onset_jump_mV else "")
    exponent = f"clip((v - {onset})/{cell.sharpness_mV!r}, -inf, {MOST_UPSWING!r})"
    text.hold += [f"upswing = {cell.sharpness_mV!r}*exp({exponent})", "began = 1.0*v"]
    share = cell.coupling * -math.expm1(-layout.dt_ms / cell.tau_adaptation_ms)
    text.after.append(f"a += {share!r}*began")
    if cell.peak_ms:
        text.equations.append("stood : 1  # a as the step began")
        text.hold.append("stood = 1.0*a")
        text.after.append("a = int(peaked > 0)*stood + int(peaked <= 0)*a")


def _dendrite(cell: TwoCompartment, p: Population, text: CellText, terms: list[str]) -> None:
    """Write the two coupled equations in place of the one."""
    tau = text.time_constant("tau_dend", cell.tau_dend_ms)
    own = [text.receptors[r.name] for r in p.receptors if r.kinetics != "pulse" and r.compartment == "dendrite"]
    drive, leak, adapted = " + ".join(terms), repr(1.0 + cell.nudge), " - a" if cell.adaptation_mV else ""
    text.equations[-1] = f"dv/dt = ({drive} - {leak}*v + {cell.coupling!r}*(dendrite - v){adapted})/tau_mem : 1"
    flows = "".join(f" + {g}" for g in own)
    text.equations.append(f"ddendrite/dt = (-dendrite + {cell.back_coupling!r}*(v - dendrite){flows})/{tau} : 1")
