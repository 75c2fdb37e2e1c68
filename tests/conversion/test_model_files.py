"""Rate models in files: what was written is read, and what cannot be read or written is said in a sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from conversion.model_files import load_model, load_tensors, save_model, save_tensors
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from snn.errors import StateError

SPECS: dict[str, dict[str, Any]] = {
    "convlstm": {"pooling": "average", "loss": "L_all", "pixel_max": 0.9},
    "sublstm": {"cell": "sublstm", "fixed_forget": True, "error_norm": "rms", "kernel": 5},
    "leaky": {"cell": "leaky", "dale": True, "tau_frames": (0.0, 2.5), "loss": "direct", "shared": False},
}
ABOUT = {"source": "a test", "updates": 12, "scores": {"ratio": 0.75, "notes": ["ä", "b\n"]}}


def made(kind: str = "convlstm", seed: int = 1, **more: Any) -> RatePredNet:
    sizes: dict[str, Any] = {"rows": 4, "cols": 8, "channels": (1, 3), "r_channels": (2, 4)}
    model = RatePredNet(RatePredNetSpec(**{**sizes, **SPECS[kind], **more}), seed)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(seed))
    return model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("kind", SPECS)
def test_what_was_written_is_read(path: Path, kind: str) -> None:
    """Oracle: the model that was written: its description, every parameter bit for bit, where it comes from, its forecast."""
    model = made(kind)
    save_model(path, model, ABOUT)
    found, about = load_model(path)
    assert found.spec == model.spec and about == ABOUT
    written, read = dict(model.named_parameters()), dict(found.named_parameters())
    assert set(written) == set(read)
    assert all(read[name].dtype == torch.float32 and torch.equal(read[name], p) for name, p in written.items())
    clips = torch.rand(1, 3, 1, 4, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(found(clips).forecast, model(clips).forecast)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_half_precision(path: Path) -> None:
    """Oracle: the weights rounded to 16 bits by NumPy; half of the bytes; read in single precision."""
    model, whole = made(), path.with_name("whole.safetensors")
    save_model(whole, model)
    save_model(path, model, half=True)
    with safe_open(str(path), framework="np") as file:
        for name, p in model.named_parameters():
            assert (file.get_tensor(name) == p.detach().numpy().astype("float16")).all(), name
    numbers = sum(p.numel() for p in model.parameters())
    assert whole.stat().st_size - path.stat().st_size == pytest.approx(2 * numbers, abs=64)
    found, about = load_model(path)
    assert about == {}
    for name, p in found.named_parameters():
        assert p.dtype == torch.float32
        assert torch.equal(p, dict(model.named_parameters())[name].half().float()), name


def test_a_model_in_double_precision_is_read_in_single(path: Path) -> None:
    """Oracle: the weights rounded."""
    model = made().double()
    with torch.no_grad():
        for p in model.parameters():
            p += 1e-12
    save_model(path, model)
    for name, p in load_model(path)[0].named_parameters():
        assert p.dtype == torch.float32 and torch.equal(p, dict(model.named_parameters())[name].float()), name


# ---- damaged files


def test_a_missing_file_is_named(path: Path) -> None:
    """Oracle: the sentence; a folder is no file either."""
    with pytest.raises(StateError, match=r"model.safetensors: there is no such file; check the path"):
        load_model(path)
    with pytest.raises(StateError, match=r"there is no such file"):
        load_tensors(path.parent)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.9999])
def test_a_file_cut_short_is_refused(path: Path, share: float) -> None:
    """Oracle: the sentence, in one line, wherever the cut is."""
    save_model(path, made())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(
        StateError, match=r"model.safetensors: is not a complete safetensors file \(.+\); it was cut short or damaged"
    ) as error:
        load_model(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"not a model\n" * 50, b"\x93NUMPY" + bytes(200), b"\xff" * 300, b"PK\x03\x04" + bytes(100)])
def test_another_kind_of_file_is_refused(path: Path, content: bytes) -> None:
    """Oracle: the sentence."""
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"model.safetensors: is not a complete safetensors file"):
        load_model(path)


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    """Oracle: the sentence says what the file says it is."""
    save_tensors(path, {"x": torch.zeros(2)}, {"format": "training"})
    with pytest.raises(StateError, match=r"model.safetensors: holds no rate PredNet; got 'training'; .*import-rate"):
        load_model(path)
    save_tensors(path, {"x": torch.zeros(2)}, {})
    with pytest.raises(StateError, match=r"holds no rate PredNet; got 'no format'"):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 5}, "rows and cols must be multiples of 2"),
        ({"warp": 1}, "warp"),
        ({"cell": "gru"}, "cell"),
        (None, "spec"),
    ],
)
def test_a_description_that_cannot_be_read_is_told(path: Path, change: dict[str, Any] | None, words: str) -> None:
    """Oracle: the sentence names what is wrong with the description."""
    model = made()
    spec = {} if change is None else {"spec": {**model.spec.model_dump(mode="json"), **change}}
    save_tensors(path, dict(model.named_parameters()), {"format": "rate_prednet", "about": {}, **spec})
    wrong = rf"model.safetensors: has a description that cannot be read \(.*{words}.*\); it was made by another version"
    with pytest.raises(StateError, match=wrong):
        load_model(path)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"r_channels": (3, 4)}, r"cells.0.conv.weight: does not fit the model; got \(12, 9, 3, 3\); allowed: \(8, 8, 3, 3\)"),
        ({"shared": False}, r"cells.0.conv.weight: does not fit the model; got \(32, 8, 8, 3, 3\)"),
        ({"loss": "direct"}, r"read.bias: does not fit the model: it has no such parameter"),
        ({"channels": (1,), "r_channels": (2,)}, r"\S+: does not fit the model"),
    ],
)
def test_weights_of_another_architecture_are_refused(path: Path, other: dict[str, Any], words: str) -> None:
    """Oracle: the sentence names the file and the tensor, what it is and what it should be."""
    header = {"format": "rate_prednet", "spec": made().spec.model_dump(mode="json"), "about": {}}
    save_tensors(path, dict(made(**other).named_parameters()), header)
    with pytest.raises(StateError, match=rf"model.safetensors {words}"):
        load_model(path)


def test_a_missing_tensor_is_named(path: Path) -> None:
    """Oracle: the sentence names the tensor that was left out."""
    model = made()
    kept = {name: p for name, p in model.named_parameters() if name != "ascend.0.bias"}
    save_tensors(path, kept, {"format": "rate_prednet", "spec": model.spec.model_dump(mode="json"), "about": {}})
    with pytest.raises(StateError, match=r"model.safetensors ascend.0.bias: does not fit the model; got 'nothing'; allowed: \(3,\)"):
        load_model(path)


# ---- places that cannot be written


@pytest.mark.parametrize("older", [True, False])
def test_a_full_disk_leaves_no_half_file(path: Path, older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the older file, byte for byte, and nothing beside it."""
    if older:
        save_model(path, made(seed=1))
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    def full(descriptor: int) -> None:
        os.ftruncate(descriptor, 100)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("snn.files.os.fsync", full)
    with pytest.raises(StateError, match=r"model.safetensors: cannot be written \(No space left on device\); choose a folder"):
        save_model(path, made(seed=2))
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_a_folder_that_is_not_there_is_told(path: Path) -> None:
    """Oracle: the sentence."""
    with pytest.raises(StateError, match=r"cannot be written \(No such file or directory\)"):
        save_model(path.parent / "nowhere" / path.name, made())


def test_what_is_written_last_stands(path: Path) -> None:
    """Oracle: the second model; the name never stands for both."""
    save_model(path, made(seed=1))
    save_model(path, made(seed=2), {"turn": 2})
    found, about = load_model(path)
    assert about == {"turn": 2}
    assert torch.equal(found.predict[0].weight, made(seed=2).predict[0].weight)
