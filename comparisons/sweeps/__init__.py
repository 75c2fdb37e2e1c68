"""Many runs: what varies, doing them on one machine or many, and one table of what came out.

Examples
--------
>>> from comparisons.learning import Job
>>> from comparisons.movies import Source
>>> from comparisons.sweeps.plan import Sweep
>>> job = Job(source=Source(frames="photographs", size=8, n_movies=20))
>>> sweep = Sweep(run=job, vary={"plan.eta_start": (0.2, 0.8)}, seeds=(0, 1, 2))
>>> sweep.n_runs
6
"""
