"""A small network of cells with dendrites, on which engines are compared."""

from __future__ import annotations

from snn.cells import LIF, Escape, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Uniform


def compartments() -> Network:
    """Cells with a dendrite: every receptor on either compartment, with and without chance, a way back and a teacher."""
    chance = TwoCompartment(
        tau_mem_ms=10.0, tau_dend_ms=12.0, coupling=2.0, nudge=0.7, v_threshold_mV=4.0, t_ref_ms=3.0,
        escape=Escape(width_mV=1.0), threshold_jitter_mV=0.5,
    )  # fmt: skip
    sharp = TwoCompartment(
        tau_mem_ms=6.0, tau_dend_ms=15.0, coupling=1.5, back_coupling=0.8, v_threshold_mV=2.0, v_reset_mV=-0.5, reset_by_mV=None,
        t_ref_ms=2.0, v_floor_mV=-1.0, threshold_jitter_mV=0.4,
    )  # fmt: skip
    # Equal time constants of soma, dendrite and receptor, and one way only: the limit in which modes meet.
    equal = TwoCompartment(tau_mem_ms=20.0, tau_dend_ms=10.0, coupling=1.0, v_threshold_mV=2.0, reset_by_mV=1.5, threshold_jitter_mV=0.3)
    tired = sharp.model_copy(update={"adaptation_mV": 0.3, "tau_adaptation_ms": 40.0})
    # A soma that does not hear of its dendrite.
    coder = TwoCompartment(
        tau_mem_ms=1.0, tau_dend_ms=10.0, coupling=0.0, v_threshold_mV=0.5, reset_by_mV=1.0, adaptation_mV=0.2, tau_adaptation_ms=30.0,
        v_floor_mV=-1.0, threshold_jitter_mV=0.05,
    )  # fmt: skip
    places = tuple(
        r
        for place in ("soma", "dendrite")
        for r in (
            Receptor(name=f"fast.{place}", tau_ms=4.0, compartment=place),
            Receptor(name=f"same.{place}", tau_ms=10.0, compartment=place),
            Receptor(name=f"stay.{place}", kinetics="integrating", compartment=place),
            Receptor(name=f"push.{place}", kinetics="pulse", compartment=place),
        )
    )
    size = {"fast": 2.5, "same": 2.0, "stay": 0.04, "push": 0.6}
    targets = {"chance": chance, "sharp": sharp, "equal": equal, "tired": tired, "coder": coder}
    return Network(
        name="compartments",
        frame_ms=20.0,
        populations=(
            Population(name="in", shape=(1, 2, 2), cell=SpikeSource()),
            Population(name="off", shape=(1, 2, 2), cell=SpikeSource(), sign="inhibitory"),
            *(Population(name=name, shape=(1, 2, 2), cell=cell, receptors=places) for name, cell in targets.items()),
            Population(name="after", shape=(1, 2, 2), cell=LIF(tau_mem_ms=8.0, v_threshold_mV=2.0), receptors=places[:1]),
        ),
        projections=(
            *(
                Projection(
                    source="off" if r.kinetics == "integrating" else "in", target=name, receptor=r.name, topology=Dense(),
                    weights=Uniform(low_mV=0.0, high_mV=size[r.name.split(".")[0]]), delay_ms=float(1 + k % 3),
                )
                for name in targets
                for k, r in enumerate(places)
            ),
            *(
                Projection(
                    source=name, target="after", receptor="fast.soma", topology=OneToOne(),
                    weights=Uniform(low_mV=1.0, high_mV=3.0), delay_ms=2.0,
                )
                for name in targets
            ),
        ),
    )  # fmt: skip
