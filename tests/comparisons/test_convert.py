"""From a rate model to spiking populations on the command line: what is left behind, and what is refused in one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from comparisons.adapt_job import AdaptJob
from comparisons.cli import main
from comparisons.convert_job import ConvertJob
from comparisons.fidelity_runs import converted
from comparisons.inspection import CircuitRun, RateRun, load_circuit, load_run
from comparisons.progress import Reporter
from comparisons.run_folder import read_json, sha256, verify
from comparisons.running import run_job
from conversion.fidelity import fidelity
from conversion.pipeline import convert as convert_model
from conversion.rate_training import forecast as watch_forecast
from conversion.trace import trace
from plasticity.training import Plan
from snn.constraints import graded_quantities
from snn.stimuli.splitting import FIRST_SCORED

SIZE, N_FRAMES, HELD = 8, 26, 9
TRAIN = ("--channels", "1,3", "--r-channels", "3,3", "--cell", "leaky", "--pooling", "average", "--tau-frames", "0", "1")
COPIES, CALIBRATION = "2", "8"


def call(arguments: list[str], capsys: pytest.CaptureFixture[str] | None = None) -> tuple[int, str, str]:
    """Run the command line; exit status, stdout, stderr."""
    if capsys is not None:
        capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    out, err = capsys.readouterr() if capsys is not None else ("", "")
    return int(stop.value.code or 0), out, err


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(result: tuple[int, str, str], words: str) -> None:
    """One line that says what is wrong, status 2, nothing on stdout."""
    code, out, err = result
    assert (code, out) == (2, ""), result
    last = err.splitlines()[-1]
    assert last.startswith("spiking-prednet: ") and words in last and "Traceback" not in err, err


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of a texture that drifts by a pixel a frame, two runs of a rate model on them, and a converted one."""
    folder = tmp_path_factory.mktemp("place")
    rng, arrays = np.random.default_rng(0), {}
    for name in ("a", "b"):
        texture = rng.random((SIZE, SIZE + N_FRAMES))
        smooth = 0.25 * (texture + np.roll(texture, 1, 0) + np.roll(texture, 1, 1) + np.roll(texture, (1, 1), (0, 1)))
        arrays[name] = np.stack([smooth[:, t : t + SIZE] for t in range(N_FRAMES)])
    np.savez(folder / "clips.npz", **arrays)
    for name, seed, more in (("rate", "3", ["--step-ms", "25"]), ("other", "4", ["--step-ms", "25"]), ("frames", "3", [])):
        learn = ["train-rate", *source(folder), *TRAIN, "--updates", "2", "--batch", "2", "--window", "5", "--no-figures", "--seed", seed]
        assert call([*learn, *more, "--out", str(folder / name)])[0] == 0
    assert call(converting(folder, folder / "spikes"))[0] == 0
    return folder


def source(folder: Path) -> list[str]:
    return ["--frames", str(folder / "clips.npz"), "--size", str(SIZE), "--hold-out", str(HELD)]


def converting(folder: Path, out: Path, *more: str, run: str = "rate") -> list[str]:
    usual = {"--copies": COPIES, "--calibration-frames": CALIBRATION, "--dead": "keep"}
    options = [word for pair in usual.items() if pair[0] not in more for word in pair]
    return ["convert", run if run.startswith("drift") else str(folder / run), "--out", str(out), *options, *more]


# ---- convert


def test_a_converted_run_is_whole(place: Path) -> None:
    """Oracle: the manifest; the pipeline called by hand with the recipe of the folder: the same description and bytes."""
    verify(place / "spikes")
    run = load_run(place / "spikes")
    assert isinstance(run, CircuitRun) and isinstance(run.job, ConvertJob)
    recipe = run.job.recipe
    assert (recipe.copies, recipe.calibration_frames, recipe.dead, recipe.route) == (2, 8, "keep", "twin")
    assert run.job.model_digest == sha256(place / "rate" / "weights.safetensors")
    rate = load_run(place / "rate")
    assert isinstance(rate, RateRun)
    from comparisons.converting import calibration

    again = convert_model(rate.model, recipe, calibration(rate.job.source, recipe))
    assert again.network == run.network
    for key, array in again.state.arrays.items():
        assert np.asarray(run.state.arrays[key]).tobytes() == np.asarray(array).tobytes(), key
    circuit = converted(place / "spikes", place / "rate")
    assert circuit.partners == again.circuit.partners and not circuit.answers
    for name, x in again.circuit.per_unit_Hz.items():
        assert circuit.per_unit_Hz[name].tolist() == x.tolist()
    ledger = read_json(place / "spikes" / "ledger.json")
    assert [e["step"] for e in ledger] == [e.step for e in again.ledger]
    assert set(ledger[-1]["violations"]) == {"unshared_copies"}


