"""The recurrent rate network: its equations, its form as a circuit, its training, and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from conversion.activity import filtered
from conversion.rate_rnn import RateRNN, RateRNNSpec, load_rnn, refined, save_rnn
from conversion.task_training import Check, TaskPlan, TaskTrainer, respond, untrained
from conversion.tasks import ContextIntegration, GoNoGo, Trials, Xor, score
from conversion.trace_rnn import decode, perform, trace_rnn
from snn.errors import BlowUpError, ConversionError, StateError

Numbers = NDArray[np.float64]
SHORT = GoNoGo(trial_ms=300.0, onset_ms=50.0, stimulus_ms=50.0)


def model(n: int = 30, seed: int = 1, **more: Any) -> RateRNN:
    """A network in double precision, with biases, whose activity neither dies nor explodes."""
    found = RateRNN(RateRNNSpec(**{"n_inputs": 2, "n_outputs": 2, "n_units": n, **more}), seed).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        found.recurrent.mul_(0.8)
        found.bias.copy_(0.2 * torch.randn(n, generator=generator))
    return found


def inputs(n_trials: int = 3, n_steps: int = 40, n: int = 2, seed: int = 0) -> Numbers:
    """Smooth signals in [0, 1]: sums of two slow sines."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_steps)[:, None, None] / 40.0
    waves = sum(np.sin(2 * np.pi * (rng.uniform(0.5, 2.0, (n_trials, n)) * t + rng.random((n_trials, n)))) for _ in range(2))
    return np.asarray(0.5 + 0.25 * waves).transpose(1, 0, 2)


def plain(m: RateRNN, u: Numbers) -> tuple[Numbers, Numbers]:
    """One trial of the network, (n_steps, n_inputs), written out anew in NumPy."""
    spec = m.spec
    w, w_in, b, w_out = (p.detach().numpy() for p in (m.recurrent, m.input, m.bias, m.readout))
    later = np.exp(-(spec.step_ms / 2 - spec.hop_ms) / spec.tau_syn_ms)
    keep = np.exp(-spec.step_ms / spec.tau_syn_ms)
    s, r, s_u = np.zeros(len(b)), np.zeros(len(b)), np.zeros(u.shape[1])
    rates, outputs = [], []
    for now in u:
        told = w_in @ (later * s_u + (1 - later) * now) + b
        for _ in range(2 if later < 1 else 1):
            r = np.maximum(w @ (later * s + (1 - later) * r) + told, 0.0)
        s, s_u = keep * s + (1 - keep) * r, keep * s_u + (1 - keep) * now
        rates.append(r)
        outputs.append(w_out @ s)
    return np.array(rates), np.array(outputs)


def ran(m: RateRNN, u: Numbers) -> tuple[Numbers, Numbers]:
    with torch.no_grad():
        found = m(torch.from_numpy(u))
    return found.activity.numpy(), found.output.numpy()


def nrmse(found: Numbers, expected: Numbers) -> float:
    return float(np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()))


def as_trials(u: Numbers, step_ms: float = 5.0) -> Trials:
    nothing = np.zeros((*u.shape[:2], 2))
    return Trials(u, nothing, np.ones(u.shape[:2], dtype=bool), np.zeros(len(u), dtype=np.int64), step_ms)


# ---- equations


@pytest.mark.parametrize("step_ms", [1.0, 5.0])
def test_the_network_is_the_equations_written_out(step_ms: float) -> None:
    m, u = model(step_ms=step_ms), inputs()
    activity, output = ran(m, u)
    for k, trial in enumerate(u):
        expected = plain(m, trial)
        np.testing.assert_allclose(activity[k], expected[0], atol=1e-12)
        np.testing.assert_allclose(output[k], expected[1], atol=1e-12)
    assert 0.2 < (activity > 0).mean() < 0.9


