"""Feed-forward networks as circuits: the circuit settles at what torch computes, and what has no such form is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from conversion import trace_layers as module
from conversion.activity import watch
from conversion.circuit import Circuit
from conversion.digits import DigitsSpec, classify, evidence, folds, predicted, train_digits
from conversion.folding import fold_batch_norm
from conversion.trace_layers import trace_layers
from snn.errors import ConversionError
from snn.stimuli.movie import Movie


def settled(circuit: Circuit, image: NDArray[np.float64], engine: str = "event") -> dict[str, NDArray[np.float64]]:
    """Activities of a circuit that has seen an image for so long that nothing changes any more."""
    movie = Movie(np.repeat(image[None], 10, axis=0), circuit.network.frame_ms)
    return {name: a[-1] for name, a in list(watch(circuit, movie, engine=engine))[-1].items()}


def drawn(model: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """Weights, biases and statistics of normalisation drawn at random, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    for layer in model.modules():
        for name, p in layer.named_parameters(recurse=False):
            p.data = torch.randn(p.shape, generator=generator) / (p[0].numel() ** 0.5 if name == "weight" and p.ndim > 1 else 2.0)
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean = torch.randn(layer.num_features, generator=generator)
            layer.running_var = torch.rand(layer.num_features, generator=generator) + 0.3
    return model.double().eval()


def image(rows: int, cols: int) -> NDArray[np.float64]:
    return np.random.default_rng(3).random((rows, cols))


def forward(model: nn.Module, shown: NDArray[np.float64]) -> NDArray[np.float64]:
    with torch.no_grad():
        found: NDArray[np.float64] = model(torch.from_numpy(shown)[None, None])[0].numpy()
    return found


CHAINS: dict[str, tuple[Callable[[], nn.Sequential], tuple[int, int]]] = {
    "conv": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1)), (6, 5)),
    "pooled conv": (lambda: nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 3, 3, padding="same")), (6, 8)),
    "two pools": (lambda: nn.Sequential(nn.AvgPool2d(2), nn.Dropout(), nn.AvgPool2d((2, 2), 2), nn.Conv2d(1, 2, 1)), (8, 4)),
    "linear": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 3, bias=False)), (3, 4)),
    "pooled linear": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 4)),
        (6, 4),
    ),
    "everything": (
        lambda: nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.Identity(), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Dropout2d(),
            nn.AvgPool2d(2),
            nn.Conv2d(4, 5, 5, padding=2),
            nn.BatchNorm2d(5, affine=False),
            nn.ReLU(),
            nn.ReLU(),
            nn.AvgPool2d(5),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(5, 4),
        ),
        (10, 10),
    ),
}


# ---- agreement


@pytest.mark.parametrize("name", CHAINS)
def test_the_circuit_settles_at_what_torch_computes(name: str) -> None:
    """Oracle: the forward pass of torch; the output is split into its positive and its negative part."""
    make, size = CHAINS[name]
    model, shown = drawn(make()), image(*size)
    expected = forward(model, shown)
    sites = expected[:, None, None] if expected.ndim == 1 else expected
    found = settled(trace_layers(model, size), shown)["output"]
    n = len(sites)
    both = np.moveaxis(np.concatenate([np.maximum(sites, 0), np.maximum(-sites, 0)]), 0, -1)
    assert found.shape == (*sites.shape[1:], 2 * n)
    np.testing.assert_allclose(found, both, atol=1e-7 * np.abs(expected).max())
    assert (both[..., :n] > 0).any() and (both[..., n:] > 0).any()


