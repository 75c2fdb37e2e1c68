"""What a sweep varies, and the settings that a design takes from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from comparisons.responder import FloatArray
from snn._model import Described, Finite
from snn.errors import DescriptionError, sentence
from snn.seeding import stream

Scalar = bool | int | float | str | None
Value = Scalar | tuple[Scalar, ...]
Design = Literal["grid", "random", "latin"]
Settings = Mapping[str, Value]


class Range(Described):
    """A range of numbers, to draw from.

    Parameters
    ----------
    low, high : float
        Both may be drawn.
    log : bool
        Whether all factors, rather than all differences, are equally likely.
    integer : bool
        Whether only whole numbers are drawn.
    """

    low: Finite
    high: Finite
    log: bool = False
    integer: bool = False

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high; got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be above 0 where log holds; got {self.low:g}")
        if self.integer and (self.low != round(self.low) or self.high != round(self.high)):
            raise ValueError(f"low and high must be whole where integer holds; got {self.low:g} and {self.high:g}")
        return self

    def at(self, share: float) -> float | int:
        """Give the number that lies so far up the range.

        Parameters
        ----------
        share : float
            From 0 up to, but not including, 1.

        Returns
        -------
        float or int
        """
        low, high = (self.low, self.high + 1) if self.integer else (self.low, self.high)
        drawn = low * (high / low) ** share if self.log else low + (high - low) * share
        return min(math.floor(drawn), int(self.high)) if self.integer else float(drawn)


Axis = Annotated[tuple[Value, ...], Field(min_length=1)] | Range


def n_settings(axes: Mapping[str, Axis], design: Design, n: int | None) -> int:
    """Count the settings of a design, without making them.

    Parameters
    ----------
    axes : mapping of str to Axis
    design : {'grid', 'random', 'latin'}
    n : int, optional
        Number of samples.

    Returns
    -------
    int

    Raises
    ------
    DescriptionError
        If a grid has a range, or the number of samples is missing or does not belong there.
    """
    ranges = [path for path, axis in axes.items() if isinstance(axis, Range)]
    if design == "grid":
        if ranges:
            cure = "list its values, or choose design 'random' or 'latin' with n"
            raise DescriptionError(sentence(f"sweep.vary.{ranges[0]}", "is a range, of which a grid has no values", cure=cure))
        if n is not None:
            raise DescriptionError(sentence("sweep.n", "belongs to design 'random' or 'latin'; a grid takes every value", got=n))
        return math.prod(len(axis) for axis in axes.values() if not isinstance(axis, Range))
    if not axes:
        raise DescriptionError(sentence("sweep.vary", "is empty, so there is nothing to draw", cure="name a path, or use design 'grid'"))
    if n is None:
        raise DescriptionError(sentence("sweep.n", f"is missing: how many samples design {design!r} takes"))
    return n


def settings(axes: Mapping[str, Axis], design: Design, n: int | None, seed: int) -> Iterator[Settings]:
    """Give the settings of a design, one after another.

    A Latin hypercube of n samples has one in each nth part of every axis (McKay, Beckman & Conover 1979).

    Parameters
    ----------
    axes : mapping of str to Axis
    design : {'grid', 'random', 'latin'}
    n : int, optional
        Number of samples.
    seed : int
        Of the samples.

    Yields
    ------
    mapping of str to value
        By path.

    References
    ----------
    https://doi.org/10.1080/00401706.1979.10489755
    """
    if design == "grid":
        listed = [axis for axis in axes.values() if not isinstance(axis, Range)]
        for values in itertools.product(*listed):
            yield dict(zip(axes, values, strict=True))
        return
    for shares in _shares(len(axes), design, n or 0, seed):
        yield {path: _value(axis, float(share)) for (path, axis), share in zip(axes.items(), shares, strict=True)}


def _shares(dimensions: int, design: Design, n: int, seed: int) -> FloatArray:
    rng = stream(seed, "sweep")
    if design == "random":
        return rng.random((n, dimensions))
    from scipy.stats.qmc import LatinHypercube

    found: FloatArray = LatinHypercube(dimensions, rng=rng).random(n)
    return found


def _value(axis: Axis, share: float) -> Value:
    return axis.at(share) if isinstance(axis, Range) else axis[min(int(share * len(axis)), len(axis) - 1)]
