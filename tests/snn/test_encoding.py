"""The retina against plain loops, and box means against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import uniform_filter

from snn.encoding import CHANNELS, Retina, box_mean
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet

MOVIES = st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1, width=32))
)


@settings(max_examples=30, deadline=None)
@given(MOVIES, st.sampled_from([3, 5, 7]))
def test_box_means(frames: np.ndarray, side: int) -> None:
    """Oracle: scipy's uniform filter with zeros outside, over its own response to ones (pixels inside the frame)."""
    size = (1, side, side)
    inside = uniform_filter(np.ones_like(frames), size, mode="constant")
    expected = uniform_filter(frames, size, mode="constant") / inside
    np.testing.assert_allclose(box_mean(frames, side), expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(MOVIES, st.booleans(), st.sampled_from(sorted(CHANNELS)))
def test_channels(frames: np.ndarray, has_before: bool, channel: str) -> None:
    """Oracle: the table of the docstring, pixel by pixel."""
    retina = Retina(luminance_mV=20.0, grey=0.4, surround_px=3, contrast_gain=1.5, transient_gain=2.5, poisson_rate_Hz=100.0)
    before = np.full(frames.shape[1:], 0.25) if has_before else None
    found = retina.encode(frames, before, channel)
    assert found.shape == (*frames.shape, CHANNELS[channel].features)
    for t, r, c in np.ndindex(frames.shape):
        x = frames[t, r, c]
        if channel == "luminance":
            expected: tuple[float, ...] = (x * 20.0,)
        elif channel in ("regular", "poisson"):
            gain = 20.0 if channel == "regular" else 100.0
            expected = (x * gain, (1 - x) * gain)
        else:
            earlier = frames[t - 1, r, c] if t else 0.25 if has_before else x
            near = frames[t, max(0, r - 1) : r + 2, max(0, c - 1) : c + 2]
            signed = {"change": (x - 0.4) * 20.0, "contrast": (x - near.mean()) * 30.0, "transient": (x - earlier) * 50.0}[channel]
            expected = (signed, -signed)
        np.testing.assert_allclose(found[t, r, c], expected, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(MOVIES)
def test_a_movie_in_two_pieces_is_encoded_alike(frames: np.ndarray) -> None:
    """Oracle: the whole movie at once."""
    for channel in CHANNELS:
        whole = Retina().encode(frames, None, channel)
        first = Retina().encode(frames[:1], None, channel)
        rest = Retina().encode(frames[1:], frames[0], channel)
        assert np.array_equal(whole, np.concatenate([first, rest]))


@pytest.mark.parametrize(("name", "value"), [("grey", 1.5), ("luminance_mV", 0.0), ("surround_px", 2), ("contrast_gain", -1.0)])
def test_constants_of_the_eye_are_checked(name: str, value: float) -> None:
    """Oracle: the ranges of the docstring."""
    with pytest.raises(ValueError, match=name):
        Retina(**{name: value})


@pytest.mark.parametrize("side", [2, 4])
def test_a_surround_without_a_middle_is_refused(side: int) -> None:
    with pytest.raises(ValueError, match="surround_px"):
        Retina(surround_px=side)


@pytest.mark.parametrize(("field", "feedback"), [(4, 4), (5, 3)])
def test_a_field_that_cannot_be_centred_is_refused(field: int, feedback: int) -> None:
    with pytest.raises(DescriptionError, match=r"prednet\.field, feedback_field: cannot be centred"):
        prednet(PredNetSpec(rows=8, cols=8, field=field, feedback_field=feedback))
