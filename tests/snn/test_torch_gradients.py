"""Gradients of the torch engine: against differences where the step is smooth, against a recursion by hand where it spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snn.cells import IF, LIF, Cell, RateUnit, SpikeSource
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.layout import Layout
from snn.engines.torch_network import TorchNetwork
from snn.state import State, initial_state
from snn.synapses import Receptor
from snn.testing import Case, cases, random_walk
from snn.topology import Dense, LocalField, OneToOne, SharedKernel, Topology, edges
from snn.weights import Uniform

CASES = {case.name: case for case in cases()}
Told = dict[str, Tensor]


def built(network: Network, **more: Any) -> TorchNetwork:
    return TorchNetwork(Layout(network, 1.0), initial_state(network, dt_ms=1.0, seed=5), dtype=torch.float64, **more)


def joined(source: str, target: str, topology: Topology, receptor: str = "fast", delay_ms: float = 1.0, **more: Any) -> Projection:
    even = more.pop("weights", Uniform(low_mV=0.05, high_mV=0.3))
    return Projection(source=source, target=target, receptor=receptor, topology=topology, weights=even, delay_ms=delay_ms, **more)


def smooth(leaky: bool) -> Network:
    """Rate units under every topology and receptor, with a loop, inhibition, adaptation, resets and thresholds."""
    kinds = (Receptor(name="fast", tau_ms=4.0), Receptor(name="same", tau_ms=9.0), Receptor(name="push", kinetics="pulse"))
    receptors = (*kinds, Receptor(name="stay", kinetics="integrating"))
    gains: dict[str, Any] = {"leaky": leaky, "gain_Hz_per_mV": 200.0, "v_threshold_mV": 0.1, "reset_by_mV": 0.5}

    def unit(tau_ms: float, **more: Any) -> RateUnit:
        return RateUnit(tau_mem_ms=tau_ms, **gains, **more)

    first, second = unit(6.0, adaptation_mV=0.3, tau_adaptation_ms=15.0), unit(9.0, adaptation_mV=0.2)
    return Network(
        name="smooth",
        frame_ms=8.0,
        encoder=Retina(luminance_mV=8.0),
        populations=(
            Population(name="in", shape=(4, 4, 2), cell=unit(5.0), receptors=receptors, drive="change"),
            Population(name="off", shape=(4, 4, 2), cell=unit(7.0), receptors=receptors, sign="inhibitory"),
            Population(name="same", shape=(4, 4, 2), cell=first, receptors=receptors, copies=2),
            Population(name="coarse", shape=(2, 2, 1), cell=second, receptors=receptors),
        ),
        projections=(
            joined("in", "same", LocalField(size=3), label="local"),
            joined("in", "coarse", SharedKernel(size=1), "same", 2.0, label="shared"),
            joined("off", "same", OneToOne(), "push", label="one"),
            joined("same", "coarse", Dense(), "stay", 3.0, label="dense"),
            joined("in", "off", OneToOne(pairs=((0, 1), (1, 1))), "same", label="copy"),
            joined("coarse", "in", LocalField(size=2), "fast", 2.0, label="back"),
        ),
    )


@pytest.mark.parametrize("leaky", [True, False])
def test_rate_units_with_thresholds(leaky: bool) -> None:
    """Oracle: the reference engine, from a state in which every cell has a threshold of its own."""
    network, rng = smooth(leaky), np.random.default_rng(0)
    movie = random_walk(3, 4, 4, frame_ms=8.0)
    born = initial_state(network, dt_ms=1.0, seed=5)
    thresholds = {f"threshold/{p.name}": rng.uniform(0.0, 0.3, p.n) for p in network.populations}
    state = State({**born.arrays, **thresholds}, 0, 5, 1.0, born.digest)
    found = engine("reference").build(network, state=state).run(movie)
    module = TorchNetwork(Layout(network, 1.0), state, dtype=torch.float64)
    motion, currents = module.at_rest(1), module.encode(movie.frames[None])
    for t in range(3):
        motion, sums = module.frame(motion, {name: x[:, t] for name, x in currents.items()}, {}, module.prepared())
        for name, counts in found.counts.items():
            np.testing.assert_allclose(sums.counts[name][0].numpy(), counts[t].ravel(), rtol=1e-9, atol=1e-9, err_msg=name)
    assert all(counts.max() > 0.1 for counts in found.counts.values())


def shown(module: TorchNetwork, seed: int = 0, frames: int = 2) -> tuple[Tensor, list[Told]]:
    """A number that depends on all that every cell of two clips sent, and the counts."""
    generator, total, counts = torch.Generator().manual_seed(seed), torch.zeros((), dtype=module.dtype), []

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64).to(module.dtype)

    motion, prepared = module.at_rest(2), module.prepared()
    for _ in range(frames):
        currents = {name: 4.0 * random(2, p.n) for name, p in module.populations.items() if not isinstance(p.cell, SpikeSource)}
        rasters = {
            name: random(2, module.layout.frame_steps, p.n) < 0.3
            for name, p in module.populations.items()
            if isinstance(p.cell, SpikeSource)
        }
        motion, sums = module.frame(motion, currents, rasters, prepared)
        counts.append(sums.counts)
        for name in module.populations:
            total = total + (sums.counts[name] * random(*sums.counts[name].shape)).sum() + (sums.late[name] ** 2).sum()
    return total, counts


def parameters(module: TorchNetwork) -> dict[str, Tensor]:
    names = [p.name for p in module.members]
    found = {f"weights {j.label}": w for j, w in zip(module.network.projections, module.weights, strict=True)}
    found |= {f"threshold {n}": x for n, x in zip(names, module.thresholds, strict=True)}
    return found | {f"tau {n}": x for n, x in zip(names, module.tau_mem_ms, strict=True)}


@pytest.mark.parametrize("leaky", [True, False])
def test_gradients_of_rate_units(leaky: bool) -> None:
    """Oracle: central differences of a network without gradients, whose membrane constants take another way through the code."""
    network = smooth(leaky)
    module, plain = built(network), built(network)
    everyone = [p.name for p in network.populations]
    module.learn([j.name for j in network.projections], everyone, everyone)
    loss, _ = shown(module)
    loss.backward()
    rng = np.random.default_rng(1)
    assert not any(p.requires_grad for p in plain.parameters())

    def moved(p: Tensor, direction: Tensor) -> float:
        """Slope along a direction."""
        h, kept, ends = 1e-5, p.detach().clone(), []
        for side in (1.0, -1.0):
            p.copy_(kept + side * h * direction)
            ends.append(float(shown(plain)[0]))
        p.copy_(kept)
        return (ends[0] - ends[1]) / (2.0 * h)

    with torch.no_grad():
        for (name, p), q in zip(parameters(module).items(), parameters(plain).values(), strict=True):
            assert p.grad is not None and bool((p.grad != 0).any()), name
            directions = [torch.from_numpy(rng.normal(size=tuple(p.shape)))]
            for i in rng.choice(p.numel(), size=min(3, p.numel()), replace=False):
                directions.append(torch.zeros_like(p))
                directions[-1].view(-1)[int(i)] = 1.0
            for direction in directions:
                assert float((p.grad * direction).sum()) == pytest.approx(moved(q, direction), rel=1e-4, abs=1e-7), name


@pytest.mark.parametrize("leaky", [True, False])
def test_a_membrane_constant_with_a_gradient_moves_nothing(leaky: bool) -> None:
    """Oracle: the same network without gradients, also after the constants have changed."""
    network = smooth(leaky)
    module, plain = built(network), built(network)
    module.learn([], [], [p.name for p in network.populations])
    for tau_ms in (None, 9.0, 8.999999, 3.0):
        with torch.no_grad():
            for p in (*module.tau_mem_ms, *plain.tau_mem_ms) if tau_ms else ():
                p.fill_(tau_ms)
            torch.testing.assert_close(shown(module)[0], shown(plain)[0], rtol=1e-10, atol=0)
    assert not torch.equal(shown(plain)[0], shown(built(network))[0])


def test_places_outside_the_grid_have_no_gradient() -> None:
    """Oracle: the list of synapses; a weight without one changes nothing."""
    module = built(smooth(True))
    module.learn([j.name for j in module.network.projections])
    shown(module)[0].backward()
    for j, w in zip(module.network.projections, module.weights, strict=True):
        listed = edges(j.topology, *(module.populations[name].grid for name in (j.source, j.target)))
        used = np.zeros(w.numel(), dtype=bool)
        used[listed.weight] = True
        assert w.grad is not None and not w.grad.ravel()[torch.from_numpy(~used)].any()
        assert bool(w.grad.ravel()[torch.from_numpy(used)].any())


def one_cell(cell: Cell) -> Network:
    push = (Receptor(name="push", kinetics="pulse"),)
    return Network(
        frame_ms=6.0,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=push),
        ),
        projections=(joined("in", "out", Dense(), "push"),),
    )


TAU, HIGH = 10.0, 2.0
RESETS: dict[str, tuple[Cell, float]] = {
    "soft": (LIF(tau_mem_ms=TAU, v_threshold_mV=HIGH, reset_by_mV=1.7), float(np.exp(-1.0 / TAU))),
    "hard": (LIF(tau_mem_ms=TAU, v_threshold_mV=HIGH, v_reset_mV=-0.4), float(np.exp(-1.0 / TAU))),
    "no leak": (IF(tau_mem_ms=TAU, v_threshold_mV=HIGH, reset_by_mV=1.7), 1.0),
    "refractory, soft": (LIF(tau_mem_ms=TAU, v_threshold_mV=HIGH, reset_by_mV=1.7, t_ref_ms=2.0), float(np.exp(-1.0 / TAU))),
    "refractory, hard": (LIF(tau_mem_ms=TAU, v_threshold_mV=HIGH, v_reset_mV=-0.4, t_ref_ms=3.0), float(np.exp(-1.0 / TAU))),
}


@pytest.mark.parametrize("slope", [5.0, 25.0])
@pytest.mark.parametrize("kind", RESETS)
@pytest.mark.parametrize("w", [1.1, 1.9, 2.5])
def test_the_slope_of_a_spike(kind: str, slope: float, w: float) -> None:
    """Oracle: the recursion by hand, with the slope 1 / (slope |u| + 1)^2 of a fast sigmoid, u in units of the threshold.

    A refractory cell cannot spike, whatever its membrane does, so that it has no slope.
    """
    cell, p = RESETS[kind]
    assert isinstance(cell, LIF | IF)
    raster = [1, 1, 1, 0, 1, 0]
    v = dv = 0.0
    x: list[float] = []
    dx: list[float] = []
    last = -99
    for n in range(6):
        pulse = raster[n - 1] if n else 0
        held = n - last < cell.t_ref_ms
        if not held:
            v, dv = p * (v + w * pulse), p * (dv + pulse)
        x.append(float(v >= HIGH and not held))
        dx.append(0.0 if held else dv / HIGH / (slope * abs(v - HIGH) / HIGH + 1.0) ** 2)
        if cell.reset_by_mV is not None:
            v, dv = v - cell.reset_by_mV * x[-1], dv - cell.reset_by_mV * dx[-1]
        elif x[-1]:
            v, dv = cell.v_reset_mV, 0.0
        last = n if x[-1] else last
    module = built(one_cell(cell), slope=slope)
    module.learn(["in->out/push"])
    with torch.no_grad():
        module.weights[0].fill_(w)
    given = {"in": torch.tensor(raster, dtype=torch.bool)[None, :, None]}
    _, sums = module.frame(module.at_rest(1), {}, given, module.prepared(), keep_steps=True)
    sent = [step["out"].sum() for step in sums.sent]
    assert [float(s.detach()) for s in sent] == x
    assert sum(x) > 0
    assert not sent[0].requires_grad
    slopes = [0.0, *(float(torch.autograd.grad(s, module.weights[0], retain_graph=True)[0]) for s in sent[1:])]
    assert slopes == pytest.approx(dx, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("name", ["prednet", "refractory", "adaptive", "fields", "mixed"])
def test_gradients_of_spiking_cells_are_numbers(name: str) -> None:
    """Oracle: the run without gradients, spike for spike; gradients are finite, and no parameter is out of reach."""
    case: Case = CASES[name]
    state = initial_state(case.network, dt_ms=case.dt_ms, seed=5)
    module = TorchNetwork(Layout(case.network, case.dt_ms), state, dtype=torch.float64)
    everyone = [p.name for p in module.members]
    module.learn([j.name for j in case.network.projections], everyone, everyone)
    with torch.no_grad():
        _, plain = shown(module, frames=3)
    loss, counts = shown(module, frames=3)
    for a, b in zip(counts, plain, strict=True):
        for key in a:
            assert torch.equal(a[key].detach(), b[key]), key
    assert sum(float(x.detach().sum()) for a in counts for x in a.values()) > 100
    loss.backward()
    for key, p in parameters(module).items():
        assert p.grad is not None and bool(torch.isfinite(p.grad).all()) and bool(p.grad.any()), key


def test_a_detached_motion_ends_the_graph() -> None:
    """Oracle: the gradient of the second frame alone, begun from the same numbers."""
    module = built(smooth(True))
    module.learn([j.name for j in module.network.projections])
    currents = {p.name: torch.full((1, p.n), 2.0, dtype=torch.float64) for p in module.members}
    first, _ = module.frame(module.at_rest(1), currents, {}, module.prepared())
    slopes = []
    for motion in (first.detached(), first):
        _, sums = module.frame(motion, currents, {}, module.prepared())
        total = torch.stack([x.sum() for x in sums.counts.values()]).sum()
        slopes.append(torch.autograd.grad(total, module.weights[0], retain_graph=True)[0])
    with torch.no_grad():
        again, _ = module.frame(module.at_rest(1), currents, {}, module.prepared())
    _, sums = module.frame(again, currents, {}, module.prepared())
    alone = torch.autograd.grad(torch.stack([x.sum() for x in sums.counts.values()]).sum(), module.weights[0])[0]
    assert torch.equal(slopes[0], alone) and not torch.allclose(slopes[1], alone)
