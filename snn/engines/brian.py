"""The brian engine: writes a network down as Brian2 equations and lets Brian2 run it, as a second opinion.

Membranes and decaying currents are differential equations that Brian2 itself integrates; spikes travel through
Brian2's own queues; rules are printed as Brian2 code. Nothing of the closed formulas of ``layout.py`` is used.
``brian_text.py`` writes the text, ``brian_backend.py`` makes Brian2 objects of it.
"""

from __future__ import annotations

import sys

from snn.cells import IF
from snn.description import Network
from snn.engines.driver import Simulation, prepare
from snn.engines.layout import Layout, rule_problems
from snn.errors import EngineError, nearest, sentence
from snn.state import State

TARGETS = ("numpy", "cython")


class BrianEngine:
    """Brian2, float64.

    Parameters
    ----------
    target : {'numpy', 'cython'}
        How Brian2 runs its code; ``cython`` needs a C compiler and is compiled when a network is built.

    Raises
    ------
    EngineError
        If there is no such target.

    References
    ----------
    Stimberg, Brette & Goodman (2019), https://doi.org/10.7554/eLife.47314.
    """

    name = "brian"

    def __init__(self, target: str = "numpy") -> None:
        if target not in TARGETS:
            raise EngineError(sentence("brian.target", "there is no such target", got=target, cure=nearest(target, TARGETS)))
        self.target = target

    def unsupported(self, network: Network) -> tuple[str, ...]:
        """Give the reasons why this engine cannot run the network.

        Parameters
        ----------
        network : Network

        Returns
        -------
        tuple of str
            Empty when it can.
        """
        graded = [p.name for p in network.populations if p.graded]
        reasons = [f"{', '.join(graded)}: Brian2 delivers spikes, not graded values with a delay"] if graded else []
        for p in network.populations:
            reasons += [
                f"{p.name}, receptor {r.name!r}: a gate on a current that decays, without leak; Brian2 integrates it by a matrix of numbers"
                for r in p.receptors
                if isinstance(p.cell, IF) and (r.gate or r.shunt) and r.kinetics == "exponential"
            ]
        for j in network.projections:
            if j.rule and j.topology.kind == "shared":
                reasons.append(f"{j.name}: a rule on shared weights; Brian2 has a weight for every synapse")
        return (*rule_problems(network), *reasons)

    def build(self, network: Network, *, state: State | None = None, dt_ms: float = 1.0, seed: int = 0) -> Simulation:
        """Build a simulation.

        Parameters
        ----------
        network : Network
        state : State, optional
            State to go on from.
        dt_ms : float
            Step.
        seed : int
            Seed of the initial state, when none is given.

        Returns
        -------
        Simulation

        Raises
        ------
        EngineError, StateError, DescriptionError
            If the network cannot be run, the state does not fit, or a delay is shorter than a step.
        """
        layout = Layout(network, dt_ms)
        state = prepare(self, layout, state, seed)
        # Brian2 takes seconds to import, so it is imported only when a network is built. It puts itself before Python's
        # own report of uncaught errors, which would then ask our users to report their errors to Brian2.
        hook = sys.excepthook
        from snn.engines.brian_backend import BrianBackend

        sys.excepthook = hook
        return Simulation(layout, BrianBackend(layout, self.target), state)
