"""The rate PredNet against its equations, written once more in plain NumPy, site by site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from conversion.rate_prednet import RatePredNet, Trajectory
from conversion.rate_spec import RatePredNetSpec

A = NDArray[np.float64]
SIZES: dict[str, Any] = {"rows": 8, "cols": 12, "channels": (1, 3, 5), "r_channels": (3, 5, 7)}
CELLS: dict[str, dict[str, Any]] = {
    "convlstm": {"cell": "convlstm"},
    "sublstm": {"cell": "sublstm"},
    "fixed sublstm": {"cell": "sublstm", "fixed_forget": True},
    "leaky": {"cell": "leaky", "tau_frames": (0.0, 1.0, 3.0)},
    "leaky of one constant": {"cell": "leaky", "tau_frames": (2.5,)},
}


def made(spec: RatePredNetSpec, seed: int = 3) -> RatePredNet:
    """A model in double precision; no parameter is zero, no two sites are alike, and the forecast is neither black nor white."""
    model, generator = RatePredNet(spec, seed).double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p += (0.1 if name.endswith("weight") else 0.2) * torch.randn(p.shape, generator=generator, dtype=p.dtype)
            if name in ("predict.0.bias", "read.bias"):
                p += 0.4 * spec.pixel_max - p.mean()
    return model


def clip(spec: RatePredNetSpec, batch: int = 2, n_frames: int = 5, seed: int = 0) -> Tensor:
    shape = (batch, n_frames, spec.channels[0], spec.rows, spec.cols)
    return torch.from_numpy(np.random.default_rng(seed).random(shape))


def shown(model: RatePredNet, clips: Tensor) -> Trajectory:
    with torch.no_grad():
        return model(clips, record=True)


# ---- a plain second implementation


def relu(x: A) -> A:
    return np.where(x > 0, x, 0.0)


def sigmoid(x: A) -> A:
    return 1.0 / (1.0 + np.exp(-x))


def hard(x: A) -> A:
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


def convolved(x: A, w: A, b: A) -> A:
    """Cross-correlation of (channels, rows, cols) with zeros around it, site by site; ``w`` may have one kernel a site."""
    _, rows, cols = x.shape
    k = w.shape[-1]
    wide = np.zeros((len(x), rows + k - 1, cols + k - 1))
    wide[:, k // 2 : k // 2 + rows, k // 2 : k // 2 + cols] = x
    y = np.zeros((w.shape[-4], rows, cols))
    for r, c in np.ndindex(rows, cols):
        kernel, bias = (w, b) if w.ndim == 4 else (w[r * cols + c], b[r * cols + c])
        y[:, r, c] = np.einsum("oiab,iab->o", kernel, wide[:, r : r + k, c : c + k]) + bias
    return y


def pooled(x: A, how: str) -> A:
    corners = np.array([x[:, a::2, b::2] for a in (0, 1) for b in (0, 1)])
    return corners.max(axis=0) if how == "max" else corners.sum(axis=0) / 4.0


def upsampled(x: A) -> A:
    n, rows, cols = x.shape
    return np.array([[[x[i, r // 2, c // 2] for c in range(2 * cols)] for r in range(2 * rows)] for i in range(n)])


def cell_of(spec: RatePredNetSpec, weights: dict[str, A], level: int) -> Callable[[A, A], tuple[A, A]]:
    """The map from a cell's input and memory to R and the next memory."""
    here = f"cells.{level}"

    def gates(x: A, n: int) -> list[A]:
        return np.split(convolved(x, weights[f"{here}.conv.weight"], weights[f"{here}.conv.bias"]), n)

    def convlstm(x: A, c: A) -> tuple[A, A]:
        i, f, candidate, o = gates(x, 4)
        c = hard(f) * c + hard(i) * np.tanh(candidate)
        return hard(o) * np.tanh(c), c

    def sublstm(x: A, c: A) -> tuple[A, A]:
        if spec.fixed_forget:
            z, i, o = gates(x, 3)
            f = weights[f"{here}.forget"]
        else:
            z, i, o, f = gates(x, 4)
        c = sigmoid(f) * c + sigmoid(z) - sigmoid(i)
        return sigmoid(c) - sigmoid(o), c

    def leaky(x: A, c: A) -> tuple[A, A]:
        (driven,) = gates(x, 1)
        r = np.empty_like(c)
        for k in range(len(c)):
            tau = spec.tau_frames[k % len(spec.tau_frames)]
            keep = 0.0 if tau == 0 else np.exp(-1.0 / tau)
            r[k] = keep * c[k] + (1.0 - keep) * relu(driven[k])
        return r, r

    return {"convlstm": convlstm, "sublstm": sublstm, "leaky": leaky}[spec.cell]


