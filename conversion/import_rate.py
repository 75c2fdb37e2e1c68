"""PredNets that were trained elsewhere, as our rate model."""

from __future__ import annotations

from pathlib import Path

import h5py

from conversion.import_keras import KERAS, read_keras
from conversion.import_parts import assembled, described
from conversion.import_torch import PORTS, load_torch, read_torch
from conversion.model_files import fill, load_model, load_tensors
from conversion.rate_prednet import RatePredNet
from snn.errors import StateError, nearest, sentence

LAYOUTS = (*KERAS, *PORTS)
"""Ways in which a file can hold a PredNet, beside our own."""


def import_rate(path: Path, *, rows: int | None = None, cols: int | None = None, layout: str | None = None) -> RatePredNet:
    """Read a PredNet from a file of Keras (HDF5), of a port to PyTorch (``torch.save`` or safetensors), or of our own.

    Levels and channels follow from the shapes of the weights.

    Parameters
    ----------
    path : Path
    rows, cols : int, optional
        Size of the frames that it will see; as the file says when left out, or else 128x160. Weights are the same for
        every size.
    layout : str, optional
        One of `LAYOUTS`, where it should not be found out from the file.

    Returns
    -------
    RatePredNet
        Which gives the forecasts that the original gives.

    Raises
    ------
    StateError
        If the file is missing, damaged or of another kind, its layout is not known, weights are missing or do not fit
        together, or they belong to a network that computes something else.
    """
    if layout is not None and layout not in LAYOUTS:
        raise StateError(sentence("layout", "is not known", got=layout, allowed=", ".join(LAYOUTS), cure=nearest(layout, LAYOUTS)))
    kind = _kind(path)
    fitting = KERAS if kind == "HDF5" else PORTS
    if layout is not None and layout not in fitting:
        raise StateError(sentence(str(path), f"is a file of {kind}, which has no layout {layout!r}", allowed=", ".join(fitting)))
    if kind == "HDF5":
        return assembled(path, read_keras(path, layout), rows, cols)
    if kind == "torch":
        return assembled(path, read_torch(path, load_torch(path), layout), rows, cols)
    tensors, about = load_tensors(path)
    if layout is not None or about.get("format", "pt") == "pt":  # as other programs write it
        return assembled(path, read_torch(path, tensors, layout), rows, cols)
    model, _ = load_model(path)
    if rows is None and cols is None:
        return model
    size = {"rows": model.spec.rows if rows is None else rows, "cols": model.spec.cols if cols is None else cols}
    resized = RatePredNet(described(path, model.spec.model_dump() | size))
    fill(resized, dict(model.named_parameters()), str(path))
    return resized


def _kind(path: Path) -> str:
    """Tell HDF5, torch and safetensors apart by how they begin."""
    if not path.is_file():
        raise StateError(sentence(str(path), "there is no such file", cure="check the path"))
    with path.open("rb") as file:
        start = file.read(9)
    if h5py.is_hdf5(path):
        return "HDF5"
    if start[8:] == b"{":  # after the length of the header, which may begin as a pickle does
        return "safetensors"
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return "torch"
    cure = "give the weights that Keras, torch.save or safetensors wrote"
    raise StateError(sentence(str(path), "is neither HDF5 nor of torch nor safetensors", got=start, cure=cure))
