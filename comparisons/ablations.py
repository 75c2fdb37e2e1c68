"""Named edits of a circuit's description, each of which lifts or cuts one thing and leaves the rest as it was.

What an edit lifts is read back by `snn.constraints`; what it cuts, by the projections that are gone. An edit that would change
nothing, since the circuit has not what it takes away, is refused: a row of a table that says "cut" must be of a circuit from which
something was cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from plasticity import SymmetricFeedback
from snn.cells import SpikeSource
from snn.description import MIXED, Network, Population, Projection, Sign
from snn.errors import DescriptionError, sentence
from snn.topology import LocalField, OneToOne, SharedKernel
from snn.weights import Constant, HalfNormal, Normal

AblationName = Literal[
    "shared",
    "signed",
    "feedback_cut",
    "feedback_top_cut",
    "feedback_random",
    "persistence_cut",
    "inhibition_cut",
    "error_inhibition_cut",
    "lateral_cut",
    "context_cut",
    "transient_cut",
    "jitter_off",
    "lag_match_off",
    "adaptation_off",
    "noise",
]


AS_A_PAIR = math.sqrt(2.0 - 4.0 / math.pi)
"""Standard deviation of the difference of two half-normal weights, in units of the one that they are drawn with."""
PARTNER = "_inh"
"""How the name of an inhibitory partner ends."""
FORECASTS = (".prediction", ".branch")
"""How the names of cells end that learn a forecast."""
BACKGROUND_HZ = 100.0
"""Spikes by chance that a cell hears, of either sign: few cells at their own rates or many at low ones."""


@dataclass(frozen=True)
class Ablation:
    """One edit.

    Attributes
    ----------
    changes : str
        What it changes, one clause.
    needs : str
        What a circuit must have for it.
    edit : callable
        From network to network.
    constraint : str
        Of `snn.constraints.CONSTRAINTS`, which it lifts; none when empty.
    """

    changes: str
    needs: str
    edit: Callable[[Network], Network]
    constraint: str = ""


def ablated(network: Network, name: AblationName) -> Network:
    """Edit a circuit.

    Parameters
    ----------
    network : Network
    name : str
        Of the edit, in `ABLATIONS`.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If the circuit has not what the edit takes away.
    """
    found = ABLATIONS[name].edit(network)
    if found == network:
        raise DescriptionError(
            sentence(
                f"ablations.{name}",
                f"would change nothing: it needs {ABLATIONS[name].needs}",
                cure="choose another recipe, or leave it out",
            )
        )
    return found


def _shared(network: Network) -> Network:
    def share(j: Projection) -> Projection:
        if j.rule is None or not isinstance(j.topology, LocalField) or j.topology.depthwise:
            return j
        kept = {name: getattr(j.topology, name) for name in ("size", "pre_features", "post_features")}
        return j.model_copy(update={"topology": SharedKernel(**kept)})

    return _each_projection(network, share)


def _signed(network: Network) -> Network:
    """Put one synapse that can be of either sign in place of a pair, one of a cell and one of its inhibitory partner.

    Beside a signed synapse the partner's would do the same once more, which doubles the rate of learning: the forecast does not
    settle then (4.7 of the error of copying, where the pair has 0.41).
    """
    sources = {j.source for j in network.projections if j.rule is not None and network.population(j.source).sign == "excitatory"}
    spare = {f"{name}{PARTNER}" for name in sources}

    def one(j: Projection) -> Projection:
        drawn = isinstance(j.weights, HalfNormal) and j.weights.scale_mV > 0 and j.rule is not None and j.source in sources
        return j.model_copy(update={"weights": Normal(scale_mV=AS_A_PAIR * j.weights.scale_mV)}) if drawn else j  # type: ignore[union-attr]

    return _rebuilt(
        network,
        populations=tuple(p.model_copy(update={"sign": MIXED}) if p.name in sources else p for p in network.populations),
        projections=tuple(one(j) for j in network.projections if j.rule is None or j.source not in spare),
    )


def _without(gone: Callable[[Network, Projection], bool]) -> Callable[[Network], Network]:
    def edit(network: Network) -> Network:
        return _rebuilt(network, projections=tuple(j for j in network.projections if not gone(network, j)))

    return edit


def level_of(name: str) -> int:
    """Level of a population, by its name.

    Parameters
    ----------
    name : str
        Such as ``level1.error_pos``.

    Returns
    -------
    int
    """
    return int(name.partition(".")[0].removeprefix("level"))


def _descends(network: Network, j: Projection) -> bool:
    return level_of(j.source) > level_of(j.target)


def _descends_from_top(network: Network, j: Projection) -> bool:
    top = max(level_of(p.name) for p in network.populations)
    # With two levels that would be all feedback, which is an edit of its own.
    return top > 1 and _descends(network, j) and level_of(j.source) == top


def _persists(network: Network, j: Projection) -> bool:
    """What tells the forecast of one frame ago: fixed, from the luminance cells, delayed by about a frame."""
    return j.rule is None and j.receptor.startswith("persistent") and j.target.endswith(FORECASTS)


def _learned_inhibition(network: Network, j: Projection) -> bool:
    return j.rule is not None and network.population(j.source).sign == "inhibitory"


def _inhibits_errors(network: Network, j: Projection) -> bool:
    return "error_" in j.target and not j.target.endswith(PARTNER) and network.population(j.source).sign == "inhibitory"


def _between_rivals(network: Network, j: Projection) -> bool:
    return j.source == f"{j.target}{PARTNER}" and j.target.endswith(".selector")


def _transient(network: Network, j: Projection) -> bool:
    return j.source.endswith((".target_transient", ".target_transient_inh"))


def _no_context(network: Network) -> Network:
    def narrow(j: Projection) -> Projection:
        if j.rule is None or not isinstance(j.topology, LocalField) or level_of(j.source) != level_of(j.target):
            return j
        return j.model_copy(update={"topology": j.topology.model_copy(update={"size": 1})})

    return _each_projection(network, narrow)


def _cells_without(field: str) -> Callable[[Network], Network]:
    """Set a field of every cell that has one to 0."""

    def plain(p: Population) -> Population:
        if not getattr(p.cell, field, 0.0):
            return p
        return p.model_copy(update={"cell": p.cell.model_copy(update={field: 0.0})})

    return lambda network: _each_population(network, plain)


def _noisy(network: Network) -> Network:
    """Let every cell that learns a forecast hear as many excitatory as inhibitory spikes that come by chance.

    They come where the spikes come that it learns from. The standard deviation of their current is what one spike of the cell tells, so
    that noise is neither lost in the step of its code nor drowns it.
    """
    known = {p.name for p in network.populations}
    lag = min(j.delay_ms for j in network.projections)
    populations, projections = list(network.populations), list(network.projections)
    for p in network.populations:
        step_mV = getattr(p.cell, "adaptation_mV", 0.0)
        for r in p.receptors if p.name.endswith(FORECASTS) else ():
            name = f"{p.name}.background{r.name.removeprefix('dendrite')}"
            if r.tau_ms is None or not r.name.startswith("dendrite") or step_mV == 0.0 or name in known:
                continue
            # Spikes of w mV by chance, which decay with tau, have the variance w^2 rate tau / 2, of each sign.
            weights = Constant(value_mV=step_mV / math.sqrt(BACKGROUND_HZ * r.tau_ms / 1000.0))
            sign: Sign = "inhibitory" if r.name.endswith(PARTNER) else "excitatory"
            populations.append(Population(name=name, shape=p.shape, cell=SpikeSource(rate_Hz=BACKGROUND_HZ), sign=sign))
            told = {"source": name, "target": p.name, "receptor": r.name, "topology": OneToOne(), "weights": weights, "delay_ms": lag}
            projections.append(Projection(**told))  # type: ignore[arg-type]
    return _rebuilt(network, populations=tuple(populations), projections=tuple(projections))


def _random_feedback(network: Network) -> Network:
    def forget(j: Projection) -> Projection:
        return j.model_copy(update={"rule": None, "signals": ()}) if isinstance(j.rule, SymmetricFeedback) else j

    return _each_projection(network, forget)


def _unmatched(network: Network) -> Network:
    """Let short excitatory routes not wait for the partner that inhibits beside them.

    Those of a frame's length are left: the forecast would otherwise hear of the frame that it is of.
    """
    lag = min(j.delay_ms for j in network.projections)
    beside = {(j.source.removesuffix(PARTNER), j.target) for j in network.projections if j.source.endswith(PARTNER) and j.delay_ms == lag}

    def hurry(j: Projection) -> Projection:
        waits = (j.source, j.target) in beside and j.delay_ms == 2 * lag
        return j.model_copy(update={"delay_ms": lag}) if waits else j

    return _each_projection(network, hurry)


def _each_projection(network: Network, edit: Callable[[Projection], Projection]) -> Network:
    return _rebuilt(network, projections=tuple(edit(j) for j in network.projections))


def _each_population(network: Network, edit: Callable[[Population], Population]) -> Network:
    return _rebuilt(network, populations=tuple(edit(p) for p in network.populations))


def _rebuilt(network: Network, **parts: object) -> Network:
    """Validate anew what `model_copy` does not."""
    return Network(**{name: getattr(network, name) for name in Network.model_fields} | parts)


ABLATIONS: Mapping[AblationName, Ablation] = MappingProxyType(
    {
        "shared": Ablation("all sites share the weights that are learned", "learned local fields", _shared, "unshared"),
        "signed": Ablation(
            "one learned synapse of either sign in place of a pair", "excitatory cells with synapses that learn", _signed, "dale"
        ),
        "feedback_cut": Ablation("no level hears from those above", "two levels or more", _without(_descends)),
        "feedback_top_cut": Ablation(
            "the highest level tells nothing to those below", "three levels or more", _without(_descends_from_top)
        ),
        "persistence_cut": Ablation(
            "the forecast does not begin from the frame before", "a forecast that begins from the frame before", _without(_persists)
        ),
        "inhibition_cut": Ablation("learned synapses excite only", "inhibitory synapses that learn", _without(_learned_inhibition)),
        "error_inhibition_cut": Ablation(
            "nothing is taken from what excites error cells", "inhibition of error cells", _without(_inhibits_errors)
        ),
        "feedback_random": Ablation(
            "feedback of errors stays as random as it was at birth", "feedback that grows alike to the forecast", _random_feedback
        ),
        "lateral_cut": Ablation("branches do not compete", "gated branches", _without(_between_rivals)),
        "context_cut": Ablation("the forecast of a site hears of that site only", "learned local fields wider than a site", _no_context),
        "transient_cut": Ablation("nothing tells what has just changed", "cells of the eye for transients", _without(_transient)),
        "jitter_off": Ablation(
            "all cells of a population have one threshold", "thresholds that differ", _cells_without("threshold_jitter_mV")
        ),
        "lag_match_off": Ablation(
            "excitation does not wait for the inhibition that comes beside it", "routes that wait for their partners", _unmatched
        ),
        "adaptation_off": Ablation("cells that code change by adapting do not adapt", "cells that adapt", _cells_without("adaptation_mV")),
        "noise": Ablation("forecast cells hear spikes that come by chance", "forecast cells that adapt, and no noise yet", _noisy),
    }
)
"""By name."""
