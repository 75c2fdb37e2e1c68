"""Receptors: what a spike does to the cell that it reaches, over time.

A population lists its receptors; a projection names the one that it lands on. The current of a cell is the sum over
its receptors. The sign of a synapse is not here: it belongs to the source population.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from snn._model import Described, Positive


class Receptor(Described):
    """Kinetics of one kind of synapse on a population.

    ========== ==================================================================================================
    kinetics   a spike of weight w mV adds
    ========== ==================================================================================================
    exponential a current of w mV that decays with ``tau_ms`` (AMPA, GABA and, slower, NMDA like)
    integrating a current of w mV that stays (the limit of a very slow synapse or of persistent activity)
    pulse      w mV to V itself, at once
    ========== ==================================================================================================

    Parameters
    ----------
    name : str
        Name that projections use.
    kinetics : {'exponential', 'integrating', 'pulse'}
        Time course.
    tau_ms : float, optional
        Decay time constant, for ``exponential`` only.
    compartment : {'soma', 'dendrite'}
        Where on a cell of two compartments its synapses lie; other cells have a soma only.

    Raises
    ------
    ValueError
        If ``tau_ms`` is missing for ``exponential`` or given for another.

    References
    ----------
    Destexhe, Mainen & Sejnowski (1994), https://doi.org/10.1162/neco.1994.6.1.14, for the first-order kinetics.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"compartment"})

    name: str
    kinetics: Literal["exponential", "integrating", "pulse"] = "exponential"
    tau_ms: Positive | None = None
    compartment: Literal["soma", "dendrite"] = "soma"

    @model_validator(mode="after")
    def _tau_fits(self) -> Self:
        if (self.kinetics == "exponential") != (self.tau_ms is not None):
            raise ValueError(
                f"receptor {self.name!r}: tau_ms is needed for 'exponential' and for no other; "
                f"got kinetics={self.kinetics!r}, tau_ms={self.tau_ms}"
            )
        return self
