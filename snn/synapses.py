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
    gate       no current: its sum (per mV, decaying with ``tau_ms``) scales the receptors that name it
    ========== ==================================================================================================

    Parameters
    ----------
    name : str
        Name that projections use.
    kinetics : {'exponential', 'integrating', 'pulse', 'gate'}
        Time course.
    tau_ms : float, optional
        Decay time constant, for ``exponential`` and ``gate`` only.
    gate, shunt : str, optional
        Receptors of kind ``gate`` on the same population that scale the current of this one, which lies on a dendritic
        branch: by ``g`` of the ``gate`` (excitation opens the branch) and by ``1 / (1 - s)`` with ``s <= 0`` of the ``shunt``
        (inhibition divides); together at most 1.
    compartment : {'soma', 'dendrite'}
        Where on a cell of two compartments its synapses lie; other cells have a soma only.

    Raises
    ------
    ValueError
        If ``tau_ms`` is missing for ``exponential`` or given for another.

    References
    ----------
    Destexhe, Mainen & Sejnowski (1994), https://doi.org/10.1162/neco.1994.6.1.14, for the first-order kinetics. Inhibition
    that acts on one dendritic branch: Koch, Poggio & Torre (1983), https://doi.org/10.1073/pnas.80.9.2799; Yang, Murray &
    Wang (2016), https://doi.org/10.1038/ncomms12815. Division by pooled inhibition: Carandini & Heeger (2012),
    https://doi.org/10.1038/nrn3136.

    Notes
    -----
    *Departures.* A gate opens its branch in proportion to its sum, without the threshold and the voltage dependence of
    NMDA receptors.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"compartment", "gate", "shunt"})

    name: str
    kinetics: Literal["exponential", "integrating", "pulse", "gate"] = "exponential"
    tau_ms: Positive | None = None
    compartment: Literal["soma", "dendrite"] = "soma"
    gate: str | None = None
    shunt: str | None = None

    @model_validator(mode="after")
    def _tau_fits(self) -> Self:
        if (self.kinetics in ("exponential", "gate")) != (self.tau_ms is not None):
            raise ValueError(
                f"receptor {self.name!r}: tau_ms is needed for 'exponential' and 'gate' and for no other; "
                f"got kinetics={self.kinetics!r}, tau_ms={self.tau_ms}"
            )
        scaled = self.gate is not None or self.shunt is not None
        if scaled and self.kinetics in ("pulse", "gate"):
            raise ValueError(
                f"receptor {self.name!r}: gate and shunt scale a current, which {self.kinetics!r} is not; got {self.gate!r}, {self.shunt!r}"
            )
        return self
