"""Sites that have equal weights read one copy of them, so that it stays in the cache.

What is converted from a network with shared kernels has the same kernel at every site: weights of its own by description, of which
megabytes would be read from memory to find the same numbers again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snn.description import Network
from snn.engines import event_arrays as k
from snn.engines.event_tables import Built
from snn.topology import Grid, LocalField, Window, window


def share_kernels(network: Network, built: Built) -> None:
    """Point every projection whose sites have equal kernels at one of them; all others at their own, as they were built.

    What a kernel holds for targets beyond the border is never read and does not count. Weights that a rule may change are left alone.
    Nothing that is computed changes by as much as a bit. To be called whenever weights have been taken over.

    Parameters
    ----------
    network : Network
    built : Built
        Its table of projections is changed in place.
    """
    for q, j in enumerate(network.projections):
        if isinstance(j.topology, LocalField) and j.rule is None:
            row = built.tables.projection[q]
            place = built.places[f"weights/{j.name}"]
            weights = built.arrays.w[place.span]
            w = window(j.topology, *network.ends(j))
            one, phases = _common(w, *network.ends(j), weights), w.phases
            row[k.J_PHASE_ROW], row[k.J_PHASE_COL] = phases if one is None else (1, 1)
            row[k.J_W] = place.start + (0 if one is None else one * (len(weights) // (phases[0] * phases[1])))


def _common(w: Window, pre: Grid, post: Grid, weights: NDArray[np.floating]) -> int | None:
    """Give a site whose kernel is that of all others as far as they reach; None where there is none."""
    if w.phases != (pre.rows, pre.cols):
        return None
    rows, cols = _inside(pre.rows, post.rows, w.offset_row, w.size), _inside(pre.cols, post.cols, w.offset_col, w.size)
    whole_rows, whole_cols = np.flatnonzero(rows.all(axis=1)), np.flatnonzero(cols.all(axis=1))
    if not len(whole_rows) or not len(whole_cols):
        return None
    row, col = int(whole_rows[0]), int(whole_cols[0])
    kernels = weights.reshape(pre.rows, pre.cols, w.pre_channels[1] - w.pre_channels[0], w.size, w.size, -1)
    beyond = ~(rows[:, None, None, :, None, None] & cols[None, :, None, None, :, None])
    return row * pre.cols + col if ((kernels == kernels[row, col]) | beyond).all() else None


def _inside(n_pre: int, n_post: int, offset: int, size: int) -> NDArray[np.bool_]:
    """Tell for every row (or column) of sites which rows of its kernel have targets; shape (n_pre, size)."""
    target = (np.arange(n_pre) * n_post // n_pre + offset)[:, None] + np.arange(size)
    found: NDArray[np.bool_] = (target >= 0) & (target < n_post)
    return found
