"""A network on which engines are compared: adaptive exponential cells."""

from __future__ import annotations

from snn.cells import AdEx, SpikeSource
from snn.description import Network
from snn.testing.shorthand import cells, even, join
from snn.topology import Dense, OneToOne


def upswing() -> Network:
    """Build cells with a peak that is held, without one, and with all that a spike sets, under every kind of current.

    Returns
    -------
    Network
    """
    peaked = AdEx(
        tau_mem_ms=9.0, v_onset_mV=3.0, sharpness_mV=0.8, v_threshold_mV=9.0, v_reset_mV=-0.5, coupling=0.3, adaptation_mV=0.8,
        tau_adaptation_ms=40.0, peak_mV=25.0, peak_ms=1.0, t_ref_ms=1.0, threshold_jitter_mV=0.5,
    )  # fmt: skip
    plain = AdEx(tau_mem_ms=6.0, v_onset_mV=2.0, sharpness_mV=0.5, v_threshold_mV=5.0, adaptation_mV=0.4, v_floor_mV=-3.0)
    after = {"afterpotential_mV": 2.5, "tau_afterpotential_ms": 12.0, "onset_jump_mV": 4.0, "tau_onset_ms": 7.0}
    late = peaked.model_copy(update={"t_ref_ms": 2.5, "peak_ms": 0.5, "coupling": 0.0, **after})
    return Network(
        name="upswing",
        frame_ms=20.0,
        populations=(
            cells("in", (2, 2, 2), SpikeSource()),
            cells("off", (2, 2, 1), SpikeSource(), sign="inhibitory"),
            cells("peaked", (2, 2, 1), peaked, "fast 4 slow 15 push"),
            cells("plain", (2, 2, 2), plain, "fast 3 stay push"),
            cells("late", (2, 2, 1), late, "fast 5 push"),
        ),
        projections=(
            join("in", "peaked", "slow", Dense(), even(0.5, 2.5), 1.0),
            join("off", "peaked", "fast", Dense(), even(0.0, 4.0), 1.0),
            join("in", "plain", "fast", Dense(), even(0.5, 3.0), 2.0),
            join("in", "plain", "stay", OneToOne(), 0.02, 2.0),
            join("off", "plain", "push", Dense(), even(0.0, 0.8), 1.0),
            join("peaked", "late", "push", OneToOne(), 2.5, 1.0),
            join("in", "late", "fast", Dense(), even(0.5, 3.0), 1.0),
        ),
    )
