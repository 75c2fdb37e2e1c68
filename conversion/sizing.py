"""What a conversion will take, before anything is built: copies from the wanted precision, and what they cost.

With ``K = tau_syn r_max n``, the spikes that the copies of a unit send within a synaptic time constant at full activity,
staggered integrate-and-fire copies round a unit's activity with a standard deviation of ``1 / (sqrt(12) K)``. In a
predictive-coding loop the error units, small differences of large signals, come out with

    NRMSE = sqrt((1.08 / K)^2 + (0.02 + 4 Hz / r_max)^2)

(measured on small networks of this kind; the second term is what no number of copies removes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conversion.circuit import DT_MS, Circuit
from conversion.dale import Route, route_dale
from conversion.neuron import integrate_and_fire
from conversion.populate import populate
from conversion.rate_spec import RatePredNetSpec
from conversion.scaling import scale
from conversion.unshare import unshare
from snn.description import Network
from snn.errors import ConversionError, sentence

ACTIVE = 0.16
"""Mean activity in units of the scale, where nothing was measured."""


@dataclass(frozen=True)
class Size:
    """What a spiking circuit takes.

    Attributes
    ----------
    copies : int
        Cells for each unit.
    cells, synapses, stored_weights : int
        Synapses join cells; copies of two units share a stored weight.
    memory_bytes : int
        Of a simulation on the event engine, in double precision.
    synaptic_operations_per_frame : float
        Spikes times the synapses that they reach, at the mean activity that was given.
    """

    copies: int
    cells: int
    synapses: int
    stored_weights: int
    memory_bytes: int
    synaptic_operations_per_frame: float


def expected_nrmse(copies: int, r_max_Hz: float, tau_syn_ms: float = 20.0) -> float:
    """Error to be expected of the error units with staggered integrate-and-fire copies.

    Parameters
    ----------
    copies : int
    r_max_Hz, tau_syn_ms : float

    Returns
    -------
    float
        Root mean square of the difference over that of the activity.
    """
    k = tau_syn_ms / 1000.0 * r_max_Hz * copies
    return float(np.hypot(1.08 / k, 0.02 + 4.0 / r_max_Hz))


def copies_for(nrmse: float, r_max_Hz: float, tau_syn_ms: float = 20.0) -> int:
    """Smallest number of copies whose expected error is small enough.

    Parameters
    ----------
    nrmse : float
        Wanted error of the error units.
    r_max_Hz, tau_syn_ms : float

    Returns
    -------
    int

    Raises
    ------
    ConversionError
        If no number of copies is enough at that rate.
    """
    floor = 0.02 + 4.0 / r_max_Hz
    if not nrmse > floor:
        need = f"above {floor:.3g} at {r_max_Hz:g} Hz"
        raise ConversionError(sentence("nrmse", "cannot be reached by copies", got=nrmse, allowed=need, cure="raise r_max_Hz"))
    return int(np.ceil(1.08 / np.sqrt(nrmse**2 - floor**2) / (tau_syn_ms / 1000.0 * r_max_Hz)))


def size_for(
    spec: RatePredNetSpec,
    *,
    nrmse: float | None = None,
    copies: int | None = None,
    r_max_Hz: float = 100.0,
    route: Route = "twin",
    share: bool = False,
    mean_activity: float = ACTIVE,
) -> Size:
    """Say what a rate model will take as spiking populations, from its description alone.

    Parameters
    ----------
    spec : RatePredNetSpec
        With ``timing``.
    nrmse : float, optional
        Wanted error of the error units; or give ``copies``.
    copies : int, optional
    r_max_Hz : float
    route : str
        As in `conversion.dale.route_dale`.
    share : bool
        Whether sites share kernels.
    mean_activity : float
        In units of the scale.

    Returns
    -------
    Size

    Raises
    ------
    ConversionError
        If the wanted error cannot be reached, or the model runs frame by frame.
    """
    from conversion.timed_prednet import TimedPredNet
    from conversion.trace_prednet import trace_prednet

    if spec.timing is None:
        raise ConversionError(sentence("model.timing", "is missing: it runs frame by frame", cure="distil it, or train with --step-ms"))
    if (nrmse is None) == (copies is None):
        raise ConversionError(sentence("size_for", "needs either nrmse or copies (--nrmse, --copies)", got=(nrmse, copies)))
    n = copies if copies is not None else copies_for(nrmse or 0.0, r_max_Hz, spec.timing.tau_syn_ms)
    circuit = trace_prednet(TimedPredNet(spec))
    circuit = scale(circuit, {p.name: np.ones(p.shape[2]) for p in circuit.network.populations}, r_max_Hz)
    return size_of(integrate_and_fire(populate(route_dale(circuit if share else unshare(circuit), route), n)), mean_activity)


def size_of(circuit: Circuit, mean_activity: float = ACTIVE) -> Size:
    """Say what a spiking circuit takes.

    Parameters
    ----------
    circuit : Circuit
    mean_activity : float
        In units of the scale.

    Returns
    -------
    Size
    """
    network = circuit.network
    synapses = weights = 0
    operations = 0.0
    for j in network.projections:
        n = int(network.out_degree(j).sum())
        synapses += n
        weights += int(np.prod(network.weight_shape(j.name)))
        operations += n * mean_activity * circuit.answer(j.source).r_max_Hz * network.frame_ms / 1000.0
    copies = max(p.copies for p in network.populations)
    return Size(copies, network.n_neurons, synapses, weights, memory_of(network), operations)


def memory_of(network: Network) -> int:
    """Bytes that a simulation on the event engine holds in double precision, and its state besides.

    Parameters
    ----------
    network : Network

    Returns
    -------
    int
    """
    total = 0
    for p in network.populations:
        depth = max((round(j.delay_ms / DT_MS) for j in network.projections if j.source == p.name), default=1)
        # v, threshold, adaptation, current, last, total and late of 8 bytes; the ring of spikes on their way of 4.
        total += p.n * (7 * 8 + 4 * depth) + 8 * p.n_currents * len(p.receptors)
    return total + 8 * sum(int(np.prod(network.weight_shape(j.name))) for j in network.projections)


__all__ = ["Size", "copies_for", "expected_nrmse", "memory_of", "size_for", "size_of"]
