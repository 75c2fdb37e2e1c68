"""Every number of a description carries its unit in its name, or a reason why it has none."""

from __future__ import annotations

import importlib
import pkgutil
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

UNITS = ("_ms", "_mV", "_nS", "_pA", "_pF", "_Hz", "_deg", "_px", "_rad", "_Hz_per_mV")

DIMENSIONLESS = {
    "ChangeReadout.offset": "luminance, as a fraction of the way from black to white",
    "ChangeReadout.step": "luminance, as a fraction of the way from black to white",
    "PredNetSpec.branch_step": "luminance, as a fraction of the way from black to white",
    "Gating.opening": "what a spike adds to a gate, which scales a current",
    "GatedDelta.silence": "a number of spikes",
    "ShortTerm.utilisation": "share of the resources",
    "PredNetSpec.forecast_step": "luminance, as a fraction of the way from black to white",
    "PredNetSpec.mismatch": "share of a weight",
    "PredNetSpec.pool_gain": "ratio of two currents",
    "PredNetSpec.target_step": "luminance, as a fraction of the way from black to white",
    "Escape.k": "ratio of two rates, less 1",
    "AdEx.coupling": "ratio of two conductances",
    "TwoCompartment.coupling": "ratio of two conductances",
    "TwoCompartment.back_coupling": "ratio of two conductances",
    "TwoCompartment.nudge": "ratio of two conductances",
    "Population.drive_gain": "ratio of two currents",
    "Projection.spread": "standard deviation of the logarithm of a factor",
    "RateReadout.offset": "luminance, as a fraction of the way from black to white",
    "RateReadout.high": "luminance, as a fraction of the way from black to white",
    "Retina.contrast_gain": "ratio of two currents",
    "Retina.grey": "luminance, as a fraction of the way from black to white",
    "Retina.transient_gain": "ratio of two currents",
    "ErrorGated.eta": "share of the error that one update removes",
    "ErrorGated.c": "floor of a sum of squared traces, which are spike counts",
    "ErrorGated.decay": "share of the weight lost per frame",
    "ApicalError.eta": "share of the error that one update removes",
    "ApicalError.c": "floor of a sum of squared traces, which are spike counts",
    "ApicalError.decay": "share of the weight lost per frame",
    "CoarseSteps.threshold": "share of a step",
    "CreditGated.eta": "ratio of a step of the weight to the credit of the cell, both in mV",
    "CreditGated.c": "floor of a sum of squared traces, which are spike counts",
    "CreditGated.silence": "a number of spikes",
    "SymmetricForecast.half": "a number of spikes",
    "SymmetricFeedback.half": "a number of spikes",
    "CorrelationMeasuring.share": "share of the latest frame in a running mean",
    "L1Norm.share": "share of the distance that one frame covers",
    "LateralEqualising.eta": "share of the difference from the mean that one pattern removes",
    "LateralEqualising.c": "floor of a sum of squared numbers of arrivals",
    "Sleep.eta": "share of the difference from the mean that a night removes",
    "SymmetricForecast.decay": "share of the weight lost per frame",
    "SymmetricFeedback.decay": "share of the weight lost per frame",
    "DendriticPrediction.attenuation": "ratio of two potentials",
    "DendriticPrediction.k": "ratio of two rates, less 1",
    "BCM.usual": "a trace, which is a number of spikes",
    "BCM.share": "share of the latest frame in a running mean",
    "BranchBalance.decay": "ratio of loss to gain",
    "BranchBalance.eta": "share in a millisecond",
    "BranchInput.decay": "ratio of loss to gain",
    "BranchInput.eta": "share in a millisecond",
    "EProp.quantum": "error that one spike stands for, in units of the user's",
    "EProp.gamma": "height of a pseudo-derivative, as a share",
    "EfficientBalance.eta": "share of the distance that one arrival covers",
    "EfficientBalance.beta": "ratio of a weight to a potential, both in mV",
    "EfficientInput.eta": "share of the distance that one spike covers",
    "LatentPrediction.variance": "square of a trace, which is a number of spikes",
    "LatentPrediction.xi": "square of a trace, which is a number of spikes",
    "LatentPrediction.silence": "a number of spikes",
    "LatentPrediction.decay": "share of the weight lost per frame",
    "LatentPrediction.share": "share of the latest frame in a running mean",
    "PowerLawSTDP.alpha": "ratio of two steps",
    "PowerLawSTDP.mu": "exponent",
    "SingleCellPrediction.eta": "share of the weight in a millisecond",
    "SurpriseModulatedSTDP.usual": "a number of spikes",
    "SynapticScaling.eta": "share of the weight",
    "VoltageSTDP.a_ltd": "share of the weight that counts as 1, for each mV",
    "VoltageSTDP.a_ltp": "share of the weight that counts as 1, for each mV squared",
    "WeightDependentSTDP.alpha": "ratio of two steps",
    "WeightDependentSTDP.mu_plus": "exponent",
    "WeightDependentSTDP.mu_minus": "exponent",
    "Plan.eta_start": "factor on the rule's own share",
    "Plan.eta_end": "factor on the rule's own share",
}


def holds_float(annotation: object) -> bool:
    """Tell whether a type is float or contains it."""
    return annotation is float or any(holds_float(part) for part in typing.get_args(annotation))


def models_in(module: ModuleType) -> Iterator[type[BaseModel]]:
    """Models that a module defines, private ones too."""
    for item in vars(module).values():
        if isinstance(item, type) and issubclass(item, BaseModel) and item.__module__ == module.__name__:
            yield item


def unitless(models: Iterable[type[BaseModel]]) -> list[str]:
    """List the float fields whose names end in no unit, by the class that introduces them."""
    found = []
    for model in models:
        own = vars(model).get("__annotations__", {})
        for name, field in model.model_fields.items():
            if name in own and holds_float(field.annotation) and not name.endswith(UNITS):
                found.append(f"{model.__name__}.{name}")
    return found


def described_models() -> list[type[BaseModel]]:
    """Models of the two rooms that describe; engines define none (tested below) and are slow to import."""
    names = []
    for room in ("snn", "plasticity"):
        package = importlib.import_module(room)
        names += [room, *(info.name for info in pkgutil.walk_packages(package.__path__, f"{room}."))]
    wanted = [name for name in names if not name.startswith("snn.engines.") and not name.endswith("__main__")]
    return [model for name in wanted for model in models_in(importlib.import_module(name))]


def test_every_float_has_a_unit_or_a_reason() -> None:
    models = described_models()
    assert len(models) > 10
    found = unitless(models)
    assert [name for name in found if name not in DIMENSIONLESS] == []
    assert [name for name in DIMENSIONLESS if name not in found] == [], "listed, but not a field without a unit"


def test_engines_define_no_models(root: Path) -> None:
    for path in (root / "snn" / "engines").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "(Described)" not in source, path.name
        assert "(BaseModel)" not in source, path.name


class Bad(BaseModel):
    tau: float
    taus_by_level: dict[str, tuple[float, ...] | None]
    v_reset_mv: float | None = None
    tau_ms: float
    n: int


def test_the_checker_sees_numbers_without_units() -> None:
    assert unitless([Bad]) == ["Bad.tau", "Bad.taus_by_level", "Bad.v_reset_mv"]