def test_inner_populations_are_the_rectified_layers_and_settle_with_the_synapse() -> None:
    """Oracle: torch for where they settle; for how, ``1 - exp(-t / tau)`` of a circuit with one synapse."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 2, 1))
    with torch.no_grad():
        model[0].weight[:] = torch.tensor([1.0, 2.0])[:, None, None, None]
    circuit = trace_layers(model, (1, 1), tau_syn_ms=10.0, frame_ms=30.0)
    assert [p.name for p in circuit.network.populations] == ["input", "layer0", "output"]
    rise = next(watch(circuit, Movie(np.full((1, 1, 1), 0.5), 30.0)))["layer0"][:, 0, 0]
    expected = 0.5 * (1 - np.exp(-np.arange(30) / 10.0))
    np.testing.assert_allclose(rise, np.outer(expected, [1.0, 2.0]), atol=1e-12)


def test_a_last_relu_leaves_the_output_as_it_is() -> None:
    model = drawn(nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU()))
    circuit, shown = trace_layers(model, (4, 4)), image(4, 4)
    assert [p.name for p in circuit.network.populations] == ["input", "layer0"]
    np.testing.assert_allclose(settled(circuit, shown)["layer0"], np.moveaxis(forward(model, shown), 0, -1), atol=1e-7)
    with pytest.raises(ConversionError, match=r"circuit: has no population 'output' .* Linear without ReLU"):
        classify(circuit, shown[None], 50.0)


def test_layers_used_twice_are_traced_twice() -> None:
    """Oracle: torch, which runs them twice."""
    conv, norm, relu = nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1), nn.ReLU()
    model = drawn(nn.Sequential(conv, norm, relu, conv, relu, conv))
    shown = image(5, 5)
    expected = forward(model, shown)[0]
    found = settled(trace_layers(model, (5, 5)), shown)["output"]
    np.testing.assert_allclose(found[..., 0] - found[..., 1], expected, atol=1e-7)


# ---- folding


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_folding_keeps_what_is_computed_and_the_model(bias: bool, affine: bool) -> None:
    """Oracle: the model itself, evaluated; to 1e-6 in single precision."""
    model = drawn(
        nn.Sequential(
            nn.Sequential(nn.Conv2d(2, 6, 3, stride=2, groups=2, bias=bias), nn.BatchNorm2d(6, affine=affine)),
            nn.GELU(),
            nn.Conv2d(6, 3, 1, bias=bias),
            nn.Identity(),
            nn.BatchNorm2d(3, affine=affine, eps=0.1),
        )
    )
    x = torch.randn(4, 2, 9, 7, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    model.train()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    folded = fold_batch_norm(model)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert [type(layer).__name__ for layer in folded] == ["Sequential", "GELU", "Conv2d", "Identity", "Identity"]
    assert model.training and all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    with torch.no_grad():
        expected = model.eval()(x)
        torch.testing.assert_close(folded(x), expected, atol=1e-12, rtol=1e-12)
        torch.testing.assert_close(fold_batch_norm(model.float())(x.float()), expected.float(), atol=1e-6, rtol=1e-6)


# ---- refusals

REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "max pooling": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)), r"layer 2: MaxPool2d .*AvgPool2d"),
    "nested": (
        lambda: nn.Sequential(nn.Identity(), nn.Sequential(nn.Identity(), nn.Tanh())),
        r"layer 1\.1: Tanh .*allowed: Conv2d, .*replace it",
    ),
    "softmax": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 2), nn.Softmax(dim=1)), r"layer 2: Softmax .*leave it out"),
    "stride": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1)),
        r"layer 0: Conv2d .*stride.*got \(2, 2\); allowed: \(1, 1\)",
    ),
    "groups": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1, groups=2)),
        r"layer 2: Conv2d .*groups.*got 2; allowed: 1",
    ),
    "dilation": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2, padding=2)), r"layer 0: Conv2d .*dilation"),
    "oblong": (lambda: nn.Sequential(nn.Conv2d(1, 2, (3, 1), padding=(1, 0))), r"layer 0: Conv2d .*kernel_size.*got \(3, 1\)"),
    "circular": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")), r"layer 0: Conv2d .*padding_mode"),
    "even": (lambda: nn.Sequential(nn.Conv2d(1, 2, 2, padding="same")), r"layer 0: Conv2d .*got 2; allowed: an odd kernel_size"),
    "padding": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3)), r"layer 0: Conv2d does not keep the size; got \(0, 0\); allowed: padding=1"),
    "colour": (lambda: nn.Sequential(nn.Conv2d(3, 2, 1)), r"layer 0: Conv2d .*got 3; allowed: in_channels=1; the input is grey"),
    "channels": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(3, 2, 1)),
        r"layer 2: Conv2d .*got 3; allowed: in_channels=2",
    ),
    "large": (lambda: nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 2, 3, padding=1)), r"layer 1: Conv2d .*larger than its 2x2 sites"),
    "no relu": (lambda: nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1)), r"layer 1: Conv2d follows layer 0 without a ReLU"),
    "pool first": (lambda: nn.Sequential(nn.Conv2d(1, 2, 1), nn.AvgPool2d(2), nn.ReLU()), r"layer 1: AvgPool2d .*put the ReLU before it"),
    "overlap": (lambda: nn.Sequential(nn.AvgPool2d(2, stride=1)), r"layer 0: AvgPool2d .*side by side"),
    "uneven": (lambda: nn.Sequential(nn.AvgPool2d(3)), r"layer 0: AvgPool2d does not divide 8x8 sites; got 3"),
    "sum": (lambda: nn.Sequential(nn.AvgPool2d(2, divisor_override=1)), r"layer 0: AvgPool2d "),
    "not flat": (lambda: nn.Sequential(nn.Linear(8, 2)), r"layer 0: Linear comes before Flatten"),
    "flat": (lambda: nn.Sequential(nn.Flatten(), nn.Conv2d(1, 1, 1)), r"layer 1: Conv2d comes after Flatten"),
    "half flat": (lambda: nn.Sequential(nn.Flatten(2)), r"layer 0: Flatten .*got \(2, -1\)"),
    "features": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(9, 2)), r"layer 1: Linear .*got 9; allowed: in_features=64"),
    "norm first": (lambda: nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 1, 1)), r"layer 0: BatchNorm2d .*got 'the input'"),
    "norm late": (lambda: nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.BatchNorm2d(1)), r"layer 2: BatchNorm2d .*got 'ReLU'"),
    "no statistics": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, track_running_stats=False)),
        r"layer 1: BatchNorm2d has no running statistics",
    ),
    "nothing": (lambda: nn.Sequential(nn.Flatten()), "model: has no Conv2d and no Linear"),
    "pool last": (lambda: nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AvgPool2d(2)), "model: ends in AvgPool2d"),
    "no chain": (lambda: nn.Conv2d(1, 1, 1), "model: is no plain chain of layers; got 'Conv2d'; allowed: Sequential"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_such_form_is_refused_by_name(name: str) -> None:
    make, message = REFUSED[name]
    model: Any = make()
    with pytest.raises(ConversionError, match=message):
        trace_layers(model, (8, 8))


def test_a_chain_that_computes_something_else_is_refused() -> None:
    class Residual(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + super().forward(x)

    with pytest.raises(ConversionError, match=r"model: is no plain chain of layers; got 'Residual'"):
        trace_layers(Residual(nn.Conv2d(1, 1, 1)), (8, 8))
    with pytest.raises(ConversionError, match=r"layer 0: Residual has no form"):
        trace_layers(nn.Sequential(Residual(nn.Conv2d(1, 1, 1))), (8, 8))


def test_every_layer_that_is_allowed_is_named() -> None:
    for name in module.ALLOWED.split(", "):
        assert issubclass(getattr(nn, name), nn.Module)


# ---- digits


def test_folds_divide_the_digits() -> None:
    """Oracle: scikit-learn's images and labels themselves, and counts of each class."""
    from sklearn.datasets import load_digits

    data, found = load_digits(), folds(10, seed=4)
    keys = [np.concatenate([f.test_images.reshape(-1, 64) * 16, f.test_labels[:, None]], axis=1) for f in found]
    together = np.concatenate(keys)
    everything = np.concatenate([data.images.reshape(-1, 64), data.target[:, None]], axis=1)
    assert len(together) == 1797
    np.testing.assert_array_equal(together[np.lexsort(together.T)], everything[np.lexsort(everything.T)])
    for f in found:
        assert len(f.images) + len(f.test_images) == 1797 and f.images.min() == 0 and f.images.max() == 1
        counts = np.bincount(f.test_labels, minlength=10)
        assert counts.min() >= 17 and counts.max() <= 19
    again, other = folds(10, seed=4), folds(10, seed=5)
    np.testing.assert_array_equal(again[3].test_images, found[3].test_images)
    assert not np.array_equal(other[3].test_images[:170], found[3].test_images[:170])
    with pytest.raises(ConversionError, match="n_folds: cannot divide the digits; got 1; allowed: 2 to 174"):
        folds(1)


