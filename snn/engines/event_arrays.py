"""Tables and arrays of the event engine: columns by name, so that kernels read like the law.

All cells of a network lie in one array, population after population, and so do receptors, weights and traces; small
tables say where.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]

SHORT = 4
SPIKING, RATE, SOURCE = 0, 1, 2
EXPONENTIAL, INTEGRATING, PULSE, GATE = 0, 1, 2, 3
LOCAL, ONE_TO_ONE, DENSE = 0, 1, 2
PRE, POST, SIGNAL = 0, 1, 2
NO_FRAME, MEAN, SUM = 0, 1, 2

# Columns of the tables.
(START, N, KIND, SOFT, REFRACTORY, ADAPTIVE, FLOORED, REC, N_REC, RING, SLOT, DEPTH, DRIVEN, RASTER, POOLS, COPIES, RESTS,
 DENDRITE, MOVES, UPSWING, PEAK) = range(21)  # fmt: skip
(L_V, L_DRIVE, L_ADAPT, L_ADAPT_DECAY, L_ADAPT_STEP, L_RESET, L_V_RESET, L_FLOOR, L_GAIN, L_REST,
 L_D_TO_V, L_V_TO_D, L_D, L_D_DRIVE, L_D_ADAPT, L_SPIKE, L_ONSET, L_SHARPNESS, L_COUPLING,
 L_AFTER, L_AFTER_RATE, L_JUMP, L_JUMP_RATE) = range(23)  # fmt: skip
N_LAW = L_JUMP_RATE + 1
(J_SOURCE, J_TARGET, J_KIND, J_G, J_DELAY, J_W, J_PRE_ROWS, J_PRE_COLS, J_PRE_CH, J_POST_ROWS, J_POST_COLS, J_POST_CH, J_SIZE, J_OFF_ROW,
 J_OFF_COL, J_F0, J_F1, J_Q0, J_Q1, J_PHASE_ROW, J_PHASE_COL, J_PAIRS, J_N_PAIRS,
 J_COPIES, J_POOLS, J_UNITS, J_FACTOR, J_DEPTHWISE, J_SHORT, J_USED, J_ARRIVED, J_SHORT_LAW) = range(32)  # fmt: skip
T_SIDE, T_PROJECTION, T_START, T_N, T_DECAYS, T_FRAME, T_ACC, T_TAPS, T_N_TAPS, T_FROM, T_AGO, T_POTENTIAL, T_LAG, T_LAGGED = range(14)
O_START, O_N = range(2)
R_PROJECTION, R_LAZY, R_OFFSETS, R_CONSTANTS, R_PRE, R_POST, R_STEP = range(7)
Z_HISTORY, Z_CELLS, Z_N_POST, Z_N_PRE, Z_EPOCH, Z_TRACE, Z_PROJECTION = range(7)
ZL_RATE, ZL_LOW, ZL_HIGH = range(3)
S_UTILISATION, S_RECOVERY, S_FACILITATION = range(3)


class Tables(NamedTuple):
    """What does not change while a network runs."""

    pop: Ints
    law: Floats
    receptor: Ints
    receptor_law: Floats
    projection: Ints
    sign: Floats
    pair_start: Ints
    pair_post: Ints
    trace: Ints
    trace_decay: Floats
    tap_source: Ints
    tap_start: Ints
    tap_post: Ints
    late: NDArray[np.float64]
    own: Ints
    own_decay: NDArray[np.float64]
    common: Ints
    rule: Ints
    offset: Ints
    constant: Floats
    post_start: Ints
    post_pre: NDArray[np.uint32]
    post_place: NDArray[np.uint32]
    lazy: Ints
    lazy_law: NDArray[np.float64]
    tiny: Floats


class Arrays(NamedTuple):
    """What changes.

    What short-term plasticity keeps lies after the traces and after the last spikes, its constants after the laws of the populations:
    each array more is handed to every function in every step, and would cost networks without it 5 %.
    """

    v: Floats
    threshold: Floats
    adaptation: Floats
    dendrite: Floats
    last: NDArray[np.int32]
    current: Floats
    g: Floats
    total: Floats
    late: Floats
    ring: NDArray[np.int32]
    ring_count: Ints
    ring_value: Floats
    w: Floats
    factor: Floats
    trace: Floats
    frame_value: Floats
    frame_ago: Floats
    lagged: Floats
    own: Floats
    own_scale: NDArray[np.float64]
    history: Floats
    lazy_row: Ints
    lazy_coefficient: Floats
    lazy_now: Ints
    segment: Ints
    flag: NDArray[np.uint8]


class RuleView(NamedTuple):
    """The part of both that compiled rules see; small, because each of them is compiled when a network is built."""

    w: Floats
    g: Floats
    v: Floats
    dendrite: Floats
    trace: Floats
    frame_value: Floats
    frame_ago: Floats
    own: Floats
    own_scale: NDArray[np.float64]
    history: Floats
    lazy_coefficient: Floats
    lazy_row: Ints
    segment: Ints
    pair_start: Ints
    pair_post: Ints
    post_start: Ints
    post_pre: NDArray[np.uint32]
    post_place: NDArray[np.uint32]


def rule_view(t: Tables, x: Arrays) -> RuleView:
    """Pick what compiled rules see.

    Parameters
    ----------
    t : Tables
    x : Arrays

    Returns
    -------
    RuleView
    """
    return RuleView(*(getattr(x, name) if hasattr(x, name) else getattr(t, name) for name in RuleView._fields))
