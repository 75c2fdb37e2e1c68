"""Local learning: rules as values over what a synapse sees, and how networks are exposed to movies."""

from plasticity.hebbian import CorrelationMeasuring, Oja
from plasticity.homeostasis import L1Norm, TargetRate
from plasticity.inhibitory import VogelsSTDP
from plasticity.predictive import ErrorGated
from plasticity.stdp import PairSTDP, TripletSTDP

RULES = (CorrelationMeasuring, ErrorGated, L1Norm, Oja, PairSTDP, TargetRate, TripletSTDP, VogelsSTDP)

__all__ = ["RULES", "CorrelationMeasuring", "ErrorGated", "L1Norm", "Oja", "PairSTDP", "TargetRate", "TripletSTDP", "VogelsSTDP"]
