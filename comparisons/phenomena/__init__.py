"""Phenomena, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from comparisons.phenomena.on_off import OnOff
from comparisons.phenomenon import Phenomenon

ALL: tuple[Phenomenon, ...] = (OnOff(),)
PHENOMENA: Mapping[str, Phenomenon] = MappingProxyType({p.about.name: p for p in ALL})
"""By the name that the command line takes."""