def test_without_a_hop_it_follows_the_differential_equation() -> None:
    """Oracle: ``tau dx/dt = -x + W r + W_in u`` solved by scipy, with ``u`` constant within steps; error falls as the step squared."""
    m = model(n=12, hop_ms=0.0)
    u = inputs(1, 30)
    w, w_in, b = (p.detach().numpy() for p in (m.recurrent, m.input, m.bias))
    tau = m.spec.tau_syn_ms
    state, ends = np.zeros(12), []
    for now in u[0]:
        # x less its bias is what has passed the synapses.
        def change(_: float, x: Numbers, now: Numbers = now) -> Numbers:
            return np.asarray((-x + w @ np.maximum(x + b, 0.0) + w_in @ now) / tau)

        state = solve_ivp(change, (0.0, 5.0), state, rtol=1e-9, atol=1e-11).y[:, -1]
        ends.append(np.maximum(state + b, 0.0))
    errors = []
    for n in (1, 2, 4):
        finer = refined(m, 5.0 / n)
        activity, _ = ran(finer, np.repeat(u, n, axis=1))
        s, _ = filtered(activity[0], np.zeros(12), tau, 5.0 / n)
        s_u, _ = filtered(np.repeat(u[0], n, axis=0), np.zeros(2), tau, 5.0 / n)
        errors.append(nrmse(np.maximum(s @ w.T + s_u @ w_in.T + b, 0.0)[n - 1 :: n], np.array(ends)))
    assert errors[0] < 0.01
    assert errors[1] < 0.35 * errors[0] and errors[2] < 0.35 * errors[1]


def test_noise_is_a_further_current() -> None:
    """Oracle: a constant current is a bias."""
    m, u = model(), inputs()
    other = refined(m, 5.0)
    with torch.no_grad():
        other.bias += 0.3
        found = m(torch.from_numpy(u), torch.full((u.shape[1], len(u), 30), 0.3, dtype=torch.float64)).activity
    np.testing.assert_allclose(found.numpy(), ran(other, u)[0], atol=1e-12)


# ---- circuit


def test_at_a_step_of_1_ms_the_circuit_is_the_network() -> None:
    """Oracle: the network, to round-off."""
    m, u = model(step_ms=1.0), inputs(2, 60)
    outputs, activity = perform(trace_rnn(m), m, as_trials(u, 1.0))
    expected = ran(m, u)
    np.testing.assert_allclose(activity, expected[0], atol=1e-9)
    np.testing.assert_allclose(outputs, expected[1], atol=1e-9)


def test_at_a_step_of_5_ms_the_circuit_is_the_network_nearly() -> None:
    """Oracle: the network; and the same at 1 ms, exactly."""
    m, u = model(), inputs(2, 60)
    outputs, activity = perform(trace_rnn(m), m, as_trials(u))
    expected = ran(m, u)
    assert nrmse(activity, expected[0]) < 0.01 and nrmse(outputs, expected[1]) < 0.01
    fine = ran(refined(m, 1.0), np.repeat(u, 5, axis=1))[0].reshape(2, 60, 5, 30).mean(axis=2)
    np.testing.assert_allclose(activity, fine, atol=1e-9)


def test_the_circuit_has_two_populations_and_signed_weights() -> None:
    m = model(n_inputs=3)
    circuit = trace_rnn(m)
    shapes = {p.name: (p.shape, p.sign, p.drive, p.biased) for p in circuit.network.populations}
    assert shapes == {"input": ((1, 3, 1), "mixed", "luminance", False), "recurrent": ((1, 1, 30), "mixed", None, True)}
    assert circuit.network.frame_ms == 5.0 and circuit.network.frame_size == (1, 3)
    # 100 Hz stand for an activity of 1: 2 spikes in 20 ms, each half of the weight.
    (name,) = (j.name for j in circuit.network.projections if j.source == "recurrent")
    np.testing.assert_allclose(circuit.weights(name), 0.5 * m.recurrent.detach().numpy().T)
    with pytest.raises(ConversionError, match=r"model\.spec\.step_ms: is no whole number of steps; got 2\.5"):
        trace_rnn(refined(m, 2.5))


def test_decoding_is_the_networks_own_read_out() -> None:
    m, u = model(), inputs()
    activity, output = ran(m, u)
    for one, expected in zip(activity, output, strict=True):
        np.testing.assert_allclose(decode(m, one), expected, atol=1e-12)


# ---- refusals


