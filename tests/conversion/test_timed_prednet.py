"""PredNet in milliseconds against its equations, written once more as one long sum over all that it has ever done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from conversion.activity import watch
from conversion.mean_field import mean_field
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.timed_prednet import Filter, TimedPredNet, rate_model, second_half, tau_of
from conversion.trace import trace
from snn.recording import FORECAST
from snn.stimuli.movie import Movie

A = NDArray[np.float64]
Makes = Callable[..., TimedPredNet]
Shows = Callable[..., Movie]
FINE_MS = 0.01


# ---- a synapse


@pytest.mark.parametrize("timing", [Timing(), Timing(step_ms=5.0, hop_ms=2.0), Timing(step_ms=12.5, tau_syn_ms=7.5)])
@pytest.mark.parametrize("side", [1.0, 0.0, -1.0])
def test_filter(timing: Timing, side: float) -> None:
    """Oracle: ``tau ds/dt = r - s`` by the midpoint rule at 0.01 ms, over two frames, looked at in the middle of sub-steps."""
    taus, n, lag = (5.0, 20.0, 150.0), timing.n_steps, side * timing.hop_ms
    rates = np.random.default_rng(0).random((2, n, 3))
    filtered, before, found = Filter(torch.tensor(taus), timing, lag), torch.zeros(1, 3, 1, 1, dtype=torch.float64), []
    for frame in rates:
        currents, before = filtered(torch.from_numpy(frame)[None, :, :, None, None], before)
        found.append((currents[0, :, :, 0, 0].numpy(), before[0, :, 0, 0].numpy()))
    fine, s, at = round(timing.step_ms / FINE_MS), np.zeros(3), []
    for r in np.repeat(rates.reshape(-1, 3), fine, axis=0):
        half = s + 0.5 * FINE_MS * (r - s) / taus
        s = s + FINE_MS * (r - half) / taus
        at.append(s)
    for t, (currents, after) in enumerate(found):
        looked = [round(((t * n + k + 0.5) * timing.step_ms - lag) / FINE_MS) - 1 for k in range(n)]
        np.testing.assert_allclose(currents, np.array(at)[looked], rtol=0, atol=1e-6)
        np.testing.assert_allclose(after, at[(t + 1) * n * fine - 1], rtol=0, atol=1e-6)


def test_one_time_constant_serves_all_channels() -> None:
    """Oracle: the same constant, listed for each channel."""
    timing, rates = Timing(), torch.rand(2, 5, 4, 3, 3, dtype=torch.float64)
    before = torch.rand(2, 4, 3, 3, dtype=torch.float64)
    one, each = (Filter(tau, timing, 0.5)(rates, before) for tau in (torch.tensor(20.0), torch.full((4,), 20.0)))
    assert all(torch.equal(a, b) for a, b in zip(one, each, strict=True))


@pytest.mark.parametrize("step_ms", [10.0, 5.0, 12.5, 2.0])
def test_window_of_the_forecast(step_ms: float) -> None:
    """Oracle: ``sin^2`` over the second half of the frame, summed at 0.01 ms."""
    timing = Timing(step_ms=step_ms)
    at = (np.arange(round(50.0 / FINE_MS)) + 0.5) * FINE_MS
    window = np.where(at > 25.0, np.sin(np.pi * (at - 25.0) / 25.0) ** 2, 0.0)
    share = (window / window.sum()).reshape(timing.n_steps, -1).sum(axis=1)
    np.testing.assert_allclose(second_half(timing), share, rtol=0, atol=1e-6)


def test_time_constants_lie_in_blocks() -> None:
    """Oracle: the list; 0 stands for the synapse's own."""
    spec = RatePredNetSpec(rows=8, cols=8, cell="leaky", pooling="average", tau_frames=(0.0, 1.0, 3.0), timing=Timing(tau_syn_ms=10.0))
    assert tau_of(7, spec).tolist() == [10.0, 10.0, 10.0, 50.0, 50.0, 150.0, 150.0]
    assert tau_of(2, spec).tolist() == [10.0, 50.0]


# ---- a plain second implementation


def relu(x: A) -> A:
    return np.where(x > 0, x, 0.0)


