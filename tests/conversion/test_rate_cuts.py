"""Connections of the rate PredNet that are cut as a control; their equations are held in test_rate_prednet.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec, Timing

SIZES: dict[str, Any] = {"rows": 8, "cols": 12, "channels": (1, 3), "r_channels": (3, 5)}


def forecast(**more: Any) -> Tensor:
    """Four frames of noise, foretold by the network of one seed, whatever is cut."""
    frames = torch.from_numpy(np.random.default_rng(0).random((1, 4, 1, 8, 12))).float()
    with torch.no_grad():
        found: Tensor = RatePredNet(RatePredNetSpec(**SIZES, **more), 3)(frames).forecast
    return found


@pytest.mark.parametrize("cut", ["recurrence", "feedback", "error_sign"])
def test_a_cut_changes_what_comes_of_the_same_weights(cut: str) -> None:
    """Oracle: the whole network: the first forecast, before anything was seen, is the same, and the last is not."""
    one, other = forecast(), forecast(cut=(cut,))
    assert torch.equal(one[:, 0], other[:, 0])
    assert not torch.equal(one[:, -1], other[:, -1])


def test_what_is_cut_costs_nothing() -> None:
    """Oracle: by hand: gates of R times 9 times channels that are not heard, at every site."""
    whole = RatePredNet(RatePredNetSpec(**SIZES)).multiply_adds
    gates, (lower, upper) = 4, SIZES["r_channels"]
    above = gates * lower * 9 * upper * 8 * 12
    own = gates * 9 * (lower**2 * 8 * 12 + upper**2 * 4 * 6)
    for cut, less in ((("feedback",), above), (("recurrence",), own), (("recurrence", "feedback"), own + above), (("error_sign",), 0)):
        assert RatePredNet(RatePredNetSpec(**SIZES, cut=cut)).multiply_adds == whole - less


def test_cuts_are_written_only_where_there_are_any() -> None:
    """Descriptions from before there were cuts keep their digest."""
    assert "cut" not in RatePredNetSpec(**SIZES).model_dump()
    assert RatePredNetSpec(**SIZES, cut=("feedback",)).model_dump()["cut"] == ("feedback",)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cut": ("feedback",), "channels": (1,), "r_channels": None}, "one level has no feedback"),
        ({"cut": ("feedback", "feedback")}, "names something twice"),
        ({"cut": ("recurrence",), "cell": "leaky", "pooling": "average", "timing": Timing()}, "one step a frame"),
    ],
)
def test_a_cut_of_what_is_not_there_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RatePredNetSpec(**{**SIZES, **more})
