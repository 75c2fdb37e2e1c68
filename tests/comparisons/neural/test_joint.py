"""Joint learning: what is shown, what is asked, and which weight is chosen."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import app, main
from comparisons.neural import joint_study
from comparisons.neural.data import NeuralData
from comparisons.neural.files import write_neural
from comparisons.neural.joint import MEASURES, Answers, Condition, judged
from comparisons.neural.joint_figure import curves_svg
from comparisons.neural.joint_material import Films, Material
from comparisons.neural.joint_study import KINDS, SHARES, Found, Setting, Task, chosen, conditions, study
from comparisons.neural.joint_tables import change_table, condition_table, verdict
from comparisons.neural.kept import Kept
from snn.errors import NeuralDataError


@pytest.fixture(scope="module")
def material() -> Material:
    return Material.simulated(size=8, n_films=20, n_tests=60, n_units=6, n_trials=20, seed=1)


def frames_of(films: Films) -> np.ndarray:
    return np.stack([movie.frames for movie in films.movies])


def test_a_perfect_network_is_perfect(material: Material) -> None:
    """It forecasts the frame, foretells the mean response, and represents it; noise of 20 trials is all that is between."""
    frames, mean = frames_of(material.test), material.test.responses.mean(axis=0)
    found = judged(material.test, Answers(frames + 1e-9, mean, mean))
    assert found["forecast_ratio"] < 1e-6 and found["psnr_db"] > 80 and found["ssim"] == pytest.approx(1.0, abs=1e-4)
    # Recorded units are each brought to one spread, the representation is not.
    assert found["response_r"] == pytest.approx(1.0) and found["cka"] > 0.9 and found["rsa"] > 0.9
    assert set(found) == set(MEASURES)


def test_copying_and_noise_are_what_they_are(material: Material) -> None:
    """Oracle: copying the last frame has a ratio of 1, and its PSNR is that of scikit-image; responses of chance are not correlated."""
    from skimage.metrics import peak_signal_noise_ratio

    frames, rng = frames_of(material.test), np.random.default_rng(0)
    copied = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    noise = rng.normal(size=material.test.responses.shape[1:])
    found = judged(material.test, Answers(copied, noise, noise))
    assert found["forecast_ratio"] == pytest.approx(1.0)
    assert found["psnr_db"] == pytest.approx(peak_signal_noise_ratio(frames[:, 3:-1], copied[:, 3:-1], data_range=1.0))
    assert abs(found["response_r"]) < 0.15 and abs(found["cka"]) < 0.1 and abs(found["rsa"]) < 0.15


def test_what_is_slow_is_not_alike() -> None:
    """Oracle: 0. A representation that is drawn for each film, and keeps still while it lasts, knows nothing of responses; neither does
    that of another film. With frames as samples of their own the first would have a CKA of 0.3.
    """
    found, rng = [], np.random.default_rng(0)
    for seed in range(6):
        test = Material.simulated(size=8, n_films=20, n_tests=40, n_units=6, n_trials=5, seed=seed).test
        frames = frames_of(test)
        slow = rng.normal(size=(40, 1, 30)) + 0.1 * rng.normal(size=(40, 10, 30))
        other = np.roll(test.responses.mean(axis=0), 20, axis=0)
        found.append([judged(test, Answers(frames + 1e-9, np.zeros_like(other), features)) for features in (slow, other)])
    for measure in ("cka", "rsa"):
        means = np.array([[one[measure] for one in both] for both in found]).mean(axis=0)
        assert np.abs(means).max() < 0.12, (measure, means)


def test_learning_and_test_share_no_photograph(material: Material) -> None:
    names = [{movie.name.split("_drift_")[0] for movie in films.movies} for films in (material.learn, material.validate, material.test)]
    assert not (names[0] | names[1]) & names[2] and len(names[2]) == 2
    assert material.learn.responses.shape == (1, 20, 10, 6) and material.test.responses.shape == (20, 60, 10, 6)


def test_shuffled_responses_are_those_of_other_films(material: Material) -> None:
    one, other = material.learn, material.shuffled(3)
    assert other.movies is one.movies
    for k in range(20):
        same = [j for j in range(20) if np.array_equal(other.responses[0, k], one.responses[0, j])]
        assert k not in same and same


def test_shuffled_recordings_are_those_of_another_image_trial_by_trial() -> None:
    """Each image has a film for each trial; all of them get the responses to one other image, so that there is as much to be learned."""
    material = Material.recorded(recorded(), fold=0, n_folds=4, size=10, n_frames=6)
    one, other = material.learn, material.shuffled(1)
    for image in np.unique(one.stimuli):
        mine = other.responses[0, one.stimuli == image]
        sources = [k for k in np.unique(one.stimuli) if np.array_equal(one.responses[0, one.stimuli == k], mine)]
        assert len(sources) == 1 and sources[0] != image


def test_shuffled_films_are_all_dealt(material: Material) -> None:
    one, other = material.learn, material.shuffled(3)
    assert sorted(other.responses.sum(axis=(0, 2, 3))) == sorted(one.responses.sum(axis=(0, 2, 3)))


def recorded(n_units: int = 5, n_trials: int = 4, n_images: int = 40) -> NeuralData:
    """Units that answer the mean luminance of a quarter of 40 images; the last one answers anything."""
    rng = np.random.default_rng(2)
    images = np.repeat(np.repeat(rng.random((n_images, 4, 4)), 6, axis=1), 6, axis=2)
    means = np.stack([images[:, 12 * (u % 2) :, 12 * (u // 2 % 2) :].mean((1, 2)) for u in range(n_units)], axis=1)
    responses = 5 * means + 0.05 * rng.random((n_trials, n_images, n_units))
    responses[..., -1] = rng.random((n_trials, n_images))
    return NeuralData(images[:, None], responses, np.arange(n_images), name="quarters")


def test_recorded_images_drift_and_keep_their_responses() -> None:
    data = recorded()
    found = Material.recorded(data, fold=0, n_folds=4, size=10, n_frames=6)
    assert len(found.learn.movies) == 20 * 4 and len(found.validate.movies) == len(found.test.movies) == 10
    assert found.n_recorded == 5
    groups = [set(films.stimuli.tolist()) for films in (found.learn, found.validate, found.test)]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    # The unit that answers anything is not learned.
    assert found.test.responses.shape == (4, 10, 6, 4)
    assert np.array_equal(found.learn.responses[0, :, 0], found.learn.responses[0, :, -1])
    image = found.learn.stimuli[0]
    scale = data.responses[:, sorted(groups[0])][..., :4].mean(axis=(0, 1))
    assert np.allclose(found.learn.responses[0, 0, 0], data.responses[0, image, :4] / scale)
    first, last = frames_of(found.test)[0, 0], frames_of(found.test)[0, -1]
    assert np.abs(first - last).mean() > 0.01
    again = Material.recorded(data, fold=1, n_folds=4, size=10, n_frames=6)
    assert groups[2] != set(again.test.stimuli.tolist()) == groups[1]


@pytest.mark.parametrize(
    ("data", "changes", "says"),
    [
        (NeuralData(np.zeros((4, 3, 8, 8)), np.ones((2, 4, 3, 2)), np.arange(4), 50.0, 50.0), {}, "is no recording of still images"),
        (recorded(), {"n_folds": 2}, "joint.fold: needs three parts of images"),
        (replace(recorded(), responses=recorded().responses - 3.0), {}, "responses: are below 0, as no spikes are"),
        (recorded(n_images=12), {}, "quarters: has too few images for joint learning in part 0 of 5 .test.; got 3; .*give 40 images"),
        (recorded(n_trials=1), {}, "responses: are of one trial"),
        (NeuralData(np.zeros((40, 1, 8, 8)), np.random.default_rng(0).random((2, 40, 1)), np.arange(40)), {}, "has no unit"),
    ],
)
def test_recordings_that_cannot_be_learned_are_refused(data: NeuralData, changes: dict, says: str) -> None:
    with pytest.raises(NeuralDataError, match=says):
        Material.recorded(data, **({"fold": 0} | changes))


def test_short_films_are_refused(material: Material) -> None:
    short = material.test._replace(movies=tuple(movie.part(0, 4) for movie in material.test.movies))
    with pytest.raises(NeuralDataError, match=r"joint.films: are too short"):
        judged(short, Answers(*(np.zeros((1, 1, 1)),) * 3))


# ---- the study


def made_up(ratio: dict[float, float], r: dict[float, float]) -> dict[Task, Found]:
    """Runs of three seeds whose numbers are put in by hand, for rates."""
    found = {}
    for share in SHARES["rate"]:
        for seed in range(3):
            numbers = dict.fromkeys(MEASURES, 0.5) | {"forecast_ratio": ratio[share] + 0.001 * seed, "response_r": r[share] + 0.01 * seed}
            found[Task("rate", Condition(True, share), seed)] = {"validate": numbers, "test": numbers}
    for seed in range(3):
        best = chosen(found, "rate", seed)
        for condition in (Condition(False, best), Condition(True, best, True)):
            numbers = dict.fromkeys(MEASURES, 0.5) | {"forecast_ratio": 2.0, "response_r": 0.1, "cka": float("nan")}
            found[Task("rate", condition, seed)] = {"validate": numbers, "test": numbers}
    return found


def by_share(*values: float) -> dict[float, float]:
    return dict(zip(SHARES["rate"], values, strict=True))


def test_the_weight_is_chosen_where_the_forecast_bears_it() -> None:
    """Of those whose forecast is at most 2 % worse, the one that foretells best; the smallest where none is."""
    r = by_share(0.1, 0.2, 0.3, 0.4, 0.5)
    assert chosen(made_up(by_share(0.3, 0.3, 0.303, 0.4, 0.5), r), "rate", 1) == SHARES["rate"][2]
    assert chosen(made_up(by_share(0.3, 0.3, 0.29, 0.31, 0.5), by_share(0.1, 0.4, 0.3, 0.6, 0.9)), "rate", 0) == SHARES["rate"][1]
    assert chosen(made_up(by_share(0.3, 0.4, 0.4, 0.4, 0.5), r), "rate", 1) == SHARES["rate"][1]


def test_tables_and_verdict_say_what_was_found() -> None:
    found = made_up(by_share(0.3, 0.25, 0.29, 0.4, 0.5), by_share(0.1, 0.6, 0.3, 0.4, 0.5))
    assert set(conditions(0.1)) == {"apart", "joint", "responses", "shuffled"}
    table = condition_table(found, ("rate",)).markdown()
    assert (
        "| rate | both | 0.003 | 0.251" in table
        and "| rate | responses alone | 0.003 | 2.000 [" in table
        and table.rstrip().endswith("| - |")
    )
    changes = change_table(found, ("rate",)).markdown()
    assert (
        "| rate | both less forecast alone | **-0.050 [-0.050, -0.050]** |" in changes and "| **0.500 [" in changes and "nan" not in changes
    )
    told = verdict(found, "rate")
    assert "forecast better in forecast error / copying;" in told and "likeness to neurons better in correlation with neurons." in told
    worse = verdict(made_up(by_share(0.3, 0.305, 0.4, 0.4, 0.5), by_share(0.1, 0.1, 0.3, 0.4, 0.5)), "rate")
    assert "forecast better in nothing, worse in forecast error / copying" in worse


def test_what_is_far_above_is_told_at_the_edge_of_the_figure() -> None:
    """A number written where it belongs, many panels above, would leave none of the figure (matplotlib warns)."""
    drawn = curves_svg(made_up(by_share(0.3, 0.301, 0.302, 0.303, 0.304), by_share(0.1, 0.2, 0.3, 0.4, 0.5)), ("rate",))
    assert "2.0 ↑" in drawn and "rate: correlation with neurons" in drawn


def test_what_was_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Task] = []

    def run(task: Task, setting: Setting) -> Found:
        asked.append(task)
        if len(asked) == 7:
            raise KeyboardInterrupt
        numbers = dict.fromkeys(MEASURES, 0.5 + 0.01 * task.condition.share)
        return {"validate": numbers, "test": numbers}

    monkeypatch.setattr(joint_study, "run", run)
    with pytest.raises(KeyboardInterrupt):
        study(Setting(), ("rate",), 2, kept=Kept(tmp_path))
    found = study(Setting(), ("rate",), 2, kept=Kept(tmp_path))
    n = len(SHARES["rate"]) * 2 + 4
    assert len(found) == n and len(asked) == n + 1
    assert found == study(Setting(), ("rate",), 2, kept=Kept(tmp_path)) and len(asked) == n + 1


def test_the_command_prints_tables_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its runs are put in by hand; those of a recording of stills are of its own images."""
    write_neural(tmp_path / "quarters.npz", recorded())

    def run(task: Task, setting: Setting) -> Found:
        assert setting.neural == tmp_path / "quarters.npz"
        numbers = dict.fromkeys(MEASURES, 0.5 + 0.01 * task.condition.share + 0.001 * task.seed)
        return {"validate": numbers, "test": numbers}

    monkeypatch.setattr(joint_study, "run", run)
    command = ["joint", "--neural", tmp_path / "quarters.npz", "--seeds", "2", "--size", "8", "--out", tmp_path / "out"]
    app([str(c) for c in command], exit_on_error=False, result_action="return_value")
    told = capsys.readouterr().out
    assert all(f"| {kind} | both |" in told and f"{kind}: both together" in told for kind in KINDS)
    assert re.search(r"RSA \(most: [01]\.\d+\) \| CKA \(most: [01]\.\d+\)", told) and "Weight: of the errors of responses" in told
    written = json.loads((tmp_path / "out" / "joint.json").read_text())
    assert written["about"].startswith("quarters.npz: 96 films of 8 x 8 to learn from, one for each image and trial; 4 of 5 units")
    assert "4 of 5 units" in (tmp_path / "out" / "joint.html").read_text()
    runs = written["runs"]
    assert len(runs) == 2 * sum(len(SHARES[kind]) + 2 for kind in KINDS)
    assert "<svg" in (tmp_path / "out" / "joint.html").read_text()


