"""PredNets trained with ports to PyTorch, read from their state dictionaries.

What a port computes is not in the file; the names of its parameters tell which port it was. Those in `PORTS` compute what
the Keras layer of coxlab/prednet does, with hard sigmoids ``clip(0.2 x + 0.5, 0, 1)``:

- ``torch-lists``: a list of modules for each kind of convolution, where ReLUs take the odd places of ``A`` and ``Ahat``.
  https://github.com/chengtan9907/OpenSTL (``openstl/models/prednet_model.py``), after
  https://github.com/zcrwind/PredNet_pytorch (``prednet.py``).
- ``torch-conv-layers``: the same in a dictionary, without the ReLUs.
  https://github.com/rachellimjh/prednet-pytorch (``prednet.py``).
- ``torch-gates``: one convolution for the four gates, which sees E before R; errors are A - Ahat first.
  https://github.com/baptistepras/peekaboo-prednet (``peekaboo/models/prednet.py``).

Those in `UNLIKE` compute something else. A file cannot tell what its author changed without another name: a port with the
names of ``torch-lists`` but with ``R = o ReLU(c)`` or errors in the other order, say, gives other forecasts here.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from conversion.import_parts import GATES, Convolution, Found, check, convolution, expected
from snn.errors import StateError, sentence

OURS = ("r", "negative", "positive", "above")
"""What a gate sees, in our order: R, Ahat - A, A - Ahat, R of the level above."""
MOST_LEVELS = 32
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIX = re.compile(r"^(module\.|model\.|_orig_mod\.)+")


@dataclass(frozen=True)
class Port:
    """How a port names and orders its parameters.

    Attributes
    ----------
    names : dict of str to str
        Module of each convolution, with ``{level}`` or ``{twice}`` the level; several letters for one that stacks them.
    order : tuple of str
        What a gate sees, as in `OURS`.
    ignored : tuple of str
        Tensors that are no weights.
    """

    names: dict[str, str]
    order: tuple[str, ...] = OURS
    ignored: tuple[str, ...] = ()

    def name(self, kind: str, level: int) -> str:
        """Give the name of a module.

        Parameters
        ----------
        kind : str
            Key of ``names``.
        level : int

        Returns
        -------
        str
        """
        return self.names[kind].format(level=level, twice=2 * level)


PORTS = {
    "torch-lists": Port({gate: gate + ".{level}" for gate in GATES} | {"a": "A.{twice}", "ahat": "Ahat.{twice}"}),
    "torch-conv-layers": Port({part: f"conv_layers.{part}." + "{level}" for part in ("a", "ahat", *GATES)}),
    "torch-gates": Port(
        {"ifco": "gates.{level}", "a": "a.{level}", "ahat": "ahat.{level}"}, ("positive", "negative", "r", "above"), ("layer_weights",)
    ),
}
"""Ports that compute what ours does."""
UNLIKE = {
    r"cell\d+\.weight_ch": "its gates are logistic sigmoids and also convolve the memory of the cell, and its A is not rectified",
    r"cell\d+\.Wc[ifo]": "its gates also see the memory of the cell, through a weight of each site",
    r"R_layers\.\d+\.Wxi": "its R passes activations that the file does not name",
}
"""Ports that compute something else, by a name that only they have: leido/pytorch-prednet and eijwat/prednet_in_pytorch;
Crazy-Jack/PredNet and early versions of OpenSTL; jlrussin/prednet_pytorch."""


def load_torch(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file of ``torch.save``, whatever dictionaries and prefixes are around them.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to Tensor
        Of the shapes in the file.

    Raises
    ------
    StateError
        If the file is cut short or damaged, or holds objects that could run code.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of other versions of pickle
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        foreign = re.search(r"(?:Unsupported class|GLOBAL) ([\w.]+\.\w+)", str(error))
        if foreign is None:
            raise _damaged(path, error) from error
        cure = "save its weights alone, with torch.save(model.state_dict(), path)"
        raise StateError(
            sentence(str(path), f"holds a Python object that could run code when it is read ({foreign[1]})", cure=cure)
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise _damaged(path, error) from error
    while isinstance(content, Mapping) and (inner := [content[w] for w in WRAPPERS if isinstance(content.get(w), Mapping)]):
        content = inner[0]
    items = content.items() if isinstance(content, Mapping) else ()
    return {str(name): value for name, value in items if isinstance(value, Tensor)}


def _damaged(path: Path, error: Exception) -> StateError:
    detail = " ".join(str(error).rsplit("error:", 1)[-1].split())[:60]
    what = f"is not a complete file of torch.save ({detail})"
    return StateError(sentence(str(path), what, cure="it was cut short or damaged, or is of another kind; get it again"))


def read_torch(path: Path, tensors: Mapping[str, Tensor], layout: str | None = None) -> Found:
    """Find the convolutions in the state dictionary of a port.

    Parameters
    ----------
    path : Path
        The file, for messages.
    tensors : mapping of str to Tensor
    layout : str, optional
        One of `PORTS`; found out when left out.

    Returns
    -------
    Found

    Raises
    ------
    StateError
        If the port is not known or computes something else than ours, or if weights are missing or do not fit.
    """
    weights = {PREFIX.sub("", name): value for name, value in tensors.items()}
    for pattern, reason in UNLIKE.items():
        odd = next((name for name in weights if re.match(pattern, name)), None)
        if odd is not None:
            cure = f"train one of those that compute what ours does: {', '.join(PORTS)}"
            raise StateError(sentence(f"{path} {odd}", f"belongs to a port that ours cannot express: {reason}", cure=cure))
    layouts = PORTS if layout is None else [layout]
    places = {name: [key for key in _places(PORTS[name]) if f"{PORTS[name].name(*key)}.weight" in weights] for name in layouts}
    best = max(places, key=lambda name: len(places[name]))
    if not places[best]:
        cure = "write down the names of its parameters in one of these layouts"
        known = ", ".join(layouts)
        raise StateError(sentence(str(path), "holds no PredNet in a layout that is known", got=list(tensors)[:3], allowed=known, cure=cure))
    port, levels = PORTS[best], 1 + max(level for _, level in places[best])
    modules = {(kind, level): port.name(kind, level) for kind, level in _places(port) if level < levels - (kind == "a")}
    wanted = [f"{module}.{array}" for module in modules.values() for array in ("weight", "bias")]
    missing = next((name for name in wanted if name not in weights), None)
    if missing is not None:
        raise StateError(sentence(f"{path} {missing}", "is missing", cure="give the whole state dictionary of a PredNet"))
    left = sorted(set(weights) - set(wanted) - set(port.ignored))
    if left:
        raise StateError(
            sentence(f"{path} {left[0]}", f"has no place in a PredNet of layout {best!r}", cure="remove it if no forecast needs it")
        )
    parts: dict[tuple[str, int], Convolution] = {}
    for (kind, level), module in modules.items():
        stack = (kind,) if kind in ("a", "ahat") else tuple(kind)
        arrays = (weights[f"{module}.{array}"].tensor_split(len(stack)) for array in ("weight", "bias"))
        parts |= {(part, level): convolution(path, module, *pair) for part, *pair in zip(stack, *arrays, strict=True)}
    parts = {key: parts[key] for key in expected(levels)}
    check(path, parts)
    return Found({key: _reordered(parts, key, port.order) for key in parts})


def _places(port: Port) -> list[tuple[str, int]]:
    return [(kind, level) for kind in port.names for level in range(MOST_LEVELS)]


def _reordered(parts: Mapping[tuple[str, int], Convolution], key: tuple[str, int], order: tuple[str, ...]) -> Convolution:
    """Put the inputs of a convolution into our order."""
    part, level = key
    conv = parts[key]
    n_a, n_r = parts["ahat", level].weight.shape[:2]
    above = parts.get(("ahat", level + 1))
    sizes = {"r": n_r, "negative": n_a, "positive": n_a, "above": 0 if above is None else above.weight.shape[1]}
    seen = {"a": ("negative", "positive"), "ahat": ("r",)}.get(part, OURS)
    blocks = [block for block in order if block in seen]
    split = dict(zip(blocks, conv.weight.split([sizes[block] for block in blocks], dim=1), strict=True))
    return conv._replace(weight=torch.cat([split[block] for block in seen], dim=1))
