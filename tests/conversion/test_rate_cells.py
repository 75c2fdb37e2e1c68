"""The parts of the rate PredNet: Dale's law, how weights are born, the gate, and specs that cannot be built."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from conversion.rate_cells import Conv, hard_sigmoid, signs_of
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec

SIZES: dict[str, Any] = {"rows": 8, "cols": 12, "channels": (1, 3, 5), "r_channels": (3, 5, 7)}


def test_the_hard_sigmoid() -> None:
    """Oracle: the corners of clip(0.2 x + 0.5, 0, 1)."""
    x = torch.tensor([-9.0, -2.5, -1.0, 0.0, 1.0, 2.5, 9.0], dtype=torch.float64)
    torch.testing.assert_close(hard_sigmoid(x), torch.tensor([0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 1.0], dtype=torch.float64))


def signed_parts(model: RatePredNet) -> list[tuple[str, Tensor, list[int]]]:
    """Name, weight and the sign of each column of every convolution, from the spec alone."""
    spec = model.spec

    def signs(n: int) -> list[int]:
        minus = min(n - 1, max(1, round(n * spec.inhibitory_share))) if n > 1 else 0
        return [1] * (n - minus) + [-1] * minus

    found = []
    for level in range(spec.levels):
        above = signs(spec.r[level + 1]) if level + 1 < spec.levels else []
        found.append((f"cell {level}", model.cells[level].conv.weight, [*signs(spec.r[level]), *[0] * (2 * spec.channels[level]), *above]))
        found.append((f"predict {level}", model.predict[level].weight, signs(spec.r[level])))
        if level + 1 < spec.levels:
            found.append((f"ascend {level}", model.ascend[level].weight, [0] * (2 * spec.channels[level])))
    if model.read is not None:
        found.append(("read", model.read.weight, signs(spec.r[0])))
    return found


@pytest.mark.parametrize("loss", ["L_0", "direct"])
@pytest.mark.parametrize("shared", [True, False])
def test_dale_holds_at_birth_and_through_training(shared: bool, loss: str) -> None:
    """Oracle: the signs that the spec gives; rough steps carry weights across 0, and projection carries only those back."""
    spec = RatePredNetSpec(rows=4, cols=4, channels=(1, 2), r_channels=(4, 9), cell="leaky", dale=True, shared=shared, loss=loss)
    model, generator = RatePredNet(spec, seed=1), torch.Generator().manual_seed(0)

    def check(where: str) -> None:
        for name, weight, signs in signed_parts(model):
            for column, sign in enumerate(signs):
                w = weight[..., :, column, :, :]
                if sign:
                    assert bool((sign * w >= 0).all()) and bool((w != 0).any()), f"{where}: {name}, column {column}"
                else:
                    assert bool((w > 0).any()) and bool((w < 0).any()), f"{where}: {name}, column {column}"

    check("at birth")
    for step in range(5):
        with torch.no_grad():
            for p in model.parameters():
                p += 0.1 * torch.randn(p.shape, generator=generator)
        thrown = [weight.clone() for _, weight, _ in signed_parts(model)]
        crossed = 0
        model.project_()
        for (name, weight, signs), was in zip(signed_parts(model), thrown, strict=True):
            wrong = torch.tensor(signs)[:, None, None] * was < 0
            crossed += int(wrong.sum())
            assert torch.equal(weight, torch.where(wrong, 0.0, was)), name
        assert crossed > 0
        check(f"after step {step}")


def test_signs_balance_at_birth() -> None:
    """Oracle: the sums of excitatory and of inhibitory weights of a fresh network, equal in the mean; one channel in four inhibits."""
    spec = RatePredNetSpec(rows=2, cols=2, channels=(16,), r_channels=(64,), cell="leaky", dale=True)
    assert signs_of(64, spec).tolist() == [1.0] * 48 + [-1.0] * 16
    assert signs_of(1, spec).tolist() == [1.0]
    assert signs_of(2, spec).tolist() == [1.0, -1.0]
    assert signs_of(64, spec.model_copy(update={"dale": False})) is None
    w = RatePredNet(spec, seed=0).predict[0].weight.detach()
    assert float(-w[:, 48:].sum() / w[:, :48].sum()) == pytest.approx(1.0, abs=0.05)


def test_weights_are_born_in_the_range_of_glorot() -> None:
    """Oracle: the bound and the variance of a uniform draw, (6 / (fan in + fan out))^(1/2) and bound^2 / 3."""
    conv = Conv(20, 30, (2, 2), RatePredNetSpec(rows=2, cols=2))
    conv.reset(torch.Generator().manual_seed(0))
    bound = (6.0 / (9 * 50)) ** 0.5
    w = conv.weight.detach()
    assert 0.99 * bound < float(w.abs().max()) <= bound
    assert float(w.square().mean()) == pytest.approx(bound**2 / 3.0, rel=0.05)
    assert abs(float(w.mean())) < 0.05 * bound


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rows": 6}, r"rows and cols must be multiples of 4 for 3 levels; got 6x12"),
        ({"cols": 10}, r"rows and cols must be multiples of 4 for 3 levels; got 8x10"),
        ({"r_channels": (3, 5)}, r"r_channels must have one entry a level, as channels has.*got 2"),
        ({"kernel": 4}, r"kernel must be odd; got 4"),
        ({"cell": "leaky", "fixed_forget": True}, r"fixed_forget belongs to cell 'sublstm'; got cell 'leaky'"),
        ({"dale": True}, r"dale needs cell 'leaky': R of a 'convlstm' cell is signed"),
        ({"cell": "sublstm", "dale": True}, r"dale needs cell 'leaky': R of a 'sublstm' cell is signed"),
        ({"inhibitory_share": 1.0}, r"inhibitory_share[\s\S]*less than 1"),
        ({"channels": ()}, r"channels[\s\S]*at least 1 item"),
        ({"tau_frames": (-1.0,)}, r"tau_frames[\s\S]*greater than or equal to 0"),
    ],
)
def test_a_spec_that_cannot_be_built_says_why(wrong: dict[str, Any], words: str) -> None:
    """Oracle: the sentence; the same spec without the defect is built."""
    RatePredNetSpec(**SIZES)
    with pytest.raises(ValidationError, match=words):
        RatePredNetSpec(**{**SIZES, **wrong})
