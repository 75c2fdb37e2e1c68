"""Defects of the scores of recorded neurons, and the tests that must notice them."""

from __future__ import annotations

HERE = "tests/comparisons/neural/"
SIMILARITY, SCORES, ENCODING = (f"comparisons/neural/{name}.py" for name in ("similarity", "scores", "encoding"))
EXPECTATION, JOINT, MATERIAL, CIRCUIT = (
    f"comparisons/neural/{name}.py" for name in ("expectation", "joint", "joint_material", "joint_circuit")
)
STUDY, NWB, STRAIGHT, VIOLATION = (f"comparisons/neural/{name}.py" for name in ("joint_study", "nwb", "straightening", "violation"))
NEURAL_TESTS = {
    SIMILARITY: (f"{HERE}test_similarity.py",),
    SCORES: (f"{HERE}test_scores.py",),
    ENCODING: (f"{HERE}test_encoding.py",),
    EXPECTATION: (f"{HERE}test_expectation.py",),
    JOINT: (
        f"{HERE}test_joint.py::test_a_perfect_network_is_perfect",
        f"{HERE}test_joint.py::test_copying_and_noise_are_what_they_are",
        f"{HERE}test_joint.py::test_what_is_slow_is_not_alike",
    ),
    MATERIAL: (
        f"{HERE}test_joint.py::test_shuffled_recordings_are_those_of_another_image_trial_by_trial",
        f"{HERE}test_joint.py::test_recorded_images_drift_and_keep_their_responses",
    ),
    CIRCUIT: (f"{HERE}test_joint_circuit.py::test_spikes_come_evenly_in_the_frame_after",),
    STUDY: (f"{HERE}test_joint.py::test_the_weight_is_chosen_where_the_forecast_bears_it",),
    NWB: (f"{HERE}test_nwb.py",),
    STRAIGHT: (f"{HERE}test_straightening.py",),
    VIOLATION: (
        f"{HERE}test_violation.py::test_familiar_elements_are_no_sequence",
        f"{HERE}test_violation.py::test_what_foretells_is_found_beyond_mixed_elements",
        f"{HERE}test_violation.py::test_mixed_elements_are_the_same_in_another_order",
        f"{HERE}test_violation.py::test_windows_are_those_of_recordings",
    ),
}
LIKE, WRONG = "what is not alike is called so", "a number is of something else than it says"
NEURAL_DEFECTS = (
    (
        "noise counts as distance",
        SIMILARITY,
        "inner = (np.outer(sums, sums) - mine.T @ mine) / pairs",
        "inner = np.outer(sums, sums) / pairs",
        LIKE,
    ),
    (
        "large units count more",
        SIMILARITY,
        "values = values[..., kept] / np.nanstd(values[..., kept], axis=(0, 1))",
        "values = values[..., kept]",
        WRONG,
    ),
    (
        "pairs of all bins",
        SIMILARITY,
        "same: NDArray[np.bool_] = bins[:, None] == bins[None]",
        "same: NDArray[np.bool_] = bins[:, None] >= 0 * bins[None]",
        LIKE,
    ),
    (
        "ceiling of halves, not of all",
        SIMILARITY,
        "rsa[k] = np.sqrt(2 * r / (1 + r))",
        "rsa[k] = r",
        "a perfect model is above its ceiling",
    ),
    ("a common course counts", SCORES, "away: FloatArray = late - late.mean(axis=0)", "away: FloatArray = late", LIKE),
    (
        "no time for neurons to be late",
        SCORES,
        "LATENCY_MS, MOST_LAGS = 100.0, 4",
        "LATENCY_MS, MOST_LAGS = 100.0, 0",
        "memory passes for likeness",
    ),
    (
        "intervals too narrow",
        SCORES,
        "spread = float(np.std(known)) * self.widening",
        "spread = 0.3 * float(np.std(known)) * self.widening",
        "chance is called sure",
    ),
    ("penalty of all features alike", ENCODING, "varies = squares > 1e-13 * len(squares)", "varies = squares > 0.3 * len(squares)", WRONG),
    (
        "early is late",
        EXPECTATION,
        '{"early": (50.0, 100.0), "late": (100.0, 150.0)}',
        '{"late": (50.0, 100.0), "early": (100.0, 150.0)}',
        WRONG,
    ),
    (
        "what was broken before counts",
        EXPECTATION,
        "asked = ~self.broken[contrast.unless] if contrast.unless",
        "asked = broken | True if contrast.unless",
        WRONG,
    ),
    (
        "expected less broken",
        EXPECTATION,
        "inside[broken].mean(axis=0) - inside[~broken].mean(axis=0)",
        "inside[~broken].mean(axis=0) - inside[broken].mean(axis=0)",
        WRONG,
    ),
    (
        "frames are samples",
        JOINT,
        "scored].mean(axis=1))",
        "scored].reshape(len(frames), -1)[:, : answers.representation.shape[2]])",
        WRONG,
    ),
    (
        "copying is of the frame itself",
        JOINT,
        "frames[:, FIRST_SCORED - 1 : -2]",
        "frames[:, FIRST_SCORED - 2 : -3]",
        "the forecast is too good",
    ),
    (
        "shuffled is not shuffled",
        MATERIAL,
        "order[places[one]] = places[two]",
        "order[places[one]] = places[one]",
        "the control is what it controls",
    ),
    (
        "validated on what is tested",
        MATERIAL,
        '"validate": folds[(fold + 1) % len(folds)]',
        '"validate": folds[fold % len(folds)]',
        "the test is seen",
    ),
    (
        "spikes come in their own frame",
        CIRCUIT,
        "np.concatenate([np.zeros_like(counts[:1]), counts[:-1]])",
        "counts",
        "the future is foretold from itself",
    ),
    ("any weight is borne", STUDY, "WORSE = 0.02", "WORSE = 20.0", "the forecast is given up"),
    (
        "spikes after the showing count",
        NWB,
        'np.searchsorted(times, stop_s, side="left")',
        'np.searchsorted(times, stop_s, side="right")',
        WRONG,
    ),
    (
        "paths do not turn back",
        STRAIGHT,
        "np.arccos(np.clip(products, -1.0, 1.0))",
        "np.arccos(np.abs(np.clip(products, -1.0, 1.0)))",
        WRONG,
    ),
    (
        "E is seen before",
        VIOLATION,
        "tuple(rng.permutation(len(EXPECTED)).tolist()) if mixed",
        "tuple(rng.permutation(N_ELEMENTS)[:4].tolist()) if mixed",
        "the control sees what the other does not",
    ),
    (
        "windows a frame early",
        VIOLATION,
        "slice(k, k + 1) for k, name in enumerate(WINDOWS_MS, 1)",
        "slice(k, k + 1) for k, name in enumerate(WINDOWS_MS, 0)",
        WRONG,
    ),
)
