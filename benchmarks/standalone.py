"""Brian2 C++ standalone as benchmarks use it: one thread, a clock about the loop alone, sources that carry traces."""

from __future__ import annotations

from typing import Any

import brian2 as b2
import numpy as np

CLOCKED = "bench_cpu.txt"
"""The file of a project that has the CPU seconds of its last run."""


def begin(precision: str) -> None:
    """Ask for standalone code without threads, at steps of 1 ms."""
    b2.set_device("cpp_standalone", build_on_run=False)
    b2.prefs.core.default_float_dtype = np.dtype(precision).type
    b2.prefs.devices.cpp_standalone.openmp_threads = 0
    b2.defaultclock.dt = 1 * b2.ms


def carrying(source: Any, traces: dict[str, str], seen: tuple[str, ...], names: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Make a group that repeats a raster within the same step and carries traces of it: Brian2's fastest form.

    Parameters
    ----------
    source : brian2.SpikeGeneratorGroup
    traces : dict of str to str
        Name of each trace and of its time constant.
    seen : tuple of str
        Traces in which the spike that arrives is already counted when others see them; the rest count it after the step.
    names : dict of str to object
        What the equations mean.

    Returns
    -------
    (brian2.NeuronGroup, list)
        The group that sends, and all that the network needs.
    """
    equations = [*(f"d{x}/dt = -{x}/{tau} : 1" for x, tau in traces.items()), "sent : 1"]
    after = [f"{x} += 1" for x in traces if x not in seen]
    sender = b2.NeuronGroup(
        len(source),
        "\n".join(equations),
        threshold="sent > 0.5",
        reset="; ".join(("sent = 0", *after)),
        method="exact",
        name="a_trace",
        namespace=names,
    )
    relay = b2.Synapses(source, sender, on_pre="; ".join(("sent_post = 1", *(f"{x}_post += 1" for x in seen))), name="relay")
    relay.connect(j="i")
    source.order = -2  # raster, relay, threshold of a_trace: all in the slot of thresholds
    relay.pre.when, relay.pre.order = "thresholds", -1
    return sender, [sender, relay]


def run_of(objects: list[Any], ms: float) -> None:
    """Put a run down, with the clock about its loop."""
    b2.device.insert_code("before_network_run", "const std::clock_t bench_begin = std::clock();")
    b2.device.insert_code(
        "after_network_run", f'std::ofstream("{CLOCKED}") << double(std::clock() - bench_begin) / CLOCKS_PER_SEC << std::endl;'
    )
    b2.prefs.codegen.cpp.headers += ["<ctime>", "<fstream>"]
    b2.Network(*objects).run(ms * b2.ms)
