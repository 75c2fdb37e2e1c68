"""Local learning: rules as values over what a synapse sees, and how networks are exposed to movies."""

from plasticity.compose import Compose
from plasticity.predictive import ErrorGated
from plasticity.stdp import PairSTDP

RULES = (Compose, ErrorGated, PairSTDP)

__all__ = ["RULES", "Compose", "ErrorGated", "PairSTDP"]
