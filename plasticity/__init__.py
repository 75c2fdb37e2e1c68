"""Local learning: rules as values over what a synapse sees, and how networks are exposed to movies."""

from plasticity.apical import ApicalError
from plasticity.bcm import BCM
from plasticity.compose import Compose
from plasticity.credit import CreditGated
from plasticity.dendritic import DendriticPrediction
from plasticity.dendritic_balance import BranchBalance, BranchInput
from plasticity.efficient import EfficientBalance, EfficientInput
from plasticity.eprop import EProp
from plasticity.feedback import SymmetricFeedback, SymmetricForecast
from plasticity.hebbian import CorrelationMeasuring, Oja
from plasticity.homeostasis import L1Norm, SynapticScaling, TargetRate
from plasticity.inhibitory import VogelsRate, VogelsSTDP
from plasticity.latent import LatentPrediction
from plasticity.lateral import LateralEqualising
from plasticity.nearest import NearestSTDP
from plasticity.predictive import ErrorGated, GatedDelta
from plasticity.reward import RewardModulatedSTDP, SurpriseModulatedSTDP
from plasticity.single_cell import SingleCellPrediction
from plasticity.stdp import PairSTDP, TripletSTDP
from plasticity.turnover import Structural
from plasticity.voltage import VoltageSTDP
from plasticity.weight_dependent import PowerLawSTDP, WeightDependentSTDP

RULES = (
    ApicalError,
    BCM,
    BranchBalance,
    BranchInput,
    Compose,
    CorrelationMeasuring,
    CreditGated,
    DendriticPrediction,
    EProp,
    EfficientBalance,
    EfficientInput,
    ErrorGated,
    GatedDelta,
    L1Norm,
    LatentPrediction,
    LateralEqualising,
    NearestSTDP,
    Oja,
    PairSTDP,
    PowerLawSTDP,
    RewardModulatedSTDP,
    SingleCellPrediction,
    Structural,
    SurpriseModulatedSTDP,
    SymmetricFeedback,
    SymmetricForecast,
    SynapticScaling,
    TargetRate,
    TripletSTDP,
    VogelsRate,
    VogelsSTDP,
    VoltageSTDP,
    WeightDependentSTDP,
)

__all__ = [
    "BCM",
    "RULES",
    "ApicalError",
    "BranchBalance",
    "BranchInput",
    "Compose",
    "CorrelationMeasuring",
    "CreditGated",
    "DendriticPrediction",
    "EProp",
    "EfficientBalance",
    "EfficientInput",
    "ErrorGated",
    "GatedDelta",
    "L1Norm",
    "LatentPrediction",
    "LateralEqualising",
    "NearestSTDP",
    "Oja",
    "PairSTDP",
    "PowerLawSTDP",
    "RewardModulatedSTDP",
    "SingleCellPrediction",
    "Structural",
    "SurpriseModulatedSTDP",
    "SymmetricFeedback",
    "SymmetricForecast",
    "SynapticScaling",
    "TargetRate",
    "TripletSTDP",
    "VogelsRate",
    "VogelsSTDP",
    "VoltageSTDP",
    "WeightDependentSTDP",
]
