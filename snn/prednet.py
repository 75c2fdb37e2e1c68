"""The circuit: a hierarchy of predictive-coding levels of spiking E and I cells, as a `Network`.

Per level, at every site, with F target channels (PredNet's letters in brackets):

==================  =========  ====================================================================================
population          features   what it tells
==================  =========  ====================================================================================
target [A]          2 F        up and down changes; level 0 of luminance, above of the pooled errors below
prediction [A-hat]  2 F        up and down changes of the forecast
error_pos [E+]      F          target above prediction
error_neg [E-]      F          prediction above target
representation [R]  see below  what the forecast of the next frame is made from
pool                F          levels >= 1: local average of the errors below (PredNet's pooling, without the max)
==================  =========  ====================================================================================

``target``, ``prediction`` and ``representation`` have a partner ``*_inh`` that copies them, spike by spike, one step
later: every negative route passes through it. Excitatory routes are one step longer, so that both arrive together.
Level 0 has two more retinal populations, ``target_contrast`` and ``target_transient`` (on, off); its representation is
their four channels. Above, the representation tells the level, the rises and the falls of each target channel.

The forecast is the estimate of one frame ago (persistence, fixed) plus what local fields on the representation of one
frame ago, and of the level above, add to it (learned). Nothing of frame t can reach the forecast of frame t.
"""

from __future__ import annotations

from snn._hidden import HiddenRules
from snn._level import Level
from snn.cells import IF, LIF, AdaptiveLIF, AdEx, TwoCompartment, rate_twin
from snn.description import Network
from snn.errors import DescriptionError, sentence
from snn.local import Rule
from snn.prednet_spec import PredNetSpec

COMPETING = (".selector", ".selector_inh")
"""Populations that stay spiking in a network of rate units: their competition lives from one spike at a time."""

__all__ = ["HiddenRules", "PredNetSpec", "prednet", "rate_network"]


def prednet(
    spec: PredNetSpec,
    rule: Rule | None = None,
    inhibitory_rule: Rule | None = None,
    *,
    upper_rule: Rule | None = None,
    hidden_rules: HiddenRules | None = None,
) -> Network:
    """Build the circuit.

    Parameters
    ----------
    spec : PredNetSpec
    rule : Rule, optional
        How the forecast weights learn; it reads the signals ``excess`` and ``deficit``, with gated branches also ``heard``
        and ``rivals``. Left out, they are fixed.
    inhibitory_rule : Rule, optional
        How the weights from inhibitory partners learn, where not by the same rule.
    upper_rule : Rule, optional
        How all forecast weights of the levels above 0 learn, which have no gated branches, where not by the same rules.
    hidden_rules : HiddenRules, optional
        How a learned representation learns. Left out, it stays the random one of its birth.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If the frame cannot be halved for every level or is smaller than a field, a field has no middle, or a learned
        representation, dendrites for errors, or error cells that are born unbalanced, are asked for beside gated branches.
    """
    smallest = min(spec.size(spec.levels - 1))
    if smallest < spec.field:
        raise DescriptionError(
            sentence(
                "prednet.field",
                f"is larger than the {smallest} pixels of level {spec.levels - 1}",
                got=spec.field,
                cure="use larger frames, fewer levels or a smaller field",
            )
        )
    if spec.branches > 1 and (spec.rows % 2 or spec.cols % 2 or spec.gating.pool_px % 2):
        raise DescriptionError(
            sentence(
                "prednet.branches",
                "need an even number of rows and columns and an even pool, since errors are pooled over 2 by 2 sites",
                got=(spec.rows, spec.cols, spec.gating.pool_px),
                cure="use even sizes, or branches=1",
            )
        )
    if spec.branches > 1 and spec.mismatch:
        raise DescriptionError(
            sentence(
                "prednet.mismatch",
                "is of the error cells of the plain circuit; each branch has error cells of its own, which nothing calibrates",
                got=spec.mismatch,
                allowed="0",
                cure="use branches=1, or leave it out",
            )
        )
    if spec.branches > 1 and spec.apical_ms:
        raise DescriptionError(
            sentence(
                "prednet.apical_ms",
                "is of the prediction cells of the plain circuit; branches learn beside them, and have no dendrites for errors",
                got=spec.apical_ms,
                allowed="0",
                cure="use branches=1, or leave it out",
            )
        )
    if spec.field % 2 == 0 or spec.feedback_field % 2:
        got = (spec.field, spec.feedback_field)
        raise DescriptionError(sentence("prednet.field, feedback_field", "cannot be centred", got=got, allowed="an odd and an even size"))
    if spec.hidden:
        _check_hidden(spec)
    rules = [
        (rule, inhibitory_rule or rule) if not level or upper_rule is None else (upper_rule, upper_rule) for level in range(spec.levels)
    ]
    levels = [Level(spec, level, *both, hidden_rules) for level, both in enumerate(rules)]
    return Network(
        name=f"prednet-{spec.levels}",
        frame_ms=spec.frame_ms,
        populations=tuple(p for one in levels for p in one.populations()),
        projections=tuple(j for one in levels for j in one.projections()),
        encoder=spec.retina,
        readouts=tuple(r for one in levels for r in one.readouts()),
    )


def _check_hidden(spec: PredNetSpec) -> None:
    if spec.branches > 1:
        raise DescriptionError(
            sentence(
                "prednet.hidden",
                "cannot be learned beside gated branches: credit cells have no way to tell which branch erred",
                got=(spec.hidden, spec.branches),
                allowed="hidden=0, or branches=1",
                cure="use branches=1",
            )
        )
    if spec.hidden_layer.field % 2 == 0 or spec.hidden_layer.field > min(spec.rows, spec.cols):
        raise DescriptionError(
            sentence(
                "prednet.hidden_layer.field",
                "cannot be centred on a frame",
                got=spec.hidden_layer.field,
                allowed=f"an odd size up to {min(spec.rows, spec.cols)}",
            )
        )


def rate_network(network: Network, *, dt_ms: float = 1.0) -> Network:
    """Replace every spiking cell by its rate twin, and nothing else.

    Parameters
    ----------
    network : Network
    dt_ms : float
        Step of the simulation.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If a cell has two compartments or an upswing.
    ValueError
        If another cell has no exact rate twin.
    """
    for p in network.populations:
        if isinstance(p.cell, TwoCompartment | AdEx):
            cure = "take another recipe for rate cells" if p.dendritic else "take cells without an upswing"
            raise DescriptionError(
                sentence(f"{p.name}.cell", "has no rate twin", got=p.cell.kind, allowed="if, lif, adaptive_lif", cure=cure)
            )
        if isinstance(p.cell, IF | LIF | AdaptiveLIF) and not p.name.endswith(COMPETING):
            network = network.override(f"{p.name}.cell", rate_twin(p.cell, dt_ms=dt_ms))
    return network