def convolved(x: A, w: A, b: A) -> A:
    """Cross-correlation of (channels, rows, cols) with zeros around it, site by site; ``w`` may have one kernel a site."""
    _, rows, cols = x.shape
    k = w.shape[-1]
    wide = np.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    y = np.zeros((w.shape[-4], rows, cols))
    for r, c in np.ndindex(rows, cols):
        kernel, bias = (w, b) if w.ndim == 4 else (w[r * cols + c], b[r * cols + c])
        y[:, r, c] = np.einsum("oiab,iab->o", kernel, wide[:, r : r + k, c : c + k]) + bias
    return y


class Plain:
    """The equations; what a synapse gives is summed anew over all sub-steps since the beginning."""

    def __init__(self, model: TimedPredNet) -> None:
        self.spec, self.timing = model.spec, model.timing
        self.w = {name: p.detach().numpy() for name, p in model.named_parameters()}
        self.rates: dict[str, list[A]] = {}

    def arrived(self, name: str, at_ms: float, like: tuple[int, ...], taus: list[float] | None = None) -> A:
        """Current at some time of what has happened so far."""
        tau = np.array(taus or [self.timing.tau_syn_ms])[:, None, None]
        total, h = np.zeros(like), self.timing.step_ms
        for j, r in enumerate(self.rates.get(name, ())):
            if j * h < at_ms:
                total = total + r * (np.exp(-max(at_ms - (j + 1) * h, 0.0) / tau) - np.exp(-(at_ms - j * h) / tau))
        return total

    def conv(self, name: str, x: A) -> A:
        return relu(convolved(x, self.w[name + ".weight"], self.w[name + ".bias"]))

    def step(self, frame: A, now: float) -> None:
        spec, hop = self.spec, self.timing.hop_ms
        levels = range(spec.levels)
        sizes = [(spec.rows // 2**i, spec.cols // 2**i) for i in levels]
        taus = [[float(x) for x in tau_of(n, spec)] for n in spec.r]
        late, above = now - self.timing.frame_ms + hop, None
        for i in reversed(levels):
            inputs = [self.arrived(f"r{i}", late, (spec.r[i], *sizes[i]), taus[i])]
            inputs.append(self.arrived(f"e{i}", late, (2 * spec.channels[i], *sizes[i])))
            if above is not None:
                inputs.append(above.repeat(2, axis=1).repeat(2, axis=2))
            self.rates.setdefault(f"r{i}", []).append(self.conv(f"cells.{i}.conv", np.concatenate(inputs)))
            above = self.arrived(f"r{i}", now - hop, (spec.r[i], *sizes[i]), taus[i])
        a = frame
        for i in levels:
            like = (spec.channels[i], *sizes[i])
            s_r = self.arrived(f"r{i}", now - hop, (spec.r[i], *sizes[i]), taus[i])
            self.rates.setdefault(f"p{i}", []).append(self.conv(f"predict.{i}", s_r))
            expected = self.arrived(f"p{i}", now - hop, like)
            self.rates.setdefault(f"e{i}", []).append(np.concatenate([relu(expected - a), relu(a - expected)]))
            if i + 1 < spec.levels:
                s_e = self.arrived(f"e{i}", now - hop, (2 * spec.channels[i], *sizes[i]))
                self.rates.setdefault(f"a{i + 1}", []).append(self.conv(f"ascend.{i}", s_e))
                fine = self.arrived(f"a{i + 1}", now - hop, (spec.channels[i + 1], *sizes[i]))
                a = fine.reshape(len(fine), sizes[i][0] // 2, 2, sizes[i][1] // 2, 2).mean(axis=(2, 4))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"shared": False},
        {"timing": Timing(step_ms=12.5, hop_ms=3.0, tau_syn_ms=12.0)},
        {"channels": (1, 2, 3), "r_channels": (2, 3, 1), "tau_frames": (0.0, 1.0, 3.0)},
    ],
)
def test_every_population(more: dict[str, Any], tiny: Makes, walk: Shows) -> None:
    """Oracle: the plain implementation above, at every sub-step; every population is silent now and then."""
    model, frames = tiny(**more), walk(4).frames
    timing, spec = model.timing, model.spec
    plain, memory, told, forecasts = Plain(model), model.at_rest(1), [], []
    with torch.no_grad():
        for frame in torch.from_numpy(frames.copy()):
            forecast, memory, populations = model.moments(frame[None, None], memory)
            told.append(populations)
            forecasts.append(forecast[0].numpy())
    for k in range(len(frames) * timing.n_steps):
        plain.step(frames[k // timing.n_steps][None], (k + 0.5) * timing.step_ms)
    names = {"representation": "r", "prediction": "p", "target": "a"}
    for name in told[0]:
        level, last = name.removeprefix("level").split(".")
        found = np.concatenate([x[name][0].numpy() for x in told])
        n = spec.channels[int(level)]
        meant = np.array(plain.rates[names.get(last, "e") + level])
        meant = meant if last in names else meant[:, :n] if last == "error_neg" else meant[:, n:]
        np.testing.assert_allclose(found, meant, rtol=0, atol=1e-10, err_msg=name)
        assert (meant > 0).any(), name
    assert any((np.array(r) == 0).any() for r in plain.rates.values())
    window = second_half(timing).numpy()
    read = [np.tensordot(window, p, axes=1) for p in np.array(plain.rates["p0"]).reshape(len(frames), timing.n_steps, 1, *frames.shape[1:])]
    np.testing.assert_allclose(forecasts, np.minimum(read, spec.pixel_max), rtol=0, atol=1e-10)


# ---- what follows from them


def shown(model: TimedPredNet, clips: Tensor) -> Any:
    with torch.no_grad():
        return model(clips, record=True)


@pytest.mark.parametrize("shared", [True, False])
def test_a_frame_is_not_seen_before_the_next(shared: bool, tiny: Makes, walk: Shows) -> None:
    """Oracle: bytes. Another frame t changes no forecast and no representation up to t, but the errors of t and what follows."""
    model, clips, t = tiny(shared=shared), torch.from_numpy(walk(6).frames.copy())[None, :, None], 3
    other = clips.clone()
    other[:, t] = 1.0 - other[:, t]
    one, two = shown(model, clips), shown(model, other)
    assert torch.equal(one.forecast[:, : t + 1], two.forecast[:, : t + 1])
    for name, x in one.populations.items():
        until = t + 1 if name.endswith(("representation", "prediction")) else t
        assert torch.equal(x[:, :until], two.populations[name][:, :until]), name
        assert not torch.equal(x[:, until], two.populations[name][:, until]), name
    assert not torch.equal(one.forecast[:, t + 1], two.forecast[:, t + 1])


def test_pieces_and_batches_are_the_whole(tiny: Makes, walk: Shows) -> None:
    """Oracle: one run of all frames; each clip alone."""
    model = tiny()
    clips = torch.stack([torch.from_numpy(walk(6, seed).frames.copy())[:, None] for seed in (1, 2)])
    whole = shown(model, clips)
    with torch.no_grad():
        first = model(clips[:, :2], record=True)
        second = model(clips[:, 2:], first.memory, record=True)
    assert torch.equal(torch.cat([first.forecast, second.forecast], dim=1), whole.forecast)
    for name, x in whole.populations.items():
        assert torch.equal(torch.cat([first.populations[name], second.populations[name]], dim=1), x), name
    for a, b in zip(second.memory, whole.memory, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    alone = shown(model, clips[1:])
    torch.testing.assert_close(alone.forecast[0], whole.forecast[1], rtol=0, atol=1e-12)


def test_loss_and_ceiling(tiny: Makes, walk: Shows) -> None:
    """Oracle: the mean size of frame minus forecast after the first frame, half of it for each sign; the ceiling cuts what is read only."""
    model, clips = tiny(), torch.from_numpy(walk(5).frames.copy())[None, :, None]
    found = shown(model, clips)
    missed = (found.forecast[:, 1:] - clips[:, 1:]).abs().mean() / 2
    assert float(model.loss(found, clips)) == pytest.approx(float(missed), rel=1e-12)
    low = tiny(pixel_max=0.25)
    cut = shown(low, clips)
    assert float(cut.forecast.max()) == 0.25 and float(found.forecast.max()) > 0.25
    assert torch.equal(cut.forecast, found.forecast.clamp(max=0.25))
    assert torch.equal(cut.populations["level0.prediction"], found.populations["level0.prediction"])


def test_which_model_a_description_asks_for(tiny: Makes) -> None:
    """Oracle: the class; the sentences."""
    spec = tiny().spec
    assert type(rate_model(spec)) is TimedPredNet
    assert type(rate_model(spec.model_copy(update={"timing": None}))) is RatePredNet
    with pytest.raises(ValueError, match=r"TimedPredNet needs spec\.timing"):
        TimedPredNet(spec.model_copy(update={"timing": None}))
    with pytest.raises(ValueError, match=r"step_ms must divide frame_ms 50.0 into two or more sub-steps; got 15.0"):
        Timing(step_ms=15.0)
    with pytest.raises(ValueError, match=r"got 50\.0"):
        Timing(step_ms=50.0)
    with pytest.raises(ValueError, match="hop_ms must be below half of step_ms"):
        Timing(hop_ms=5.0)
    for more in ({"cell": "convlstm"}, {"cell": "leaky", "pooling": "max"}, {"cell": "leaky", "pooling": "average", "loss": "L_all"}):
        with pytest.raises(ValueError, match="timing needs cell 'leaky', pooling 'average' and loss 'L_0'"):
            RatePredNetSpec(rows=8, cols=8, timing=Timing(), **more)


# ---- the circuit at 1 ms


def missed(model: TimedPredNet, movie: Movie) -> dict[str, float]:
    """NRMSE of each population, in the sub-steps, against the circuit's mean in them."""
    memory, of_model = model.at_rest(1), []
    with torch.no_grad():
        for frame in torch.from_numpy(movie.frames.copy()):
            _, memory, populations = model.moments(frame[None, None], memory)
            of_model.append({name: x[0].permute(0, 2, 3, 1).numpy() for name, x in populations.items()})
    of_circuit = list(watch(trace(model), movie, bin_ms=model.timing.step_ms))
    found = {}
    for name in of_model[0]:
        one, two = (np.array([x[name] for x in told[3:]]) for told in (of_model, of_circuit))
        assert (two == 0).any() or "error" not in name, name
        found[name] = float(np.sqrt(((one - two) ** 2).mean() / (two**2).mean()))
    return found


@pytest.mark.parametrize("shared", [True, False])
def test_the_circuit_at_1_ms(shared: bool, tiny: Makes, walk: Shows) -> None:
    """Oracle: the circuit of rate units; sub-steps of 10 ms miss it by less than 2 %, those of 5 ms by less still."""
    movie = walk(8)
    coarse, fine = (missed(tiny(shared=shared, timing=Timing(step_ms=step)), movie) for step in (10.0, 5.0))
    assert len(coarse) == 9 and max(coarse.values()) < 0.02, coarse
    assert all(fine[name] < coarse[name] for name in coarse), (coarse, fine)
    model = tiny(shared=shared, timing=Timing(step_ms=10.0))
    assert mean_field(model, trace(model), movie) == pytest.approx(coarse, rel=1e-6)
    finest = tiny(shared=shared, timing=Timing(step_ms=2.5))  # compared in bins of 5 ms, since the circuit has no halves of a step
    found = mean_field(finest, trace(finest), movie)
    assert all(0 < found[name] < coarse[name] for name in coarse), (found, coarse)


def test_the_forecast_of_the_circuit(tiny: Makes, walk: Shows) -> None:
    """Oracle: the readout of the circuit, run on the reference engine."""
    from snn.engines import engine

    model, movie = tiny(timing=Timing(step_ms=2.0)), walk(6)
    found = shown(model, torch.from_numpy(movie.frames.copy())[None, :, None]).forecast[0, :, 0].numpy()
    circuit = trace(model)
    read = engine("reference").build(circuit.network, state=circuit.state()).run(movie).readouts[FORECAST][..., 0]
    np.testing.assert_allclose(found[1:], read[1:], rtol=0, atol=0.003)
    assert read[3:].std() > 0.02
