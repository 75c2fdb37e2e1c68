"""Local learning: rules as values over what a synapse sees, and how networks are exposed to movies."""

from plasticity.compose import Compose
from plasticity.dendritic import DendriticPrediction
from plasticity.predictive import ErrorGated
from plasticity.stdp import PairSTDP

RULES = (Compose, DendriticPrediction, ErrorGated, PairSTDP)

__all__ = ["RULES", "Compose", "DendriticPrediction", "ErrorGated", "PairSTDP"]
