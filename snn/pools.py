"""Pools of copies: how synapses between units become synapses between their copies, which share a stored weight.

Copy ``i`` of a source unit reaches the copies ``c`` of a target unit for which ``c % pools == i % pools``. With one pool every
copy reaches every copy; with as many pools as copies, copy reaches copy.
"""

from __future__ import annotations

import numpy as np

from snn.topology import Edges, IntArray


def between_copies(units: Edges, pre_copies: int, post_copies: int, pools: int) -> Edges:
    """List the synapses from cell to cell.

    Parameters
    ----------
    units : Edges
        Synapses from unit to unit.
    pre_copies, post_copies : int
        Copies of a unit.
    pools : int
        Pools of the target.

    Returns
    -------
    Edges
        Arrays of shape (n_edges,), ascending in the source cell.
    """
    members = post_copies // pools
    pre, post, weight = _expanded(units, pre_copies)
    pool = (pre % pre_copies) % pools
    copy = pool[:, None] + pools * np.arange(members)[None, :]
    return Edges(np.repeat(pre, members), (post[:, None] * post_copies + copy).ravel(), np.repeat(weight, members))


def to_pools(units: Edges, pre_copies: int, pools: int, n_units: int) -> Edges:
    """List the synapses from cell to pooled current.

    Parameters
    ----------
    units : Edges
        Synapses from unit to unit.
    pre_copies : int
        Copies of a source unit.
    pools : int
        Pools of the target.
    n_units : int
        Units of the target; the current of pool ``k`` of unit ``u`` has the number ``k * n_units + u``.

    Returns
    -------
    Edges
        Arrays of shape (n_edges,), ascending in the source cell.
    """
    pre, post, weight = _expanded(units, pre_copies)
    return Edges(pre, ((pre % pre_copies) % pools) * n_units + post, weight)


def current_of_cell(n_units: int, copies: int, pools: int) -> IntArray:
    """Number of the pooled current that each cell has.

    Parameters
    ----------
    n_units, copies, pools : int
        Of the population.

    Returns
    -------
    ndarray of int, shape (n_units * copies,)
    """
    unit, copy = np.divmod(np.arange(n_units * copies), copies)
    number: IntArray = (copy % pools) * n_units + unit
    return number


def _expanded(units: Edges, pre_copies: int) -> tuple[IntArray, IntArray, IntArray]:
    """Repeat edges between units for every copy of the source, ascending in the source cell."""
    pre = (units.pre[:, None] * pre_copies + np.arange(pre_copies)).ravel()
    post, weight = np.repeat(units.post, pre_copies), np.repeat(units.weight, pre_copies)
    order = np.argsort(pre, kind="stable")
    return pre[order], post[order], weight[order]
