"""Rate models in files: safetensors, with the description and where the model comes from in the header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from conversion.timed_prednet import rate_model
from snn._edit import first_error
from snn.errors import StateError, sentence
from snn.files import replace_file


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors, all or nothing.

    Parameters
    ----------
    path : Path
    tensors : mapping of str to Tensor
    about : mapping of str to object
        What the header should say; anything that JSON writes.

    Raises
    ------
    StateError
        If the place cannot be written.
    """
    # One entry: with several, safetensors writes them in an order of its own, another each time.
    header = {"about": json.dumps(dict(about), sort_keys=True)}
    plain = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    try:
        replace_file(path, lambda file: file.write(to_bytes(plain, header)))
    except OSError as error:
        cure = "choose a folder that is writable and has room"
        raise StateError(sentence(str(path), f"cannot be written ({error.strerror})", cure=cure)) from error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tensors : dict of str to Tensor
        Of the shapes in the file.
    about : dict
        What its header says; empty for a file that another program wrote.

    Raises
    ------
    StateError
        If the file is missing, cut short or damaged.
    """
    if not path.is_file():
        raise StateError(sentence(str(path), "there is no such file", cure="check the path"))
    try:
        with safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, about
    except (SafetensorError, OSError, ValueError) as error:
        what = f"is not a complete safetensors file ({' '.join(str(error).split())[:60]})"
        raise StateError(sentence(str(path), what, cure="it was cut short or damaged; restore it or run again")) from error


def save_model(path: Path, model: RatePredNet, about: Mapping[str, Any] | None = None, half: bool = False) -> None:
    """Write a rate model.

    Parameters
    ----------
    path : Path
    model : RatePredNet
    about : mapping of str to object, optional
        Where it comes from, for the header; anything that JSON writes.
    half : bool
        Whether to store 16-bit numbers.
    """
    tensors = {name: p.detach().to(torch.float16 if half else p.dtype) for name, p in model.named_parameters()}
    header = {"format": "rate_prednet", "spec": model.spec.model_dump(mode="json"), "about": dict(about or {})}
    save_tensors(path, tensors, header)


def load_model(path: Path) -> tuple[RatePredNet, dict[str, Any]]:
    """Read what `save_model` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    model : RatePredNet
        In single precision.
    about : dict
        Where it comes from.

    Raises
    ------
    StateError
        If the file is damaged, holds something else, or does not fit its own description.
    """
    tensors, header = load_tensors(path)
    if header.get("format") != "rate_prednet":
        cure = "import weights of other programs with import-rate"
        raise StateError(sentence(str(path), "holds no rate PredNet", got=header.get("format", "no format"), cure=cure))
    try:
        spec, about = RatePredNetSpec(**header["spec"]), dict(header["about"])
    except (KeyError, TypeError, ValueError) as error:
        why = first_error(error) if isinstance(error, ValidationError) else str(error)
        raise StateError(
            sentence(str(path), f"has a description that cannot be read ({why})", cure="it was made by another version")
        ) from error
    model = rate_model(spec)
    fill(model, tensors, str(path))
    return model, about


def fill(module: torch.nn.Module, tensors: Mapping[str, Tensor], where: str, prefix: str = "") -> None:
    """Copy tensors into the trained parameters of the same names.

    Parameters
    ----------
    module : Module
    tensors : mapping of str to Tensor
    where : str
        The file, for messages.
    prefix : str
        Of the names in the file.

    Raises
    ------
    StateError
        If one is missing, left over or of another shape: the file belongs to another architecture.
    """
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    left = {name for name in tensors if name.startswith(prefix)} - {prefix + name for name in parameters}
    cure = "give the file of this very architecture"
    if left:
        raise StateError(sentence(f"{where} {min(left)}", "does not fit the model: it has no such parameter", cure=cure))
    for name, p in parameters.items():
        found = tensors.get(prefix + name)
        if found is None or found.shape != p.shape:
            got = "nothing" if found is None else tuple(found.shape)
            raise StateError(sentence(f"{where} {prefix}{name}", "does not fit the model", got=got, allowed=str(tuple(p.shape)), cure=cure))
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(tensors[prefix + name])
