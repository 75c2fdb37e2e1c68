"""Initial weights: non-negative magnitudes in mV, drawn from a seeded stream of the projection's own."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from snn._model import Described, Finite, NonNegative, Positive


class Constant(Described):
    """Every weight the same.

    Parameters
    ----------
    value_mV : float
        The weight; it may be negative only where the source population is ``mixed``.
    """

    kind: Literal["constant"] = "constant"
    value_mV: Finite


class Uniform(Described):
    """Weights drawn evenly from a range.

    Parameters
    ----------
    low_mV, high_mV : float
        The range.
    """

    kind: Literal["uniform"] = "uniform"
    low_mV: Finite
    high_mV: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low_mV > self.high_mV:
            raise ValueError(f"uniform: low_mV must not exceed high_mV; got {self.low_mV} and {self.high_mV}")
        return self


class HalfNormal(Described):
    """Absolute values of normal numbers.

    Parameters
    ----------
    scale_mV : float
        Standard deviation of the normal distribution.
    """

    kind: Literal["half_normal"] = "half_normal"
    scale_mV: NonNegative


class Normal(Described):
    """Signed normal weights, for ``mixed`` sources only.

    Parameters
    ----------
    mean_mV : float
        Mean.
    scale_mV : float
        Standard deviation.
    """

    kind: Literal["normal"] = "normal"
    mean_mV: Finite = 0.0
    scale_mV: Positive


Weights = Annotated[Constant | Uniform | HalfNormal | Normal, Field(discriminator="kind")]


def may_be_negative(weights: Weights) -> bool:
    """Tell whether an initialiser can give a weight below 0.

    Parameters
    ----------
    weights : Constant, Uniform, HalfNormal or Normal

    Returns
    -------
    bool
    """
    if isinstance(weights, Constant):
        return weights.value_mV < 0
    if isinstance(weights, Uniform):
        return weights.low_mV < 0
    return isinstance(weights, Normal)


def factors(n: int, spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw log-normal factors of mean 1.

    Parameters
    ----------
    n : int
    spread : float
        Standard deviation of the logarithm.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n,)

    References
    ----------
    Synaptic weights are distributed log-normally: Song et al. (2005), https://doi.org/10.1371/journal.pbio.0030068.
    """
    return np.exp(rng.normal(-0.5 * spread**2, spread, n))


def draw(weights: Weights, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw an array of weights.

    Parameters
    ----------
    weights : Constant, Uniform, HalfNormal or Normal
    shape : tuple of int
        Shape of the array.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape ``shape``
        Weights in mV.
    """
    if isinstance(weights, Constant):
        return np.full(shape, weights.value_mV)
    if isinstance(weights, Uniform):
        return rng.uniform(weights.low_mV, weights.high_mV, shape)
    if isinstance(weights, HalfNormal):
        return np.abs(rng.normal(0.0, weights.scale_mV, shape)) if weights.scale_mV else np.zeros(shape)
    return rng.normal(weights.mean_mV, weights.scale_mV, shape)
