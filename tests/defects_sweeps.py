"""Chosen defects of sweeps, ablations and the ladder, and the tests that look for them; `defects_chosen.py` has the rest."""

from __future__ import annotations

LADDER = ("tests/comparisons/ladder/test_rungs.py", "tests/comparisons/ladder/test_tables.py")
SWEEP_TESTS = {
    "comparisons/ablations.py": ("tests/comparisons/sweeps/test_ablations.py",),
    "comparisons/precision.py": ("tests/comparisons/test_precision.py",),
    **{f"comparisons/ladder{part}.py": LADDER for part in ("", "_results", "_table")},
    "comparisons/battery_models.py": ("tests/comparisons/sweeps/test_parts.py",),
    "comparisons/sweeps/axes.py": ("tests/comparisons/sweeps/test_axes.py",),
    "comparisons/sweeps/paired.py": ("tests/comparisons/sweeps/test_paired.py",),
    "comparisons/sweeps/conversion.py": ("tests/comparisons/sweeps/test_parts.py",),
    "comparisons/sweeps/table.py": ("tests/comparisons/sweeps/test_parts.py",),
    "comparisons/sweeps/work.py": ("tests/comparisons/sweeps/test_parts.py",),
}
SWEEP_DEFECTS = (
    (
        "pairs beside signed synapses",
        "comparisons/ablations.py",
        "if j.rule is None or j.source not in spare),",
        "),",
        "a sign costs what a doubled rate of learning does",
    ),
    (
        "learned synapses alone are shared",
        "comparisons/ablations.py",
        'kept = {name: getattr(j.topology, name) for name in ("size", "pre_features", "post_features")}',
        'kept = {name: getattr(j.topology, name) for name in ("pre_features", "post_features")} | {"size": 3}',
        "sharing costs what a smaller field does",
    ),
    (
        "feedback cut both ways",
        "comparisons/ablations.py",
        "return level_of(j.source) > level_of(j.target)",
        "return level_of(j.source) != level_of(j.target)",
        "the level above hears nothing",
    ),
    ("long delays hurry too", "comparisons/ablations.py", "and j.delay_ms == 2 * lag", "", "the forecast hears of its own frame"),
    (
        "a bit too many",
        "comparisons/precision.py",
        "2 ** (bits - (network.population(j.source).sign == MIXED)) - 1",
        "2**bits",
        "precision is better than is said",
    ),
    (
        "what holds no longer is not broken",
        "comparisons/ladder_table.py",
        'if (before, now) == ("holds", "fails") and interval.mean < 0:',
        'if before == "holds" and interval.mean < 0:',
        "a smaller effect that still holds is called broken",
    ),
    (
        "every change is sure",
        "comparisons/ladder_table.py",
        "if surely and measure in PHENOMENA",
        "if measure in PHENOMENA",
        "chance breaks properties",
    ),
    (
        "changes of other seeds",
        "comparisons/ladder_results.py",
        "[ours[seed] - theirs[seed] for seed in both]",
        "[a - b for a, b in zip(ours.values(), reversed(theirs.values()), strict=False)]",
        "seeds are compared that differ",
    ),
    (
        "what has not learned is compared",
        "comparisons/ladder_table.py",
        'verdicts[name][measure].outcome != "not trained enough"',
        "verdicts[name][measure].outcome",
        "a network that never learned breaks what PredNet shows",
    ),
    (
        "stimuli of other seeds",
        "comparisons/battery_models.py",
        "return self.model.seeds[self.seed] if self.model.seeds else self.seed",
        "return self.seed",
        "seeds are compared that saw other films",
    ),
    (
        "cuts save nothing",
        "conversion/rate_prednet.py",
        "n * spec.deaf(level) * spec.kernel",
        "0 * spec.deaf(level) * spec.kernel",
        "energy of what is not there",
    ),
    (
        "additions cost a multiplication",
        "comparisons/ladder_results.py",
        '"synaptic_events_per_frame": ADD_PJ',
        '"synaptic_events_per_frame": MULTIPLY_ADD_PJ',
        "spikes cost five times as much",
    ),
    (
        "what rungs leave out is forgotten",
        "comparisons/ladder.py",
        "before, skipped = name, []",
        "before = name",
        "a rung says more than it changes",
    ),
    (
        "a hypercube is drawn anew",
        "comparisons/sweeps/axes.py",
        'rng = stream(seed, "sweep")',
        "rng = np.random.default_rng()",
        "a sweep has other runs each time",
    ),
    ("any seed is a partner", "comparisons/sweeps/paired.py", '+ ["seed"]', "", "differences of unlike seeds"),
    (
        "what is damaged is done",
        "comparisons/sweeps/work.py",
        "run_folder.verify(task.folder)\n    except RunFolderError:\n        return",
        "pass\n    except RunFolderError:\n        return",
        "a truncated run stands in the table",
    ),
    ("a run of other settings is done", "comparisons/sweeps/work.py", "or found.digest != task.digest", "", "numbers of another run"),
    (
        "conversion with another seed",
        "comparisons/sweeps/conversion.py",
        'return self.rate.model_copy(update={"seed": self.seed})',
        "return self.rate",
        "all seeds convert one network",
    ),
    (
        "failures are averaged",
        "comparisons/sweeps/table.py",
        'done = found[found["status"] == "done"]',
        "done = found",
        "means of what failed",
    ),
)
"""Name, file, text that occurs exactly once, what stands there instead, what a user would suffer."""
