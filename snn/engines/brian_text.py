"""What the brian engine says to Brian2 of projections: code of deliveries, traces and rules. Text only; Brian2 is not imported.

Voltages, currents and weights are numbers in mV. The numbers of the phases are those of ``conventions.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from snn._rules import terms
from snn.description import MIXED, Population, Projection
from snn.engines.brian_cell_text import CellText, identifier
from snn.engines.brian_release import ReleaseText, release_text
from snn.engines.layout import Layout
from snn.local import BRIAN, PostSum, Rule, Symbol, Trace, Update, render, walk

# The schedule: phases 1 to 4 have slots of their own, phase 5 is the last.
SLOTS = ("start", "groups", "thresholds", "resets", "synapses", "end")
# Order within slot "end".
PRE_SPIKE, PRE_TRACES, PRE_MEANS, POST_SPIKE, OWN_TRACES, FRAME_MEANS, STEP, RECORD = 0, 1000, 1500, 2000, 3000, 4000, 5000, 6000


@dataclass(frozen=True)
class UpdateText:
    """An update of a rule in Brian2's words.

    Attributes
    ----------
    update : Update
    sums : tuple of (str, str)
        Variable of the target for each ``post_sum``, and the code of the synapse that adds to it.
    code : str
        New weight and new variables of a synapse.
    """

    update: Update
    sums: tuple[tuple[str, str], ...]
    code: str


@dataclass(frozen=True)
class TraceText:
    """A trace in Brian2's words.

    Attributes
    ----------
    trace : Trace
    trained, read : str
        Variables that spikes raise and that rules read; they differ for the frame mean of a decaying trace, and for what
        is read a frame later.
    code : str
        What a spike does, written for a synapse onto the cell that has the trace; what a step does, where it follows the potential.
    heard : str
        Variable that it follows, where that is the potential.
    """

    trace: Trace
    trained: str
    read: str
    code: str
    heard: str = ""


@dataclass(frozen=True)
class ProjectionText:
    """A projection in Brian2's words.

    Attributes
    ----------
    name : str
        Of its Synapses.
    projection : Projection
    deliver : str
        What a spike does to the target, phase 4.
    traces : tuple of TraceText
    updates : tuple of UpdateText
    own : dict of str to str
        Variable for each of the synapses' own.
    decay : str
        How those decay, phase 1.
    release : ReleaseText or None
        Short-term plasticity, where there is some.
    """

    name: str
    projection: Projection
    deliver: str
    traces: tuple[TraceText, ...]
    updates: tuple[UpdateText, ...]
    own: dict[str, str] = field(default_factory=dict)
    decay: str = ""
    release: ReleaseText | None = None


def projection_text(j: Projection, number: int, layout: Layout, cells: Mapping[str, CellText], taken: set[str]) -> ProjectionText:
    """Write down a projection, and the variables that its rule needs into the text of its cells.

    Parameters
    ----------
    j : Projection
    number : int
        Its place in the description.
    layout : Layout
    cells : mapping of str to CellText
    taken : set of str
        Names of groups in use.

    Returns
    -------
    ProjectionText
    """
    name = identifier(f"{j.source}_to_{j.target}_{j.receptor}_{j.label}", taken)
    source = layout.network.population(j.source)
    weight = "-w" if source.sign == "inhibitory" else "w"
    release = release_text(j.short_term, number, cells[j.source]) if j.short_term else None
    weight += f"*{release.amount}_pre" if release else ""
    deliver = f"{cells[j.target].receptors[j.receptor]}_post += {weight}"
    if j.rule is None:
        return ProjectionText(name, j, deliver, (), (), release=release)
    traces = tuple(_trace_text(t, number, layout, cells[j.source if t.side == "pre" else j.target]) for t in j.rule.traces())
    variables = {"w", "modulator"}
    own = {s.name: identifier(f"own_{s.name}", variables) for s in j.rule.states()}
    decay = "\n".join(f"{own[s.name]} *= exp(-dt/({s.tau_ms!r}*ms))" for s in j.rule.states() if s.tau_ms)
    updates = _update_texts(j, j.rule, number, traces, own, cells[j.target], source)
    return ProjectionText(name, j, deliver, traces, updates, own, decay, release)


def _trace_text(t: Trace, number: int, layout: Layout, cell: CellText) -> TraceText:
    label = identifier(f"{number}_{t.name}", set()).removeprefix("n_")
    trained = read = f"trace_{label}" if t.tau_ms else f"frame_{label}"
    # Code, not a differential equation: Brian2 needs long to solve many equations of one cell.
    cell.equations.append(f"{trained} : 1  # {t.side}")
    if t.tau_ms and t.follows == "spikes":
        tau = cell.time_constant(f"tau_{trained}", t.tau_ms)
        cell.after.append(f"{trained} *= exp(-dt/{tau})")
    first, share = layout.counted_steps(t)
    gate = "*late" if t.late else ""
    if t.late and cell.late_from is None:
        cell.late_from = first
        cell.equations.append("late : 1  # 1 in the second half of a frame, else 0")
    if t.frame and t.tau_ms:
        read = f"frame_{label}"
        cell.equations.append(f"{read} : 1  # {t.frame} over the frame")
        (cell.source_add if t.side == "pre" else cell.frame_add).append(f"{read} += {share!r}*{trained}{gate}")
    if t.ago:
        # A product, or Brian2 with NumPy takes the one for a second name of the other.
        cell.equations.append(f"ago_{label} : 1  # of the frame before")
        cell.frame_clear.append(f"ago_{label} = 1.0*{read}")
    if t.frame:
        cell.frame_clear.append(f"{read} = 0")
    if t.tau_ms and t.follows == "potential":
        heard = f"heard_{label}" if t.lag_ms else "v"
        if t.lag_ms:
            cell.equations.append(f"{heard} : 1  # v of {t.lag_ms} ms ago")
        decay = layout.trace_decay(t.tau_ms)
        code = f"{trained} = {decay!r}*{trained} + {1.0 - decay!r}*{heard}"
        return TraceText(t, trained, f"ago_{label}" if t.ago else read, code, heard)
    raised = "1.0" if t.tau_ms else f"{share!r}{gate}_post" if gate else repr(share)
    return TraceText(t, trained, f"ago_{label}" if t.ago else read, f"{trained}_post += {raised}")


def _update_texts(
    j: Projection, rule: Rule, number: int, traces: tuple[TraceText, ...], own: Mapping[str, str], target: CellText, source: Population
) -> tuple[UpdateText, ...]:
    sums: dict[int, str] = {}

    def name_of(x: Symbol | PostSum) -> str:
        if isinstance(x, PostSum):
            return f"{sums[id(x)]}_post"
        if x.scope == "w" or x.scope == "modulator":
            return x.scope
        if x.scope == "own":
            return own[x.name]
        if x.scope == "voltage":
            return f"{x.name or 'v'}_post"
        if x.scope == "step":
            return "(dt/ms)"
        if x.scope == "sign":
            return "-1.0" if source.sign == "inhibitory" else "1.0"
        read = next(t.read for t in traces if t.trace.name == x.name)
        return f"{read}_{'pre' if x.scope == 'pre' else 'post'}"

    found = []
    for update in rule.updates():
        reduced = [x for term in terms(update) for x in walk(term) if isinstance(x, PostSum)]
        for x in reduced:
            if id(x) not in sums:
                sums[id(x)] = f"sum_{number}_{len(sums)}"
                target.equations.append(f"{sums[id(x)]} : 1  # over the synapses of a cell")
        adding = {sums[id(x)]: f"{sums[id(x)]}_post += {render(x.a, name_of, BRIAN)}" for x in reduced}
        # All terms are computed before anything changes; the products make copies of them.
        new = {own[name]: f"_new_{own[name]} = 1.0*{render(term, name_of, BRIAN)}" for name, term in update.own.items()}
        lines = list(new.values())
        if update.weight is not None:
            weight, upper = render(update.weight, name_of, BRIAN), "inf" if j.w_max_mV is None else repr(j.w_max_mV)
            lines.append(f"w = {weight}" if source.sign == MIXED else f"w = clip({weight}, 0, {upper})")
        code = "\n".join((*lines, *(f"{name} = _new_{name}" for name in new)))
        found.append(UpdateText(update, tuple(adding.items()), code))
    return tuple(found)


def describe(cells: Mapping[str, CellText], projections: list[ProjectionText], layout: Layout) -> str:
    """Print the whole network for a reader.

    Parameters
    ----------
    cells : mapping of str to CellText
        By name of the population.
    projections : list of ProjectionText
    layout : Layout

    Returns
    -------
    str
    """
    lines = [f"Brian2, one step = {layout.dt_ms} ms, slots {', '.join(SLOTS)}; numbers in mV", ""]
    for name, c in cells.items():
        lines += [f"population {name}: {layout.network.population(name).n} cells", *(f"    {x}" for x in c.equations)]
        lines += [f"    {key} = {value} ms" for key, value in c.constants.items()]
        code = (("hold", c.hold), ("before", c.before), ("after", c.after), ("threshold", [c.threshold]), ("reset", c.reset.splitlines()))
        frames = (("each step", [*c.source_add, *c.frame_add]), ("each frame", c.frame_clear))
        lines += [f"    {when}: {'; '.join(said)}" for when, said in (*code, *frames) if said]
        lines.append("")
    for text in projections:
        j = text.projection
        lines += [f"projection {j.name}: delay {j.delay_ms} ms", f"    on_pre: {text.deliver}"]
        if text.release is not None:
            lines += [f"    of the source: {line}" for line in text.release.model.splitlines()]
            lines += [f"    pre spike, before delivery: {line}" for line in text.release.on_pre.splitlines()]
        lines += [f"    {t.trace.side} spike: {t.code}" for t in text.traces]
        lines += [f"    each step: {line}" for line in text.decay.splitlines()]
        for u in text.updates:
            lines += [f"    {u.update.when}: {code}" for code in (*(s for _, s in u.sums), *u.code.splitlines())]
        lines.append("")
    return "\n".join(lines)
