"""The parts of a network: populations, the projections between them, teaching signals and readouts."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from snn._model import Described, Finite, NonNegative, Positive
from snn.cells import AdEx, Cell, RateUnit, SpikeSource, TwoCompartment
from snn.encoding import CHANNELS
from snn.errors import nearest
from snn.local import Rule
from snn.short_term import ShortTerm
from snn.synapses import Receptor
from snn.topology import Grid, Topology
from snn.weights import Weights

Sign = Literal["excitatory", "inhibitory", "mixed"]
MIXED: Sign = "mixed"
Count = Annotated[int, Field(ge=1)]


class Population(Described):
    """Cells of one kind on a retinotopic grid.

    Parameters
    ----------
    name : str
        Dotted name, such as ``level0.error_pos``; recordings, weights and overrides use it.
    shape : (int, int, int)
        Rows, cols and features.
    cell : IF, LIF, AdaptiveLIF, AdEx, TwoCompartment, RateUnit or SpikeSource
        The cell model.
    sign : {'excitatory', 'inhibitory', 'mixed'}
        What all its synapses do (Dale's law); ``mixed`` lifts it and must be said.
    receptors : tuple of Receptor
        The kinds of synapse on it.
    drive : str, optional
        Channel of the retina that drives it.
    drive_gain : float
        Factor on what the channel sends; negative for cells that darkness excites.
    biased : bool
        Whether each cell has a constant current of its own, kept in the state as ``bias/NAME``.
    bias_mV : float
        That current at birth.
    copies : int
        Cells for each unit.
    pools : int, optional
        Copies of a unit share their synaptic currents in this many pools, copy ``c`` that of pool ``c % pools``. A
        projection onto it then joins units, not cells: one stored weight serves all pairs of their copies, and copy
        ``c`` of a source reaches the copies of pool ``c % pools`` of a target. Left out, each cell has its own currents
        and each pair of cells its own weight.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"drive_gain", "biased", "bias_mV", "pools"})

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")]
    shape: tuple[Count, Count, Count]
    cell: Cell
    sign: Sign = "excitatory"
    receptors: tuple[Receptor, ...] = ()
    drive: str | None = None
    drive_gain: Finite = 1.0
    biased: bool = False
    bias_mV: Finite = 0.0
    copies: Count = 1
    pools: Count | None = None

    @property
    def units(self) -> Grid:
        """Extent of the population in units, whatever the number of their copies."""
        return Grid(*self.shape)

    @property
    def n_currents(self) -> int:
        """Number of synaptic currents of each receptor: one a cell, or with pools one a pool of copies of a unit."""
        return self.n if self.pools is None else self.pools * self.units.n

    @property
    def grid(self) -> Grid:
        """Extent of the population."""
        return Grid(*self.shape, self.copies)

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.grid.n

    @property
    def background_Hz(self) -> float | None:
        """Rate at which its cells spike by chance alone; None where something drives them."""
        return self.cell.rate_Hz if isinstance(self.cell, SpikeSource) else None

    @property
    def stochastic(self) -> bool:
        """Whether its spikes are drawn and given to engines frame by frame."""
        return self.background_Hz is not None or (self.drive is not None and CHANNELS[self.drive].stochastic)

    @property
    def dendritic(self) -> bool:
        """Whether its cells have a dendrite beside the soma."""
        return isinstance(self.cell, TwoCompartment)

    @property
    def graded(self) -> bool:
        """Whether it sends numbers in place of spikes."""
        return isinstance(self.cell, RateUnit)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        names = [r.name for r in self.receptors]
        if len(set(names)) != len(names):
            raise ValueError(f"population {self.name!r}: two receptors have one name; got {names}")
        if self.bias_mV and not self.biased:
            raise ValueError(f"population {self.name!r}: bias_mV needs biased=True; got {self.bias_mV}")
        self._check_gates(names)
        if self.drive is not None:
            if self.drive not in CHANNELS:
                raise ValueError(f"population {self.name!r}: unknown channel {self.drive!r}; {nearest(self.drive, CHANNELS)}")
            channel = CHANNELS[self.drive]
            if channel.features != self.shape[2]:
                raise ValueError(f"population {self.name!r}: channel {self.drive!r} has {channel.features} features; got {self.shape[2]}")
            if channel.stochastic != isinstance(self.cell, SpikeSource):
                raise ValueError(
                    f"population {self.name!r}: channel {self.drive!r} {'needs' if channel.stochastic else 'cannot drive'} a SpikeSource"
                )
            if self.background_Hz is not None:
                raise ValueError(f"population {self.name!r}: a SpikeSource has either rate_Hz or a channel; got {self.drive!r} too")
        if isinstance(self.cell, SpikeSource) and self.receptors:
            raise ValueError(f"population {self.name!r}: a SpikeSource has no receptors")
        if isinstance(self.cell, SpikeSource) and (self.biased or self.pools is not None):
            raise ValueError(f"population {self.name!r}: a SpikeSource has no currents, so neither biased nor pools")
        if self.pools is not None and isinstance(self.cell, TwoCompartment | AdEx):
            what = "of two compartments" if self.dendritic else "with an upswing"
            raise ValueError(f"population {self.name!r}: cells {what} share no currents; leave pools out")
        for r in self.receptors:
            if r.compartment != "soma" and not isinstance(self.cell, TwoCompartment):
                raise ValueError(
                    f"population {self.name!r}: receptor {r.name!r} lies on the {r.compartment}, which a cell of kind {self.cell.kind!r} "
                    f"has not; use a TwoCompartment cell or compartment='soma'"
                )
        if self.pools is not None and self.copies % self.pools:
            raise ValueError(f"population {self.name!r}: pools must divide the {self.copies} copies of a unit; got {self.pools}")
        return self

    def _check_gates(self, names: list[str]) -> None:
        kinetics = {r.name: r.kinetics for r in self.receptors}
        for r in self.receptors:
            for field, named in (("gate", r.gate), ("shunt", r.shunt)):
                if named is not None and kinetics.get(named) != "gate":
                    raise ValueError(
                        f"population {self.name!r}: receptor {r.name!r} has the {field} {named!r}, which is no receptor of kind 'gate' "
                        f"here; {nearest(named, [n for n in names if kinetics[n] == 'gate'])}"
                    )
        plain = self.pools is None and getattr(self.cell, "tau_rest_ms", None) is None and not self.dendritic
        if "gate" in kinetics.values() and not plain:
            raise ValueError(
                f"population {self.name!r}: gates need cells of one compartment with currents of their own; "
                "leave out pools, tau_rest_ms and the second compartment"
            )


