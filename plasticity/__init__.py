"""Local learning: rules as values over what a synapse sees, and how networks are exposed to movies."""

from plasticity.predictive import ErrorGated
from plasticity.stdp import PairSTDP

RULES = (ErrorGated, PairSTDP)

__all__ = ["RULES", "ErrorGated", "PairSTDP"]
