"""Representation as a layer that is learned, and the cells that tell it which way to learn.

``representation`` rectifies what local fields on the channels of the retina tell it, excitatory ones directly, inhibitory
ones through partners of the channels. Beside each of its cells stand two others, where the errors that its forecast made
come together:

==================  =========  ====================================================================================
population          features   what it tells
==================  =========  ====================================================================================
target_*_inh        2          partners of the retinal channels
representation      H          rectified local fields on the channels
error_*_inh         F          partners of the error cells
mismatch            F          any error of the site, of either sign; ``mismatch_inh`` too
credit_pos          H          that errors would be less if the representation cell beside it had fired more
credit_neg          H          that they would be less if it had fired less
==================  =========  ====================================================================================

With ``p`` and ``n`` the spikes of `error_pos` and `error_neg` at a site, an excitatory forecast synapse that only grows
comes to ``E`` (what ``p`` taught) and its inhibitory partner to ``I`` (what ``n`` taught); the forecast is made by
``E - I``. The same growth, seen from the other side, gives the synapses of ``p`` on the credit cells ``E``, those of ``n``
``I``, and those of ``mismatch``, which grow half as fast from both, ``(E + I) / 2``. What a credit cell integrates is then

    E p + I n - (E + I) (p + n) / 2 = (E - I) (p - n) / 2

the error of the forecast through the transposed forecast weights, without a synapse that had to see an error of the other
sign. ``credit_neg`` has the same with the roles of excitation and inhibition exchanged. Feedback only teaches: no
projection leads from credit cells anywhere, and the rules of the channels' synapses read them as signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from snn.cells import IF
from snn.description import Population, Projection, Signal, Tap
from snn.local import Rule
from snn.synapses import Receptor
from snn.topology import LocalField, OneToOne
from snn.weights import HalfNormal

if TYPE_CHECKING:
    from snn._level import Level

MEAN_OF_HALF_NORMAL = 0.7978845608028654


class HiddenRules(NamedTuple):
    """How a learned representation learns, beside its forecast; what is left out stays as it was born.

    Attributes
    ----------
    inputs : Rule or None
        Of the synapses of the retinal channels on the representation; it reads the signals ``excess`` and ``deficit`` of
        the credit cells.
    feedback : Rule or None
        Of the synapses of error cells, and of their partners, on the credit cells; it reads the signal ``mirrored``: the
        spikes of the representation cell beside.
    pooled_feedback : Rule or None
        The same for the synapses of ``mismatch``, which grow half as fast.
    """

    inputs: Rule | None = None
    feedback: Rule | None = None
    pooled_feedback: Rule | None = None


class Hidden:
    """Populations and projections of a learned representation.

    Parameters
    ----------
    level : Level
    rules : HiddenRules
    """

    def __init__(self, level: Level, rules: HiddenRules) -> None:
        self.level, self.spec, self.layer, self.rules = level, level.spec, level.spec.hidden_layer, rules
        self.channels = [f"target_{c}" for c, on in (("contrast", self.spec.contrast), ("transient", self.spec.transient)) if on]

    # ---- populations

    def populations(self) -> list[Population]:
        """All populations but ``representation_inh``, which every level has."""
        level, h, f = self.level, self.spec.hidden, self.level.f
        fields = (Receptor(name="field_exc", kinetics="pulse"), Receptor(name="field_inh", kinetics="pulse"))
        apical = (Receptor(name="apical_exc", kinetics="pulse"), Receptor(name="apical_inh", kinetics="pulse"))
        return [
            *(level.relay(f"{channel}_inh", 2) for channel in self.channels),
            level.make("representation", h, self._rectifier(1.0, self.layer.depth_mV), fields),
            *(level.relay(f"{error}_inh", f) for error in ("error_pos", "error_neg")),
            level.relay("mismatch", f, "excitatory"),
            level.relay("mismatch_inh", f),
            *(
                level.make(name, h, self._rectifier(self.layer.credit_mV, self.layer.credit_mV), apical)
                for name in ("credit_pos", "credit_neg")
            ),
        ]

    @staticmethod
    def _rectifier(threshold_mV: float, depth_mV: float) -> IF:
        """A cell that fires whenever so much has come in, less what has been taken away."""
        return IF(
            tau_mem_ms=1.0,
            v_threshold_mV=threshold_mV,
            reset_by_mV=threshold_mV,
            v_floor_mV=-depth_mV,
            threshold_jitter_mV=0.1 * threshold_mV,
        )

    # ---- projections

    def inputs(self) -> list[Projection]:
        """Local fields on the retinal channels."""
        join, lag, layer = self.level.join, self.spec.lag_ms, self.layer
        field = LocalField(size=layer.field)
        weights = HalfNormal(scale_mV=layer.field_mV / (2 * layer.field**2 * MEAN_OF_HALF_NORMAL))
        taught = tuple(
            Signal(name=name, taps=(Tap(population=self.level.name(credit)),))
            for name, credit in (("excess", "credit_pos"), ("deficit", "credit_neg"))
        )
        found = []
        for channel in self.channels:
            found.append(join(channel, f"{channel}_inh", "pulse", OneToOne(), 1.0, lag))
            found.append(join(channel, "representation", "field_exc", field, weights, 2 * lag, taught, rule=self.rules.inputs))
            found.append(join(f"{channel}_inh", "representation", "field_inh", field, weights, lag, taught, rule=self.rules.inputs))
        return found

    def projections(self) -> list[Projection]:
        """Errors on their way to the credit cells."""
        join, lag = self.level.join, self.spec.lag_ms
        field, weights = LocalField(size=self.spec.field), HalfNormal(scale_mV=self.layer.initial_feedback_mV)
        mirrored = (Signal(name="mirrored", taps=(Tap(population=self.level.name("representation")),)),)
        found = []
        for error in ("error_pos", "error_neg"):
            found.append(join(error, f"{error}_inh", "pulse", OneToOne(), 1.0, lag))
            found.append(join(error, "mismatch", "pulse", OneToOne(), 1.0, lag))
            found.append(join(error, "mismatch_inh", "pulse", OneToOne(), 1.0, lag))
            # A lag later than need be, to arrive with what comes by a partner.
            found.append(join(error, "credit_pos", "apical_exc", field, weights, 2 * lag, mirrored, rule=self.rules.feedback))
            found.append(join(f"{error}_inh", "credit_neg", "apical_inh", field, weights, lag, mirrored, rule=self.rules.feedback))
        half = self.rules.pooled_feedback
        found.append(join("mismatch_inh", "credit_pos", "apical_inh", field, weights, lag, mirrored, rule=half))
        found.append(join("mismatch", "credit_neg", "apical_exc", field, weights, lag, mirrored, rule=half))
        return found
