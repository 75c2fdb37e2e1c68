"""Convolution kernels as weights of local topologies. Oracle: torch's own operations, through the list of synapses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from conversion import kernels
from snn.topology import Grid, LocalField, SharedKernel, Topology, edges, weight_shape

A = NDArray[np.float64]
N_IN, N_OUT = 2, 3


def through(topology: Topology, weights: A, x: A, post: Grid) -> A:
    """What arrives at (rows, cols, features) of the target, synapse by synapse."""
    pre = Grid(*x.shape)
    assert weights.shape == weight_shape(topology, pre, post)
    e, found = edges(topology, pre, post), np.zeros(post.n)
    np.add.at(found, e.post, weights.ravel()[e.weight] * x.ravel()[e.pre])
    return found.reshape(post[:3])


def images(x: A) -> Tensor:
    return torch.from_numpy(x).permute(2, 0, 1)[None]


def sites(y: Tensor) -> A:
    return y[0].permute(1, 2, 0).numpy()


def each_site(x: Tensor, kernel: A) -> Tensor:
    """Convolution with one kernel for each target site."""
    rows, cols = x.shape[2:]
    patches = functional.unfold(x, kernel.shape[-1], padding=kernel.shape[-1] // 2)[0].T
    return torch.einsum("soc,sc->os", torch.from_numpy(kernel).flatten(2), patches).reshape(1, -1, rows, cols)


def drawn(k: int, size: tuple[int, int] | None, seed: int = 0) -> A:
    return np.random.default_rng(seed).normal(size=(*(() if size is None else (size[0] * size[1],)), N_OUT, N_IN, k, k))


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shared", [True, False])
def test_same(k: int, shared: bool) -> None:
    """Oracle: ``conv2d``, or one product a site; grids are not square, so rows and columns cannot be mixed up."""
    size = (6, 8)
    x, kernel = np.random.default_rng(1).random((*size, N_IN)), drawn(k, None if shared else size)
    meant = functional.conv2d(images(x), torch.from_numpy(kernel), padding=k // 2) if shared else each_site(images(x), kernel)
    topology = (SharedKernel if shared else LocalField)(size=k)
    np.testing.assert_allclose(through(topology, kernels.same(kernel, size), x, Grid(*size, N_OUT)), sites(meant), atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shared", [True, False])
def test_upsampled(k: int, shared: bool) -> None:
    """Oracle: ``interpolate`` to the nearest, then the convolution on the fine grid; borders count."""
    size = (6, 8)
    x, kernel = np.random.default_rng(2).random((3, 4, N_IN)), drawn(k, None if shared else size)
    fine = functional.interpolate(images(x), scale_factor=2.0)
    meant = functional.conv2d(fine, torch.from_numpy(kernel), padding=k // 2) if shared else each_site(fine, kernel)
    topology = (SharedKernel if shared else LocalField)(size=k + 1)
    np.testing.assert_allclose(through(topology, kernels.upsampled(kernel, size), x, Grid(*size, N_OUT)), sites(meant), atol=1e-12)


@pytest.mark.parametrize(("k", "pool"), [(1, 2), (3, 2), (1, 4), (5, 2)])
def test_pooled(k: int, pool: int) -> None:
    """Oracle: ``avg_pool2d``, then ``conv2d``."""
    coarse = (6, 5)
    x, kernel = np.random.default_rng(3).random((pool * coarse[0], pool * coarse[1], N_IN)), drawn(k, None)
    meant = functional.conv2d(functional.avg_pool2d(images(x), pool), torch.from_numpy(kernel), padding=k // 2)
    found = through(SharedKernel(size=k), kernels.pooled(kernel, pool), x, Grid(*coarse, N_OUT))
    np.testing.assert_allclose(found, sites(meant), atol=1e-12)


def test_places_outside_of_the_grid_are_zero() -> None:
    """Oracle: by hand, a kernel of ones on 2x2 sites: each source has its four targets and nothing else."""
    found = kernels.same(np.ones((4, 1, 1, 3, 3)), (2, 2))[:, :, 0, :, :, 0]
    assert found[0, 0].tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    assert found[1, 0].tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 0]]
    assert found.sum() == 16
