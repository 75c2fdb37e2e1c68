"""Inhibitory plasticity: the target rate is kept, and inhibition comes to mirror excitation channel by channel.

    python examples/balance.py --out balance.png

One cell hears eight channels, each a group of excitatory and a group of inhibitory sources with one slow drive. Excitation
is tuned to one channel; inhibition begins flat and learns by the rule of Vogels et al. (2011),
https://doi.org/10.1126/science.1211095. What inhibition shares with excitation makes it arrive just when the cell fires, and
these pairs let the cell rest somewhat below the rate that the rule names for unrelated trains.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plasticity import VogelsSTDP
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.state import State
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Constant

CHANNELS, PER_CHANNEL, SECONDS, TARGET_Hz = 8, 10, 60, 5.0
TAU_DRIVE_ms, TOP_SHARE = 50.0, 0.03


def circuit() -> Network:
    """All sources on one cell."""
    n = CHANNELS * PER_CHANNEL
    return Network(
        frame_ms=1000.0,
        populations=(
            Population(name="exc", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="inh", shape=(1, 1, n), cell=SpikeSource(), sign="inhibitory"),
            Population(
                name="cell", shape=(1, 1, 1), cell=LIF(tau_mem_ms=20.0, v_threshold_mV=10.0, t_ref_ms=5.0),
                receptors=(Receptor(name="ampa", tau_ms=5.0), Receptor(name="gaba", tau_ms=10.0)),
            ),
        ),
        projections=(
            Projection(source="exc", target="cell", receptor="ampa", topology=Dense(), weights=Constant(value_mV=1.0), delay_ms=1.0),
            Projection(
                source="inh", target="cell", receptor="gaba", topology=Dense(), weights=Constant(value_mV=0.2), delay_ms=1.0,
                rule=VogelsSTDP(eta_mV=0.05, target_Hz=TARGET_Hz), w_max_mV=100.0,
            ),
        ),
    )  # fmt: skip


def main(out: Path) -> None:
    """Learn for a minute of the cell's time and draw."""
    network, rng = circuit(), stream(1, "balance")
    tuning_mV = 1.0 + 4.0 * np.exp(-0.5 * ((np.arange(CHANNELS) - 4) / 1.5) ** 2)
    born = engine("event").build(network).state()
    arrays = {**born.arrays, "weights/exc->cell/ampa": np.repeat(tuning_mV, PER_CHANNEL)[:, None]}
    simulation = engine("event").build(network, state=State(arrays, born.step, born.seed, born.dt_ms, born.digest))
    drive, keep = np.zeros(CHANNELS), math.exp(-1.0 / TAU_DRIVE_ms)
    rates, weights = [], [simulation.state().weights("inh->cell/gaba").reshape(CHANNELS, -1).mean(axis=1)]
    for _ in range(SECONDS):
        share = np.empty((1000, CHANNELS))
        for n in range(1000):
            drive = keep * drive + math.sqrt(1.0 - keep**2) * rng.standard_normal(CHANNELS)
            share[n] = TOP_SHARE * np.maximum(drive, 0.0)
        each = np.repeat(share, PER_CHANNEL, axis=1)
        rasters = {name: rng.random(each.shape) < each for name in ("exc", "inh")}
        rates.append(simulation.run(n_frames=1, rasters=rasters, learn=True).counts["cell"].sum())
        weights.append(simulation.state().weights("inh->cell/gaba").reshape(CHANNELS, -1).mean(axis=1))
    learned_mV = weights[-1]
    r = np.corrcoef(learned_mV, tuning_mV)[0, 1]
    print(f"rate of the last 20 s: {np.mean(rates[-20:]):.2f} Hz, target {TARGET_Hz:g} Hz; tuning of I and E correlate with r = {r:.3f}")

    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11.0, 3.4), layout="constrained")
    left.plot(np.arange(SECONDS) + 0.5, rates, color="0.2", lw=1)
    left.axhline(TARGET_Hz, color="tab:red", ls="--", lw=1, label="target for unrelated trains")
    left.set(xlabel="time (s)", ylabel="rate (Hz)", ylim=(0, None), title="the cell's rate")
    left.legend(frameon=False)
    for k, course in enumerate(np.array(weights).T):
        middle.plot(course, color=plt.get_cmap("viridis")(k / (CHANNELS - 1)), lw=1.2, label=f"{k + 1}")
    middle.set(xlabel="time (s)", ylabel="mean weight (mV)", title="inhibition, by channel")
    middle.legend(frameon=False, fontsize=8, title="channel", title_fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    right.plot(np.arange(1, CHANNELS + 1), tuning_mV / tuning_mV.max(), "o-", color="tab:red", label="excitation")
    right.plot(np.arange(1, CHANNELS + 1), learned_mV / learned_mV.max(), "s-", color="tab:blue", label="inhibition, learned")
    right.set(xlabel="channel", ylabel="weight / largest", ylim=(0, None), title=f"tuning, r = {r:.2f}")
    right.legend(frameon=False, loc="lower center", fontsize=8)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("balance.png"))
    main(parser.parse_args().out)
