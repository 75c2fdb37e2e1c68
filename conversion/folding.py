"""Batch normalisation, which after training is a factor and an offset of each channel, becomes part of the convolution before it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from snn.errors import ConversionError, sentence


def fold_batch_norm(model: nn.Sequential) -> nn.Sequential:
    """Put every batch normalisation into the convolution before it.

    With the running mean ``m`` and variance ``v``, gain ``g`` and offset ``h`` of a channel, ``f = g / sqrt(v + eps)``,
    the weights of the channel become ``f w`` and its bias ``f (b - m) + h``.

    Parameters
    ----------
    model : Sequential
        Trained; it may hold other ``Sequential``.

    Returns
    -------
    Sequential
        A copy for evaluation that computes what the model does when it is evaluated. An ``Identity`` stands where a
        normalisation was, so that all layers keep their indices.

    Raises
    ------
    ConversionError
        If a normalisation does not follow a convolution of as many channels, or has no running statistics.

    References
    ----------
    Ioffe & Szegedy (2015), https://doi.org/10.48550/arXiv.1502.03167; for conversion: Rueckauer et al. (2017),
    https://doi.org/10.3389/fnins.2017.00682.
    """
    if not _is_chain(model):
        got, cure = type(model).__name__, "write it as an nn.Sequential of layers"
        raise ConversionError(sentence("model", "is no plain chain of layers", got=got, allowed="Sequential", cure=cure))
    folded = copy.deepcopy(model).eval()
    before: tuple[nn.Sequential, str, nn.Module] | None = None
    for where, holder, key, layer in listed(folded):
        if type(layer) is nn.BatchNorm2d:
            conv = before[2] if before else None
            if before is None or type(conv) is not nn.Conv2d or conv.out_channels != layer.num_features:
                what = "BatchNorm2d can be folded only into a Conv2d of as many channels right before it"
                cure = "move it behind the convolution and train anew"
                raise ConversionError(sentence(where, what, got=type(conv).__name__ if conv else "the input", cure=cure))
            before[0].add_module(before[1], _fold(conv, layer, where))
            holder.add_module(key, nn.Identity())
        if type(layer) is not nn.Identity:
            before = holder, key, layer
    return folded


def listed(model: nn.Sequential, where: str = "layer ") -> list[tuple[str, nn.Sequential, str, nn.Module]]:
    """List the layers of a model in their order, those of models inside it at their place.

    Parameters
    ----------
    model : Sequential
    where : str
        What the names of layers begin with.

    Returns
    -------
    list of (str, Sequential, str, Module)
        Name of the layer, such as ``layer 2.0``; what holds it, and under which key; the layer.
    """
    found: list[tuple[str, nn.Sequential, str, nn.Module]] = []
    # Not named_children(), which leaves out layers that occur twice.
    for key, layer in model._modules.items():
        assert layer is not None
        if isinstance(layer, nn.Sequential) and _is_chain(layer):
            found += listed(layer, f"{where}{key}.")
        else:
            found.append((f"{where}{key}", model, key, layer))
    return found


def _is_chain(model: nn.Module) -> bool:
    return isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d, where: str) -> nn.Conv2d:
    if norm.running_mean is None or norm.running_var is None:
        cure = "train it with track_running_stats=True"
        raise ConversionError(sentence(where, "BatchNorm2d has no running statistics, so it differs from batch to batch", cure=cure))
    found = copy.deepcopy(conv)
    with torch.no_grad():
        factor = 1.0 / torch.sqrt(norm.running_var.double() + norm.eps)
        offset = torch.zeros_like(factor)
        if norm.affine:
            factor, offset = factor * norm.weight.double(), norm.bias.double()
        bias = torch.zeros_like(factor) if conv.bias is None else conv.bias.double()
        like = conv.weight
        found.weight = nn.Parameter((like.double() * factor[:, None, None, None]).to(like))
        found.bias = nn.Parameter((factor * (bias - norm.running_mean.double()) + offset).to(like))
    return found
