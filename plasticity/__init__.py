"""Local learning: rules as values over synapses, and the loop that shows a network movies while they act.

A rule sees only what its synapse can see (the port is `snn.local`); the engines of `snn` run it. This room holds one
file for each family of rules and `training`. It knows nothing of gradients, of trained rate networks or of the
questions that are asked of the result.
"""
