"""Which students can learn from which teachers, and how they are described.

Oracles: fields listed by hand, and the sentences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conversion.distil_plan import DistilPlan, channels_of, directly, populations_of, student_of
from conversion.distil_report import distillation_report
from conversion.distillation import DistilTrainable
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.timed_prednet import rate_model
from snn.errors import ConversionError
from snn.stimuli.movie import Movie

TIMING = Timing(step_ms=25.0)
GATED = RatePredNetSpec(rows=8, cols=8, channels=(1, 4), r_channels=(4, 4), error_norm="rms")
LEAKY = RatePredNetSpec(rows=8, cols=8, channels=(1, 4), r_channels=(6, 6), cell="leaky", error_norm="rms")


@pytest.mark.parametrize(
    ("teacher_changes", "student_changes", "words"),
    [
        ({}, {"timing": None}, r"student.timing: is missing, so the student has no form in spikes; describe"),
        ({}, {"rows": 4}, r"student: sees frames of another size than the teacher; got \(4, 8\); allowed: \(8, 8\)"),
        ({}, {"channels": (1,), "r_channels": (4,)}, r"student.channels: has other levels than the teacher; got \(1,\); allowed: 2 levels"),
        ({"loss": "direct"}, {}, r"teacher.loss: is 'direct': its forecast is not A-hat"),
        (
            {"cell": "leaky", "pooling": "average", "timing": Timing(frame_ms=100.0)},
            {},
            r"student.timing.frame_ms: is not the teacher's; got 50.0; allowed: 100.0",
        ),
    ],
)
def test_pairs_that_cannot_be_compared(teacher_changes: dict[str, Any], student_changes: dict[str, Any], words: str) -> None:
    """Oracle: the sentence."""
    model = rate_model(RatePredNetSpec(**{**GATED.model_dump(), **teacher_changes}))
    student = rate_model(RatePredNetSpec(**{**student_of(GATED, TIMING).model_dump(), **student_changes}))
    with pytest.raises(ConversionError, match=words):
        DistilTrainable(model, student, DistilPlan())
    with pytest.raises(ConversionError, match=words):
        distillation_report(model, student, [Movie(np.zeros((6, 8, 8)))])


def test_a_student_is_described_after_its_teacher() -> None:
    """Oracle: field by field; what cannot be described is one sentence."""
    spec = RatePredNetSpec(rows=16, cols=8, channels=(3, 6), kernel=5, pixel_max=0.9, loss="L_all", shared=False)
    student = student_of(spec, TIMING)
    assert (student.rows, student.cols, student.channels, student.r, student.kernel) == (16, 8, (1, 6), (3, 6), 5)
    assert (student.cell, student.pooling, student.loss, student.pixel_max, student.shared) == ("leaky", "average", "L_0", 0.9, False)
    assert student.timing == TIMING and student.tau_frames == (0.0, 1.0, 3.0)
    assert student_of(LEAKY.model_copy(update={"tau_frames": (2.0,), "dale": True}), TIMING).tau_frames == (2.0,)
    other = student_of(spec, TIMING, channels=(1, 2), r_channels=(4, 5), tau_frames=(1.0,), shared=True, dale=True)
    assert (other.channels, other.r, other.tau_frames, other.shared, other.dale) == ((1, 2), (4, 5), (1.0,), True, True)
    with pytest.raises(ConversionError, match=r"student: cannot be built \(.*r_channels must have one entry a level"):
        student_of(spec, TIMING, r_channels=(1, 2, 3))
    with pytest.raises(ConversionError, match=r"student: cannot be built \(.*timing needs channels that begin with 1.*got \(3, 6\)"):
        student_of(spec, TIMING, channels=(3, 6))
    with pytest.raises(ValueError, match="forecast and frame must not both be 0"):
        DistilPlan(forecast=0.0, frame=0.0)


def test_what_is_compared_with_what() -> None:
    """Oracle: by hand for two levels; R of a gated cell is signed, and what differs in width has no partners."""
    assert populations_of(2) == {
        "level0.prediction": "forecast",
        "level1.prediction": "prediction",
        "level1.target": "target",
        **{f"level{i}.{name}": "error" for i in (0, 1) for name in ("error_pos", "error_neg")},
        **{f"level{i}.representation": "representation" for i in (0, 1)},
    }
    wide = student_of(LEAKY, TIMING, channels=(1, 5), r_channels=(7, 6))
    assert [channels_of(name, wide) for name in ("level0.error_pos", "level1.target", "level0.representation")] == [1, 5, 7]
    alike = {name for name in populations_of(2) if directly(name, LEAKY, wide)}
    assert alike == {"level0.prediction", "level0.error_pos", "level0.error_neg", "level1.representation"}
    signed = {name for name in populations_of(2) if not directly(name, GATED, student_of(GATED, TIMING))}
    assert signed == {"level0.representation", "level1.representation"}
