"""The command that imports PredNets: what it prints, what it leaves behind, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cyclopts import App

from comparisons.cli_import import COMMANDS
from conversion.model_files import load_model
from snn.errors import StateError


@pytest.fixture
def app() -> App:
    app = App(name="spiking-prednet")
    for command in COMMANDS:
        app.command(command)
    return app


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A PredNet of two levels with one dictionary of convolutions, whose gates differ in their biases."""
    sizes = {"ahat.0": (3, 3), "ahat.1": (4, 4), "a.0": (4, 6)}
    sizes |= {f"{gate}.{level}": (n_r, n_in) for gate in "ifco" for level, n_r, n_in in ((0, 3, 13), (1, 4, 12))}
    state = {f"conv_layers.{name}.weight": torch.full((*size, 3, 3), 0.01) for name, size in sizes.items()}
    state |= {f"conv_layers.{name}.bias": torch.full(size[:1], float(n)) for n, (name, size) in enumerate(sizes.items())}
    torch.save(state, tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def run(app: App, *arguments: str) -> None:
    app(list(arguments), result_action="return_value", exit_on_error=False, print_error=False)


def test_a_model_is_imported_and_saved(app: App, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: one line with the numbers counted by hand; the file holds that model and where it came from."""
    out = weights.with_name("model.safetensors")
    run(app, "import-rate", str(weights), "--out", str(out), "--rows", "8", "--cols", "12", "--layout", "torch-conv-layers")
    numbers = 9 * (4 * 3 * 13 + 4 * 4 * 12 + 3 * 3 + 4 * 4 + 4 * 6) + 4 * 3 + 4 * 4 + 3 + 4 + 4
    assert capsys.readouterr().out == f"{out}: 2 levels, channels 3,4, {numbers} parameters\n"
    model, about = load_model(out)
    assert (model.spec.rows, model.spec.cols, about) == (8, 12, {"imported_from": "weights.pt"})
    assert dict(model.named_parameters())["cells.0.conv.bias"].tolist() == [3.0] * 3 + [5.0] * 3 + [7.0] * 3 + [9.0] * 3
    run(app, "import-rate", str(out), "--out", str(weights.with_name("again.safetensors")))
    assert load_model(weights.with_name("again.safetensors"))[0].spec == model.spec


def test_an_existing_file_is_not_overwritten(app: App, weights: Path) -> None:
    """Oracle: the sentence; the file as it was, byte for byte."""
    out = weights.with_name("model.safetensors")
    out.write_bytes(b"mine")
    with pytest.raises(StateError, match=r"model.safetensors: exists already; choose another name"):
        run(app, "import-rate", str(weights), "--out", str(out))
    assert out.read_bytes() == b"mine"


def test_what_is_refused_leaves_nothing_behind(app: App, weights: Path) -> None:
    """Oracle: the folder."""
    for arguments in (["--rows", "7"], ["--layout", "torch-gates"]):
        with pytest.raises(StateError):
            run(app, "import-rate", str(weights), "--out", str(weights.with_name("model.safetensors")), *arguments)
    assert [p.name for p in weights.parent.iterdir()] == ["weights.pt"]


def test_the_command_line_starts_without_torch() -> None:
    """Oracle: the modules loaded by a fresh interpreter."""
    probe = "import sys, comparisons.cli_import; print([m for m in ('torch', 'h5py', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
