"""Where STDP leaves weights: two heaps, one heap, and a threshold rate.

    python examples/weight_distribution.py --out weight_distribution.png

Above, 100 Poisson inputs of 10 Hz onto cells that fire from nothing else. Steps that do not depend on the weight send weights to either
bound, steps in proportion to what is left make one heap (van Rossum, Bi & Turrigiano 2000,
https://doi.org/10.1523/JNEUROSCI.20-23-08812.2000); the exponent mu goes from one to the other, and the power law of growth has a broad
heap (Morrison, Aertsen & Diesmann 2007, https://doi.org/10.1162/neco.2007.19.6.1437). Right, two groups of 50 inputs, each with common
spikes (correlation 0.1): small exponents let one group win, which of them by chance, large ones let neither (Gütig et al. 2003,
https://doi.org/10.1523/JNEUROSCI.23-09-03697.2003, figure 6). Fewer inputs and a faster rule than in the papers, so that it takes
minutes.

Below, unrelated Poisson spikes of given rates. Where only neighbouring spikes pair, the synapse weakens when its target is slow and grows
when it is fast, as in BCM theory (Izhikevich & Desai 2003, https://doi.org/10.1162/089976603321891783); where all pair there is no such
rate. The time constants and steps are theirs, of Froemke & Dan (2002), https://doi.org/10.1038/416433a. Lines are sums over all pairs
that count, in steps of 1 ms as the simulation has them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

from plasticity import NearestSTDP, PairSTDP, PowerLawSTDP, WeightDependentSTDP
from plasticity.testing import forced
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.local import Rule
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

N, RATE_Hz, CORRELATION, FED = 100, 10.0, 0.1, "in->out/r"
ETA = 0.01
GAP_ms = {"a_plus_mV": 1.03e-3, "a_minus_mV": 0.51e-3, "tau_plus_ms": 14.8, "tau_minus_ms": 33.8}
ARRIVALS_Hz = 1.5
RATES_Hz = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0])
SCHEMES = ("symmetric", "pre_centred", "restricted")


def soft(mu: float, alpha: float = 1.2) -> WeightDependentSTDP:
    """The rule with one exponent for both sides."""
    return WeightDependentSTDP(eta_mV=ETA, alpha=alpha, mu_plus=mu, mu_minus=mu)


def settled(rule: Rule, seconds: int, *, groups: int, threshold_mV: float, n_cells: int, seed: int) -> tuple[np.ndarray, float]:
    """Weights (100, n_cells) and mean rate in Hz after as many seconds of Poisson inputs, of which groups share spikes."""
    network = Network(
        frame_ms=1000.0,
        populations=(
            Population(name="in", shape=(1, 1, N), cell=SpikeSource()),
            Population(
                name="out", shape=(1, 1, n_cells), cell=LIF(tau_mem_ms=20.0, v_threshold_mV=threshold_mV),
                receptors=(Receptor(name="r", kinetics="pulse"),),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Uniform(low_mV=0.4, high_mV=0.6), delay_ms=1.0,
                rule=rule, w_max_mV=1.0,
            ),
        ),
    )  # fmt: skip
    simulation, rng = engine("event").build(network, dt_ms=1.0, seed=seed), stream(seed, "weight distribution")
    share, rate = np.sqrt(CORRELATION), RATE_Hz / 1000.0
    for _ in range(seconds):
        spikes = rng.random((1000, N)) < rate
        if groups:
            # A spike is of the group's common train with the probability `share`, else the input's own: pairs correlate by its square.
            common = np.repeat(rng.random((1000, groups)) < rate, N // groups, axis=1)
            spikes = np.where(rng.random((1000, N)) < share, common, spikes)
        ran = simulation.run(n_frames=1, rasters={"in": spikes}, learn=True)
    return simulation.state().weights(FED), ran.mean_rate_Hz("out")


def bimodality(w: np.ndarray) -> float:
    """Sarle's coefficient: 1 for two points, 5/9 for an even spread, 1/3 for a normal heap."""
    z = (w.ravel() - w.mean()) / w.std()
    return float(((z**3).mean() ** 2 + 1.0) / (z**4).mean())


def drift(scheme: str, post_Hz: float, dt_ms: float = 1.0) -> float:
    """Mean change of a weight per second in mV between unrelated spikes: pairs that count, summed over their distances."""
    p, q = ARRIVALS_Hz * dt_ms / 1000.0, post_Hz * dt_ms / 1000.0
    a, b = np.exp(-dt_ms / GAP_ms["tau_plus_ms"]), np.exp(-dt_ms / GAP_ms["tau_minus_ms"])
    # What must not come between the two spikes of a pair: nothing, or a spike of one side, or of either.
    free_gain = {"all": 1.0, "symmetric": 1 - p, "pre_centred": 1 - q, "restricted": (1 - p) * (1 - q)}[scheme]
    free_loss = {"all": 1.0, "symmetric": 1 - q, "pre_centred": 1 - q, "restricted": (1 - p) * (1 - q)}[scheme]
    gain, loss = 1.0 / (1.0 - free_gain * a), b / (1.0 - free_loss * b)
    return float(p * q * (GAP_ms["a_plus_mV"] * gain - GAP_ms["a_minus_mV"] * loss) * 1000.0 / dt_ms)


def drifted(scheme: str, post_Hz: float, seconds: int, seed: int) -> np.ndarray:
    """The same of spikes that are played: one value for each of 128 inputs, over 128 cells."""
    rng, n = stream(seed, "weight distribution", "unrelated", str(post_Hz)), 128
    pre, post = rng.random((seconds * 1000, n)) < ARRIVALS_Hz / 1000.0, rng.random((seconds * 1000, n)) < post_Hz / 1000.0
    post[0] = False
    rule: Rule = PairSTDP(**GAP_ms) if scheme == "all" else NearestSTDP(**GAP_ms, scheme=scheme)  # type: ignore[arg-type]
    return np.asarray((forced(rule, pre, post, 5.0, frame_steps=1000, engine_name="event") - 5.0).mean(axis=1) / seconds)