class Tap(Described):
    """Spikes of a population that reach the cells of the same site as a teaching signal.

    Parameters
    ----------
    population : str
        Who sends.
    pairs : tuple of (int, int), optional
        Which of its features reaches which feature of the target; left out, each its namesake.
    """

    population: str
    pairs: tuple[tuple[int, int], ...] | None = None


class Signal(Described):
    """A named signal that a projection's rule reads, and the populations that carry it.

    Parameters
    ----------
    name : str
        Name used by the rule.
    taps : tuple of Tap
        The populations; their spikes arrive one step later, at their own site only.
    """

    name: str
    taps: Annotated[tuple[Tap, ...], Field(min_length=1)]


class Projection(Described):
    """Synapses from one population to another.

    Parameters
    ----------
    source, target : str
        Names of the populations.
    receptor : str
        Receptor of the target that they land on.
    topology : LocalField, SharedKernel, OneToOne or Dense
        Who meets whom.
    weights : Constant, Uniform, HalfNormal or Normal
        Initial magnitudes.
    delay_ms : float
        Time from a spike to its effect; at least one step.
    rule : Rule, optional
        How the weights change.
    signals : tuple of Signal
        Teaching signals that the rule asks for.
    w_max_mV : float, optional
        Upper bound of plastic weights.
    label : str
        Tells projections apart that share source, target and receptor.
    spread : float
        For a `SharedKernel`: standard deviation of the logarithm of a factor of mean 1, one for each source unit, on all its
        weights. Sites that share a kernel then differ, for one number a unit in place of one a synapse; the factors are
        kept in the state as ``factor/NAME``.
    short_term : ShortTerm, optional
        Depression and facilitation: what a spike delivers depends on those that its cell sent before. Left out, it is the weight.
        Sources send spikes, not graded values. What it needs is kept in the state as ``resources/NAME``, ``utilised/NAME`` and
        ``arrived/NAME``, one number for each source cell; all its synapses of the projection share them.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"spread", "short_term"})

    source: str
    target: str
    receptor: str
    topology: Topology
    weights: Weights
    delay_ms: Positive
    rule: SerializeAsAny[Rule] | None = None
    signals: tuple[Signal, ...] = ()
    w_max_mV: NonNegative | None = None
    label: str = ""
    spread: NonNegative = 0.0
    short_term: ShortTerm | None = None

    @property
    def name(self) -> str:
        """``source->target/receptor``, with ``#label`` where there is one."""
        return f"{self.source}->{self.target}/{self.receptor}" + (f"#{self.label}" if self.label else "")


