"""What a learned representation gives, beside the fixed channels, random cells, and errors that come back by random weights.

For each seed and way the plain circuit learns photographs under a drift of 1 px a frame, and is scored with frozen weights on
photographs that it has never seen:

    fixed     the four retinal channels, the normalised rule
    frozen    cells with the input weights of their birth; only the forecast learns
    random    cells taught through feedback that stays random, as strong as what `learned` comes to (feedback alignment)
    learned   cells taught through feedback that grows like the forecast

    python benchmarks/hidden.py --size 16 --clips 1200 --seeds 3 --held-out
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sleep import CHOOSING, ratio

from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.recipes import RECIPES, RecipeName
from plasticity.feedback import SymmetricFeedback, net_alignment_deg
from plasticity.training import learn
from snn.engines.driver import Simulation
from snn.prednet import HiddenRules, prednet
from snn.stimuli.drift import drifting_movies, photographs

WAYS = ("fixed", "frozen", "learned", "random")
FORWARD = ("level0.representation->level0.prediction/dendrite_exc", "level0.representation_inh->level0.prediction/dendrite_inh")
BACKWARD = ("level0.error_pos->level0.credit_pos/apical_exc", "level0.mismatch_inh->level0.credit_pos/apical_inh")
SD_OF_DIFFERENCE = np.sqrt(2 * (1 - 2 / np.pi))
"""Standard deviation of the difference of two half-normal numbers of scale 1."""


def circuit(job: Job, way: str, feedback_mV: float) -> Simulation:
    """Build the circuit of one way; ``feedback_mV`` is the scale of the weights of `random`."""
    if way in ("fixed", "learned"):
        return job.simulation(job.network())
    recipe, spec = RECIPES[job.recipe], job.spec()
    rules = recipe.hidden_rules(spec)
    assert rules is not None
    if way == "frozen":
        rules = rules._replace(inputs=None)
    else:
        still = SymmetricFeedback(apart=True, eta_mV=0.0, decay=0.0, late=True)
        layer = spec.hidden_layer.model_copy(update={"initial_feedback_mV": feedback_mV})
        spec, rules = spec.model_copy(update={"hidden_layer": layer}), HiddenRules(rules.inputs, still, still)
    return job.simulation(prednet(spec, *recipe.rules(spec), hidden_rules=rules))


def feedback_scale_mV(simulation: Simulation) -> float:
    """Scale at which random net feedback varies as much as what has been learned."""
    state = simulation.state()
    net = state.weights(BACKWARD[0]) - state.weights(BACKWARD[1])
    return float(net.std() / SD_OF_DIFFERENCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--clips", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--ways", default=",".join(WAYS))
    asked = parser.parse_args()
    images = photographs(False)
    taught = images if asked.held_out else {k: v for k, v in images.items() if k not in CHOOSING}
    scored = photographs(True) if asked.held_out else {k: images[k] for k in CHOOSING}
    tests = drifting_movies(scored, 40, 10, asked.size, seed=999)
    print("seed  way      ratio  net angle  spikes/px/frame  s", flush=True)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        scale_mV = 0.0
        for way in (w for w in WAYS if w in asked.ways.split(",")):
            recipe: RecipeName = "plain" if way == "fixed" else "hidden"
            source = Source(frames="photographs", size=asked.size)
            job = Job(source=source, recipe=recipe, plan=RECIPES[recipe].plan, seed=seed, precision="float32")
            if way == "random" and not scale_mV:
                parser.error("'random' is as strong as what 'learned' comes to; ask for both")
            simulation, began = circuit(job, way, scale_mV), time.monotonic()
            learn(simulation, drifting_movies(taught, asked.clips, 10, asked.size, seed=seed + 1), job.plan, seed=seed)
            if way == "learned":
                scale_mV = feedback_scale_mV(simulation)
            angle = "" if way == "fixed" else f"{net_alignment_deg(simulation.network, simulation.state(), FORWARD, BACKWARD):.1f}"
            simulation.restart()
            counts = simulation.run(tests[0], learn=False).counts
            sent = sum(float(c.sum()) for c in counts.values()) / (tests[0].n_frames * asked.size**2)
            print(
                f"{seed:4d}  {way:7s}  {ratio(simulation, tests):.3f}  {angle:>9s}  {sent:15.0f}  {time.monotonic() - began:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
