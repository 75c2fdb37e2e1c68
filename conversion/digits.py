"""Hand-written digits: a small convolutional network that tells them apart, and how many a circuit made of it gets right.

The images are those of scikit-learn: 1,797 of 8x8 pixels, from 0 to 16.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional

from conversion.activity import read, simulation
from conversion.circuit import Circuit, FloatArray
from conversion.rate_training import one_thread
from conversion.trace_layers import OUTPUT
from snn._model import Described, NonNegative, Positive
from snn.errors import ConversionError, sentence
from snn.seeding import stream
from snn.stimuli.movie import Movie

Count = Annotated[int, Field(ge=1)]
IntArray = NDArray[np.int64]
SIZE, N_CLASSES, WHITE = (8, 8), 10, 16.0


class Fold(NamedTuple):
    """Images to train on, and images to test with.

    Attributes
    ----------
    images, test_images : ndarray, shape (n_images, 8, 8)
        Luminance in [0, 1].
    labels, test_labels : ndarray of int, shape (n_images,)
    """

    images: FloatArray
    labels: IntArray
    test_images: FloatArray
    test_labels: IntArray


class DigitsSpec(Described):
    """A convolutional network for digits, and how it is trained.

    Two convolutions of 3x3 with batch normalisation, each followed by average pooling of 2x2, then a linear layer.

    Parameters
    ----------
    channels : (int, int)
        Of the two convolutions.
    epochs : int
        Passes through the training images.
    batch : int
        Images in a step of Adam.
    lr : float
        Learning rate at the beginning; it falls along half a cosine to 0.
    weight_decay : float
        Share of each weight that is taken in a step, over the learning rate.
    dropout : float
        Share of the inputs of the linear layer that are left out, by chance, in training.

    References
    ----------
    Adam with decay: Loshchilov & Hutter (2019), https://doi.org/10.48550/arXiv.1711.05101.
    """

    channels: tuple[Count, Count] = (16, 32)
    epochs: Count = 30
    batch: Count = 64
    lr: Positive = 5e-3
    weight_decay: NonNegative = 1e-2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2


def folds(n_folds: int = 10, seed: int = 0) -> list[Fold]:
    """Divide the digits into folds, each with about as many images of every class.

    Parameters
    ----------
    n_folds : int
    seed : int
        Of the division.

    Returns
    -------
    list of Fold
        Each image is a test image in one of them; images have the shape (n_images, 8, 8).

    Raises
    ------
    ConversionError
        If there are fewer than two folds, or a class has fewer images than there are folds.

    References
    ----------
    Alpaydin & Kaynak (1998), Optical recognition of handwritten digits, https://doi.org/10.24432/C50P49; of its 5,620
    images scikit-learn ships the test set.
    """
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    images, labels = data.images.astype(np.float64) / WHITE, data.target.astype(np.int64)
    fewest = int(np.bincount(labels).min())
    if not 2 <= n_folds <= fewest:
        raise ConversionError(sentence("n_folds", "cannot divide the digits", got=n_folds, allowed=f"2 to {fewest}"))
    # Class by class, each in an order drawn at random: every n-th image belongs to one fold.
    order = np.lexsort((stream(seed, "digits").random(len(labels)), labels))
    fold_of = np.empty(len(labels), dtype=np.int64)
    fold_of[order] = np.arange(len(labels)) % n_folds
    return [Fold(images[fold_of != k], labels[fold_of != k], images[fold_of == k], labels[fold_of == k]) for k in range(n_folds)]


def train_digits(fold: Fold, spec: DigitsSpec | None = None, seed: int = 0) -> nn.Sequential:
    """Train a convolutional network on the digits of a fold.

    Parameters
    ----------
    fold : Fold
    spec : DigitsSpec, optional
    seed : int
        Of initial weights, order and dropout.

    Returns
    -------
    Sequential
        Ready to be evaluated, or to be converted by `conversion.trace_layers.trace_layers`; its input has the shape
        (n_images, 1, 8, 8).
    """
    spec = spec or DigitsSpec()
    images, labels = torch.from_numpy(fold.images).float()[:, None], torch.from_numpy(fold.labels)
    n_updates = spec.epochs * (len(images) // spec.batch)
    # Dropout has no generator of its own; the caller's stays where it was.
    with one_thread(), torch.random.fork_rng(devices=()):
        torch.manual_seed(int(stream(seed, "digits", "torch").integers(2**63)))
        model = _network(spec)
        optimizer = torch.optim.AdamW(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_updates)
        model.train()
        for epoch in range(spec.epochs):
            order = torch.from_numpy(stream(seed, "digits", "epoch", epoch).permutation(len(images)))
            for k in range(len(images) // spec.batch):
                chosen = order[k * spec.batch : (k + 1) * spec.batch]
                optimizer.zero_grad()
                functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
                optimizer.step()
                falling.step()
    return model.eval()


def _network(spec: DigitsSpec) -> nn.Sequential:
    first, second = spec.channels
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(spec.dropout),
        nn.Linear(second * SIZE[0] * SIZE[1] // 16, N_CLASSES),
    )


def predicted(model: nn.Sequential, images: FloatArray) -> IntArray:
    """Let a rate network tell the class of images.

    Parameters
    ----------
    model : Sequential
    images : ndarray, shape (n_images, rows, cols)
        Luminance in [0, 1].

    Returns
    -------
    ndarray of int, shape (n_images,)
    """
    like = next(model.parameters())
    with one_thread(), torch.no_grad():
        found: IntArray = model.eval()(torch.from_numpy(images)[:, None].to(like)).argmax(dim=1).numpy()
    return found


def classify(circuit: Circuit, images: FloatArray, ms: float, *, settle_ms: float = 0.0, engine: str = "event", seed: int = 0) -> IntArray:
    """Let a circuit tell the class of images: that with the most spikes for its positive part, less those for its negative part.

    Parameters
    ----------
    circuit : Circuit
        What `conversion.trace_layers.trace_layers` made, or what later steps of conversion made of that.
    images : ndarray, shape (n_images, rows, cols)
        Luminance in [0, 1].
    ms : float
        Time for which each image is shown, from rest.
    settle_ms : float
        As in `evidence`.
    engine : str
    seed : int

    Returns
    -------
    ndarray of int, shape (n_images,)

    Raises
    ------
    ConversionError
        If the circuit has no output of this kind.

    Notes
    -----
    A spike counts for what it stands for, ``1 / circuit.per_unit_Hz`` of its cell.
    """
    found: IntArray = evidence(circuit, images, ms, settle_ms=settle_ms, engine=engine, seed=seed).argmax(axis=1)
    return found


def evidence(
    circuit: Circuit, images: FloatArray, ms: float, *, settle_ms: float = 0.0, engine: str = "event", seed: int = 0
) -> FloatArray:
    """Show images, each from rest, and give the mean of the output: what its positive parts told less its negative parts.

    Parameters
    ----------
    circuit : Circuit
    images : ndarray, shape (n_images, rows, cols)
        Luminance in [0, 1].
    ms : float
        Time for which each image is shown.
    settle_ms : float
        Beginning of that time that is not counted, while activity travels through the layers; it must divide ``ms``.
    engine : str
    seed : int

    Returns
    -------
    ndarray, shape (n_images, n_classes)
        In the units of the rate model.

    Raises
    ------
    ConversionError
        If the circuit has no output of this kind, or the times do not fit.
    """
    output = next((p for p in circuit.network.populations if p.name == OUTPUT), None)
    if output is None or output.shape[:2] != (1, 1):
        cure = "let the model end in a Linear without ReLU"
        raise ConversionError(sentence("circuit", f"has no population {OUTPUT!r} of one site, with signed values", cure=cure))
    n_bins = round(ms / settle_ms) if settle_ms else 1
    bin_ms, first = ms / n_bins, int(settle_ms > 0)
    if settle_ms and (n_bins < 2 or abs(n_bins * settle_ms - ms) > 1e-9):
        raise ConversionError(sentence("settle_ms", "must divide the time of an image", got=settle_ms, allowed=f"{ms:g} over 2, 3, ..."))
    sim = simulation(circuit, bin_ms=bin_ms, engine=engine, seed=seed)
    found = []
    for image in images:
        sim.restart()
        counts = sim.run(Movie(np.repeat(image[None], n_bins, axis=0), bin_ms)).counts
        told = read(circuit, counts, bin_ms)[OUTPUT][first:].mean(axis=0).reshape(2, -1)
        found.append(told[0] - told[1])
    return np.array(found).reshape(len(images), -1)
