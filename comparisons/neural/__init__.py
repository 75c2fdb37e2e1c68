"""Recorded neurons: what was shown, how cells answered, and how much of that could be known.

Examples
--------
>>> from comparisons.neural.reliability import reliability
>>> from comparisons.neural.simulated import simulated_v1
>>> found = simulated_v1(n_stimuli=200, n_trials=8, n_units=12).data
>>> found.responses.shape
(8, 200, 12)
>>> bool((reliability(found).half > 0.5).all())
True
"""