def test_what_does_not_fit_is_refused() -> None:
    m = model()
    with pytest.raises(ConversionError, match=r"inputs: do not fit the network; got \(3, 40, 3\); allowed: \(n_trials, n_steps, 2\)"):
        m(torch.zeros(3, 40, 3))
    for step_ms in (3.0, 10.0, 0.0):
        with pytest.raises(ConversionError, match=r"step_ms: must divide the step of the model"):
            refined(m, step_ms)
    with pytest.raises(ValueError, match=r"hop_ms must be half of step_ms or less; got 0\.6 and 1\.0"):
        RateRNNSpec(n_inputs=1, n_outputs=1, step_ms=1.0, hop_ms=0.6)
    for field, wrong in (("n_inputs", 2), ("n_outputs", 3), ("step_ms", 1.0)):
        spec = RateRNNSpec(**{"n_inputs": 1, "n_outputs": 1, field: wrong})
        with pytest.raises(ConversionError, match=rf"model\.spec\.{field}: does not fit the task 'go_nogo'"):
            TaskTrainer(RateRNN(spec), GoNoGo(), TaskPlan(), 0)


# ---- files


def test_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    m = model().float()
    save_rnn(tmp_path / "net", m, {"task": "xor"})
    found, about = load_rnn(tmp_path / "net")
    assert found.spec == m.spec and about == {"task": "xor"}
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), m.parameters(), strict=True))
    before = (tmp_path / "net").read_bytes()
    save_rnn(tmp_path / "net", found, about)
    assert (tmp_path / "net").read_bytes() == before


def test_other_files_are_refused(tmp_path: Path) -> None:
    t = TaskTrainer(untrained(SHORT, n_units=4), SHORT, TaskPlan(), 0)
    t.save(tmp_path / "training")
    save_rnn(tmp_path / "net", t.model)
    with pytest.raises(StateError, match="training: holds no recurrent rate network; got 'task_training'; allowed: rate_rnn"):
        load_rnn(tmp_path / "training")
    with pytest.raises(StateError, match="net: is no checkpoint of a training on a task; got 'rate_rnn'"):
        t.load(tmp_path / "net")
    others = {
        "spec": TaskTrainer(untrained(SHORT, n_units=5), SHORT, TaskPlan(), 0),
        "task": TaskTrainer(untrained(SHORT, n_units=4), GoNoGo(), TaskPlan(), 0),
        "plan": TaskTrainer(untrained(SHORT, n_units=4), SHORT, TaskPlan(lr=1.0), 0),
        "seed": TaskTrainer(untrained(SHORT, n_units=4), SHORT, TaskPlan(), 1),
    }
    for name, other in others.items():
        with pytest.raises(StateError, match=f"is of another {name}"):
            other.load(tmp_path / "training")


# ---- training


def everything(t: TaskTrainer) -> dict[str, Tensor]:
    found = {name: p.detach().clone() for name, p in t.model.named_parameters()}
    for name, p in t.model.named_parameters():
        found |= {f"{name}/{key}": torch.as_tensor(value).clone() for key, value in t.optimizer.state[p].items()}
    return found


def test_training_goes_on_byte_for_byte(tmp_path: Path) -> None:
    """Oracle: a training that was never interrupted."""
    plan = TaskPlan(updates=8, batch=4, check_every=3, held_out=10)

    def fresh() -> TaskTrainer:
        return TaskTrainer(untrained(SHORT, n_units=20), SHORT, plan, 3)

    whole = fresh()
    whole.train()

    class Stop(Exception):
        pass

    half = fresh()

    def stop() -> None:
        if len(half.losses) == 5:
            raise Stop

    with pytest.raises(Stop):
        half.train(stop)
    half.save(tmp_path / "half")
    again = fresh()
    again.load(tmp_path / "half")
    again.train()
    assert again.losses == whole.losses and again.checks == whole.checks
    assert [c.update for c in whole.checks] == [3, 6] and len(whole.losses) == 8
    a, b = everything(whole), everything(again)
    assert a.keys() == b.keys()
    assert all(a[name].numpy().tobytes() == b[name].numpy().tobytes() for name in a)
    again.save(tmp_path / "one")
    whole.save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_small_network_learns_go_nogo_and_its_circuit_does_it_too() -> None:
    """Oracle: trials never seen; for the circuit, the network's own outputs."""
    t = TaskTrainer(untrained(SHORT, n_units=60), SHORT, TaskPlan(updates=200, check_every=10, held_out=50), 1)
    unseen = SHORT.trials(60, seed=77)
    assert score(respond(t.model, unseen), unseen, "mean") < 0.8
    t.train()
    assert t.succeeded and len(t.losses) < 200
    outputs = respond(t.model, unseen)
    assert score(outputs, unseen, "peak") == score(outputs, unseen, "mean") == 1.0
    few = SHORT.trials(8, seed=78)
    assert set(few.answers) == {0, 1}
    found, _ = perform(trace_rnn(t.model), t.model, few)
    assert score(found, few) == 1.0 and nrmse(found, respond(t.model, few)) < 0.02


