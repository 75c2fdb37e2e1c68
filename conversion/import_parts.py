"""The convolutions of an imported PredNet, whatever file they come from, and the rate model made of them.

A PredNet of L levels has the convolutions ``i``, ``f``, ``c``, ``o`` (the gates, ``c`` for the candidate) and ``ahat`` at
every level, and ``a`` at every level but the highest. All are kept as `RatePredNet` applies them: kernels of the shape
(out, in, rows, columns), not flipped; the gates see R, both halves of E (Ahat - A first) and R of the level above.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional

from conversion.model_files import fill
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from snn._edit import first_error
from snn.errors import StateError, sentence

GATES = ("i", "f", "c", "o")
"""In the order in which our cell stacks them."""
DEFAULT_ROWS, DEFAULT_COLS = 128, 160
"""Size of the frames of the published models."""


class Convolution(NamedTuple):
    """One convolution.

    Attributes
    ----------
    name : str
        In the file, for messages.
    weight : Tensor
        Shape (out, in, rows, columns).
    bias : Tensor
        Shape (out,).
    """

    name: str
    weight: Tensor
    bias: Tensor


Parts = Mapping[tuple[str, int], Convolution]
"""Convolutions by what they are for and their level."""


class Found(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    parts : mapping of (str, int) to Convolution
    rows, cols : int, optional
        Size of a frame, where the file says it.
    pixel_max : float
        Ceiling of the forecast.
    """

    parts: Parts
    rows: int | None = None
    cols: int | None = None
    pixel_max: float = 1.0


class Misfit(NamedTuple):
    """An array of another shape than the others ask for.

    Attributes
    ----------
    name : str
        In the file.
    got, allowed : tuple of int
        Its shape and the one that would fit.
    """

    name: str
    got: tuple[int, ...]
    allowed: tuple[int, ...]


def convolution(path: Path, name: str, weight: Tensor, bias: Tensor) -> Convolution:
    """Pair a kernel with its bias.

    Parameters
    ----------
    path : Path
        The file, for the message.
    name : str
        In the file.
    weight, bias : Tensor

    Returns
    -------
    Convolution

    Raises
    ------
    StateError
        If they have other numbers of axes than those of a convolution.
    """
    if (weight.ndim, bias.ndim) != (4, 1):
        got = tuple(weight.shape), tuple(bias.shape)
        raise StateError(sentence(f"{path} {name}", "is no convolution", got=got, allowed="a kernel of 4 axes and a bias of 1"))
    return Convolution(name, weight, bias)


def expected(levels: int) -> list[tuple[str, int]]:
    """List the convolutions of a PredNet, in the order in which coxlab/prednet lists its weights.

    Parameters
    ----------
    levels : int

    Returns
    -------
    list of (str, int)
    """
    return [(part, level) for part in sorted(("a", "ahat", *GATES)) for level in range(levels - (part == "a"))]


def misfits(parts: Parts) -> list[Misfit]:
    """List what does not fit, when the predictions say how many channels A and R have.

    Parameters
    ----------
    parts : mapping of (str, int) to Convolution
        All that `expected` lists.

    Returns
    -------
    list of Misfit
    """
    levels = sum(part == "ahat" for part, _ in parts)
    sizes = [tuple(parts["ahat", level].weight.shape[:2]) for level in range(levels)] + [(0, 0)]
    found = []
    for (part, level), conv in parts.items():
        (n_a, n_r), (a_above, r_above) = sizes[level], sizes[level + 1]
        shapes = {"ahat": (n_a, n_r), "a": (a_above, 2 * n_a)}
        n_out, n_in = shapes.get(part, (n_r, n_r + 2 * n_a + r_above))
        side = conv.weight.shape[2] | 1  # convolutions that keep the size have odd sides here
        for array, allowed in ((conv.weight, (n_out, n_in, side, side)), (conv.bias, (n_out,))):
            if tuple(array.shape) != allowed:
                found.append(Misfit(conv.name, tuple(array.shape), allowed))
    return found


def check(path: Path, parts: Parts) -> None:
    """Refuse shapes that do not fit together.

    Parameters
    ----------
    path : Path
        The file, for the message.
    parts : mapping of (str, int) to Convolution

    Raises
    ------
    StateError
        Naming the first array that does not fit.
    """
    for name, got, allowed in misfits(parts)[:1]:
        cure = "give the whole file of a PredNet, or its layout if it was mistaken; shapes are (out, in, rows, columns)"
        raise StateError(sentence(f"{path} {name}", "does not fit the other weights", got=got, allowed=str(allowed), cure=cure))


def described(path: Path, fields: Mapping[str, Any]) -> RatePredNetSpec:
    """Describe the model.

    Parameters
    ----------
    path : Path
        The file, for the message.
    fields : mapping of str to object

    Returns
    -------
    RatePredNetSpec

    Raises
    ------
    StateError
        If a model cannot be like that, for example of that size.
    """
    try:
        return RatePredNetSpec(**fields)
    except ValidationError as error:
        raise StateError(sentence(str(path), f"makes no PredNet: {first_error(error)}", cure="give other rows and cols")) from error


def assembled(path: Path, found: Found, rows: int | None = None, cols: int | None = None) -> RatePredNet:
    """Make the model.

    Smaller kernels are set into the middle of zeros, for our model has one size of kernel; that changes no forecast.

    Parameters
    ----------
    path : Path
        The file, for messages.
    found : Found
        Convolutions that have passed `check`.
    rows, cols : int, optional
        Size of a frame; the file's own when left out, or else 128x160.

    Returns
    -------
    RatePredNet
    """
    parts = found.parts
    shapes = [conv.weight.shape for (part, _), conv in sorted(parts.items()) if part == "ahat"]
    kernel = max(conv.weight.shape[-1] for conv in parts.values())
    fields = {
        "rows": next(n for n in (rows, found.rows, DEFAULT_ROWS) if n is not None),
        "cols": next(n for n in (cols, found.cols, DEFAULT_COLS) if n is not None),
        "channels": tuple(n_out for n_out, *_ in shapes),
        "r_channels": tuple(n_in for _, n_in, *_ in shapes),
        "kernel": kernel,
        "pixel_max": found.pixel_max,
    }
    model = RatePredNet(described(path, fields))
    tensors: dict[str, Tensor] = {}
    for level in range(model.spec.levels):
        for name, sources in ((f"cells.{level}.conv", GATES), (f"predict.{level}", ("ahat",)), (f"ascend.{level}", ("a",))):
            stacked = [parts[part, level] for part in sources if (part, level) in parts]
            if not stacked:
                continue
            margins = [(kernel - conv.weight.shape[-1]) // 2 for conv in stacked]
            grown = [functional.pad(conv.weight, [margin] * 4) for conv, margin in zip(stacked, margins, strict=True)]
            tensors |= {f"{name}.weight": torch.cat(grown), f"{name}.bias": torch.cat([conv.bias for conv in stacked])}
    fill(model, tensors, str(path))
    return model
