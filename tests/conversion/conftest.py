"""A small PredNet in milliseconds in which every channel does something and every rectification acts, and what it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from conversion.circuit import ZERO, Circuit, per_spike, rate_cell
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.timed_prednet import TimedPredNet
from snn.description import Network, Population, Projection, RateReadout
from snn.encoding import Retina
from snn.recording import FORECAST
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import random_walk
from snn.topology import Dense, LocalField, OneToOne, SharedKernel, Topology, existing

SIZE = 8
SIZES: dict[str, Any] = {"rows": SIZE, "cols": SIZE, "channels": (1, 3), "r_channels": (3, 3), "tau_frames": (0.0, 1.0)}


@pytest.fixture(scope="session")
def tiny() -> Callable[..., TimedPredNet]:
    """Makes the model; arguments are fields of its description, and the seed of its weights."""

    def made(seed: int = 15, timing: Timing | None = None, **more: Any) -> TimedPredNet:
        settings = {**SIZES, "cell": "leaky", "pooling": "average", "timing": timing or Timing(), **more}
        model, generator = TimedPredNet(RatePredNetSpec(**settings), seed).double(), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, p in model.named_parameters():
                # Sites that share no kernel begin with the same one, and scatter around it.
                share = 1 if model.spec.shared else len(p)
                drawn = torch.randn(p.shape[share > 1 :], generator=generator, dtype=p.dtype).expand(p.shape)
                p += 0.1 * drawn + (0.1 if name.endswith("bias") else 0.0) + (0.15 if name == "predict.0.bias" else 0.0)
                if share > 1:
                    p += 0.02 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
        return model

    return made


@pytest.fixture(scope="session")
def walk() -> Callable[..., Movie]:
    """Makes a movie of a number of frames for it."""

    def made(n_frames: int = 10, seed: int = 1, size: int = SIZE) -> Movie:
        return Movie(0.15 + 0.5 * random_walk(n_frames, size, size, seed=seed).frames)

    return made


@pytest.fixture(scope="session")
def handmade() -> Callable[..., Circuit]:
    """Makes a circuit of rate units of either sign with every kind of topology, two synapses, a loop and constant currents."""

    def made(seed: int = 7, shared: bool = True) -> Circuit:
        receptors = (Receptor(name="fast", tau_ms=10.0), Receptor(name="slow", tau_ms=30.0))

        def cells(name: str, shape: tuple[int, int, int], **more: Any) -> Population:
            return Population(name=name, shape=shape, cell=rate_cell(100.0), sign="mixed", receptors=receptors, **more)

        def join(source: str, target: str, receptor: str, topology: Topology, delay_ms: float = 1.0) -> Projection:
            return Projection(source=source, target=target, receptor=receptor, topology=topology, weights=ZERO, delay_ms=delay_ms)

        network = Network(
            name="handmade",
            populations=(
                cells("eye", (4, 4, 1), drive="luminance"),
                cells("first", (4, 4, 3), biased=True),
                cells("second", (4, 4, 2), biased=True),
                cells("coarse", (2, 2, 2), biased=True),
                cells("whole", (1, 1, 3), biased=True),
            ),
            projections=(
                join("eye", "first", "fast", LocalField(size=3)),
                join("first", "second", "fast", OneToOne(pairs=((0, 0), (1, 0), (2, 1)))),
                join("first", "second", "slow", SharedKernel(size=3, pre_features=(1, 3)) if shared else LocalField(size=3)),
                join("second", "coarse", "fast", SharedKernel(size=1)),
                join("coarse", "first", "slow", LocalField(size=4, post_features=(0, 2)), 50.0),
                join("second", "first", "slow", LocalField(size=1), 50.0),
                join("second", "whole", "fast", Dense()),
                join("coarse", "whole", "slow", Dense(), 3.0),
            ),
            encoder=Retina(luminance_mV=1.0),
            readouts=(RateReadout(name=FORECAST, population="whole", per_Hz=0.01),),
        )
        rng, arrays = np.random.default_rng(seed), {}
        for j in network.projections:
            tau = 10.0 if j.receptor == "fast" else 30.0
            e = network.edges(j)
            fan = np.bincount(e.post).max()
            w = rng.normal(0.3, 1.0, network.weight_shape(j.name)) * existing(j.topology, *network.ends(j))
            arrays[f"weights/{j.name}"] = w * per_spike(100.0, tau) / np.sqrt(fan)
        for p in network.populations:
            if p.biased:
                arrays[f"bias/{p.name}"] = rng.uniform(0.05, 0.3, p.n)
        return Circuit(network, arrays, {p.name: np.full(p.shape[2], 100.0) for p in network.populations})

    return made
