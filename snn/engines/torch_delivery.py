"""How spikes of a batch reach their targets, as a few dense operations whose gradients torch knows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn.topology import Dense, Grid, LocalField, OneToOne, SharedKernel, Topology, channel_pairs, edges, window


class Route:
    """Delivery of one projection.

    Before a run of steps `prepare` puts the weights into the order in which `deliver` needs them; the weights rest while
    the steps run, so that this is done once.

    Parameters
    ----------
    topology : LocalField, SharedKernel, OneToOne or Dense
    pre, post : Grid
    device : device
        Of torch.
    """

    def __init__(self, topology: Topology, pre: Grid, post: Grid, device: torch.device) -> None:
        self.topology, self.pre, self.post = topology, pre, post
        if isinstance(topology, OneToOne):
            pairs = channel_pairs(topology, pre, post)
            self.before = torch.tensor([a for a, _ in pairs], dtype=torch.int64, device=device)
            self.after = torch.tensor([b for _, b in pairs], dtype=torch.int64, device=device)
            self.in_place = self.after.tolist() == list(range(post.channels))
            self.as_is = self.before.tolist() == list(range(pre.channels))
        self.depthwise = isinstance(topology, LocalField) and topology.depthwise
        if not isinstance(topology, OneToOne | Dense):
            self.window = window(topology, pre, post)
            tables = _gather(topology, pre, post)
            self.source, self.site, self.offset = (torch.from_numpy(table).to(device) for table in tables)

    def prepare(self, weights: Tensor) -> Tensor:
        """Order weights for `deliver`.

        Parameters
        ----------
        weights : Tensor, shape as ``weight_shape`` says

        Returns
        -------
        Tensor
            Of shape (sites, n_pairs) for one-to-one, (n_pre, n_post) for dense, (target sites, sources * n_pre, n_post)
            for local topologies, (target sites, sources, n_pre) for depthwise ones.
        """
        if isinstance(self.topology, OneToOne):
            return weights.flatten(0, 1)
        if isinstance(self.topology, Dense):
            return weights
        phases, (n_f, size, _, n_q) = weights.shape[:2], weights.shape[2:]
        flat = weights.reshape(phases[0] * phases[1], n_f, size * size, n_q).transpose(1, 2)
        flat = torch.cat([flat.flatten(0, 1), flat.new_zeros(1, n_f, n_q)])
        found = flat[torch.where(self.site < 0, len(flat) - 1, self.site * size * size + self.offset)]
        return found.squeeze(-1) if self.depthwise else found.flatten(1, 2)

    def deliver(self, sent: Tensor, prepared: Tensor) -> Tensor:
        """Sum what arrives at every target cell.

        Parameters
        ----------
        sent : Tensor, shape (batch, n_pre)
        prepared : Tensor
            From `prepare`.

        Returns
        -------
        Tensor, shape (batch, n_post)
        """
        batch = len(sent)
        if isinstance(self.topology, Dense):
            return sent @ prepared
        x = sent.view(batch, self.pre.rows * self.pre.cols, self.pre.channels)
        if isinstance(self.topology, OneToOne):
            effect = (x if self.as_is else x.index_select(2, self.before)) * prepared
            if not self.in_place:
                effect = x.new_zeros(*x.shape[:2], self.post.channels).index_add(2, self.after, effect)
            return effect.flatten(1)
        (f0, f1), (q0, q1) = self.window.pre_channels, self.window.post_channels
        x = torch.cat([x[..., f0:f1], x.new_zeros(batch, 1, f1 - f0)], dim=1)
        patches = x.index_select(1, self.source.view(-1))
        if self.depthwise:
            y = (patches.view(batch, *self.source.shape, f1 - f0) * prepared).sum(2)
        else:
            y = torch.bmm(patches.view(batch, len(self.source), -1).transpose(0, 1), prepared).transpose(0, 1)
        return torch.nn.functional.pad(y, (q0, self.post.channels - q1)).flatten(1)


class PooledRoute:
    """Delivery to a population whose copies share their currents: copies of a source unit are summed by pool first.

    Parameters
    ----------
    route : Route
        Between units.
    copies, pools : int
        Copies of a source unit, and pools of the target.
    """

    def __init__(self, route: Route, copies: int, pools: int) -> None:
        self.route, self.copies, self.pools = route, copies, pools

    def prepare(self, weights: Tensor) -> Tensor:
        """As `Route.prepare`."""
        return self.route.prepare(weights)

    def deliver(self, sent: Tensor, prepared: Tensor) -> Tensor:
        """As `Route.deliver`, to the pooled currents; shape (batch, pools * n_units)."""
        batch = len(sent)
        pools = min(self.pools, self.copies)
        summed = sent.view(batch, -1, self.copies // pools, pools).sum(2).permute(2, 0, 1)
        arrived = self.route.deliver(summed.reshape(pools * batch, -1), prepared)
        return arrived.view(pools, batch, -1).transpose(0, 1).flatten(1)


def _gather(topology: LocalField | SharedKernel, pre: Grid, post: Grid) -> list[NDArray[np.int64]]:
    """For each target site, its source sites, the sites of their weights, and the places in the square; shape (sites, most).

    Where a target has fewer sources than another, the source is one past the last and the weight site -1.
    """
    one = topology.model_copy(update={"pre_features": None, "post_features": None})  # of one feature, so depthwise or not is the same
    found = edges(one, Grid(pre.rows, pre.cols, 1), Grid(post.rows, post.cols, 1))
    order = np.argsort(found.post, kind="stable")
    source, target, place = found.pre[order], found.post[order], found.weight[order]
    counts = np.bincount(target, minlength=post.rows * post.cols)
    rank = np.arange(len(target)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (post.rows * post.cols, int(counts.max(initial=0)))
    tables = [np.full(shape, pre.rows * pre.cols), np.full(shape, -1), np.zeros(shape, dtype=np.int64)]
    for table, values in zip(tables, (source, place // topology.size**2, place % topology.size**2), strict=True):
        table[target, rank] = values
    return tables
