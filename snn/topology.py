"""Who meets whom: the geometry of a projection, as a weight layout and as a list of edges.

Cells of a population are numbered row by row: ``((row * cols + col) * features + feature) * copies + copy``. A weight
array has the source's axes first, so that everything one spike reaches lies together in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn._model import Described

IntArray = NDArray[np.int64]
Slice = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(gt=0)]]


class Grid(NamedTuple):
    """Extent of a population.

    Attributes
    ----------
    rows, cols : int
        Retinotopic sites.
    features : int
        Units at a site.
    copies : int
        Cells of a unit.
    """

    rows: int
    cols: int
    features: int
    copies: int = 1

    @property
    def channels(self) -> int:
        """Cells at a site."""
        return self.features * self.copies

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.rows * self.cols * self.channels


@dataclass(frozen=True)
class Edges:
    """All synapses of a projection, by ascending source cell.

    Attributes
    ----------
    pre, post : ndarray of int, shape (n_edges,)
        Source and target cell.
    weight : ndarray of int, shape (n_edges,)
        Place of the weight in the flattened weight array; edges that share a weight name the same place.
    """

    pre: IntArray
    post: IntArray
    weight: IntArray


class LocalField(Described):
    """Unshared local field: each cell reaches a square of the target grid, every synapse with a weight of its own.

    Weights have the shape ``(rows, cols, n_pre, size, size, n_post)`` (source row, column and channel; offset in the
    target grid; target channel). Places outside the grid exist in the array and stay 0. Grids of different size must
    divide each other: one source cell then reaches a square of a finer grid, or many reach one cell of a coarser one.

    Parameters
    ----------
    size : int
        Side of the square that one cell reaches, in sites of the target grid.
    pre_features, post_features : (int, int), optional
        Only features ``start`` to ``stop - 1`` take part.
    depthwise : bool
        Whether each feature reaches only the feature of the same place, as in pooling; the last axis of the weights is then 1.

    References
    ----------
    Locally connected layers without weight sharing: Pogodin et al. (2021), https://doi.org/10.48550/arXiv.2106.13031.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"depthwise"})

    kind: Literal["local"] = "local"
    size: Annotated[int, Field(ge=1)]
    pre_features: Slice | None = None
    post_features: Slice | None = None
    depthwise: bool = False


class SharedKernel(Described):
    """The same geometry with one kernel for all sites: the weight sharing of a convolution, as an ablation.

    Weights have the shape ``(phase, phase, n_pre, size, size, n_post)``; there is more than one phase only where the
    target grid is coarser than the source's.

    Parameters
    ----------
    size : int
        Side of the square that one cell reaches, in sites of the target grid.
    pre_features, post_features : (int, int), optional
        Only features ``start`` to ``stop - 1`` take part.
    """

    kind: Literal["shared"] = "shared"
    size: Annotated[int, Field(ge=1)]
    pre_features: Slice | None = None
    post_features: Slice | None = None


class OneToOne(Described):
    """Each cell reaches its own site only, feature by feature.

    Weights have the shape ``(rows, cols, n_pairs)``.

    Parameters
    ----------
    pairs : tuple of (int, int), optional
        Which source feature reaches which target feature; left out, each feature reaches its namesake. All copies of
        the one reach all copies of the other.
    """

    kind: Literal["one_to_one"] = "one_to_one"
    pairs: tuple[tuple[int, int], ...] | None = None


class Dense(Described):
    """Every cell reaches every cell; weights have the shape ``(n_pre, n_post)``."""

    kind: Literal["dense"] = "dense"


Topology = Annotated[LocalField | SharedKernel | OneToOne | Dense, Field(discriminator="kind")]


class Window(NamedTuple):
    """Numbers that place the square of a local topology.

    A source cell in row ``r`` reaches target rows ``r * post_rows // pre_rows + offset`` and the next ``size - 1``.
    Channels ``pre_channels = (start, stop)`` reach channels ``post_channels``; ``phases`` counts kernels per axis.
    """

    size: int
    offset_row: int
    offset_col: int
    pre_channels: tuple[int, int]
    post_channels: tuple[int, int]
    phases: tuple[int, int]