def test_what_convert_prints(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the folder's own numbers; the same command twice leaves the same bytes but for the seconds of the ledger."""
    code, out, _ = call(converting(place, tmp_path / "run"), capsys)
    summary = read_json(tmp_path / "run" / "summary.json")
    size = summary["manifest"]["size"]
    assert code == 0 and f"{size['cells']} cells, {size['synapses']} synapses with {size['stored_weights']} stored weights" in out
    assert "100 % of the synapses obey Dale's law" in out
    for step in ("trace", "scale", "unshare", "dale", "populate", "open_loop"):
        assert re.search(rf"^{step} ", out, re.MULTILINE), step
    one, two = files(place / "spikes"), files(tmp_path / "run")
    assert one.keys() == two.keys()
    assert {k for k in one if one[k] != two[k]} <= {"ledger.json", "MANIFEST.sha256"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "more",
    [
        ("--neuron", "lif", "--route", "relay", "--r-max-hz", "60", "--calibrate", "closed_loop"),
        ("--no-unshare", "--spread", "0.2", "--fan-in", "1", "--calibrate", "none"),
        ("--baseline", "global_gain", "--gain", "1.5"),
    ],
)
def test_other_recipes(more: tuple[str, ...], place: Path, tmp_path: Path) -> None:
    """Oracle: the recipe that is written down; the run opens, as cells and as a circuit with its answers and factors."""
    assert call(converting(place, tmp_path / "run", *more))[0] == 0
    run = load_circuit(tmp_path / "run", "check")
    assert isinstance(run.job, ConvertJob)
    recipe = run.job.recipe
    circuit = converted(tmp_path / "run")
    if "lif" in more:
        assert (recipe.neuron, recipe.route, recipe.r_max_Hz, recipe.calibrate) == ("lif", "relay", 60.0, ("closed_loop",))
        assert set(circuit.answers) == {p.name for p in run.network.populations}
        assert circuit.answer("level0.prediction").bias_mV.shape == (2,)
    elif "--spread" in more:
        assert (recipe.unshare, recipe.spread, recipe.fan_in, recipe.calibrate) == (False, 0.2, 1, ())
        assert any(k.startswith("factor/") for k in circuit.arrays)
    else:
        assert (recipe.neuron, recipe.scaling, recipe.gain, recipe.copies) == ("lif_rheobase", "global", 1.5, 2)


def test_check_info_and_evaluate(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the constraints; the numbers of synapses of the network itself; keys of every run."""
    code, out, _ = call(["check", str(place / "spikes")], capsys)
    network = load_circuit(place / "spikes", "check").network
    numbers = dict(re.findall(r"^(\w+) +(\d+) violations$", out, re.MULTILINE))
    assert code == 1 and int(numbers["unshared_copies"]) == len(network.projections)
    assert {k for k, n in numbers.items() if int(n)} == {"unshared_copies", "local_plasticity"}
    code, out, _ = call(["info", str(place / "spikes")], capsys)
    assert code == 0 and graded_quantities(network) == () and "graded quantities between cells: none" in out
    for j in network.projections:
        n = len(network.edges(j).pre)
        assert re.search(rf"^{re.escape(j.name)} +{n} ", out, re.MULTILINE), j.name
    code, out, _ = call(["evaluate", str(place / "spikes"), "--frames", str(place / "clips.npz"), "--only", "held-out", "--json"], capsys)
    found = json.loads(out)["clips"]
    assert code == 0 and set(found) == {"a", "b"}
    for row in found.values():
        assert row["spikes_per_frame"] > 0 and row["multiply_adds_per_frame"] is None and 0 < row["mse_model"] < 1


def test_info_counts_synapses_in_pools(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the list of synapses: with a fan-in of 1 half of the pairs of two copies meet."""
    assert call(converting(place, tmp_path / "run", "--fan-in", "1", "--calibrate", "none"))[0] == 0
    _, out, _ = call(["info", str(tmp_path / "run")], capsys)
    network = load_circuit(tmp_path / "run", "info").network
    for j in network.projections:
        assert re.search(rf"^{re.escape(j.name)} +{len(network.edges(j).pre)} ", out, re.MULTILINE), j.name


def test_size(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the run that was made with as many copies."""
    code, out, _ = call(["size", str(place / "rate"), "--copies", COPIES], capsys)
    size = read_json(place / "spikes" / "summary.json")["manifest"]["size"]
    assert code == 0 and out.startswith("2 cells for each unit")
    assert f"{size['cells']} cells, {size['synapses']} synapses with {size['stored_weights']} stored weights" in out
    refused(call(["size", str(place / "rate")], capsys), "needs either nrmse or copies")
    refused(call(["size", str(place / "frames"), "--copies", "2"], capsys), "model.timing: is missing")


# ---- fidelity


def test_fidelity(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the comparison called by hand on the held-out frames, and the files that it leaves; a sweep adds points."""
    held = ["--frames", str(place / "clips.npz"), "--only", "held-out", "--n-frames", "7"]
    pair = [str(place / "rate"), str(place / "spikes")]
    code, out, _ = call(["fidelity", *pair, *held, "--out", str(tmp_path / "f"), "--copies", "1", "2"], capsys)
    assert code == 0
    rate = load_run(place / "rate")
    assert isinstance(rate, RateRun)
    movies = [m.part(0, 7) for m in rate.job.source.held_out(rate.clips, 999)]
    meant = fidelity(trace(rate.model), converted(place / "spikes"), movies)
    told = read_json(tmp_path / "f" / "fidelity.json")
    assert {r["population"]: r["nrmse"] for r in told["rows"]} == {r.population: r.nrmse for r in meant.rows}
    shown = [watch_forecast(rate.model, m)[0] for m in movies]
    missed = [(f[FIRST_SCORED:] - m.frames[FIRST_SCORED:]) ** 2 for f, m in zip(shown, movies, strict=True)]
    assert told["mse_model"] == pytest.approx(float(np.mean(missed)), rel=1e-6)
    assert f"frames: rate model as trained {told['mse_model']:.6f}, at the step of the cells {meant.mse_rates:.6f}" in out
    assert (told["mse_cells"], told["n_frames"]) == (meant.mse_cells, 2)
    for row in meant.rows:
        assert f"{row.population:<26}{row.nrmse:>8.3f}" in out
    assert [(p["copies"], p["r_max_Hz"]) for p in told["sweep"]] == [(1, 100.0), (2, 100.0)]
    assert told["sweep"][1]["error"] < told["sweep"][0]["error"] and told["sweep"][0]["expected"] > told["sweep"][1]["expected"]
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["fidelity.json", "scaling.png", "traces.png"]


def test_fidelity_refuses(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: one line, and no folder."""
    frames = ["--frames", str(place / "clips.npz"), "--out", str(tmp_path / "f")]
    for pair, words in (
        (("other", "spikes"), "was not made from the model in"),
        (("rate", "rate"), "is no converted run"),
        (("spikes", "spikes"), "is a run of a circuit of cells already"),
        (("rate", "nothing"), "nothing"),
    ):
        refused(call(["fidelity", *(str(place / name) for name in pair), *frames], capsys), words)
    good = ["fidelity", str(place / "rate"), str(place / "spikes"), *frames]
    for more in (["--n-frames", "0"], ["--n-frames", "-1"], ["--n-frames", "3"], ["--clips", "c"], ["--copies", "none"]):
        refused(call([*good, *more], capsys), "")
        assert not (tmp_path / "f").exists(), more
    code, _, err = call([*good, "--n-frames", "7", "--copies", "0"], capsys)
    assert code == 2 and "copies: Input should be greater than or equal to 1; got 0" in err and not (tmp_path / "f").exists()


# ---- adapt


def adapting(place: Path, out: Path, *more: str, run: Path | None = None) -> list[str]:
    return ["adapt", str(run or place / "spikes"), *source(place), "--passes", "1", "--no-figures", "--out", str(out), *more]


def test_a_converted_run_learns_on(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the weights: those onto the forecast have changed, all others are as they were; what is plastic is counted."""
    code, out, _ = call(adapting(place, tmp_path / "run"), capsys)
    assert code == 0
    verify(tmp_path / "run")
    run, before = load_circuit(tmp_path / "run", "check"), load_circuit(place / "spikes", "check")
    assert run.clips == before.clips and run.clips
    plastic = [j for j in run.network.projections if j.rule is not None]
    assert plastic and all(j.target.startswith("level0.prediction") and "representation" in j.source for j in plastic)
    assert f"{sum(len(run.network.edges(j).pre) for j in plastic)} plastic synapses" in out
    for j in run.network.projections:
        w, old = run.state.weights(j.name), before.state.weights(j.name)
        assert (w >= 0).all()
        if j in plastic:
            assert w.size == 4 * old.size and abs(w.sum() - 4 * old.sum()) > 1e-6
        elif run.network.population(j.target).pools is not None:
            assert w.tobytes() == old.tobytes(), j.name
    code, out, _ = call(["check", str(tmp_path / "run")], capsys)
    assert code == 1 and "local_plasticity" in out and not any(j.name in out.split("local_plasticity")[1] for j in plastic)
    assert call(["evaluate", str(tmp_path / "run"), "--frames", str(place / "clips.npz"), "--only", "held-out"], capsys)[0] == 0
    assert call(["info", str(tmp_path / "run")], capsys)[0] == 0


class Stop(Exception):
    """Stands for whatever ends a process."""


class Stopping(Reporter):
    """Stops after some stretches."""

    def step(self, done: int, total: int, note: str = "") -> None:
        if done > 1:
            raise Stop


def test_stopped_and_resumed_is_uninterrupted(place: Path, tmp_path: Path) -> None:
    """Oracle: byte equality with a run that was not stopped."""
    rate = load_run(place / "rate")
    digest = sha256(place / "spikes" / "weights.npz")
    job = AdaptJob(source=rate.job.source, converted=str(place / "spikes"), converted_digest=digest, plan=Plan(passes=2))
    with pytest.raises(Stop):
        run_job(job, tmp_path / "run", figures=False, report=Stopping(), checkpoint_s=0.0)
    run_job(job, tmp_path / "run", resume=True, figures=False)
    run_job(job, tmp_path / "straight", figures=False)
    assert files(tmp_path / "run") == files(tmp_path / "straight")


def test_adapt_refuses(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: one line, and nothing is left behind."""
    refused(call(adapting(place, tmp_path / "run", run=place / "rate"), capsys), "is no converted run")
    refused(call(adapting(place, tmp_path / "run", "--c", "0"), capsys), "c: Input should be greater than 0")
    refused(call(adapting(place, tmp_path / "run", "--eta-start", "-1"), capsys), "eta_start")
    assert list(tmp_path.iterdir()) == []
    assert call(converting(place, tmp_path / "shared", "--no-unshare", "--calibrate", "none"))[0] == 0
    refused(call(adapting(place, tmp_path / "run", run=tmp_path / "shared"), capsys), "has one kernel for all sites")
    assert [p.name for p in tmp_path.iterdir()] == ["shared"]
    job = AdaptJob(source=load_run(place / "rate").job.source, converted=str(place / "spikes"), converted_digest="0" * 64)
    with pytest.raises(ValueError, match="has changed since this run was begun"):
        run_job(job, tmp_path / "run", figures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["shared"]


# ---- refusals of convert

BAD = {
    "gates": ("drift-convlstm", [], "model.cells (convlstm): multiplies its memory with gates"),
    "subtractive gates": ("drift-sublstm", [], "model.cells (sublstm)"),
    "frame by frame": ("frames", [], "model.timing: is missing"),
    "cells already": ("spikes", [], "is a run of a circuit of cells already"),
    "no run": ("nothing", [], "nothing"),
    "no copies": ("rate", ["--copies", "0"], "copies: Input should be greater than or equal to 1"),
    "too many copies": ("rate", ["--copies", "5000"], "copies"),
    "rate out of range": ("rate", ["--r-max-hz", "5000"], "r_max_Hz: Input should be less than or equal to 500"),
    "no such route": ("rate", ["--route", "detour"], "detour"),
    "no such pass": ("rate", ["--calibrate", "twice"], "calibrate"),
    "pools that do not divide": ("rate", ["--copies", "4", "--fan-in", "3"], "fan_in must divide the 4 copies; got 3"),
    "few frames": ("rate", ["--calibration-frames", "4"], "is shorter than the memory of the circuit"),
    "frames that are gone": ("rate", ["--frames", "gone.npz"], "gone.npz"),
    "seed": ("rate", ["--seed", "-1"], "seed"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the promise: status 2, a line that names the place, nothing half-written."""
    run, more, words = BAD[name]
    refused(call(converting(place, tmp_path / "run", *more, run=run), capsys), words)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the bytes of the folder that was there; a changed file of the rate model's run is found."""
    shutil.copytree(place / "spikes", tmp_path / "mine")
    before = files(tmp_path)
    refused(call(converting(place, tmp_path / "mine"), capsys), "mine: exists already; choose another --out")
    assert files(tmp_path) == before
    shutil.copytree(place / "rate", tmp_path / "rate")
    weights = tmp_path / "rate" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    refused(call(converting(tmp_path, tmp_path / "run"), capsys), "weights.safetensors")
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.partial").exists()
