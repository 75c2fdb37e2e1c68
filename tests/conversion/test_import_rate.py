"""Imported PredNets forecast what the originals forecast: plain second implementations, fed with the arrays of the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy import signal
from torch import Tensor, nn
from torch.nn import functional

from conversion.import_rate import LAYOUTS, import_rate
from conversion.model_files import save_model
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from snn.errors import StateError

A = NDArray[np.float64]
GATES = ("i", "f", "c", "o")
ROWS, COLS = 8, 12


class Sizes(NamedTuple):
    """Channels of A and R per level, and sides of the kernels."""

    a: tuple[int, ...]
    r: tuple[int, ...]
    sides: dict[str, int] = {}  # noqa: RUF012

    def inputs(self, part: str, level: int) -> int:
        above = self.r[level + 1] if level + 1 < len(self.r) else 0
        return {"a": 2 * self.a[level], "ahat": self.r[level]}.get(part, self.r[level] + 2 * self.a[level] + above)

    def outputs(self, part: str, level: int) -> int:
        return {"a": (*self.a, 0)[level + 1], "ahat": self.a[level]}.get(part, self.r[level])

    def convolutions(self) -> list[tuple[str, int]]:
        """In the order of creation in Keras: level by level."""
        levels = range(len(self.a))
        return [(part, n) for n in levels for part in (*GATES, "ahat", "a") if part != "a" or n + 1 < len(self.a)]


SIZES = {
    "three levels": Sizes((2, 3, 4), (3, 4, 2)),
    "kernels of four threes": Sizes((3, 3), (3, 3)),
    "one level": Sizes((1,), (2,)),
    "kernels of several sizes": Sizes((1, 2), (2, 3), {"ahat": 1, "a": 3, "i": 5, "f": 5, "c": 5, "o": 5}),
}


def clip(channels: int, n_frames: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((n_frames, channels, ROWS, COLS)).astype(np.float32)


def shown(model: RatePredNet, frames: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        return model(torch.from_numpy(frames)[None]).forecast[0].numpy()


def same(found: RatePredNet, frames: NDArray[np.float32], forecast: NDArray[Any]) -> None:
    """The forecasts are equal, and neither black nor white nor still."""
    assert ((forecast[2:] > 0.01) & (forecast[2:] < 0.99)).mean() > 0.3 and forecast[2:].std(0).max() > 0.01
    np.testing.assert_allclose(shown(found, frames), forecast, rtol=0, atol=1e-5)


# ---- Keras


def prednet(convolve: Callable[[str, int, A], A], sizes: Sizes, frames: NDArray[Any], pixel_max: float = 1.0) -> A:
    """The step of coxlab/prednet in NumPy, for given convolutions."""
    levels = len(sizes.a)
    shape = [(ROWS >> n, COLS >> n) for n in range(levels)]
    r, c = ([np.zeros((sizes.r[n], *shape[n])) for n in range(levels)] for _ in range(2))
    e = [np.zeros((2 * sizes.a[n], *shape[n])) for n in range(levels)]
    out = []
    for frame in frames.astype(float):
        for n in reversed(range(levels)):
            inputs = [r[n], e[n]] + ([np.kron(r[n + 1], np.ones((2, 2)))] if n + 1 < levels else [])
            i, f, g, o = (convolve(gate, n, np.concatenate(inputs)) for gate in GATES)
            i, f, o = (np.minimum(np.maximum(0.2 * x + 0.5, 0), 1) for x in (i, f, o))
            c[n] = f * c[n] + i * np.tanh(g)
            r[n] = o * np.tanh(c[n])
        target = frame
        for n in range(levels):
            guess = np.maximum(convolve("ahat", n, r[n]), 0)
            if n == 0:
                guess = np.minimum(guess, pixel_max)
                out.append(guess)
            e[n] = np.concatenate([np.maximum(guess - target, 0), np.maximum(target - guess, 0)])
            if n + 1 < levels:
                above = np.maximum(convolve("a", n, e[n]), 0)
                target = above.reshape(len(above), *shape[n + 1][:1], 2, shape[n + 1][1], 2).max((2, 4))
    return np.stack(out)


class Keras(NamedTuple):
    """A version and backend of Keras: how it orders axes and convolves, and the layout that this is for us."""

    version: int
    backend: str
    axes: str
    layout: str
    whole: bool = False


KERAS = {
    "Keras 2, TensorFlow, whole model": Keras(2, "tensorflow", "rcio", "keras-tensorflow", whole=True),
    "Keras 2, Theano": Keras(2, "theano", "rcio", "keras-theano"),
    "Keras 2, CNTK": Keras(2, "cntk", "rcio", "keras-tensorflow"),
    "Keras 1, Theano": Keras(1, "theano", "oirc", "keras1-theano"),
    "Keras 1, Theano, whole model": Keras(1, "theano", "oirc", "keras1-theano", whole=True),
    "Keras 1, Theano, TensorFlow's ordering": Keras(1, "theano", "rcio", "keras-theano"),
    "Keras 1, TensorFlow": Keras(1, "tensorflow", "rcio", "keras-tensorflow"),
    "Keras 1, TensorFlow, Theano's ordering": Keras(1, "tensorflow", "oirc", "keras1-tensorflow"),
}
Arrays = dict[tuple[str, int], tuple[NDArray[np.float32], NDArray[np.float32]]]


def drawn(keras: Keras, sizes: Sizes, seed: int = 1) -> Arrays:
    """Kernels, in the axes of the file, and biases."""
    random, arrays = np.random.default_rng(seed), {}
    for part, n in sizes.convolutions():
        n_in, n_out, k = sizes.inputs(part, n), sizes.outputs(part, n), sizes.sides.get(part, 3)
        kernel = random.normal(0, 1.5 / np.sqrt(k * k * n_in), (n_out, n_in, k, k) if keras.axes == "oirc" else (k, k, n_in, n_out))
        bias = random.normal(0.5 if part == "ahat" else 0.2, 0.2, n_out)
        arrays[part, n] = kernel.astype(np.float32), bias.astype(np.float32)
    return arrays


def convolution(keras: Keras, arrays: Arrays) -> Callable[[str, int, A], A]:
    """What the backend computes: Theano a convolution, the others a correlation."""
    apply = signal.convolve2d if keras.backend == "theano" else signal.correlate2d

    def convolve(part: str, level: int, x: A) -> A:
        kernel, bias = arrays[part, level]
        pick = (lambda o, i: kernel[o, i]) if keras.axes == "oirc" else (lambda o, i: kernel[:, :, i, o])
        return np.stack([sum(apply(x[i], pick(o, i), mode="same") for i in range(len(x))) + bias[o] for o in range(len(bias))])

    return convolve


def write_keras(path: Path, keras: Keras, arrays: Arrays, config: dict[str, Any] | None = None) -> None:
    """Write a model of PredNet and layers for the loss as Keras does."""
    end = ":0" if keras.backend == "tensorflow" else ""
    layer = "pred_net_1" if keras.version == 2 else "prednet_1"
    names = [(f"convolution2d_{n}_W{end}", f"convolution2d_{n}_b{end}") for n, _ in enumerate(arrays, 1)]
    if keras.version == 2:
        names = [(f"{layer}/layer_{part}_{n}/kernel{end}", f"{layer}/layer_{part}_{n}/bias{end}") for part, n in arrays]
    called = dict(zip(arrays, names, strict=True))
    layers: dict[str, dict[str, Any]] = {
        "input_1": {},
        layer: {},
        "dense_1": {"dense_1/kernel": np.ones((3, 1)), "dense_1/bias": np.ones(1)},
    }
    for key in sorted(arrays):
        layers[layer] |= dict(zip(called[key], arrays[key], strict=True))
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if keras.whole else file
        root.attrs["layer_names"] = [name.encode() for name in layers]
        if keras.version == 2:
            root.attrs["backend"], root.attrs["keras_version"] = keras.backend.encode(), b"2.0.6"
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        for name, values in layers.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [n.encode() for n in values]
            for n, value in values.items():
                group.create_dataset(n, data=value)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("keras", KERAS.values(), ids=KERAS)
def test_keras(tmp_path: Path, keras: Keras, sizes: Sizes) -> None:
    """Oracle: the step of PredNet in NumPy with SciPy's convolution (Theano) or correlation (the others) of the file's arrays."""
    arrays, frames = drawn(keras, sizes), clip(sizes.a[0])
    write_keras(tmp_path / "w.hdf5", keras, arrays)
    found = import_rate(tmp_path / "w.hdf5", rows=ROWS, cols=COLS)
    spec = found.spec
    assert (spec.rows, spec.cols, spec.channels, spec.r, spec.kernel) == (ROWS, COLS, sizes.a, sizes.r, sizes.sides.get("i", 3))
    same(found, frames, prednet(convolution(keras, arrays), sizes, frames))


@pytest.mark.parametrize("keras", KERAS.values(), ids=KERAS)
def test_the_layout_can_be_said(tmp_path: Path, keras: Keras) -> None:
    """Oracle: the parameters without saying it; another order of axes does not fit, and the other sense turns the forecast."""
    sizes, path = SIZES["kernels of four threes"], tmp_path / "w.hdf5"
    write_keras(path, keras, drawn(keras, sizes))
    found = import_rate(path, rows=ROWS, cols=COLS)
    told = import_rate(path, rows=ROWS, cols=COLS, layout=keras.layout)
    assert all(torch.equal(p, q) for p, q in zip(found.parameters(), told.parameters(), strict=True))
    for other in {"keras-tensorflow", "keras-theano", "keras1-tensorflow", "keras1-theano"} - {keras.layout}:
        if other.split("-")[0] == keras.layout.split("-")[0]:
            turned = import_rate(path, rows=ROWS, cols=COLS, layout=other)
            assert np.abs(shown(turned, clip(3)) - shown(found, clip(3))).max() > 0.01
        else:
            with pytest.raises(StateError, match="does not fit the other weights"):
                import_rate(path, layout=other)


def architecture(shape: list[int | None], **prednet: Any) -> dict[str, Any]:
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": "input_1"}},
        {"class_name": "PredNet", "config": {"stack_sizes": [3, 3], "pixel_max": 1.0, "LSTM_inner_activation": "hard_sigmoid"} | prednet},
    ]
    return {"class_name": "Model", "config": {"name": "model_1", "layers": layers}}


@pytest.mark.parametrize("config", [architecture([None, 10, 3, 8, 12], pixel_max=0.4), architecture([None, 10, 8, 12, 3], pixel_max=0.4)])
def test_the_architecture_of_a_whole_model(tmp_path: Path, config: dict[str, Any]) -> None:
    """Oracle: the size of the frames and the ceiling that were written, in either order of axes; the forecast stops there."""
    keras, sizes, path = KERAS["Keras 2, TensorFlow, whole model"], SIZES["kernels of four threes"], tmp_path / "w.hdf5"
    arrays = drawn(keras, sizes)
    write_keras(path, keras, arrays, config)
    found = import_rate(path)
    assert (found.spec.rows, found.spec.cols, found.spec.pixel_max) == (8, 12, 0.4)
    expected = prednet(convolution(keras, arrays), sizes, clip(3), 0.4)
    assert expected.max() == 0.4
    same(found, clip(3), expected)
    assert (found.spec.rows, import_rate(path, cols=16).spec.cols) == (8, 16)


@pytest.mark.parametrize("config", [None, architecture([None, 10, 3, None, None]), {"class_name": "Sequential", "config": []}])
def test_the_size_of_the_published_models_where_none_is_said(tmp_path: Path, config: dict[str, Any] | None) -> None:
    """Oracle: 128x160."""
    keras = KERAS["Keras 2, TensorFlow, whole model"]
    write_keras(tmp_path / "w.hdf5", keras, drawn(keras, SIZES["kernels of four threes"]), config)
    spec = import_rate(tmp_path / "w.hdf5").spec
    assert (spec.rows, spec.cols, spec.pixel_max) == (128, 160, 1.0)


# ---- ports to PyTorch


class Port(nn.Module):
    """What the ports share; each names its modules and says in which order a gate sees E and R, and E its halves."""

    errors_first, positive_first = False, False

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes

    def convolve(self, part: str, level: int, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, frames: Tensor) -> Tensor:
        n_levels = len(self.sizes.a)
        r, c = ([torch.zeros(1, n, ROWS >> k, COLS >> k) for k, n in enumerate(self.sizes.r)] for _ in range(2))
        e = [torch.zeros(1, 2 * n, ROWS >> k, COLS >> k) for k, n in enumerate(self.sizes.a)]
        out = []
        for frame in frames:
            for n in reversed(range(n_levels)):
                x = torch.cat([e[n], r[n]] if self.errors_first else [r[n], e[n]], 1)
                if n + 1 < n_levels:
                    x = torch.cat([x, functional.interpolate(r[n + 1], scale_factor=2)], 1)
                i, f, g, o = (self.convolve(gate, n, x) for gate in GATES)
                i, f, o = ((0.2 * gate + 0.5).clamp(0, 1) for gate in (i, f, o))
                c[n] = f * c[n] + i * g.tanh()
                r[n] = o * c[n].tanh()
            target = frame[None]
            for n in range(n_levels):
                guess = self.convolve("ahat", n, r[n]).relu()
                if n == 0:
                    guess = guess.clamp(max=1.0)
                    out.append(guess)
                halves = [(guess - target).relu(), (target - guess).relu()]
                e[n] = torch.cat(halves[::-1] if self.positive_first else halves, 1)
                if n + 1 < n_levels:
                    target = functional.max_pool2d(self.convolve("a", n, e[n]).relu(), 2)
        return torch.cat(out)


def conv(sizes: Sizes, part: str, level: int, copies: int = 1) -> nn.Conv2d:
    k = sizes.sides.get(part, 3)
    made = nn.Conv2d(sizes.inputs(part, level), copies * sizes.outputs(part, level), k, padding=k // 2)
    nn.init.normal_(made.weight, 0, 1.5 / np.sqrt(k * k * made.in_channels))
    nn.init.normal_(made.bias, 0.5 if part == "ahat" else 0.2, 0.2)
    return made


class Lists(Port):
    """As OpenSTL: a list for each kind; those of A and Ahat hold ReLUs at odd places."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        for part in (*GATES, "A", "Ahat"):
            convs = [conv(sizes, part.lower(), n) for p, n in sizes.convolutions() if p == part.lower()]
            setattr(self, part, nn.ModuleList(m for one in convs for m in ((one, nn.ReLU()) if part in ("A", "Ahat") else (one,))))

    def convolve(self, part: str, level: int, x: Tensor) -> Tensor:
        return getattr(self, part)[level](x) if part in GATES else getattr(self, part.capitalize())[2 * level](x)


