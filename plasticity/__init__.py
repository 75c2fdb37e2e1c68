"""Local learning: rules as values over what a synapse sees, and how networks are exposed to movies."""

from plasticity.compose import Compose
from plasticity.credit import CreditGated
from plasticity.dendritic import DendriticPrediction
from plasticity.feedback import SymmetricFeedback, SymmetricForecast
from plasticity.hebbian import CorrelationMeasuring, Oja
from plasticity.homeostasis import L1Norm, TargetRate
from plasticity.inhibitory import VogelsRate, VogelsSTDP
from plasticity.lateral import LateralEqualising
from plasticity.predictive import ErrorGated, GatedDelta
from plasticity.stdp import PairSTDP, TripletSTDP

RULES = (
    Compose,
    CorrelationMeasuring,
    CreditGated,
    DendriticPrediction,
    ErrorGated,
    GatedDelta,
    L1Norm,
    LateralEqualising,
    Oja,
    PairSTDP,
    SymmetricFeedback,
    SymmetricForecast,
    TargetRate,
    TripletSTDP,
    VogelsRate,
    VogelsSTDP,
)

__all__ = [
    "RULES",
    "Compose",
    "CorrelationMeasuring",
    "CreditGated",
    "DendriticPrediction",
    "ErrorGated",
    "GatedDelta",
    "L1Norm",
    "LateralEqualising",
    "Oja",
    "PairSTDP",
    "SymmetricFeedback",
    "SymmetricForecast",
    "TargetRate",
    "TripletSTDP",
    "VogelsRate",
    "VogelsSTDP",
]