def test_it_stops_only_after_enough_good_looks_in_a_row() -> None:
    t = TaskTrainer(untrained(SHORT, n_units=4), SHORT, TaskPlan(accuracy=0.9, in_a_row=2), 0)
    seen = []
    for n, (peak, mean) in enumerate([(1.0, 0.9), (0.9, 0.8), (0.9, 0.9), (0.8, 1.0), (0.95, 0.95), (1.0, 0.9)]):
        t.checks.append(Check(n, 0.1, peak, mean))
        seen.append(t.succeeded)
    assert seen == [False, False, False, False, False, True]
    before = len(t.checks)
    assert len(t.train()) == before and t.losses == []


def test_an_explosion_is_reported_and_changes_nothing() -> None:
    t = TaskTrainer(untrained(SHORT, n_units=4), SHORT, TaskPlan(), 0)
    with torch.no_grad():
        t.model.recurrent.fill_(1e30)
        t.model.input.abs_()
    before = t.model.readout.detach().clone()
    with pytest.raises(BlowUpError, match="not a number in update 1 of 800"):
        t.train()
    assert torch.equal(t.model.readout, before) and t.losses == []


def test_denormals_are_back_after_training() -> None:
    TaskTrainer(untrained(SHORT, n_units=4), SHORT, TaskPlan(updates=1, batch=2, held_out=2), 0).train()
    assert float(torch.tensor(1e-40) * 1.0) > 0


def test_input_weights_begin_in_the_units_of_the_task() -> None:
    """Oracle: the same draws for a task whose channels are full at 1."""
    task = ContextIntegration()
    a, b = untrained(task, 3, n_units=20), RateRNN(RateRNNSpec(n_inputs=6, n_outputs=1, n_units=20), 3)
    np.testing.assert_allclose(a.input.detach().numpy(), b.input.detach().numpy() * np.array([4.0] * 4 + [1.0] * 2), rtol=1e-6)
    assert torch.equal(a.recurrent, b.recurrent)
    spread = RateRNN(RateRNNSpec(n_inputs=1, n_outputs=1), 0).recurrent.detach().numpy().std() * np.sqrt(250)
    assert abs(spread - 1.5) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("task", [GoNoGo(), Xor(), ContextIntegration()])
def test_the_tasks_are_learned_and_the_circuits_agree(task: GoNoGo | Xor | ContextIntegration) -> None:
    """Oracle: trials never seen; the network's own activity behind a synapse, to 2 %."""
    t = TaskTrainer(untrained(task, 0), task, TaskPlan(), 0)
    t.train()
    assert t.succeeded
    unseen = task.trials(100, seed=1234)
    assert score(respond(t.model, unseen), unseen) >= 0.95
    few = task.trials(6, seed=5)
    outputs, activity = perform(trace_rnn(t.model), t.model, few)
    with torch.no_grad():
        mine = t.model.double()(torch.from_numpy(few.inputs))
    passed = [[filtered(one, np.zeros(250), 20.0, 5.0)[0] for one in x] for x in (activity, mine.activity.numpy())]
    assert nrmse(np.array(passed[0]), np.array(passed[1])) <= 0.02
    assert score(outputs, few) == score(mine.output.numpy(), few)