class Dictionary(Port):
    """All in one dictionary."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        parts = (*GATES, "ahat", "a")
        self.conv_layers = nn.ModuleDict(
            {part: nn.ModuleList(conv(sizes, part, n) for p, n in sizes.convolutions() if p == part) for part in parts}
        )

    def convolve(self, part: str, level: int, x: Tensor) -> Tensor:
        return self.conv_layers[part][level](x)


class Gates(Port):
    """One convolution for all gates, which see E first; E is A - Ahat first."""

    errors_first = positive_first = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.gates = nn.ModuleList(conv(sizes, "i", n, copies=4) for n in range(len(sizes.a)))
        self.ahat = nn.ModuleList(conv(sizes, "ahat", n) for n in range(len(sizes.a)))
        self.a = nn.ModuleList(conv(sizes, "a", n) for n in range(len(sizes.a) - 1))
        self.register_buffer("layer_weights", torch.ones(len(sizes.a)))

    def convolve(self, part: str, level: int, x: Tensor) -> Tensor:
        if part in GATES:
            return self.gates[level](x).chunk(4, 1)[GATES.index(part)]
        return getattr(self, part)[level](x)


TORCH = {"torch-lists": Lists, "torch-conv-layers": Dictionary, "torch-gates": Gates}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("layout", TORCH)
def test_ports(tmp_path: Path, layout: str, sizes: Sizes) -> None:
    """Oracle: the port, as a module that computes in its own order."""
    torch.manual_seed(1)
    port, frames = TORCH[layout](sizes), clip(sizes.a[0])
    torch.save(port.state_dict(), tmp_path / "w.pt")
    with torch.no_grad():
        expected = port(torch.from_numpy(frames)).numpy()
    for told in (None, layout):
        found = import_rate(tmp_path / "w.pt", rows=ROWS, cols=COLS, layout=told)
        assert (found.spec.channels, found.spec.r) == (sizes.a, sizes.r)
        same(found, frames, expected)


@pytest.mark.parametrize(
    "around", ["module.", "model.", "module.model.", "_orig_mod.", "state_dict", "model_state_dict", "model", "old", "safe"]
)
def test_what_is_around_the_weights(tmp_path: Path, around: str) -> None:
    """Oracle: the parameters read from the bare state dictionary."""
    torch.manual_seed(1)
    state = Lists(SIZES["three levels"]).state_dict()
    path, bare = tmp_path / "w.ckpt", tmp_path / "bare.pt"
    torch.save(state, bare)
    if around == "safe":
        save_file(dict(state), path, {"format": "pt"})
    elif around.endswith("."):
        torch.save({around + name: value.double() for name, value in state.items()}, path)
    else:
        wrapped: dict[str, Any] = {"epoch": 3, around: {f"module.{name}": value for name, value in state.items()}, "optimizer": {"lr": 0.1}}
        torch.save(state if around == "old" else wrapped, path, _use_new_zipfile_serialization=around != "old")
    found, expected = import_rate(path), import_rate(bare)
    assert found.spec == expected.spec
    for p, q in zip(found.parameters(), expected.parameters(), strict=True):
        assert p.dtype == torch.float32 and torch.equal(p, q)


# ---- our own


def test_our_own_files(tmp_path: Path) -> None:
    """Oracle: the model that was saved; at another size the same weights."""
    model = RatePredNet(RatePredNetSpec(rows=8, cols=8, channels=(1, 2), cell="sublstm", loss="L_all"), seed=3)
    save_model(tmp_path / "m.safetensors", model)
    found, wider = import_rate(tmp_path / "m.safetensors"), import_rate(tmp_path / "m.safetensors", cols=COLS)
    assert found.spec == model.spec and wider.spec == model.spec.model_copy(update={"cols": COLS})
    for other in (found, wider):
        assert all(torch.equal(p, q) for p, q in zip(other.parameters(), model.parameters(), strict=True))
    assert shown(wider, clip(1)).shape == (5, 1, ROWS, COLS)


def test_every_layout_is_tried() -> None:
    """Oracle: the layouts of this file."""
    assert set(LAYOUTS) == {keras.layout for keras in KERAS.values()} | set(TORCH)
