"""The port of an engine: what one must offer, and what it gets for each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from snn.description import Network
from snn.state import Array, State

if TYPE_CHECKING:
    from snn.engines.driver import Simulation

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FrameInput:
    """What drives a network during one frame.

    Attributes
    ----------
    currents : mapping of str to ndarray, shape (n,)
        Per driven population, a constant current in mV.
    rasters : mapping of str to ndarray of bool, shape (frame_steps, n)
        Per spike source, its spikes.
    learn : bool
        Whether rules act.
    modulator : float
        Broadcast signal that rules see.
    spikes : bool
        Whether to return every spike.
    moved : mapping of str to ndarray, shape (frame_steps, n)
        Per population that spikes by chance, how far its thresholds lie from their own in each step, in mV.
    """

    currents: Mapping[str, FloatArray] = field(default_factory=dict)
    rasters: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    learn: bool = False
    modulator: float = 1.0
    spikes: bool = False
    moved: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameOutput:
    """What a network did in one frame; cells are numbered over all populations in the order of the description.

    Attributes
    ----------
    counts : ndarray, shape (n_neurons,)
        Spikes sent in the frame.
    late : ndarray, shape (n_neurons,)
        The same, each weighted by the share of the frame's second half that follows it.
    steps, cells : ndarray of int, shape (n_spikes,)
        Step and cell of every spike, in order, where they were asked for.
    """

    counts: FloatArray
    late: FloatArray
    steps: NDArray[np.int64]
    cells: NDArray[np.int64]


class Backend(Protocol):
    """A network built by an engine, driven one frame at a time."""

    def frame(self, given: FrameInput) -> FrameOutput:
        """Run one frame.

        Parameters
        ----------
        given : FrameInput
            What drives the network, and whether it learns.

        Returns
        -------
        FrameOutput
        """

    def rest(self) -> None:
        """Begin a new clip: cells at rest, nothing in flight, traces at zero; weights and thresholds stay."""

    def dump(self) -> dict[str, Array]:
        """Copy out every array under the keys of ``snn.state``."""

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over every array.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        step : int
            Steps done so far.
        """


class Engine(Protocol):
    """Turns a description into a running simulation."""

    @property
    def name(self) -> str:
        """Name of the engine."""

    def unsupported(self, network: Network) -> tuple[str, ...]:
        """Give the reasons why this engine cannot run the network; empty when it can.

        Parameters
        ----------
        network : Network

        Returns
        -------
        tuple of str
            One sentence each.
        """

    def build(self, network: Network, *, state: State | None = None, dt_ms: float = 1.0, seed: int = 0) -> Simulation:
        """Build the network, at rest or in a given state.

        Parameters
        ----------
        network : Network
        state : State, optional
            State to go on from; at rest when left out.
        dt_ms : float
            Step.
        seed : int
            Seed of the initial state.

        Returns
        -------
        Simulation
        """