def test_a_small_network_tells_digits_apart_and_its_circuit_says_the_same() -> None:
    """Oracle: the labels of images it never saw; torch for the circuit, whose output is that of the network, less the rise."""
    fold = folds()[0]
    model = train_digits(fold, DigitsSpec(channels=(8, 16), epochs=12))
    right = predicted(model, fold.test_images) == fold.test_labels
    assert right.mean() > 0.95
    circuit, shown = trace_layers(model, (8, 8)), fold.test_images[:12]
    told = evidence(circuit, shown, 600.0)
    logits = np.stack([forward(model, one.astype(np.float32)) for one in shown])
    assert np.corrcoef(told.ravel(), logits.ravel())[0, 1] > 0.998
    settled_only = evidence(circuit, shown, 600.0, settle_ms=300.0)
    np.testing.assert_allclose(settled_only, logits, atol=2e-4 * np.abs(logits).max())
    np.testing.assert_array_equal(classify(circuit, shown, 600.0, settle_ms=300.0), predicted(model, shown))
    for wrong in (250.0, 600.0, 700.0):
        with pytest.raises(ConversionError, match=r"settle_ms: must divide the time of an image; got .*; allowed: 600 over 2, 3"):
            evidence(circuit, shown, 600.0, settle_ms=wrong)
    np.testing.assert_array_equal(classify(circuit, shown, 600.0), told.argmax(axis=1))
    # From rest each time: an image alone is told as among others.
    np.testing.assert_array_equal(evidence(circuit, shown[5:6], 600.0)[0], told[5])


def test_training_on_digits_repeats_itself_and_leaves_torch_alone() -> None:
    fold, spec = folds()[1], DigitsSpec(channels=(2, 2), epochs=1, batch=256)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one = train_digits(fold, spec, seed=2)
    assert torch.equal(torch.rand(3), expected)
    two, other = train_digits(fold, spec, seed=2), train_digits(fold, spec, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert not torch.equal(one[0].weight, other[0].weight)
