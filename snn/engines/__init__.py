"""Engines: one description, several ways to run it.

``reference`` (plain NumPy, the definition of correct), ``event`` (numba, fast, the default), ``brian`` (emits a Brian2
network, the second opinion), ``torch_`` (batched and differentiable). An engine is imported only when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Literal

from snn.engines.port import Engine
from snn.errors import EngineError, nearest, sentence

ENGINES = {"reference": "ReferenceEngine", "event": "EventEngine", "brian": "BrianEngine", "torch_": "TorchEngine"}
EngineName = Literal["reference", "event", "brian", "torch_"]


def engine(name: str = "event", **options: str) -> Engine:
    """Get an engine by name.

    Parameters
    ----------
    name : {'event', 'reference', 'brian', 'torch_'}
        Which one.
    **options
        Passed to it: ``precision="float32"`` for ``event``, ``target="cython"`` for ``brian``,
        ``device="cuda"`` for ``torch_``.

    Returns
    -------
    Engine

    Raises
    ------
    EngineError
        If there is none of that name.
    """
    if name not in ENGINES:
        raise EngineError(sentence("engine", f"there is no engine {name!r}", cure=nearest(name, ENGINES)))
    found: Engine = getattr(import_module(f"snn.engines.{name}"), ENGINES[name])(**options)
    return found