# ---- the networks


def easy() -> Material:
    """Few units with many spikes."""
    found = Material.simulated(size=8, n_films=150, n_tests=20, n_units=8, n_trials=20, seed=4)
    assert found.learn.responses.mean() == pytest.approx(1.0, abs=0.1)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_responses_are_foretold_and_those_of_other_films_are_not(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of photographs that were never learned from; and the forecast is learned beside."""
    from comparisons.neural import joint_rate, joint_spiking

    monkeypatch.setattr(joint_rate, "UPDATES", 150)
    network, material = {"rate": joint_rate, "spiking": joint_spiking}[kind], easy()
    share = {"rate": 0.1, "spiking": 8.0}[kind]
    found = []
    for shuffled in (False, True):
        learner = network.learned(material, Condition(True, share, shuffled))  # type: ignore[attr-defined]
        found.append(judged(material.test, network.answers(learner, material.test)))  # type: ignore[attr-defined]
    own, other = found
    # Whatever answers contrast answers as any unit does, somewhat.
    assert own["response_r"] > 0.15 and own["response_r"] > other["response_r"] + 0.05
    assert own["forecast_ratio"] < 1.0


def test_a_readout_follows_its_own_error_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In rates: whatever teaches the representation, with a weight of 0 it is as without any responses, to the last bit."""
    from comparisons.neural import joint_rate

    monkeypatch.setattr(joint_rate, "UPDATES", 3)
    material = Material.simulated(size=8, n_films=20, n_tests=16, n_units=6, n_trials=2, seed=1)
    alone = joint_rate.learned(material, Condition(True, 0.0))
    other = joint_rate.learned(material, Condition(True, 0.0, shuffled=True))
    both = joint_rate.learned(material, Condition(True, 1.0))
    responses = joint_rate.learned(material, Condition(False, 1.0))
    states = [learner.model.state_dict() for learner in (alone, other, both, responses)]
    assert all(bool((states[0][key] == states[1][key]).all()) for key in states[0])
    cells = [key for key in states[0] if key.startswith("cells")]
    assert any(bool((states[0][key] != states[2][key]).any()) for key in cells)
    assert any(bool((states[2][key] != states[3][key]).any()) for key in cells)
    assert not bool((alone.readout.weight == other.readout.weight).all())


def test_what_is_wrong_with_any_part_is_said_before_anything_is_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 38 images two parts have 7: the third seed is the first to meet one, and the first part would have learned."""
    data = recorded(n_images=38)
    write_neural(tmp_path / "few.npz", data)
    monkeypatch.setattr(joint_study, "run", lambda *_: pytest.fail("something was learned"))
    for words, says in (
        ([], "part 2 of 5 (validate)"),
        (["--units", "9"], "are of the simulated cortex, and --neural is another"),
        (["--seeds", "6"], "more than a recording has parts"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["joint", "--neural", str(tmp_path / "few.npz"), "--out", str(tmp_path / "out"), *words])
        assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_conditions_are_named() -> None:
    named = {name: str(condition) for name, condition in conditions(0.1).items()}
    assert named == {
        "apart": "forecast alone",
        "joint": "both, 0.1",
        "responses": "responses alone, 0.1",
        "shuffled": "responses of other films, 0.1",
    }


def test_a_recording_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["joint", "--neural", "nowhere.npz", "--out", str(tmp_path / "out")])
    assert "nowhere.npz: cannot be read" in capsys.readouterr().err and not (tmp_path / "out").exists()
