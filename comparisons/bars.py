"""The bars printed beside every model: what a forecast is worth that copies, shifts or knows one frame only.

A forecast of frame t may use frames before t, never t itself.  The first frames of a clip are not scored.
"""

from comparisons.gated_shift import GatedShift
from comparisons.one_frame import OneFrame
from comparisons.scoring import copy_last_mse, score

__all__ = ["GatedShift", "OneFrame", "copy_last_mse", "score"]
