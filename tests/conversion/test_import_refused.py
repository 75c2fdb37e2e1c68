"""Files that hold no PredNet of ours are refused in one sentence that says what is wrong."""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from conversion.import_rate import LAYOUTS, import_rate
from conversion.model_files import save_model
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from snn.errors import StateError

A_SIZES, R_SIZES = (1, 2), (2, 3)


def shapes() -> dict[tuple[str, int], tuple[int, int]]:
    """Outputs and inputs of the convolutions of a small PredNet, in the order of coxlab/prednet."""
    found = {("a", 0): (A_SIZES[1], 2 * A_SIZES[0])}
    found |= {("ahat", n): (A_SIZES[n], R_SIZES[n]) for n in range(2)}
    for gate in "cfio":
        found |= {(gate, n): (R_SIZES[n], R_SIZES[n] + 2 * A_SIZES[n] + (R_SIZES[1] if n == 0 else 0)) for n in range(2)}
    return found


def keras2() -> dict[str, np.ndarray[Any, Any]]:
    """Arrays of a file of Keras 2 by name."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for (part, n), (n_out, n_in) in shapes().items():
        found[f"p/layer_{part}_{n}/kernel:0"], found[f"p/layer_{part}_{n}/bias:0"] = np.ones((3, 3, n_in, n_out)), np.ones(n_out)
    return found


def write_keras(path: Path, layers: dict[str, dict[str, np.ndarray[Any, Any]]], config: str = "") -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        if config:
            file.attrs["model_config"] = config
        for layer, arrays in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, value in arrays.items():
                group.create_dataset(name, data=value)
    return path


def state() -> dict[str, Tensor]:
    """State dictionary in the layout torch-lists."""
    places = {"a": "A.{twice}", "ahat": "Ahat.{twice}"}
    found = {}
    for (part, n), (n_out, n_in) in shapes().items():
        name = places.get(part, part + ".{level}").format(level=n, twice=2 * n)
        found[f"{name}.weight"], found[f"{name}.bias"] = torch.ones(n_out, n_in, 3, 3), torch.ones(n_out)
    return found


def write_torch(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def refused(path: Path, words: str, **options: Any) -> None:
    """The sentence has these words, is one line, and names the file."""
    with pytest.raises(StateError, match=words) as error:
        import_rate(path, **options)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600
    assert str(path) in str(error.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights"


def test_what_the_tests_change_is_read_when_unchanged(path: Path) -> None:
    """Oracle: the channels."""
    for written in (write_keras(path, {"p": keras2()}), write_torch(path, state())):
        spec = import_rate(written, rows=8, cols=8).spec
        assert (spec.channels, spec.r) == (A_SIZES, R_SIZES)


# ---- no such file, another kind, cut short


def test_a_missing_file(path: Path) -> None:
    """Oracle: the sentence; a folder is no file."""
    refused(path, "weights: there is no such file; check the path")
    refused(path.parent, "there is no such file")


@pytest.mark.parametrize("content", [b"", b"weights\n" * 9, b"\x89PNG\r\n\x1a\n" + bytes(90), b"\x93NUMPY" + bytes(90), b"\x89HDF\r\n"])
def test_another_kind_of_file(path: Path, content: bytes) -> None:
    """Oracle: the sentence shows how the file begins."""
    path.write_bytes(content)
    refused(path, r"is neither HDF5 nor of torch nor safetensors; got b.*; give the weights that Keras, torch.save or safetensors wrote")


def own(path: Path) -> Path:
    save_model(path, RatePredNet(RatePredNetSpec(rows=4, cols=4)))
    return path


WRITERS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "HDF5": (lambda p: write_keras(p, {"p": keras2()}), "is not a complete file of Keras"),
    "torch": (lambda p: write_torch(p, state()), "is not a complete file of torch.save"),
    "old torch": (lambda p: write_torch(p, state(), _use_new_zipfile_serialization=False), "is not a complete file of torch.save"),
    "safetensors": (own, "is not a complete safetensors file"),
}


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_cut_short(path: Path, kind: str, share: float) -> None:
    """Oracle: the sentence, wherever the cut is."""
    write, words = WRITERS[kind]
    whole = write(path).read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, words + r" \(.*\); it was cut short or damaged")


def test_an_archive_or_pickle_of_something_else(path: Path) -> None:
    """Oracle: the sentence."""
    np.savez(path.with_suffix(".npz"), x=np.ones(3))
    refused(path.with_suffix(".npz"), "is not a complete file of torch.save")
    path.write_bytes(pickle.dumps({"A.0.weight": [1.0, 2.0]}))
    refused(path, "is not a complete file of torch.save .* or is of another kind")


@pytest.mark.parametrize("new", [True, False])
def test_a_pickle_that_could_run_code(path: Path, new: bool) -> None:
    """Oracle: the sentence names the class that is not a tensor and how to save the weights alone."""
    write_torch(path, {"state_dict": state(), "options": argparse.Namespace(lr=0.1)}, _use_new_zipfile_serialization=new)
    refused(
        path, r"holds a Python object that could run code when it is read \(argparse.Namespace\); save its weights alone, with torch.save"
    )


# ---- layouts


def test_a_layout_that_is_not_known(path: Path) -> None:
    """Oracle: the sentence lists the known ones and suggests the nearest."""
    with pytest.raises(StateError, match=r"layout: is not known; got 'keras-teano'; allowed: .*torch-gates; did you mean 'keras-theano'\?"):
        import_rate(write_torch(path, state()), layout="keras-teano")


def test_a_layout_of_another_kind_of_file(path: Path) -> None:
    """Oracle: the sentence says what kind of file it is and which layouts that has."""
    refused(
        write_torch(path, state()), r"is a file of torch, which has no layout 'keras-theano'; allowed: torch-lists,", layout="keras-theano"
    )
    refused(
        write_keras(path, {"p": keras2()}), r"is a file of HDF5, which has no layout 'torch-gates'; allowed: keras", layout="torch-gates"
    )


def test_names_of_no_known_layout(path: Path) -> None:
    """Oracle: the sentence shows names that were found and the layouts."""
    got = r"holds no PredNet in a layout that is known; got \['encoder.weight'\]; allowed: torch-lists, torch-conv-layers, torch-gates"
    refused(write_torch(path, {"encoder.weight": torch.ones(2, 2)}), got)
    refused(write_torch(path, torch.ones(3)), r"holds no PredNet in a layout that is known; got \[\]")
    refused(write_torch(path, state()), r"got \['A.0.weight', .*; allowed: torch-gates;", layout="torch-gates")
    refused(own(path), r"holds no PredNet in a layout that is known", layout="torch-lists")
    save_file({"encoder.weight": torch.ones(2, 2)}, path)
    refused(path, got)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cell0.weight_ch", "its gates are logistic sigmoids and also convolve the memory"),
        ("module.cell1.Wci", "its gates also see the memory of the cell"),
        ("R_layers.0.Wxi.weight", "its R passes activations that the file does not name"),
    ],
)
def test_ports_that_compute_something_else(path: Path, name: str, words: str) -> None:
    """Oracle: the sentence says what they compute and which ports compute what ours does."""
    content = {name: torch.ones(2, 2, 3, 3), "conv0.0.weight": torch.ones(1, 2, 3, 3)}
    known = ", ".join(layout for layout in LAYOUTS if layout.startswith("torch"))
    refused(write_torch(path, content), f"{name.removeprefix('module.')}: belongs to a port that ours cannot express: {words}.*; .*{known}")


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"dense": {"dense/kernel:0": np.ones((3, 1))}}, r"has 0 layers with convolutions where PredNet is one; got \['dense', "),
        ({n: {f"{n}/kernel:0": np.ones((3, 3, 1, 1))} for n in ("c1", "c2")}, r"has 2 layers .*; got \['c1', 'c2'\]; layouts known: keras"),
        ({}, r"has 0 layers with convolutions where PredNet is one; got \[\]"),
    ],
)
def test_a_keras_model_that_is_no_prednet(path: Path, layers: dict[str, dict[str, np.ndarray[Any, Any]]], words: str) -> None:
    """Oracle: the sentence names what was found."""
    refused(write_keras(path, layers), words)


def test_an_hdf5_file_that_keras_did_not_write(path: Path) -> None:
    """Oracle: the sentence shows names in the file; a name without its array is damage."""
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/prednet/vars/0", data=np.ones(3))
    refused(path, r"has 0 layers with convolutions .*; got \['layers', 'layers/prednet', 'layers/prednet/vars'\]")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"gone"]
    refused(path, r"is not a complete file of Keras \(.*gone.*\)")


# ---- weights that are missing, left over, or do not fit


def test_missing_weights(path: Path) -> None:
    """Oracle: the sentence names what was left out; where Keras 1 gives no names, it says how many there are."""
    for name in ("p/layer_f_1/kernel:0", "p/layer_a_0/bias:0", "p/layer_ahat_0/kernel:0"):
        left = {n: x for n, x in keras2().items() if n != name}
        refused(write_keras(path, {"p": left}), rf"{name[2:-2]}: is missing; give the whole file")
    for name in ("f.1.weight", "A.0.bias", "Ahat.0.weight"):
        left_out = {n: x for n, x in state().items() if n != name}
        refused(write_torch(path, left_out), rf"{name}: is missing; give the whole state dictionary")
    numbered = {f"w_{n}": x for n, x in enumerate(list(keras2().values())[:-2])}
    refused(write_keras(path, {"p": numbered}), "has too few or too many weights; got 20; allowed: 10, 22, 34")


def test_weights_left_over(path: Path) -> None:
    """Oracle: the sentence names them."""
    refused(write_keras(path, {"p": keras2() | {"p/norm/gamma:0": np.ones(3)}}), "p/norm/gamma:0: has no place in a PredNet")
    refused(write_torch(path, state() | {"norm.weight": torch.ones(3)}), r"norm.weight: has no place in a PredNet of layout 'torch-lists'")


@pytest.mark.parametrize(
    ("part", "shape", "words"),
    [
        ("i", (2, 8, 3, 3), r"got \(2, 8, 3, 3\); allowed: \(2, 7, 3, 3\)"),
        ("i", (3, 7, 3, 3), r"got \(3, 7, 3, 3\); allowed: \(2, 7, 3, 3\)"),
        ("a", (2, 3, 3, 3), r"got \(2, 3, 3, 3\); allowed: \(2, 2, 3, 3\)"),
        ("ahat", (1, 2, 4, 4), r"got \(1, 2, 4, 4\); allowed: \(1, 2, 5, 5\)"),
        ("ahat", (1, 2, 3, 5), r"got \(1, 2, 3, 5\); allowed: \(1, 2, 3, 3\)"),
    ],
)
def test_shapes_that_do_not_fit(path: Path, part: str, shape: tuple[int, ...], words: str) -> None:
    """Oracle: the sentence names the array, its shape, and the shape that the others ask for."""
    name = {"a": "A.0", "ahat": "Ahat.0"}.get(part, f"{part}.0")
    refused(write_torch(path, state() | {f"{name}.weight": torch.ones(shape)}), f"{name}: does not fit the other weights; {words}")
    kernel = f"p/layer_{part}_0/kernel:0"
    refused(write_keras(path, {"p": keras2() | {kernel: np.ones(shape).transpose(2, 3, 1, 0)}}), f"{kernel}: does not fit .*; {words}")


def test_biases_and_axes_that_do_not_fit(path: Path) -> None:
    """Oracle: the sentence names the array."""
    refused(write_torch(path, state() | {"o.1.bias": torch.ones(4)}), r"o.1: does not fit the other weights; got \(4,\); allowed: \(3,\)")
    refused(write_torch(path, state() | {"Ahat.0.weight": torch.ones(5)}), r"Ahat.0: is no convolution; got \(\(5,\), \(1,\)\)")
    bias = keras2() | {"p/layer_o_1/bias:0": np.ones((3, 1))}
    refused(write_keras(path, {"p": bias}), r"layer_o_1/kernel:0: is no convolution; got .*, \(3, 1\)\); allowed: a kernel of 4 axes")


# ---- what the description says


@pytest.mark.parametrize("key", ["error_activation", "A_activation", "LSTM_activation", "LSTM_inner_activation"])
def test_other_activations(path: Path, key: str) -> None:
    """Oracle: the sentence names the activation and ours."""
    config = json.dumps({"config": {"layers": [{"class_name": "PredNet", "config": {key: "sigmoid"}}]}})
    refused(write_keras(path, {"p": keras2()}, config), rf"{key}: computes something that our cell does not; got 'sigmoid'; allowed: \w+;")


def test_a_damaged_description(path: Path) -> None:
    """Oracle: the sentence."""
    refused(write_keras(path, {"p": keras2()}, '{"config": '), "model_config: cannot be read")


@pytest.mark.parametrize("size", [{"rows": 7}, {"cols": 0}, {"rows": -2}])
def test_sizes_that_a_model_cannot_have(path: Path, size: dict[str, int]) -> None:
    """Oracle: the sentence, for every kind of file."""
    save_model(path.with_suffix(".own"), RatePredNet(RatePredNetSpec(rows=4, cols=4)))
    for written in (write_keras(path, {"p": keras2()}), path.with_suffix(".own")):
        refused(written, "makes no PredNet: .*(rows|cols).*; give other rows and cols", **size)


def test_unshared_weights_belong_to_one_size(path: Path) -> None:
    """Oracle: the sentence."""
    save_model(path, RatePredNet(RatePredNetSpec(rows=4, cols=4, shared=False)))
    refused(path, r"cells.0.conv.weight: does not fit the model", rows=8)