def plain(model: RatePredNet, frames: A) -> dict[str, A]:
    """Forecast and populations of one clip (n_frames, channels, rows, cols)."""
    spec = model.spec
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    cells = [cell_of(spec, w, level) for level in range(spec.levels)]
    sizes = [(spec.rows // 2**level, spec.cols // 2**level) for level in range(spec.levels)]
    r_channels = spec.r_channels or spec.channels
    r = [np.zeros((n, *size)) for n, size in zip(r_channels, sizes, strict=True)]
    c = [np.zeros((n, *size)) for n, size in zip(r_channels, sizes, strict=True)]
    e = [np.zeros((2 * n, *size)) for n, size in zip(spec.channels, sizes, strict=True)]
    told: dict[str, list[A]] = {}
    for frame in frames:
        for level in reversed(range(spec.levels)):
            above = [] if level == spec.levels - 1 else [upsampled(r[level + 1])]
            if "feedback" in spec.cut:
                above = [0.0 * x for x in above]
            heard = 0.0 if "recurrence" in spec.cut else 1.0
            r[level], c[level] = cells[level](np.concatenate([heard * r[level], e[level], *above]), heard * c[level])
        a = frame
        for level in range(spec.levels):
            ahat = relu(convolved(r[level], w[f"predict.{level}.weight"], w[f"predict.{level}.bias"]))
            if level == 0:
                ahat = np.where(ahat > spec.pixel_max, spec.pixel_max, ahat)
                forecast = ahat
            below, above_it = relu(ahat - a), relu(a - ahat)
            if "error_sign" in spec.cut:
                below = above_it = np.abs(a - ahat) / 2
            e[level] = np.concatenate([below, above_it])
            for name, value in zip(
                ("target", "prediction", "error_neg", "error_pos", "representation"), (a, ahat, below, above_it, r[level]), strict=True
            ):
                told.setdefault(f"level{level}.{name}", []).append(value)
            if level < spec.levels - 1:
                a = pooled(relu(convolved(e[level], w[f"ascend.{level}.weight"], w[f"ascend.{level}.bias"])), spec.pooling)
        if spec.loss == "direct":
            forecast = np.clip(convolved(r[0], w["read.weight"], w["read.bias"]), 0.0, spec.pixel_max)
        told.setdefault("forecast", []).append(forecast)
    return {name: np.array(values) for name, values in told.items()}


def agree(model: RatePredNet, clips: Tensor) -> None:
    found = shown(model, clips)
    assert len(found.populations) == 5 * model.spec.levels
    for i, frames in enumerate(clips.numpy()):
        law = plain(model, frames)
        assert set(law) == {"forecast", *found.populations}
        for name, expected in law.items():
            values = found.forecast if name == "forecast" else found.populations[name]
            np.testing.assert_allclose(values[i].numpy(), expected, rtol=0, atol=1e-6, err_msg=f"clip {i}, {name}")


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_equations(cell: str, pooling: str) -> None:
    """Oracle: the plain implementation above, five frames of two clips, to 1e-6."""
    spec = RatePredNetSpec(**SIZES, **CELLS[cell], pooling=pooling)
    model, clips = made(spec), clip(spec)
    agree(model, clips)
    populations = shown(model, clips).populations
    assert all(float(x.std()) > 1e-3 for x in populations.values()), "a population says nothing"


@pytest.mark.parametrize(
    "more",
    [
        {"shared": False},
        {"shared": False, "cell": "leaky", "kernel": 5},
        {"kernel": 1},
        {"loss": "direct", "pixel_max": 0.4},
        {"channels": (3, 2), "r_channels": None, "cell": "leaky", "dale": True},
        {"channels": (2,), "r_channels": (3,), "rows": 3, "cols": 5},
        {"cut": ("recurrence",)},
        {"cut": ("recurrence",), "cell": "leaky"},
        {"cut": ("feedback", "error_sign")},
    ],
)
def test_the_equations_with_other_choices(more: dict[str, Any]) -> None:
    """Oracle: the plain implementation above; unshared, other kernels, a direct forecast, colour, odd frames, connections cut."""
    spec = RatePredNetSpec(**{**SIZES, **more})
    agree(made(spec), clip(spec))


@pytest.mark.parametrize("loss", ["L_0", "direct"])
def test_the_equations_at_their_limits(loss: str) -> None:
    """Oracle: the plain implementation above, with weights so large that gates and forecasts stick at both ends."""
    spec = RatePredNetSpec(**SIZES, pixel_max=0.6, loss=loss)
    model, clips = made(spec), clip(spec)
    with torch.no_grad():
        for p in model.parameters():
            p *= 10.0
    agree(model, clips)
    forecast = shown(model, clips).forecast
    assert bool((forecast == 0.0).any()) and bool((forecast == 0.6).any()) and float(forecast.max()) == 0.6


# ---- sizes


def test_the_published_network() -> None:
    """Oracle: the published size; its work, by hand, is that of each convolution at each of its sites."""
    channels, sites = (3, 48, 96, 192), [128 * 160 // 4**level for level in range(4)]
    above = (*channels[1:], 0)
    cells = [4 * n * (3 * n + up) for n, up in zip(channels, above, strict=True)]
    predict = [n * n for n in channels]
    ascend = [2 * n * up for n, up in zip(channels, above, strict=True)]
    per_site = [a + b + c for a, b, c in zip(cells, predict, ascend, strict=True)]
    model = RatePredNet(RatePredNetSpec(rows=128, cols=160, channels=channels))
    assert model.n_parameters == 6_915_948
    assert model.n_parameters == 9 * sum(per_site) + sum(5 * n for n in channels) + sum(channels[1:])
    assert model.multiply_adds == 6_869_422_080 == 9 * sum(n * s for n, s in zip(per_site, sites, strict=True))
    with torch.no_grad():
        found = model(torch.rand(1, 1, 3, 128, 160))
    assert found.forecast.shape == (1, 1, 3, 128, 160)
    assert [tuple(r.shape) for r in found.memory.r] == [(1, n, 128 >> i, 160 >> i) for i, n in enumerate(channels)]


def test_unshared_weights_are_counted_by_site() -> None:
    """Oracle: as many weights as the shared network has multiplications, and a bias for each site."""
    one, many = (RatePredNet(RatePredNetSpec(**SIZES, shared=shared)) for shared in (True, False))
    assert one.multiply_adds == many.multiply_adds
    biases = sum(p.numel() for name, p in many.named_parameters() if name.endswith("bias"))
    assert many.n_parameters - biases == many.multiply_adds


def test_one_seed_one_network() -> None:
    """Oracle: equal bytes for equal seeds, other weights for another, biases of zero."""
    spec = RatePredNetSpec(**SIZES)
    one, same, other = (dict(RatePredNet(spec, seed).named_parameters()) for seed in (1, 1, 2))
    for name, p in one.items():
        assert torch.equal(p, same[name])
        assert torch.equal(p, other[name]) == name.endswith("bias")
        assert not (name.endswith("bias") and p.any())


# ---- what a step may and may not reach


@pytest.mark.parametrize("cell", CELLS)
def test_a_frame_reaches_the_next_forecast_and_not_its_own(cell: str) -> None:
    """Oracle: the run on the unchanged clip, exactly up to the changed frame."""
    spec = RatePredNetSpec(**SIZES, **CELLS[cell])
    model, clips, at = made(spec), clip(spec), 2
    changed = clips.clone()
    changed[:, at] = 1.0 - changed[:, at]
    one, two = shown(model, clips), shown(model, changed)
    assert torch.equal(one.forecast[:, : at + 1], two.forecast[:, : at + 1])
    assert not torch.equal(one.forecast[:, at + 1], two.forecast[:, at + 1])
    for level in range(spec.levels):
        r, s = (found.populations[f"level{level}.representation"] for found in (one, two))
        assert torch.equal(r[:, : at + 1], s[:, : at + 1])
        assert not torch.equal(r[:, at + 1], s[:, at + 1])
    assert not torch.equal(one.populations["level0.error_pos"][:, at], two.populations["level0.error_pos"][:, at])


@pytest.mark.parametrize("cell", CELLS)
def test_going_on_from_memory(cell: str) -> None:
    """Oracle: the whole clip in one run, bit for bit; without the memory it goes on otherwise."""
    spec = RatePredNetSpec(**SIZES, **CELLS[cell])
    model, clips = made(spec), clip(spec)
    whole, first = shown(model, clips), shown(model, clips[:, :2])
    with torch.no_grad():
        rest, fresh = model(clips[:, 2:], first.memory, record=True), model(clips[:, 2:])
    assert torch.equal(torch.cat([first.forecast, rest.forecast], dim=1), whole.forecast)
    assert torch.equal(torch.cat([first.errors, rest.errors]), whole.errors)
    for name, values in whole.populations.items():
        assert torch.equal(torch.cat([first.populations[name], rest.populations[name]], dim=1), values), name
    for kind in ("r", "c", "e"):
        assert all(torch.equal(a, b) for a, b in zip(getattr(rest.memory, kind), getattr(whole.memory, kind), strict=True))
    assert not torch.equal(fresh.forecast, rest.forecast)


def test_clips_of_a_batch_do_not_meet() -> None:
    """Oracle: each clip alone."""
    spec = RatePredNetSpec(**SIZES)
    model, clips = made(spec), clip(spec, batch=3)
    together = shown(model, clips).forecast
    for i in range(3):
        torch.testing.assert_close(together[i], shown(model, clips[i : i + 1]).forecast[0], rtol=0, atol=1e-12)


# ---- unshared kernels


def spread(one: RatePredNet) -> RatePredNet:
    """The unshared model whose sites all hold the kernels of a shared one."""
    many = RatePredNet(one.spec.model_copy(update={"shared": False})).double()
    kernels = dict(one.named_parameters())
    with torch.no_grad():
        for name, p in many.named_parameters():
            p.copy_(kernels[name].expand_as(p))
    return many


@pytest.mark.parametrize("cell", ["convlstm", "sublstm", "leaky"])
def test_equal_kernels_at_all_sites_are_a_convolution(cell: str) -> None:
    """Oracle: the shared model."""
    one = made(RatePredNetSpec(**SIZES, cell=cell))
    many, clips = spread(one), clip(one.spec)
    torch.testing.assert_close(shown(many, clips).forecast, shown(one, clips).forecast, rtol=0, atol=1e-10)


def test_a_kernel_of_one_site_acts_at_that_site() -> None:
    """Oracle: the geometry of a 3x3 kernel; R sees errors one frame late, at its site, and the forecast one pixel further."""
    one = made(RatePredNetSpec(**SIZES))
    many, clips, (row, col) = spread(one), clip(one.spec), (3, 7)
    before, site, n_r = shown(many, clips), row * one.spec.cols + col, one.spec.r[0]
    with torch.no_grad():
        many.cells[0].conv.weight[site, :, n_r : n_r + 2 * one.spec.channels[0]] += 0.5
    after = shown(many, clips)

    def moved(name: str, t: int) -> set[tuple[int, int]]:
        a, b = ((f.forecast if name == "forecast" else f.populations[name])[:, t] for f in (before, after))
        return {(r, c) for _, _, r, c in torch.nonzero((a - b).abs() > 1e-12).tolist()}

    near = {(row + a, col + b) for a in (-1, 0, 1) for b in (-1, 0, 1)}
    assert moved("level0.representation", 0) == moved("forecast", 0) == set()
    assert moved("level0.representation", 1) == {(row, col)}
    assert moved("forecast", 1) and moved("forecast", 1) <= near
    assert moved("level1.representation", 1) == set()
    assert moved("level1.representation", 2) and moved("level0.representation", 2) - near


# ---- losses


def norm(errors: A, how: str) -> float:
    """Size of errors (batch, channels, rows, cols)."""
    if how == "mean":
        return float(np.mean(errors))
    return float(np.mean([np.sqrt(np.mean(one**2) + 1e-6) for one in errors]))


@pytest.mark.parametrize("error_norm", ["mean", "rms"])
@pytest.mark.parametrize("loss", ["L_0", "L_all", "direct"])
def test_losses(loss: str, error_norm: str) -> None:
    """Oracle: the loss by hand from the recorded populations; the first frame, which nobody can foresee, does not count."""
    spec = RatePredNetSpec(**SIZES, loss=loss, error_norm=error_norm)
    model, clips = made(spec), clip(spec)
    trajectory = shown(model, clips)
    told = {name: x.numpy() for name, x in trajectory.populations.items()}
    errors = [np.concatenate([told[f"level{i}.error_neg"], told[f"level{i}.error_pos"]], axis=2) for i in range(3)]
    sizes = np.array([[norm(e[:, t], error_norm) for e in errors] for t in range(5)])
    np.testing.assert_allclose(trajectory.errors.numpy(), sizes, rtol=1e-10)
    if loss == "direct":
        missed = np.abs(trajectory.forecast.numpy() - clips.numpy())
        expected = np.mean([norm(missed[:, t], error_norm) for t in range(1, 5)])
        assert not np.allclose(told["level0.prediction"], trajectory.forecast.numpy())
    else:
        weights = (1.0, 0.1, 0.1) if loss == "L_all" else (1.0, 0.0, 0.0)
        expected = np.mean([np.dot(sizes[t], weights) for t in range(1, 5)])
    assert float(model.loss(trajectory, clips)) == pytest.approx(expected, rel=1e-10)


def test_the_rms_of_no_error_has_a_slope() -> None:
    """Oracle: a finite gradient where a perfect forecast makes every error 0."""
    model = RatePredNet(RatePredNetSpec(rows=2, cols=2, channels=(1,), error_norm="rms"))
    clips = torch.zeros(1, 3, 1, 2, 2)
    trajectory = model(clips)
    assert not trajectory.errors[1:].sub(1e-3).abs().gt(1e-9).any()
    model.loss(trajectory, clips).backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())
