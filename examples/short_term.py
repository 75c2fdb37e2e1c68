"""Depressing and facilitating synapses: what a spike delivers by the rate of its cell, for a second spike, and after a step of the rate.

Run it with ``python examples/short_term.py``; it takes seconds. Constants are those of Tsodyks, Uziel & Markram (2000).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines.event import EventEngine
from snn.short_term import ShortTerm
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

KINDS = {
    "depressing": ShortTerm(utilisation=0.5, recovery_ms=800.0),
    "facilitating": ShortTerm(utilisation=0.04, recovery_ms=100.0, facilitation_ms=1000.0),
}
RATES_Hz = (1, 2, 5, 10, 20, 50, 100)
PAIRS_ms, STEP_Hz = (20, 100, 500), (10, 50)


def delivered(short: ShortTerm, gaps_ms: list[int]) -> NDArray[np.float64]:
    """Send spikes, each so long after the one before, and give the share of the weight that each delivers; shape (n_spikes,)."""
    frame_ms = int(np.gcd.reduce(gaps_ms))
    network = Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            # A cell that never fires; pulses wait in its receptor for the step after, where they are read.
            Population(
                name="out", shape=(1, 1, 1), cell=IF(tau_mem_ms=1.0, v_threshold_mV=1e9, reset_by_mV=1e9),
                receptors=(Receptor(name="push", kinetics="pulse"),),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=1.0), delay_ms=1.0,
                short_term=short,
            ),
        ),
    )  # fmt: skip
    simulation, found = EventEngine().build(network), []
    for gap_ms in gaps_ms:
        raster = np.zeros((gap_ms, 1), dtype=bool)
        raster[-1] = True
        simulation.run(n_frames=gap_ms // frame_ms, rasters={"in": raster})
        found.append(float(simulation.state().arrays["g/out/push"][0]))
    return np.array(found)


def train(short: ShortTerm, rate_Hz: int) -> list[int]:
    """Gaps of a regular train that is long enough to forget how it began (to 1e-12)."""
    gap_ms = 1000 // rate_Hz
    left = (1.0 - short.utilisation) * math.exp(-gap_ms / max(short.recovery_ms, short.facilitation_ms))
    return [gap_ms] * (2 + math.ceil(28.0 / -math.log(left)))


def main() -> dict[str, float]:
    """Print the tables; give the largest difference from the closed form, and the numbers that the papers speak of."""
    done: dict[str, float] = {}
    for name, short in KINDS.items():
        print(f"{name}: {short.summary}")
        print(f"{'rate':>8}{'measured':>11}{'closed form':>13}{'in a second':>13}   (steady share of the weight; times the rate)")
        for hz in RATES_Hz:
            measured = float(delivered(short, train(short, hz))[-1])
            closed = float(np.prod(short.steady(hz)))
            done[f"{name} {hz} Hz"] = measured
            done["largest difference"] = max(done.get("largest difference", 0.0), abs(measured / closed - 1.0))
            print(f"{hz:>5} Hz{measured:>11.6f}{closed:>13.6f}{measured * hz:>13.4f}")
        for gap_ms in PAIRS_ms:
            one, two = delivered(short, [1, gap_ms])
            done[f"{name} pair {gap_ms} ms"] = two / one
            print(f"second spike over first, {gap_ms} ms after it: {two / one:.3f}")
        slow, fast = STEP_Hz
        n = len(train(short, slow))
        told = delivered(short, train(short, slow) + train(short, fast))
        before, first, after = told[n - 1] * slow, told[n] * fast, told[-1] * fast
        done |= {f"{name} first": first / before, f"{name} after": after / before}
        print(
            f"step from {slow} to {fast} Hz: what arrives in a second becomes {first / before:.2f}, then {after / before:.2f} times as much"
        )
        print()
    grid_Hz = np.linspace(1.0, 60.0, 5901)
    best_Hz = float(grid_Hz[np.prod(KINDS["facilitating"].steady(grid_Hz), axis=0).argmax()])
    done |= {"peak Hz": best_Hz, "peak Hz by formula": KINDS["facilitating"].peak_Hz, "limit Hz": KINDS["depressing"].limiting_Hz}
    print(f"depressing: limiting frequency 1 / (U recovery) = {done['limit Hz']:.2f} Hz; beyond it all rates deliver about 1 / recovery")
    print(f"facilitating: most per spike at {best_Hz:.2f} Hz; 1 / sqrt(U facilitation recovery) = {done['peak Hz by formula']:.2f} Hz")
    print(f"largest difference of measured and closed form: {done['largest difference']:.1e} of it")
    return done


if __name__ == "__main__":
    main()
