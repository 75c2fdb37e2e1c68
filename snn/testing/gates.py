"""Networks on which engines are compared: dendritic branches that excitation opens and inhibition divides."""

from __future__ import annotations

from snn.cells import AdaptiveLIF, Cell, RateUnit, SpikeSource
from snn.description import Network, Population, Projection
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, OneToOne
from snn.weights import Uniform


def gates(*, graded: bool = False) -> Network:
    """Build cells with three branches: one gated and divided, one gated only, one divided only, and a plain receptor.

    Parameters
    ----------
    graded : bool
        Rate units in place of spiking cells.

    Returns
    -------
    Network
    """
    shape = (3, 3, 2)
    receptors = (
        Receptor(name="first", tau_ms=9.0, gate="open0", shunt="divide"),
        Receptor(name="open0", kinetics="gate", tau_ms=6.0),
        Receptor(name="second", kinetics="integrating", gate="open1"),
        Receptor(name="divide", kinetics="gate", tau_ms=4.0),
        Receptor(name="open1", kinetics="gate", tau_ms=11.0),
        Receptor(name="third", tau_ms=5.0, shunt="divide"),
        Receptor(name="plain", tau_ms=3.0),
    )
    spiking = AdaptiveLIF(tau_mem_ms=7.0, v_threshold_mV=1.2, adaptation_mV=0.3, tau_adaptation_ms=30.0, threshold_jitter_mV=0.3)
    cell: Cell = RateUnit(tau_mem_ms=7.0, gain_Hz_per_mV=20.0) if graded else spiking
    wiring = [("in", "first"), ("in", "open0"), ("off", "divide"), ("in", "open1"), ("off", "open1"), ("in", "third"), ("in", "plain")]
    topologies = (LocalField(size=3), OneToOne(), Dense(), LocalField(size=3, depthwise=True))
    return Network(
        name="gates of rate units" if graded else "gates",
        frame_ms=25.0,
        populations=(
            Population(name="in", shape=shape, cell=SpikeSource()),
            Population(name="off", shape=shape, cell=SpikeSource(), sign="inhibitory"),
            Population(name="out", shape=shape, cell=cell, receptors=receptors),
        ),
        projections=(
            *(
                Projection(
                    source=source,
                    target="out",
                    receptor=receptor,
                    topology=topologies[i % 4],
                    weights=Uniform(low_mV=0.0, high_mV=0.2 if topologies[i % 4].kind == "dense" else 1.0),
                    delay_ms=1.0 + i,
                )
                for i, (source, receptor) in enumerate(wiring)
            ),
            # The branch that keeps what it is told must also be able to lose it.
            *(
                Projection(
                    source=source,
                    target="out",
                    receptor="second",
                    topology=OneToOne(),
                    weights=Uniform(low_mV=0.2, high_mV=0.2),
                    delay_ms=2.0,
                )
                for source in ("in", "off")
            ),
        ),
    )


def gates_of_rates() -> Network:
    """As `gates`, with rate units.

    Returns
    -------
    Network
    """
    return gates(graded=True)
