"""PredNets trained with the Keras layer of coxlab/prednet, read from HDF5 without Keras.

``save_weights`` writes a group for each layer of the model, named in the attribute ``layer_names``, with its arrays named
in ``weight_names``; files of whole models hold the same below ``model_weights``, and the architecture as JSON in
``model_config``. PredNet is one layer. It lists its convolutions sorted by what they are for, then by level, each kernel
before its bias; Keras 2 also names them ``layer_<part>_<level>``, while Keras 1 numbers them in another order.

Kernels have the axes (rows, columns, in, out), or in Keras 1 with Theano's ordering of dimensions (out, in, rows,
columns): only one of the two fits, for a gate has more inputs than outputs. With Theano, Keras of either version applies
them turned by 180 degrees. Keras 2 writes its backend into the file; where it is not said, names tell it, for those of
TensorFlow's variables end in ``:0``.

Sources: https://github.com/coxlab/prednet (``prednet.py``, ``keras_utils.py``, ``kitti_train.py``, issue 46);
https://github.com/keras-team/keras (``engine/topology.py``, ``engine/saving.py``, ``backend/theano_backend.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from conversion.import_parts import Convolution, Found, check, convolution, expected, misfits
from snn.errors import StateError, sentence

KERAS = {
    "keras-tensorflow": ((3, 2, 0, 1), False),
    "keras-theano": ((3, 2, 0, 1), True),
    "keras1-tensorflow": ((0, 1, 2, 3), False),
    "keras1-theano": ((0, 1, 2, 3), True),
}
"""Per layout, which axes of a kernel are (out, in, rows, columns), and whether it is applied turned."""
ACTIVATIONS = {"error_activation": "relu", "A_activation": "relu", "LSTM_activation": "tanh", "LSTM_inner_activation": "hard_sigmoid"}
NAMED = re.compile(r"layer_(a|ahat|c|f|i|o)_(\d+)/(kernel|bias)")


class _Stored(NamedTuple):
    """Content of a file: arrays by layer and name, in the file's order, what it says of itself, and all its names."""

    layers: dict[str, dict[str, NDArray[np.float32]]]
    backend: str
    config: str
    names: list[str]


def read_keras(path: Path, layout: str | None = None) -> Found:
    """Read a file of Keras.

    Parameters
    ----------
    path : Path
    layout : str, optional
        One of `KERAS`; found out when left out.

    Returns
    -------
    Found

    Raises
    ------
    StateError
        If the file is cut short or damaged, holds no PredNet, or one that computes something else than ours.
    """
    stored = _stored(path)
    convolving = [name for name, arrays in stored.layers.items() if any(x.ndim == 4 for x in arrays.values())]
    if len(convolving) != 1:
        what = f"has {len(convolving)} layers with convolutions where PredNet is one"
        cure = f"layouts known: {', '.join(KERAS)}"
        raise StateError(sentence(str(path), what, got=(convolving or stored.names)[:3], cure=cure))
    raw = _convolutions(path, stored.layers[convolving[0]])
    backend = stored.backend or ("tensorflow" if all(name.endswith(":0") for name in stored.layers[convolving[0]]) else "theano")
    layouts = [name for name, (_, turned) in KERAS.items() if turned == (backend == "theano")] if layout is None else [layout]
    arranged = [{key: _arranged(conv, name) for key, conv in raw.items()} for name in layouts]
    parts = min(arranged, key=lambda one: len(misfits(one)))
    check(path, parts)
    return Found(parts, *_architecture(path, stored.config, parts["ahat", 0].weight.shape[0]))


def _stored(path: Path) -> _Stored:
    names: list[str] = []
    try:
        with h5py.File(path, "r") as file:
            root = file["model_weights"] if "layer_names" not in file.attrs and "model_weights" in file else file
            layers = {}
            for layer in map(_text, root.attrs.get("layer_names", ())):
                group = root[layer]
                layers[layer] = {name: np.asarray(group[name][()], np.float32) for name in map(_text, group.attrs["weight_names"])}
            file.visit(names.append)
            backend, config = _text(root.attrs.get("backend", "")), _text(file.attrs.get("model_config", ""))
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        what = f"is not a complete file of Keras ({' '.join(str(error).split())[:60]})"
        raise StateError(sentence(str(path), what, cure="it was cut short or damaged; get it again")) from error
    return _Stored(layers, backend, config, names)


def _text(value: Any) -> str:
    """Text that h5py gives as bytes or as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _convolutions(path: Path, arrays: dict[str, NDArray[np.float32]]) -> dict[tuple[str, int], Convolution]:
    """Pair kernels with biases: by the names of Keras 2, or else by the order in which PredNet lists them."""
    named = {(m[1], int(m[2]), m[3]): name for name in arrays if (m := NAMED.search(name))}
    if named:
        levels = 1 + max(level for _, level, _ in named)
    else:
        levels, rest = divmod(len(arrays) + 2, 12)
        if rest or not levels:
            cure = "each level has 6 kernels and biases, the highest 5: give the whole file of a PredNet"
            raise StateError(
                sentence(str(path), "has too few or too many weights", got=len(arrays), allowed="10, 22, 34, 46, ...", cure=cure)
            )
        keys = [(part, level, array) for part, level in expected(levels) for array in ("kernel", "bias")]
        named = dict(zip(keys, arrays, strict=True))
    raw = {}
    for part, level in expected(levels):
        for array in ("kernel", "bias"):
            if (part, level, array) not in named:
                where = f"{path} layer_{part}_{level}/{array}"
                raise StateError(sentence(where, "is missing", cure="give the whole file of a PredNet"))
        kernel, bias = (named[part, level, array] for array in ("kernel", "bias"))
        raw[part, level] = convolution(path, kernel, torch.from_numpy(arrays[kernel]), torch.from_numpy(arrays[bias]))
    left = sorted(set(arrays) - set(named.values()))
    if left:
        raise StateError(sentence(f"{path} {left[0]}", "has no place in a PredNet", cure="ours cannot do what the layer does with it"))
    return raw


def _arranged(conv: Convolution, layout: str) -> Convolution:
    axes, turned = KERAS[layout]
    weight = conv.weight.permute(axes)
    return conv._replace(weight=weight.flip(2, 3) if turned else weight)


def _architecture(path: Path, config: str, channels: int) -> tuple[int | None, int | None, float]:
    """Give rows, columns and the ceiling of the forecast as the description says, if there is one."""
    try:
        entries = list(_dictionaries(json.loads(config or "{}")))
    except json.JSONDecodeError as error:
        raise StateError(sentence(f"{path} model_config", "cannot be read", got=config, cure="it was damaged; get it again")) from error
    prednet: dict[str, Any] = next((entry.get("config") or {} for entry in entries if entry.get("class_name") == "PredNet"), {})
    for key, ours in ACTIVATIONS.items():
        if prednet.get(key, ours) != ours:
            what = "computes something that our cell does not"
            raise StateError(sentence(f"{path} {key}", what, got=prednet[key], allowed=ours, cure="train it with these activations"))
    shapes = [entry["batch_input_shape"] for entry in entries if len(entry.get("batch_input_shape") or ()) == 5]
    rows, cols = (None, None) if not shapes else shapes[0][3:] if shapes[0][2] == channels else shapes[0][2:4]
    return rows, cols, float(prednet.get("pixel_max", 1.0))


def _dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries of a description, the outer before the inner."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _dictionaries(child)
