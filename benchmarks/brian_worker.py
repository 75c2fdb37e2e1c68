"""Brian2 C++ standalone on the common workload, in a process of its own; prints one line of JSON.

Usage: brian_worker.py (static|stdp|stdp_documented) (float64|float32) REPEATS FOLDER [file for the spikes of B]

``stdp`` keeps the traces in neuron groups, so that a synapse stores its weight only: the fastest form in Brian2.
``stdp_documented`` keeps them per synapse and event-driven, as Brian2's documentation shows.
The step of both engines is the same: a spike moves its targets one step later, which in Brian2 is a delay of zero.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import brian2 as b2
import numpy as np
import standalone
import workload
from measure import median


def main(mode: str, precision: str, repeats: str, folder: str, spikes: str = "") -> None:
    cpu0, wall0 = time.process_time(), time.perf_counter()
    standalone.begin(precision)
    net = workload.network()
    when, who = np.nonzero(workload.raster(net))
    n_a, n_b = net.population("A").n, net.population("B").n
    rule = workload.RULE
    names = {
        "tau_m": workload.TAU_MEM * b2.ms,
        "tau_s": workload.TAU_SYN * b2.ms,
        "tau_plus": rule.tau_plus_ms * b2.ms,
        "tau_minus": rule.tau_minus_ms * b2.ms,
        "a_plus": rule.a_plus_mV,
        "a_minus": rule.a_minus_mV,
        "w_max": workload.W_MAX,
    }
    source = b2.SpikeGeneratorGroup(n_a, who, when * b2.ms, sorted=True, name="a")
    equations = "dv/dt = (g - v)/tau_m : 1\ndg/dt = -g/tau_s : 1\n"
    reset = "v = 0"
    objects = [source]
    sender, model, on_pre, on_post = source, "w : 1", "g_post += w", None
    if mode == "stdp":
        equations += "dy/dt = -y/tau_minus : 1\n"
        reset += "; y += 1"
        sender, more = standalone.carrying(source, {"x": "tau_plus"}, ("x",), names)
        on_pre = "g_post += w; w = clip(w - a_minus*y_post, 0, w_max)"
        on_post = "w = clip(w + a_plus*x_pre, 0, w_max)"
        objects += more
    elif mode == "stdp_documented":
        model += "\ndx/dt = -x/tau_plus : 1 (event-driven)\ndy/dt = -y/tau_minus : 1 (event-driven)"
        on_pre = "g_post += w; x += 1; w = clip(w - a_minus*y, 0, w_max)"
        on_post = "y += 1; w = clip(w + a_plus*x, 0, w_max)"
    target = b2.NeuronGroup(n_b, equations, threshold=f"v >= {workload.THRESHOLD}", reset=reset, method="exact", name="b", namespace=names)
    lists = workload.synapses(net)
    forward = b2.Synapses(sender, target, model, on_pre=on_pre, on_post=on_post, method="exact", name="forward", namespace=names)
    forward.connect(i=lists["A"][0], j=lists["A"][1])
    forward.w = lists["A"][2]
    if on_post:
        forward.pre.order, forward.post.order = 0, 1
    recurrent = b2.Synapses(target, target, "w : 1", on_pre="g_post += w", name="recurrent")
    recurrent.connect(i=lists["B"][0], j=lists["B"][1])
    recurrent.w = lists["B"][2]
    monitor = b2.SpikeMonitor(target, name="spikes")
    objects += [target, forward, recurrent, monitor]
    standalone.run_of(objects, workload.STEPS)
    python_cpu, python_wall = time.process_time() - cpu0, time.perf_counter() - wall0
    wall = time.perf_counter()
    b2.device.build(directory=folder, compile=True, run=False, clean=False)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    compile_cpu, compile_wall = children.ru_utime + children.ru_stime, time.perf_counter() - wall
    cpu, loop_wall = [], []
    for _ in range(int(repeats)):
        b2.device.run(folder, with_output=False, run_args=[])
        cpu.append(float((Path(folder) / standalone.CLOCKED).read_text()))
        loop_wall.append(float(b2.device._last_run_time))
    if spikes:
        w = np.asarray(forward.w[:]) if mode != "static" else np.zeros(0)
        np.savez(spikes, steps=np.round(np.asarray(monitor.t / b2.ms)).astype(int), cells=np.asarray(monitor.i), w=w)
    found = {
        "s_per_bio_s": median(cpu),
        "best_s": min(cpu),
        "wall_s": median(loop_wall),
        "all_cpu_s": cpu,
        "build_s": python_cpu,
        "build_wall_s": python_wall,
        "compile_s": compile_cpu,
        "compile_wall_s": compile_wall,
        "peak_MB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "rate_Hz": float(monitor.num_spikes) / n_b,
    }
    sys.stdout.flush()
    print(json.dumps(found))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