class ChangeReadout(Described):
    """Reads a signal from a pair of change-coding cells: a fixed linear filter of their spikes.

    ``value(t) = offset + step * (up spikes so far - down spikes so far)``, averaged over the second half of a frame.

    Parameters
    ----------
    name : str
        Name in recordings, such as ``level0.forecast``.
    population : str
        Whose first half of the features tells increases and second half decreases.
    step : float
        What one spike stands for.
    offset : float
        Value before the first spike.
    """

    name: str
    population: str
    step: Positive
    offset: float = 0.0

    @property
    def cumulative(self) -> bool:
        """Whether it reads the number of spikes so far, rather than those of the second half of a frame."""
        return True

    def read(self, told: Any, population: Population) -> Any:
        """Turn numbers of spikes into the signal.

        Parameters
        ----------
        told : ndarray or Tensor, shape (n, population.n)
            Spikes so far, as a mean over the second half of each of n frames (or of n clips).
        population : Population

        Returns
        -------
        ndarray or Tensor, shape (n, rows, cols, features)
            Of the kind that was given; copies of a cell are averaged.
        """
        rows, cols, features = population.shape
        value = told.reshape(-1, rows, cols, 2, features // 2, population.copies).mean(-1)
        return self.offset + self.step * (value[..., 0, :] - value[..., 1, :])


class RateReadout(Described):
    """Reads a signal from the rate of cells: a mean over the second half of a frame, times a factor.

    The mean is weighted by a raised cosine that begins and ends with the half frame: with sharp edges, whether a regular
    spike falls just before or just after an edge would be the greater part of what is read.

    Parameters
    ----------
    name : str
        Name in recordings, such as ``level0.forecast``.
    population : str
        Whose rate is read.
    per_Hz : float
        What a rate of 1 Hz stands for.
    offset : float
        Value at no spikes.
    high : float, optional
        Values above it are cut.
    """

    name: str
    population: str
    per_Hz: Finite
    offset: float = 0.0
    high: Finite | None = None

    @property
    def cumulative(self) -> bool:
        """As `ChangeReadout.cumulative`."""
        return False

    def read(self, told: Any, population: Population) -> Any:
        """As `ChangeReadout.read`; what is told is the mean rate in Hz."""
        value = self.offset + self.per_Hz * told.reshape(-1, *population.shape, population.copies).mean(-1)
        return value if self.high is None else value.clip(max=self.high)


Readout = ChangeReadout | RateReadout
