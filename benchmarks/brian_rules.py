"""Brian2 C++ standalone builds one rule on the workload of `rule_workload`, runs it once, and keeps the weights it leaves.

Usage: brian_rules.py (static|RULE) (groups|documented) (float64|float32) SIDE FRAMES FOLDER

``groups`` keeps the traces in neuron groups, so that a synapse stores its weight only: the fastest form in Brian2. ``documented`` keeps
them per synapse and event-driven, as Brian2's documentation shows. Eligibilities are event-driven in both. The binary in FOLDER can be
run again; weights are in ``weights.npy`` there, in the order of `Network.edges`.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
import rule_workload as workload
import standalone

from plasticity.catalogue import CATALOGUE
from snn.description import Network
from snn.local import Rule
from snn.state import initial_state


@dataclass(frozen=True)
class Words:
    """A rule in Brian2's words; what it says of the weight is clipped.

    Attributes
    ----------
    pre, post : dict of str to str
        Traces of either side and their time constants.
    at_pre, at_post : str
        New value at an arrival and at a spike of the target, of ``changes``.
    changes : str
        The weight, or an eligibility that decays with ``tau_c_ms``.
    at_frame : str
        New weight at the end of a frame.
    """

    pre: dict[str, str]
    post: dict[str, str]
    at_pre: str
    at_post: str
    changes: str = "w"
    at_frame: str = ""
    more: dict[str, float] = field(default_factory=dict)


PAIR = {"x": "tau_plus_ms"}, {"y": "tau_minus_ms"}
VOGELS = CATALOGUE[workload.VogelsSTDP].rule.model_dump()
# Event-driven variables are not brought up to date at the end of a frame: their decay since the last spike is written out.
LEFT = "c*exp(-(t - step - lastupdate)/tau_c_ms)"
WORDS = {
    "PairSTDP": Words(*PAIR, "w - a_minus_mV*y", "w + a_plus_mV*x"),
    "TripletSTDP": Words(
        {"r1": "tau_plus_ms", "r2": "tau_x_ms"}, {"o1": "tau_minus_ms", "o2": "tau_y_ms"},
        "w - o1*(a2_minus_mV + a3_minus_mV*r2)", "w + r1*(a2_plus_mV + a3_plus_mV*o2)",
    ),
    "VogelsSTDP": Words(
        {"x": "tau_ms"}, {"y": "tau_ms"}, "w + eta_mV*(y - alpha)", "w + eta_mV*x",
        more={"alpha": 2.0 * VOGELS["target_Hz"] * VOGELS["tau_ms"] / 1000.0},
    ),
    "WeightDependentSTDP": Words(*PAIR, "w - eta_mV*alpha*w/scale_mV*y", "w + eta_mV*(1 - clip(w/scale_mV, 0, 1))*x"),
    "RewardModulatedSTDP": Words(
        *PAIR, "c - a_minus_mV*y", "c + a_plus_mV*x", changes="c", at_frame=f"w + reward*{LEFT}", more={"reward": 1.0},
    ),
}  # fmt: skip


def constants(name: str, rule: Rule, described: Network) -> dict[str, Any]:
    """Numbers of the rule and of the cell, with units where they are times."""
    mem, syn = workload.membrane(described)
    given = {**rule.model_dump(exclude={"kind"}), "tau_m_ms": mem, "tau_s_ms": syn}
    found = {k: v * b2.ms if k.endswith("_ms") else v for k, v in given.items()}
    return {**found, **WORDS[name].more, "w_max": workload.W_MAX_mV, "step": 1 * b2.ms}


def put(value: str, target: str) -> str:
    """An assignment; weights have bounds."""
    return f"w = clip({value}, 0, w_max)" if target == "w" else f"{target} = {value}"


def suffixed(text: str, words: Words) -> str:
    """The text with traces that belong to the groups."""
    for side, traces in (("pre", words.pre), ("post", words.post)):
        for x in traces:
            text = re.sub(rf"\b{x}\b", f"{x}_{side}", text)
    return text


def main(name: str, form: str, precision: str, side: str, frames: str, folder: str) -> None:
    standalone.begin(precision)
    learns = name != "static"
    rule_name = name if learns else "PairSTDP"
    rule = CATALOGUE[next(k for k in workload.PEERS if k.__name__ == rule_name)].rule
    described = workload.network(rule, int(side), learns=learns)
    given, names, words = workload.rasters(described, int(frames)), constants(rule_name, rule, described), WORDS[rule_name]
    j = described.projections[0]
    e, n_out = described.edges(j), described.population("out").n
    when, who = np.nonzero(given["in"])
    source = b2.SpikeGeneratorGroup(described.population("in").n, who, when * b2.ms, sorted=True, name="a")
    when, who = np.nonzero(given["push"])
    teacher = b2.SpikeGeneratorGroup(n_out, who, when * b2.ms, sorted=True, name="push")
    equations, reset = "dv/dt = (g - v)/tau_m_ms : 1\ndg/dt = -g/tau_s_ms : 1\n", "v = 0"
    sender, objects, model, on_pre, on_post = source, [source, teacher], "w : 1\n", "g_post += w", None
    if learns:
        if words.changes != "w":
            model += f"d{words.changes}/dt = -{words.changes}/tau_c_ms : 1 (event-driven)\n"
        at_pre, at_post = put(words.at_pre, words.changes), put(words.at_post, words.changes)
        if form == "groups":
            equations += "".join(f"d{y}/dt = -{y}/{tau} : 1\n" for y, tau in words.post.items())
            reset += "".join(f"; {y} += 1" for y in words.post)
            # An arrival counts for a spike of the target in the same step, and not for what it does itself.
            seen = tuple(x for x in words.pre if re.search(rf"\b{x}\b", words.at_post))
            sender, more = standalone.carrying(source, words.pre, seen, names)
            objects += more
            on_pre, on_post = f"g_post += w; {suffixed(at_pre, words)}", suffixed(at_post, words)
        else:
            model += "".join(f"d{x}/dt = -{x}/{tau} : 1 (event-driven)\n" for x, tau in (words.pre | words.post).items())
            on_pre = "; ".join(("g_post += w", at_pre, *(f"{x} += 1" for x in words.pre)))
            on_post = "; ".join((at_post, *(f"{y} += 1" for y in words.post)))
    threshold = f"v >= {workload.NEVER_mV}"
    target = b2.NeuronGroup(n_out, equations, threshold=threshold, reset=reset, method="exact", name="b", namespace=names)
    forward = b2.Synapses(sender, target, model, on_pre=on_pre, on_post=on_post, method="exact", name="forward", namespace=names)
    forward.connect(i=e.pre, j=e.post)
    forward.w = initial_state(described, dt_ms=1.0, seed=1).weights(j.name).ravel()[e.weight]
    if on_post:
        forward.pre.order, forward.post.order = 0, 1
    if learns and words.at_frame:
        # It runs before the first step of the next frame, when that step's decay has not been: a frame more than ours at the beginning,
        # where nothing is eligible, and one less at the end.
        forward.run_regularly(put(words.at_frame, "w"), dt=workload.FRAME_ms * b2.ms, when="start")
    push = b2.Synapses(teacher, target, on_pre=f"v_post += {workload.PUSH_mV}", name="pushes")
    push.connect(j="i")
    monitor = b2.SpikeMonitor(target, record=False, name="spikes")
    objects += [target, forward, push, monitor]
    # One step more than ours: what happens at the end of the last frame happens at its beginning.
    standalone.run_of(objects, int(frames) * workload.FRAME_ms + 1)
    b2.device.build(directory=folder, compile=True, run=False, clean=False)
    b2.device.run(folder, with_output=False, run_args=[])
    np.save(Path(folder) / "weights.npy", np.asarray(forward.w[:]))
    (Path(folder) / "spikes.txt").write_text(str(int(monitor.num_spikes)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
