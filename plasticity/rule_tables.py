"""The tables of docs/rules.md: what each rule needs, how each engine runs it, and what it costs, told from the rules themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plasticity.catalogue import CATALOGUE, RuleEntry
from snn._rules import symbols, terms
from snn.cells import LIF
from snn.description import Network
from snn.engines import ENGINES, engine
from snn.engines.event import EventEngine
from snn.local import PostSum, Rule, THIS_STEP_ms, Trace, walk
from snn.testing.rules import cell_for, small_network
from snn.topology import Dense, SharedKernel, Topology

__all__ = ["Paper", "acts", "filled", "papers", "tables"]

WHEN = {"pre_spike": "arrivals", "post_spike": "spikes of the target", "step": "every step", "frame_end": "end of frame"}
SIDES = {"pre": "source", "post": "target"}
_NAME = r"(?:(?:van|von|de) )?[A-ZÀ-Ý][\w'-]+"
_PAPER = re.compile(rf"((?:{_NAME}(?:, | & ))*{_NAME}) \((\d{{4}})\),? https://doi\.org/(10\.[^\s,;]+?)(?=[.,;]?(?:\s|$))")


@dataclass(frozen=True)
class Paper:
    """A paper that a docstring names.

    Attributes
    ----------
    authors : str
        As in the docstring.
    year : int
        Of publication.
    doi : str
        Without the address of the resolver.
    """

    authors: str
    year: int
    doi: str

    def link(self) -> str:
        """Short name, with an address.

        Returns
        -------
        str
            Markdown.
        """
        names = re.split(r", | & ", self.authors)
        who = names[0] if len(names) == 1 else " & ".join(names) if len(names) == 2 else f"{names[0]} et al."
        return f"[{who} {self.year}](https://doi.org/{self.doi})"


def papers(kind: type[Rule]) -> tuple[Paper, ...]:
    """List the papers under *References* of a rule's docstring.

    Parameters
    ----------
    kind : type of Rule

    Returns
    -------
    tuple of Paper

    Raises
    ------
    ValueError
        If a DOI is there whose authors and year cannot be read, or none is.
    """
    section = re.search(r"References\n\s+-+\n(.*?)(?:\n\s*\n|$)", kind.__doc__ or "", flags=re.DOTALL)
    text = " ".join(section[1].split()) if section else ""
    found = tuple(Paper(who, int(year), doi) for who, year, doi in _PAPER.findall(text))
    if not found or len(found) != text.count("https://doi.org/"):
        raise ValueError(f"{kind.__name__}: References must have DOIs, each as 'Authors (year), https://doi.org/...'; got {text!r}")
    return found


def acts(rule: Rule) -> str:
    """Say when a rule acts.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    str
    """
    return ", ".join(text for when, text in WHEN.items() if any(u.when == when for u in rule.updates()))


def filled(page: str, made: Mapping[str, str]) -> str:
    """Put tables between their marks in a page.

    Parameters
    ----------
    page : str
        With ``<!-- NAME -->`` and ``<!-- end of NAME -->`` about each table.
    made : mapping of str to str
        Tables by the name of their marks.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the page lacks the marks of a table.
    """
    for name, table in made.items():
        first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if page.count(first) != 1 or last not in page.partition(first)[2]:
            raise ValueError(f"the page has no marks '{first.strip()}' and '{last}'")
        before, _, rest = page.partition(first)
        page = before + first + table + last + rest.partition(last)[2]
    return page


def tables(costs: Mapping[str, Any]) -> dict[str, str]:
    """Make the tables of the page.

    Parameters
    ----------
    costs : mapping
        What ``benchmarks/rule_costs.py`` has written.

    Returns
    -------
    dict of str to str
        Markdown, by the name of the marks between which it stands.

    Raises
    ------
    KeyError
        If the cost of a rule has not been measured.
    """
    missing = [kind.__name__ for kind in CATALOGUE if kind.__name__ not in costs["rules"]]
    if missing:
        raise KeyError(f"no cost of {', '.join(missing)}; run python benchmarks/rule_costs.py --only {','.join(missing)}")
    rows = list(CATALOGUE.items())
    heads = ("rule", "file", "needs", "acts at", "example", "papers")
    heads_run = ("rule", "event engine", *ENGINES, "ns an event", "times static", "NEST 3.10", "Brian2's examples")
    return {
        "what rules need": _table(heads, ((e.family, _needs_row(kind, e)) for kind, e in rows)),
        "how rules run": _table(heads_run, ((e.family, _runs_row(kind, e, costs)) for kind, e in rows)),
        "how costs were measured": _measured(costs),
        "cost beside Brian2": _beside(costs),
    }


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    """Rows under the name of their family."""
    lines, family = [_line(heads), "|" + "---|" * len(heads)], ""
    for name, row in rows:
        if name != family:
            lines.append(_line((f"*{name}*", *[""] * (len(heads) - 1))))
            family = name
        lines.append(_line(row))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _named(rule: Rule) -> str:
    parts = [type(part).__name__ for part in getattr(rule, "rules", ())]
    return f"`{type(rule).__name__}`" + (f", here of {' and '.join(f'`{p}`' for p in parts)}" if parts else "")


def _needs_row(kind: type[Rule], entry: RuleEntry) -> tuple[str, ...]:
    script = f"`{entry.script}.py`" if entry.script else "–"
    file = kind.__module__.removeprefix("plasticity.") + ".py"
    return _named(entry.rule), f"`{file}`", _needs(entry), acts(entry.rule), script, ", ".join(p.link() for p in papers(kind)[:2])


def _needs(entry: RuleEntry) -> str:
    """List what a rule reads, and the cell on which it can."""
    rule = entry.rule
    read = list(symbols(rule))
    scopes = {x.scope for x in read}
    found = []
    for side, name in SIDES.items():
        told = Counter(_trace(t) for t in rule.traces() if t.side == side)
        texts = [_several(n, text) for text, n in told.items()]
        if side == "post":
            texts += [f"potential of the {x}" if x else "potential" for x in dict.fromkeys(x.name for x in read if x.scope == "voltage")]
        if texts:
            found.append(f"{name}: {', '.join(texts)}")
    signals = dict.fromkeys(t.carried for t in rule.traces() if t.side == "signal")
    if signals:
        found.append(f"signal{'s' * (len(signals) > 1)} {', '.join(f'`{s}`' for s in signals)}")
    if rule.states():
        found.append("1 variable of its own" if len(rule.states()) == 1 else f"{len(rule.states())} variables of its own")
    if any(isinstance(x, PostSum) for u in rule.updates() for term in terms(u) for x in walk(term)):
        found.append("a sum over the cell's synapses")
    if "modulator" in scopes:
        found.append("the modulator")
    cell = cell_for(rule, v_threshold_mV=2.0)[0]
    found += [f"a `{type(cell).__name__}` cell"] * (not isinstance(cell, LIF))
    found += ["an inhibitory source"] * (entry.source == "inhibitory")
    return "; ".join((*found, entry.note) if entry.note else found)


def _several(n: int, text: str) -> str:
    if n == 1:
        return text
    first = next(word for word in ("frame mean", "low-pass", "trace", "spikes") if word in text)
    more = {"low-pass": "low-passes", "spikes": "trains of spikes"}.get(first, first + "s")
    return f"{n} {text.replace(first, more, 1)}"


def _trace(trace: Trace) -> str:
    what = "trace"
    if trace.follows == "potential":
        what = f"{'late ' * (trace.lag_ms > 0)}low-pass of the potential"
    if trace.tau_ms == THIS_STEP_ms:
        what = "spikes of the step"
    if trace.frame:
        what = {"mean": f"frame mean of the {what}", "sum": "spikes of the frame"}[trace.frame]
    return what + (" before" if trace.ago else "")


def _runs_row(kind: type[Rule], entry: RuleEntry, costs: Mapping[str, Any]) -> tuple[str, ...]:
    at_once = any(u.when == "step" for u in entry.rule.updates())
    how = "every step" if at_once else next(iter(EventEngine().plan(_on(entry, Dense())).values())).split(":")[0]
    cost = costs["rules"][kind.__name__]
    nest, brian2 = (", ".join(f"`{name}`" for name in names) or "no" for names in (entry.nest, entry.brian2))
    ran = (_runs(name, entry) for name in ENGINES)
    return _named(entry.rule), how, *ran, f"{cost['ns_per_event']:.1f}", f"{cost['times_static']:.1f}", nest, brian2


def _on(entry: RuleEntry, topology: Topology) -> Network:
    cell, receptor = cell_for(entry.rule, v_threshold_mV=2.0)
    return small_network(entry.rule, topology=topology, cell=entry.cell or cell, receptors=(receptor,))


def _runs(name: str, entry: RuleEntry) -> str:
    """Ask an engine what it runs of a rule."""
    own, shared = (not engine(name).unsupported(_on(entry, topology)) for topology in (Dense(), SharedKernel(size=3)))
    return {(True, True): "yes", (True, False): "unshared"}.get((own, shared), "no")


def _measured(costs: Mapping[str, Any]) -> str:
    load, about, mine, floors = costs["workload"], costs["about"], costs["rules"]["MyPair"], costs["floors"]
    noisy = max(about["load_before"], about["load_after"]) > 1.5
    lines = (
        f"{load['synapses'] / 1e6:.1f} million synapses, {load['arrivals'] / 1e6:.1f} million arrivals, {load['precision']}, one thread, "
        f"least of {load['repeats']} rounds in turn. Sources fire at {load['sources_Hz']:.0f} Hz, targets at {load['targets_Hz']:.1f} Hz, "
        f"signals at {load['signals_Hz']:.0f} Hz; frames of {load['frame_ms']:.0f} ms.",
        f"Static synapses take {floors['static']:.1f} ns, on cells of two compartments {floors['static, two compartments']:.1f} ns. "
        f"`PairSTDP` as a user would write it takes {mine['ns_per_event']:.1f} ns.",
        f"The machine has {about['cores']} cores and a load of {about['load_before']:.1f} before and {about['load_after']:.1f} after: "
        + ("it was busy with other work, so trust ratios, not times, and no ratio to a tenth." if noisy else "it did nothing else."),
    )
    return "\n".join(lines) + "\n"


def _beside(costs: Mapping[str, Any]) -> str:
    heads = ("rule", "event engine, ns an event", "Brian2, traces in groups", "traces per synapse", "times as fast", "weights differ by")
    lines = [_line(heads), "|" + "---|" * len(heads)]
    for name, found in costs["brian2"].items():
        forms = found["ns_per_event"]
        best = min(forms.values())
        lines.append(
            _line(
                (
                    f"`{name}`" if name != "static" else "static synapses",
                    f"{found['event_ns']:.1f}",
                    *(f"{forms[form]:.1f}" if form in forms else "–" for form in ("groups", "documented")),
                    f"**{best / found['event_ns']:.1f}** ({found['rounds'][0]:.1f} to {found['rounds'][1]:.1f})",
                    f"{found['difference_mV']:.0e} mV" if "difference_mV" in found else "–",
                )
            )
        )
    return "\n".join(lines) + "\n"
