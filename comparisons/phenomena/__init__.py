"""Phenomena, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from comparisons.phenomena.balance import Balance
from comparisons.phenomena.border_ownership import BorderOwnership
from comparisons.phenomena.faces import Faces
from comparisons.phenomena.flash_lag import FlashLag
from comparisons.phenomena.flash_lag_postdictive import FlashLagPostdictive
from comparisons.phenomena.flow_halt import FlowHalt
from comparisons.phenomena.kanizsa import Kanizsa
from comparisons.phenomena.length import Length
from comparisons.phenomena.oddball import Oddball
from comparisons.phenomena.on_off import OnOff
from comparisons.phenomena.rhythms import Rhythms
from comparisons.phenomena.sequence import Sequence
from comparisons.phenomena.size_tuning import SizeTuning
from comparisons.phenomena.two_pulse import TwoPulse
from comparisons.phenomenon import Phenomenon

ALL: tuple[Phenomenon, ...] = (
    OnOff(),
    TwoPulse(),
    Length(),
    SizeTuning(),
    Sequence(),
    Oddball(),
    Faces(),
    Kanizsa(),
    BorderOwnership(),
    FlashLag(),
    FlashLagPostdictive(),
    FlowHalt(),
    Balance(),
    Rhythms(),
)
PHENOMENA: Mapping[str, Phenomenon] = MappingProxyType({p.about.name: p for p in ALL})
"""By the name that the command line takes."""
