"""The thing that conversion works on: a description with its weights, and what a rate in it stands for.

Every step of conversion is a function from one `Circuit` to another. The first ones hold rate units of either sign; the
last one holds spiking cells that obey Dale's law. In all of them a unit of the rate model keeps its place, so that its
activity can be read and compared at any stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from snn._edit import first_error
from snn.cells import RateUnit
from snn.description import Network, Population, Projection
from snn.errors import ConversionError, sentence
from snn.state import Array, State, initial_state
from snn.weights import Constant

FloatArray = NDArray[np.float64]
DT_MS = 1.0
"""Step at which converted networks run."""
ZERO = Constant(value_mV=0.0)


@dataclass(frozen=True, eq=False)
class Answer:
    """How the cells of a population are driven so that together they answer as a unit does.

    Attributes
    ----------
    r_max_Hz : float
        Rate at the scale.
    gain_mV : float
        Current at the scale.
    bias_mV : ndarray, shape (copies,)
        Constant current of each copy of a unit.
    """

    r_max_Hz: float
    gain_mV: float
    bias_mV: FloatArray


@dataclass(frozen=True, eq=False)
class Circuit:
    """A description, its arrays, and the meaning of its rates.

    Attributes
    ----------
    network : Network
    arrays : mapping of str to ndarray
        ``weights/PROJECTION`` of every projection, ``bias/POPULATION`` of every biased population, and where they differ
        from what the description says ``threshold/POPULATION``; the keys of `snn.state`.
    per_unit_Hz : mapping of str to ndarray, shape (features,)
        For each population, the rate that tells an activity of 1.
    partners : frozenset of str
        Populations that stand for no unit of the rate model: inhibitory partners and interneurons.
    answers : mapping of str to Answer
        For populations of spiking cells whose answer to a current had to be made straight.
    partner_of : mapping of str to str
        For partners, the population of the rate model that each stands beside: whose activity it carries or, where it is an
        interneuron before a target, into which all that it sums goes.
    slopes : mapping of str to ndarray, shape (features,)
        For populations that calibration has corrected, by what it has divided their currents so far.
    """

    network: Network
    arrays: Mapping[str, Array]
    per_unit_Hz: Mapping[str, FloatArray]
    partners: frozenset[str] = frozenset()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    partner_of: Mapping[str, str] = field(default_factory=dict)
    slopes: Mapping[str, FloatArray] = field(default_factory=dict)

    def answer(self, population: str) -> Answer:
        """How the cells of a population are driven.

        Parameters
        ----------
        population : str

        Returns
        -------
        Answer
            Gain 1 and no constant current where nothing else is known.
        """
        p = self.network.population(population)
        return self.answers[population] if population in self.answers else Answer(r_max_of(p), 1.0, np.zeros(p.copies))

    def slope(self, population: str) -> FloatArray:
        """By what calibration has divided the currents of a population so far; ones where it has not.

        Parameters
        ----------
        population : str

        Returns
        -------
        ndarray, shape (features,)
        """
        p = self.network.population(population)
        return self.slopes[population] if population in self.slopes else np.ones(p.shape[2])

    def weights(self, projection: str) -> FloatArray:
        """Weights of a projection in mV.

        Parameters
        ----------
        projection : str

        Returns
        -------
        ndarray, shape as ``Network.weight_shape`` says
        """
        return np.asarray(self.arrays[f"weights/{projection}"], dtype=np.float64)

    def bias(self, population: str) -> FloatArray:
        """Constant currents of a population; zeros where it has none.

        Parameters
        ----------
        population : str

        Returns
        -------
        ndarray, shape (n,)
            In mV.
        """
        p = self.network.population(population)
        return np.asarray(self.arrays[f"bias/{population}"], dtype=np.float64) if p.biased else np.zeros(p.n)

    def with_arrays(self, arrays: Mapping[str, Array]) -> Circuit:
        """Return a copy with some arrays replaced.

        Parameters
        ----------
        arrays : mapping of str to ndarray

        Returns
        -------
        Circuit
        """
        return replace(self, arrays={**self.arrays, **arrays})

    def state(self, seed: int = 0) -> State:
        """Give the state in which a simulation of it begins.

        Parameters
        ----------
        seed : int
            Of its random streams.

        Returns
        -------
        State

        Raises
        ------
        ConversionError
            If it holds an array that belongs to nothing in its network.
        """
        born = initial_state(self.network, dt_ms=DT_MS, seed=seed)
        unknown = sorted(self.arrays.keys() - born.arrays.keys())
        if unknown:
            raise ConversionError(sentence(f"circuit.arrays[{unknown[0]!r}]", f"belongs to nothing in {self.network.name!r}"))
        return State({**born.arrays, **self.arrays}, 0, seed, DT_MS, self.network.digest)


def rebuilt(
    circuit: Circuit,
    populations: Iterable[Population],
    projections: Iterable[tuple[Projection, FloatArray]],
    arrays: Mapping[str, Array] | None = None,
    per_unit_Hz: Mapping[str, FloatArray] | None = None,
    partners: frozenset[str] | None = None,
    partner_of: Mapping[str, str] | None = None,
) -> Circuit:
    """Put a circuit together anew; encoder, readouts, name, answers and slopes stay.

    Parameters
    ----------
    circuit : Circuit
        What it was.
    populations : iterable of Population
    projections : iterable of (Projection, ndarray)
        With their weights, in the shape that the new network asks for.
    arrays : mapping of str to ndarray, optional
        Biases and thresholds; those of the old one for populations that still are there when left out.
    per_unit_Hz : mapping of str to ndarray, shape (features,), optional
        As the old one when left out.
    partners : frozenset of str, optional
        As the old one when left out.
    partner_of : mapping of str to str, optional
        As the old one when left out.

    Returns
    -------
    Circuit

    Raises
    ------
    ConversionError
        If the parts do not fit each other.
    """
    populations, listed = tuple(populations), list(projections)
    names = {p.name for p in populations}
    if arrays is None:
        names |= {j.name for j, _ in listed if j.spread}
        arrays = {k: a for k, a in circuit.arrays.items() if not k.startswith("weights/") and k.partition("/")[2] in names}
    old = circuit.network
    try:
        network = Network(
            name=old.name,
            frame_ms=old.frame_ms,
            populations=populations,
            projections=tuple(j for j, _ in listed),
            encoder=old.encoder,
            readouts=old.readouts,
        )
    except ValueError as error:
        raise ConversionError(sentence(old.name, f"cannot be put together: {first_error(error)}")) from error
    weights = {f"weights/{j.name}": w for j, w in listed}
    for j, w in listed:
        if w.shape != network.weight_shape(j.name):
            raise ConversionError(sentence(j.name, "weights of the wrong shape", got=w.shape, allowed=str(network.weight_shape(j.name))))
    return Circuit(
        network,
        {**arrays, **weights},
        circuit.per_unit_Hz if per_unit_Hz is None else per_unit_Hz,
        circuit.partners if partners is None else partners,
        circuit.answers,
        circuit.partner_of if partner_of is None else partner_of,
        circuit.slopes,
    )


def rate_cell(r_max_Hz: float) -> RateUnit:
    """Rectified unit without memory: a current of 1 mV makes ``r_max_Hz``.

    It is the limit of integrate-and-fire cells with infinitely many, infinitely small spikes.

    Parameters
    ----------
    r_max_Hz : float

    Returns
    -------
    RateUnit
    """
    return RateUnit(tau_mem_ms=1000.0 / r_max_Hz, leaky=False, gain_Hz_per_mV=1000.0 / DT_MS, reset_by_mV=1.0, v_floor_mV=0.0)


def per_spike(r_max_Hz: float, tau_syn_ms: float) -> float:
    """Weight in mV of a synapse through which a rate of ``r_max_Hz`` makes a mean current of 1 mV.

    Parameters
    ----------
    r_max_Hz, tau_syn_ms : float

    Returns
    -------
    float
    """
    return 1000.0 / (r_max_Hz * tau_syn_ms)


def standing(circuit: Circuit) -> list[Population]:
    """List the populations that stand for units of the rate model, in their order.

    Parameters
    ----------
    circuit : Circuit

    Returns
    -------
    list of Population
    """
    return [p for p in circuit.network.populations if p.name not in circuit.partners]


def r_max_of(population: Population) -> float:
    """Rate that a current of 1 mV makes.

    Parameters
    ----------
    population : Population
        Of cells that integrate.

    Returns
    -------
    float
        In Hz.
    """
    return 1000.0 / population.cell.tau_mem_ms  # type: ignore[union-attr]
