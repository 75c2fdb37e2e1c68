"""A network on which engines are compared: what a spike delivers depends on those before it."""

from __future__ import annotations

from snn.cells import IF, LIF, SpikeSource
from snn.description import Network
from snn.local import Rule
from snn.short_term import ShortTerm
from snn.testing.shorthand import cells, even, join
from snn.topology import Dense, LocalField, OneToOne, SharedKernel


def short_term(rule: Rule) -> Network:
    """Build cells whose inputs tire and gain, on every topology, with pools and spreads, fixed and learning.

    Parameters
    ----------
    rule : Rule
        On two of the projections.

    Returns
    -------
    Network
    """
    tires, gains = ShortTerm(utilisation=0.5, recovery_ms=80.0), ShortTerm(utilisation=0.1, recovery_ms=12.0, facilitation_ms=60.0)
    empties, both = ShortTerm(utilisation=1.0, recovery_ms=30.0), ShortTerm(utilisation=0.3, recovery_ms=70.0, facilitation_ms=25.0)
    cell = LIF(tau_mem_ms=9.0, v_threshold_mV=1.5, t_ref_ms=2.0, threshold_jitter_mV=0.4)
    resting = IF(tau_mem_ms=5.0, v_threshold_mV=1.0, reset_by_mV=1.0, threshold_jitter_mV=0.9, v_floor_mV=-1.0, tau_rest_ms=2.0)
    part = LocalField(size=3, pre_features=(1, 3), post_features=(0, 2))
    shared = cells("shared", (3, 4, 2), resting, "fast 5 push", copies=4).model_copy(update={"pools": 2})
    return Network(
        name="short term",
        frame_ms=20.0,
        populations=(
            cells("in", (3, 4, 3), SpikeSource(), copies=2),
            cells("off", (3, 4, 3), SpikeSource(), sign="inhibitory", copies=2),
            cells("out", (3, 4, 3), cell, "fast 4 push", copies=2),
            shared,
        ),
        projections=(
            join("in", "out", "fast", LocalField(size=3), even(0.2, 1.0), 3.0, short_term=tires, rule=rule, w_max_mV=2.0),
            join("in", "out", "fast", LocalField(size=3), even(0.1, 0.4), 2.0, short_term=gains, label="gains"),
            join("in", "out", "push", part, even(0.2, 0.9), 5.0, short_term=both),
            join("in", "out", "push", Dense(), 0.02, label="plain"),
            join("off", "out", "fast", OneToOne(pairs=((0, 2), (0, 0), (2, 1))), 1.4, 6.0, short_term=empties),
            join("off", "out", "push", Dense(), even(0.0, 0.05), short_term=both, rule=rule, w_max_mV=0.1),
            join("out", "out", "fast", LocalField(size=3, depthwise=True), even(0.0, 0.8), 2.0, short_term=tires, label="own"),
            join("in", "shared", "fast", SharedKernel(size=3, post_features=(0, 2)), even(0.0, 0.9), short_term=tires, spread=0.4),
            join("off", "shared", "push", OneToOne(pairs=((0, 1), (2, 0))), 0.5, 4.0, short_term=gains),
            join("out", "shared", "fast", Dense(), even(0.0, 0.1), 7.0, short_term=both),
        ),
    )
