"""What batching is worth on the torch engine: 16 clips in one batch against the same 16 clips one by one.

    python benchmarks/torch_batch.py [--size 16] [--repeats 3]

One thread, the rates and the spikes of the circuit at 5 ms steps, forward alone and with gradients; the ratio is of
clips a second, the median of repeats that take turns.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from conversion.circuit_training import CircuitTrainable
from plasticity import ErrorGated
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import initial_state
from snn.stimuli import drifting_movies, photographs

CLIPS, FRAMES, DT_MS = 16, 4, 5.0


def seconds(trainable: CircuitTrainable, clips: torch.Tensor, batch: int, gradients: bool) -> float:
    """Time to show all clips, ``batch`` at once."""
    start = time.perf_counter()
    for i in range(0, len(clips), batch):
        with torch.set_grad_enabled(gradients):
            trainable.accumulate(clips[i : i + batch])
    return time.perf_counter() - start


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    spec = PredNetSpec(rows=options.size, cols=options.size, lag_ms=DT_MS)
    network = prednet(spec, ErrorGated(quantum_mV=spec.error_quantum_mV))
    movies = drifting_movies(photographs(held_out=False), CLIPS, FRAMES, options.size, seed=0)
    clips = torch.tensor(np.stack([m.frames for m in movies]), dtype=torch.float32)
    print(f"{'cells':<10}{'':<16}{'clips/s, batch 1':>18}{f'batch {CLIPS}':>12}{'ratio':>8}   single ratios")
    for name, net in (("spiking", network), ("rate", rate_network(network, dt_ms=DT_MS))):
        trainable = CircuitTrainable(net, initial_state(net, dt_ms=DT_MS, seed=0))
        for gradients in (False, True):
            seconds(trainable, clips[:1], 1, gradients)
            pairs = [(seconds(trainable, clips, 1, gradients), seconds(trainable, clips, CLIPS, gradients)) for _ in range(options.repeats)]
            one, many = np.median([a for a, _ in pairs]), np.median([b for _, b in pairs])
            single = " ".join(f"{a / b:.1f}" for a, b in pairs)
            what = "with gradients" if gradients else "forward"
            print(f"{name:<10}{what:<16}{CLIPS / one:>18.1f}{CLIPS / many:>12.1f}{one / many:>8.1f}   {single}")


if __name__ == "__main__":
    main()