def window(topology: LocalField | SharedKernel, pre: Grid, post: Grid) -> Window:
    """Place the square of a local topology between two grids.

    Parameters
    ----------
    topology : LocalField or SharedKernel
    pre, post : Grid

    Returns
    -------
    Window
    """
    f0, f1 = topology.pre_features or (0, pre.features)
    q0, q1 = topology.post_features or (0, post.features)
    up_row, up_col = max(1, post.rows // pre.rows), max(1, post.cols // pre.cols)
    shared = isinstance(topology, SharedKernel)
    phases = (max(1, pre.rows // post.rows), max(1, pre.cols // post.cols)) if shared else (pre.rows, pre.cols)
    return Window(
        topology.size,
        (up_row - topology.size) // 2,
        (up_col - topology.size) // 2,
        (f0 * pre.copies, f1 * pre.copies),
        (q0 * post.copies, q1 * post.copies),
        phases,
    )


def channel_pairs(topology: OneToOne, pre: Grid, post: Grid) -> list[tuple[int, int]]:
    """List the (source channel, target channel) pairs of a one-to-one topology, copies included, ascending.

    Parameters
    ----------
    topology : OneToOne
    pre, post : Grid

    Returns
    -------
    list of (int, int)
    """
    features = topology.pairs if topology.pairs is not None else tuple((f, f) for f in range(pre.features))
    return sorted((a * pre.copies + i, b * post.copies + j) for a, b in features for i in range(pre.copies) for j in range(post.copies))


def problem(topology: Topology, pre: Grid, post: Grid) -> str | None:
    """Say why a topology does not fit two grids.

    Parameters
    ----------
    topology : LocalField, SharedKernel, OneToOne or Dense
    pre, post : Grid

    Returns
    -------
    str or None
        The reason, or None when it fits.
    """
    if isinstance(topology, Dense):
        return None
    if isinstance(topology, OneToOne):
        if (pre.rows, pre.cols) != (post.rows, post.cols):
            return f"one_to_one needs equal grids, got {pre.rows}x{pre.cols} and {post.rows}x{post.cols}"
        if topology.pairs is None and pre.features != post.features:
            return f"one_to_one without pairs needs equal features, got {pre.features} and {post.features}"
        wrong = [p for p in topology.pairs or () if not (0 <= p[0] < pre.features and 0 <= p[1] < post.features)]
        if wrong:
            return f"pair {wrong[0]} does not exist between {pre.features} and {post.features} features"
        if topology.pairs is not None and len(set(topology.pairs)) != len(topology.pairs):
            return "a pair is listed twice"
        return None
    for a, b, axis in ((pre.rows, post.rows, "rows"), (pre.cols, post.cols, "cols")):
        if a % b and b % a:
            return f"grids of {a} and {b} {axis} do not divide each other"
        if topology.size > b:
            return f"the field of {topology.size} is larger than the {b} {axis} of the target: use larger frames or a smaller field"
        if (topology.size - max(1, b // a)) % 2:
            ratio = max(1, b // a)
            return f"a field of {topology.size} cannot be centred on {ratio} target {axis}: use an {'odd' if ratio % 2 else 'even'} size"
    for name, part, features in (
        ("pre_features", topology.pre_features, pre.features),
        ("post_features", topology.post_features, post.features),
    ):
        if part is not None and not part[0] < part[1] <= features:
            return f"{name} {part} is not a range within {features} features"
    w = window(topology, pre, post)
    n_pre, n_post = (stop - start for start, stop in (w.pre_channels, w.post_channels))
    if _depthwise(topology) and n_pre != n_post:
        return f"a depthwise field needs as many cells at a site on both sides, got {n_pre} and {n_post}"
    return None


def _depthwise(topology: LocalField | SharedKernel) -> bool:
    return isinstance(topology, LocalField) and topology.depthwise


def weight_shape(topology: Topology, pre: Grid, post: Grid) -> tuple[int, ...]:
    """Shape of the weight array of a projection.

    Parameters
    ----------
    topology : LocalField, SharedKernel, OneToOne or Dense
    pre, post : Grid

    Returns
    -------
    tuple of int
        As the topology's docstring says.
    """
    if isinstance(topology, Dense):
        return pre.n, post.n
    if isinstance(topology, OneToOne):
        return pre.rows, pre.cols, len(channel_pairs(topology, pre, post))
    w = window(topology, pre, post)
    n_post = 1 if _depthwise(topology) else w.post_channels[1] - w.post_channels[0]
    return (*w.phases, w.pre_channels[1] - w.pre_channels[0], w.size, w.size, n_post)


def edges(topology: Topology, pre: Grid, post: Grid) -> Edges:
    """List every synapse of a projection.

    Parameters
    ----------
    topology : LocalField, SharedKernel, OneToOne or Dense
    pre, post : Grid

    Returns
    -------
    Edges
        Arrays of shape (n_edges,), ascending in the source cell.
    """
    if isinstance(topology, Dense):
        i, j = np.divmod(np.arange(pre.n * post.n), post.n)
        return Edges(i, j, np.arange(pre.n * post.n))
    if isinstance(topology, OneToOne):
        pairs = np.array(channel_pairs(topology, pre, post), dtype=np.int64).reshape(-1, 2)
        site = np.repeat(np.arange(pre.rows * pre.cols), len(pairs))
        a, b = np.tile(pairs[:, 0], pre.rows * pre.cols), np.tile(pairs[:, 1], pre.rows * pre.cols)
        found = Edges(site * pre.channels + a, site * post.channels + b, np.arange(len(site)))
        order = np.argsort(found.pre, kind="stable")
        return Edges(found.pre[order], found.post[order], found.weight[order])
    w = window(topology, pre, post)
    (f0, f1), (q0, q1) = w.pre_channels, w.post_channels
    axes = (pre.rows, pre.cols, f1 - f0, w.size, w.size, 1 if _depthwise(topology) else q1 - q0)
    r, c, f, a, b, q = (x.ravel() for x in np.indices(axes))
    row = r * post.rows // pre.rows + w.offset_row + a
    col = c * post.cols // pre.cols + w.offset_col + b
    inside = (row >= 0) & (row < post.rows) & (col >= 0) & (col < post.cols)
    place = np.ravel_multi_index((r % w.phases[0], c % w.phases[1], f, a, b, q), weight_shape(topology, pre, post))
    source = (r * pre.cols + c) * pre.channels + f + f0
    target = (row * post.cols + col) * post.channels + (f if _depthwise(topology) else q) + q0
    return Edges(source[inside], target[inside], place[inside])


def _inside(w: Window, pre: Grid, post: Grid) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which offsets of the square lie within the target grid, per source row (rows, size) and column (cols, size)."""
    at = np.arange(w.size)
    row = np.arange(pre.rows)[:, None] * post.rows // pre.rows + w.offset_row + at
    col = np.arange(pre.cols)[:, None] * post.cols // pre.cols + w.offset_col + at
    return (row >= 0) & (row < post.rows), (col >= 0) & (col < post.cols)


def existing(topology: Topology, pre: Grid, post: Grid) -> NDArray[np.bool_]:
    """Tell which places of a weight array belong to a synapse.

    Parameters
    ----------
    topology : LocalField, SharedKernel, OneToOne or Dense
    pre, post : Grid

    Returns
    -------
    ndarray of bool, shape ``weight_shape(topology, pre, post)``
    """
    shape = weight_shape(topology, pre, post)
    if isinstance(topology, Dense | OneToOne):
        return np.ones(shape, dtype=bool)
    w = window(topology, pre, post)
    rows, cols = _inside(w, pre, post)
    by_phase = [np.array([axis[phase::n].any(axis=0) for phase in range(n)]) for axis, n in zip((rows, cols), w.phases, strict=True)]
    found: NDArray[np.bool_] = np.broadcast_to(by_phase[0][:, None, None, :, None, None] & by_phase[1][None, :, None, None, :, None], shape)
    return found


def out_degree(topology: Topology, pre: Grid, post: Grid) -> IntArray:
    """Count the synapses that a spike of each source cell reaches.

    Parameters
    ----------
    topology : LocalField, SharedKernel, OneToOne or Dense
    pre, post : Grid

    Returns
    -------
    ndarray of int, shape (n_pre,)
    """
    if isinstance(topology, Dense):
        return np.full(pre.n, post.n)
    channels = np.zeros(pre.channels, dtype=np.int64)
    if isinstance(topology, OneToOne):
        np.add.at(channels, [a for a, _ in channel_pairs(topology, pre, post)], 1)
        return np.tile(channels, pre.rows * pre.cols)
    w = window(topology, pre, post)
    rows, cols = (axis.sum(axis=1) for axis in _inside(w, pre, post))
    channels[slice(*w.pre_channels)] = 1 if _depthwise(topology) else w.post_channels[1] - w.post_channels[0]
    return np.asarray((rows[:, None, None] * cols[None, :, None] * channels).ravel(), dtype=np.int64)
