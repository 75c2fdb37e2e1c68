"""A spiking circuit that is told how neurons answered: responses are foretold from its representation, and their errors teach it.

The recorded spikes arrive a frame after what they answer, as errors of the forecast do. With ``U`` recorded units, beside the populations
of a circuit with a learned representation (`snn._hidden`) there stand

=========================  ===  =====================================================================================
population                 n    what it tells
=========================  ===  =====================================================================================
response.target            U    the recorded spikes, from outside
response.prediction        U    what the representation of one frame ago makes of them, through all its cells
response.error_pos         U    that more came than was foretold
response.error_neg         U    that less came
response.mismatch          U    either
=========================  ===  =====================================================================================

each with an inhibitory partner. What learns the readout, and how its errors reach the credit cells, is the same as for the forecast: two
routes of non-negative weights that grow, one from the representation, one from its partner, and feedback that grows like them
(`plasticity.SymmetricForecast`, `plasticity.SymmetricFeedback`). The errors of responses reach the same credit cells as those of the
forecast, with ``share`` of what their transposed weights would tell.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import FloatArray
from plasticity import SymmetricFeedback, SymmetricForecast
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.errors import DescriptionError, sentence
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant, HalfNormal

QUANTUM_MV = 0.25
"""Foretold by one spike: ``QUANTUM_MV`` of the current that the weights make."""
TAU_MS, DECAY, HALF = 20.0, 1e-5, 5.0
"""As of the forecast's own rules (`comparisons.recipes`)."""
BURST = 4
"""Spikes of `response.target` for one that was recorded, so that an error is not all or nothing."""


def with_responses(
    network: Network, n_units: int, *, share: float, forecast_teaches: bool = True, input_power: float = 2000.0, lag_ms: float = 1.0
) -> Network:
    """Add recorded units to a circuit with a learned representation.

    Parameters
    ----------
    network : Network
        From recipe ``hidden``.
    n_units : int
    share : float
        Weight of the errors of responses in what teaches the representation; with 0 only the readout learns.
    forecast_teaches : bool
        Whether errors of the forecast teach the representation too; the forecast itself learns anyway.
    input_power : float
        Sum of squared traces of the representation for which the rate of the readout is set.
    lag_ms : float
        Delay of a connection that need not be longer.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If the circuit has no credit cells, or the share is negative.
    """
    names = {p.name for p in network.populations}
    if "level0.credit_pos" not in names or not 0 <= share < float("inf"):
        got, cure = (sorted(names), share), "use a circuit of the recipe hidden, and a share of 0 or more"
        raise DescriptionError(sentence("with_responses", "needs a representation that learns", got=got, cure=cure))
    kept = [j for j in network.projections if forecast_teaches or not j.target.startswith("level0.credit")]
    parts = _Parts(n_units, network.frame_ms, lag_ms, QUANTUM_MV / input_power, share)
    projections = (*kept, *parts.readout(), *parts.errors(), *(parts.feedback() if share else ()))
    return Network(**(dict(network) | {"populations": (*network.populations, *parts.populations()), "projections": projections}))


def raster(counts: FloatArray, frame_steps: int) -> NDArray[np.bool_]:
    """Spread recorded counts evenly over the frame after what they answer.

    Parameters
    ----------
    counts : ndarray, shape (n_frames, n_units)
        Spikes of each frame, or what stands for them; fractions of a `BURST` are rounded.
    frame_steps : int
        Steps of a frame.

    Returns
    -------
    ndarray of bool, shape (n_frames * frame_steps, n_units)
        `BURST` spikes for each; as many as there are steps at the most.
    """
    later = np.concatenate([np.zeros_like(counts[:1]), counts[:-1]])
    told = np.minimum(np.round(BURST * later), frame_steps).astype(np.int64)
    # A spike wherever so many have passed: k of them lie evenly over the frame, in the middle of equal parts of it.
    passed = ((2 * np.arange(frame_steps)[None, :, None] + 1) * told[:, None] + frame_steps) // (2 * frame_steps)
    before = np.concatenate([np.zeros_like(passed[:, :1]), passed[:, :-1]], axis=1)
    found: NDArray[np.bool_] = (passed > before).reshape(-1, counts.shape[1])
    return found


