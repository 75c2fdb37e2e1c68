"""One integer seed, many independent named streams.

Changing what one part draws never moves the numbers of another: each part asks for its stream by name.
"""

from __future__ import annotations

import hashlib

import numpy as np

from snn.errors import DescriptionError, sentence


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Open the random stream that belongs to a name.

    Parameters
    ----------
    seed : int
        The seed of the run, 0 or more.
    *names : str or int
        What the stream is for, from general to particular, such as ``"weights", "level0.a->level0.b"``.

    Returns
    -------
    numpy.random.Generator
        Philox counter generator; equal arguments give equal streams, on every platform.

    Raises
    ------
    DescriptionError
        If the seed is negative.
    """
    if seed < 0:
        raise DescriptionError(sentence("seed", "must be 0 or more", got=seed, allowed=">= 0"))
    label = "\x1f".join(str(name) for name in names).encode()
    digest = hashlib.sha256(label).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))