def crossing(rates_Hz: np.ndarray, change: np.ndarray) -> float:
    """Rate at which depression becomes potentiation, on a straight line between the points beside it; NaN if it never does."""
    up = np.flatnonzero((change[:-1] < 0) & (change[1:] >= 0))
    if not len(up):
        return float("nan")
    k = up[-1]
    return float(np.interp(0.0, change[k : k + 2], rates_Hz[k : k + 2]))


def main(out: Path, seconds: int = 180, n_cells: int = 2, seeds: int = 3, played: int = 25) -> dict[str, float | list[float]]:
    """Run all, draw them, and give the numbers that the figure shows."""
    rules: dict[str, Rule] = {
        "additive (pairs)": PairSTDP(a_plus_mV=ETA, a_minus_mV=1.2 * ETA),
        "mu = 0": soft(0.0),
        "mu = 0.1": soft(0.1),
        "mu = 1": soft(1.0),
        "power law": PowerLawSTDP(eta_mV=ETA, alpha=1.3),
    }
    fig = plt.figure(figsize=(11.0, 6.4), layout="constrained")
    upper, lower = fig.subfigures(2, 1)
    said: dict[str, float | list[float]] = {}
    row = upper.subplots(1, len(rules) + 1, width_ratios=[1] * len(rules) + [1.6])
    for axes, (name, rule) in zip(row, rules.items(), strict=False):
        w, rate = settled(rule, seconds, groups=0, threshold_mV=9.0, n_cells=n_cells, seed=0)
        said[f"bimodality, {name}"], said[f"near a bound, {name}"] = bimodality(w), float(((w < 0.1) | (w > 0.9)).mean())
        said[f"rate (Hz), {name}"] = rate
        axes.hist(w.ravel(), bins=np.linspace(0, 1, 21), color="tab:blue")
        axes.set(xlabel="weight (mV)", yticks=[], xlim=(0, 1))
        axes.set_title(f"{name}\nbimodality {bimodality(w):.2f}", fontsize=9)
    row[0].set_ylabel("synapses")
    # One cell a seed: cells that hear the same inputs would break the symmetry alike.
    for k, (mu, colour) in enumerate(((0.0, "tab:red"), (0.1, "tab:purple"), (1.0, "tab:blue"))):
        # Common spikes fire a cell more than single ones do: a higher threshold and more depression leave room for one group.
        found = [
            settled(soft(mu, 2.0), seconds, groups=2, threshold_mV=15.0, n_cells=1, seed=seed)[0].reshape(2, -1).mean(axis=1)
            for seed in range(1, 1 + seeds)
        ]
        said[f"groups apart (mV), mu = {mu:g}"] = [float(b - a) for a, b in found]
        row[-1].plot(*np.array(found).T, "os^"[k], color=colour, ms=6, alpha=0.7, label=f"mu = {mu:g}")
    row[-1].plot([0, 1], [0, 1], color="0.7", lw=0.8)
    row[-1].set(xlabel="mean weight of group 1 (mV)", ylabel="of group 2 (mV)", xlim=(0, 1), ylim=(0, 1))
    row[-1].set_title("two groups, each correlated\n(a point is a seed)", fontsize=9)
    row[-1].legend(frameon=False, fontsize=8)

    fine = np.linspace(0.5, RATES_Hz[-1], 200)
    panels = lower.subplots(1, 4, sharey=True)
    for axes, scheme in zip(panels, ("all", *SCHEMES), strict=True):
        values = np.array([drifted(scheme, r, played, seed=0) for r in RATES_Hz])
        mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        said[f"standard errors off the sum, {scheme}"] = ((mean - [drift(scheme, r) for r in RATES_Hz]) / error).tolist()
        said[f"crossing (Hz), {scheme}"] = crossing(RATES_Hz, mean)
        known = np.array([drift(scheme, r) for r in (0.5, 100.0)])
        said[f"crossing (Hz) by the sum, {scheme}"] = (
            brentq(lambda r, s=scheme: drift(s, r), 0.5, 100.0) if known[0] < 0 < known[1] else float("nan")
        )
        axes.axhline(0.0, color="0.7", lw=0.8)
        axes.plot(fine, [1e3 * drift(scheme, r) for r in fine], color="0.4", label="sum over pairs")
        axes.errorbar(RATES_Hz, 1e3 * mean, 1e3 * error, fmt="o", ms=4, color="tab:blue", label="simulated")
        if np.isfinite(said[f"crossing (Hz) by the sum, {scheme}"]):
            axes.axvline(said[f"crossing (Hz) by the sum, {scheme}"], color="tab:red", lw=0.8)
        title = "all-to-all" if scheme == "all" else f"nearest: {scheme.replace('_', ' ')}"
        grows = said[f"crossing (Hz), {scheme}"]
        axes.set_title(f"{title}\n{f'grows from {grows:.1f} Hz' if np.isfinite(grows) else 'never grows'}", fontsize=9)
        axes.set_xlabel("rate of the target (Hz)")
    panels[0].set_ylabel("change of weight (µV/s)")
    panels[1].legend(frameon=False, fontsize=8)
    for axes in (*row, *panels):
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(out, dpi=150)
    for key, value in said.items():
        print(f"{key}: {', '.join(f'{v:.3g}' for v in (value if isinstance(value, list) else [value]))}")
    print(out)
    return said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("weight_distribution.png"))
    main(parser.parse_args().out)