class _Parts:
    """The populations and projections of the responses."""

    def __init__(self, n_units: int, frame_ms: float, lag_ms: float, eta_mV: float, share: float) -> None:
        self.n, self.frame_ms, self.lag = n_units, frame_ms, lag_ms
        self.eta_mV, self.share = eta_mV, share

    def populations(self) -> list[Population]:
        both = (Receptor(name="pulse_exc", kinetics="pulse"), Receptor(name="pulse_inh", kinetics="pulse"))
        dendrite = (Receptor(name="dendrite_exc", tau_ms=TAU_MS), Receptor(name="dendrite_inh", tau_ms=TAU_MS))
        foretelling = self._cell(self.frame_ms * QUANTUM_MV, self.frame_ms * QUANTUM_MV)
        partners = ("target", "prediction", "error_pos", "error_neg", "mismatch")
        relays = [self._copying(f"{part}_inh", "inhibitory") for part in partners]
        relays.append(self._copying("mismatch", "excitatory"))
        return [
            Population(name="response.target", shape=(1, 1, self.n), cell=SpikeSource()),
            Population(name="response.prediction", shape=(1, 1, self.n), cell=foretelling, receptors=dendrite),
            *(
                Population(name=f"response.{name}", shape=(1, 1, self.n), cell=self._cell(1.0, 2.0), receptors=both)
                for name in ("error_pos", "error_neg")
            ),
            *relays,
        ]

    def _copying(self, name: str, sign: Literal["excitatory", "inhibitory"]) -> Population:
        receptors = (Receptor(name="pulse", kinetics="pulse"),)
        return Population(name=f"response.{name}", shape=(1, 1, self.n), cell=self._cell(1.0, 0.0), sign=sign, receptors=receptors)

    @staticmethod
    def _cell(threshold_mV: float, depth_mV: float) -> IF:
        """A cell that fires whenever so much has come in, less what has been taken away."""
        return IF(
            tau_mem_ms=1.0,
            v_threshold_mV=threshold_mV,
            reset_by_mV=threshold_mV,
            v_floor_mV=-depth_mV,
            threshold_jitter_mV=0.1 * threshold_mV,
        )

    def readout(self) -> list[Projection]:
        """Routes from the representation of one frame ago, as those of the forecast."""
        teachers = {"excess": "response.error_pos_inh", "deficit": "response.error_neg_inh"}
        signals = tuple(Signal(name=name, taps=(Tap(population=teacher),)) for name, teacher in teachers.items())
        found = []
        for source, receptor, delay_ms in (
            ("level0.representation", "dendrite_exc", self.frame_ms + self.lag),
            ("level0.representation_inh", "dendrite_inh", self.frame_ms),
        ):
            rule = SymmetricForecast(eta_mV=self.eta_mV, decay=DECAY, tau_ms=TAU_MS, late=True, half=HALF)
            asked = {t.carried for t in rule.traces() if t.side == "signal"}
            told = tuple(s for s in signals if s.name in asked)
            found.append(self._join(source, "response.prediction", receptor, Dense(), HalfNormal(scale_mV=0.001), delay_ms, rule, told))
        return found

    def errors(self) -> list[Projection]:
        """What came against what was foretold, each directly and through the partner of the other."""
        found = []
        for part, more, less in (("target", "error_pos", "error_neg"), ("prediction", "error_neg", "error_pos")):
            found.append(self._relay(f"response.{part}", f"response.{part}_inh"))
            found.append(self._relay(f"response.{part}", f"response.{more}", "pulse_exc", 2 * self.lag))
            found.append(self._relay(f"response.{part}_inh", f"response.{less}", "pulse_inh"))
        for error in ("error_pos", "error_neg"):
            found.append(self._relay(f"response.{error}", f"response.{error}_inh"))
            found.append(self._relay(f"response.{error}", "response.mismatch"))
            found.append(self._relay(f"response.{error}", "response.mismatch_inh"))
        return found

    def feedback(self) -> list[Projection]:
        """Errors on their way to the credit cells, as those of the forecast."""
        whole_mV, half_mV = self.share * self.eta_mV, 0.5 * self.share * self.eta_mV
        mirrored = (Signal(name="mirrored", taps=(Tap(population="level0.representation"),)),)
        born = HalfNormal(scale_mV=0.001 * self.share)
        found = []
        for source, credit, receptor, eta_mV in (
            ("error_pos", "credit_pos", "apical_exc", whole_mV),
            ("error_neg", "credit_pos", "apical_exc", whole_mV),
            ("error_pos_inh", "credit_neg", "apical_inh", whole_mV),
            ("error_neg_inh", "credit_neg", "apical_inh", whole_mV),
            ("mismatch_inh", "credit_pos", "apical_inh", half_mV),
            ("mismatch", "credit_neg", "apical_exc", half_mV),
        ):
            # What comes directly waits for what comes by a partner.
            delay_ms = 2 * self.lag if source.startswith("error") and not source.endswith("_inh") else self.lag
            rule = SymmetricFeedback(apart=True, eta_mV=eta_mV, decay=DECAY, tau_ms=TAU_MS, late=True, half=HALF)
            found.append(self._join(f"response.{source}", f"level0.{credit}", receptor, Dense(), born, delay_ms, rule, mirrored))
        return found

    def _relay(self, source: str, target: str, receptor: str = "pulse", delay_ms: float | None = None) -> Projection:
        weights = Constant(value_mV=1.0)
        return Projection(
            source=source, target=target, receptor=receptor, topology=OneToOne(), weights=weights, delay_ms=delay_ms or self.lag
        )

    @staticmethod
    def _join(
        source: str,
        target: str,
        receptor: str,
        topology: Dense,
        weights: HalfNormal,
        delay_ms: float,
        rule: SymmetricForecast | SymmetricFeedback,
        signals: tuple[Signal, ...],
    ) -> Projection:
        return Projection(
            source=source,
            target=target,
            receptor=receptor,
            topology=topology,
            weights=weights,
            delay_ms=delay_ms,
            rule=rule,
            signals=signals,
            w_max_mV=100.0,
        )
