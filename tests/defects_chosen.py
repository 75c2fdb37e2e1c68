"""Defects that were chosen, the tests that look for defects in each file, and why some random ones cannot be seen."""

from __future__ import annotations

from typing import NamedTuple

from defects_neural import NEURAL_DEFECTS, NEURAL_TESTS
from defects_sweeps import SWEEP_DEFECTS, SWEEP_TESTS


class Chosen(NamedTuple):
    """A defect in one place.

    Attributes
    ----------
    name : str
    file : str
        Relative to the root of the project.
    old, new : str
        Text that occurs exactly once, and what stands there instead.
    hurt : str
        What a user would suffer.
    """

    name: str
    file: str
    old: str
    new: str
    hurt: str


LAW, QUICK, CELLS = "tests/snn/test_step_law.py", "tests/snn/test_quick_numerics.py", "tests/snn/test_cells.py"
TOPOLOGY, ENCODING, STATE = "tests/snn/test_topology.py", "tests/snn/test_encoding.py", "tests/snn/test_state.py"
GATED, STDP, RULES = "tests/plasticity/test_error_gated.py", "tests/plasticity/test_stdp.py", "tests/contracts/test_rules.py"
TRAINING, BARS, SOURCE = "tests/plasticity/test_training.py", "tests/comparisons/test_bars.py", "tests/comparisons/test_source.py"
PAIRING, DELTA = (f"tests/contracts/test_engines.py::test_event[{name}]" for name in ("pairing", "gated"))

ANY, COMPOSE, BAD = (f"tests/plasticity/test_{name}.py" for name in ("any_rule", "compose", "bad_rules"))
CAUGHT = "tests/plasticity/test_caught.py"
BALANCE = "tests/plasticity/test_balance.py"
HEBBIAN, INHIBITORY, STABLE, FEEDBACK, TRIPLET, DENDRITIC = (
    f"tests/plasticity/test_{name}.py" for name in ("hebbian", "inhibitory", "homeostasis", "feedback", "triplet", "dendritic")
)
COMPARTMENTS = "tests/snn/test_compartments.py"
POTENTIAL, UPSWING, VOLTAGE = "tests/plasticity/test_potential_traces.py", "tests/snn/test_upswing.py", "tests/plasticity/test_voltage.py"
TORCH, SLOPES = "tests/snn/test_torch.py", "tests/snn/test_torch_gradients.py"
RATE, RATE_CELLS = "tests/conversion/test_rate_prednet.py", "tests/conversion/test_rate_cells.py"
DISTIL = tuple(
    f"tests/conversion/test_distillation.py::{name}"
    for name in ("test_where_a_student_of_a_leaky_teacher_begins", "test_the_terms_are_what_they_say", "test_the_report_in_numpy")
)
RATE_TRAINING, CIRCUIT = "tests/conversion/test_rate_training.py", "tests/conversion/test_circuit_training.py"

TRUNCATED = "tests/conversion/test_truncated_training.py"
SPLITTING = "tests/snn/test_splitting.py"
SELECTIONS = {
    "snn/engines/reference.py": (QUICK, LAW, STDP, GATED, DELTA),
    "snn/engines/plain_learning.py": (QUICK, LAW, STDP, GATED, DELTA, ANY, COMPOSE, POTENTIAL),
    "snn/engines/layout.py": (QUICK, LAW, CELLS, GATED, DELTA),
    "snn/engines/event_kernels.py": (LAW, STDP, GATED, CAUGHT, PAIRING, DELTA),
    "snn/engines/event_cells.py": (LAW, QUICK, CELLS, GATED),
    "snn/engines/event_lazy.py": (STDP, CAUGHT, PAIRING, RULES, ANY),
    "snn/engines/event_traces.py": (LAW, STDP, GATED, ANY, DELTA, POTENTIAL),
    "snn/engines/event_upswing.py": (UPSWING,),
    "snn/engines/event_plan.py": (STDP, ANY),
    "snn/engines/event_text.py": (STDP, GATED, ANY, RULES),
    "snn/engines/event_terms.py": (STDP, GATED, ANY, RULES, DENDRITIC),
    "snn/engines/compartments.py": (COMPARTMENTS,),
    "snn/engines/event_rule_tables.py": (STDP, GATED, ANY, DELTA),
    "snn/engines/event_advance.py": (QUICK, LAW, STDP, CAUGHT, PAIRING, ANY),
    "snn/engines/event_tables.py": (LAW, STDP, GATED, CAUGHT, PAIRING, DELTA),
    "snn/engines/event_rules.py": (QUICK, GATED, STDP, RULES, PAIRING, DELTA, ANY),
    "snn/engines/event.py": (QUICK, LAW, STDP, STATE, PAIRING, DELTA),
    "snn/engines/driver.py": (QUICK, LAW, STATE, STDP, "tests/snn/test_sources.py"),
    "snn/engines/torch_network.py": (TORCH, SLOPES, QUICK, LAW),
    "snn/engines/torch_delivery.py": (TORCH, SLOPES, QUICK, LAW),
    "snn/engines/torch_law.py": (TORCH, SLOPES, QUICK, LAW),
    "conversion/rate_prednet.py": (RATE, "tests/conversion/test_rate_cuts.py", RATE_CELLS),
    "conversion/rate_cells.py": (RATE, RATE_CELLS),
    "conversion/rate_training.py": (RATE_TRAINING,),
    "conversion/rate_trainable.py": (TRUNCATED,),
    "conversion/circuit_training.py": (CIRCUIT,),
    "snn/topology.py": (TOPOLOGY, QUICK, LAW),
    "snn/encoding.py": (ENCODING, QUICK),
    "snn/cells.py": (QUICK, CELLS),
    "snn/weights.py": (TOPOLOGY, QUICK, "tests/snn/test_description.py"),
    "snn/local.py": (QUICK, RULES, GATED, BAD),
    "snn/_terms.py": (QUICK, RULES, GATED, ANY),
    "snn/_rules.py": (RULES, BAD),
    "snn/state.py": (QUICK, TOPOLOGY, LAW, STATE),
    "plasticity/predictive.py": (GATED, RULES),
    "plasticity/_delta.py": (GATED, RULES),
    "plasticity/stdp.py": (STDP, TRIPLET, RULES),
    "plasticity/inhibitory.py": (INHIBITORY, BALANCE),
    "plasticity/balance.py": (BALANCE,),
    "plasticity/hebbian.py": (HEBBIAN,),
    "plasticity/homeostasis.py": (STABLE,),
    "plasticity/feedback.py": (FEEDBACK, "tests/snn/test_hidden.py"),
    "plasticity/credit.py": ("tests/snn/test_hidden.py",),
    "snn/_hidden.py": ("tests/snn/test_hidden.py",),
    "plasticity/dendritic.py": (DENDRITIC,),
    "plasticity/voltage.py": (VOLTAGE,),
    "plasticity/compose.py": (COMPOSE,),
    "plasticity/training.py": (TRAINING, CAUGHT),
    "comparisons/scoring.py": (BARS,),
    "comparisons/gated_shift.py": (BARS,),
    "comparisons/one_frame.py": (BARS, "tests/comparisons/test_caught.py"),
    "comparisons/diagnostics.py": ("tests/comparisons/test_diagnostics.py",),
    "comparisons/route_diagnostics.py": ("tests/comparisons/test_diagnostics.py",),
}
"""Files from which random defects are drawn, and the tests that finish quickly on each without a compiler."""

OTHERS = {
    "snn/_level.py": (LAW, "tests/snn/test_coarse.py", "tests/plasticity/test_balance.py"),
    "snn/seeding.py": (TOPOLOGY, QUICK),
    "comparisons/movies.py": (SOURCE,),
    "comparisons/verdicts.py": ("tests/comparisons/test_verdicts.py",),
    "comparisons/representation.py": ("tests/comparisons/test_representation.py",),
    "comparisons/dynamics.py": ("tests/comparisons/test_compare_parts.py",),
    "comparisons/beside.py": ("tests/comparisons/test_beside.py",),
    "comparisons/rsa_time.py": ("tests/comparisons/test_compare_parts.py",),
    "comparisons/fields.py": ("tests/comparisons/test_compare_parts.py",),
    "comparisons/gratings.py": ("tests/comparisons/test_gratings.py", "tests/comparisons/test_compare_parts.py"),
    "comparisons/tuning.py": ("tests/comparisons/test_length.py", "tests/comparisons/test_size_tuning.py"),
    "comparisons/flash_bars.py": ("tests/comparisons/test_flash_lag.py", "tests/comparisons/test_flash_lag_postdictive.py"),
    **{
        f"comparisons/phenomena/{name}.py": (f"tests/comparisons/test_{name}.py",)
        for name in ("balance", "flash_lag", "flash_lag_postdictive", "kanizsa", "length", "oddball", "on_off", "rhythms", "sequence")
    },
    **{f"comparisons/phenomena/{name}.py": (f"tests/comparisons/test_{name}.py",) for name in ("size_tuning", "two_pulse")},
    "conversion/distillation.py": DISTIL,
    "conversion/distil_report.py": DISTIL,
    "snn/stimuli/splitting.py": (SPLITTING,),
    "comparisons/records.py": ("tests/comparisons/test_records.py",),
    **SWEEP_TESTS,
    **NEURAL_TESTS,
}
"""Files with chosen defects only."""

SLOW = (f"{STATE}::test_a_flipped_byte_is_noticed_or_harmless", f"{STATE}::test_a_file_cut_short_is_refused")
"""Tests that say nothing of numbers and take long."""

TORCH_NETWORK = "snn/engines/torch_network.py"
RATE_PY, RATE_CELLS_PY = "conversion/rate_prednet.py", "conversion/rate_cells.py"
REFERENCE, PLAIN = "snn/engines/reference.py", "snn/engines/plain_learning.py"
LAYOUT, DRIVER = "snn/engines/layout.py", "snn/engines/driver.py"
KERNELS, EVENT_CELLS, LAZY = "snn/engines/event_kernels.py", "snn/engines/event_cells.py", "snn/engines/event_lazy.py"
ADVANCE, EVENT_RULES, TABLES = "snn/engines/event_advance.py", "snn/engines/event_rules.py", "snn/engines/event_tables.py"
EVENT_TEXT, HEBBIAN_PY = "snn/engines/event_text.py", "plasticity/hebbian.py"
LEVEL, STATE_PY, ERROR_GATED = "snn/_level.py", "snn/state.py", "plasticity/predictive.py"
DELTA = "plasticity/_delta.py"
TRAINING_PY, SCORING, SHIFT = "plasticity/training.py", "comparisons/scoring.py", "comparisons/gated_shift.py"

RATES, TIMES = "cells fire at other rates than described", "spikes come in other steps than in every other simulator"
SCORE = "the reported score is too good"
MOVED = """    for p in range(len(t.pop)):
        if t.pop[p, MOVES] >= 0:
            first, start, size = t.pop[p, MOVES], t.pop[p, START], t.pop[p, N]
            x.threshold[start : start + size] = thresholds[s, first : first + size]
"""
CHOSEN = tuple(
    Chosen(*row)
    for row in (
        *SWEEP_DEFECTS,
        *NEURAL_DEFECTS,
        ("refractory off by one, reference", REFERENCE, "< law.refractory_steps", "<= law.refractory_steps", RATES),
        ("refractory off by one, event", EVENT_CELLS, "n - last[start + i] >= refractory", "n - last[start + i] > refractory", RATES),
        ("refractory cell integrates", EVENT_CELLS, "v[i] = before[i]", "pass", RATES),
        ("delay off by one, reference", REFERENCE, "flight[-self.delay]", "flight[-self.delay + 1 or -1]", TIMES),
        ("delay off by one, event", KERNELS, "slot = (n + 1 - projection", "slot = (n - projection", TIMES),
        ("delay rounded up, both", LAYOUT, "return round(projection.delay_ms / self.dt_ms)",
         "return max(2, round(projection.delay_ms / self.dt_ms))", TIMES),
        ("threshold before integration", ADVANCE, f"    integrate(n, t, x)\n{MOVED}    fire(n, s, t, x)\n",
         f"{MOVED}    fire(n, s, t, x)\n    integrate(n, t, x)\n", TIMES),
        ("reset before delivery", EVENT_CELLS, "value[place + count] = sent", "value[place + count] = gain * (v[i] - threshold[i])",
         "a rate unit sends what is left of it, not what it had"),
        ("threshold passed, not reached", REFERENCE, "((self.v >= self.threshold + moved)", "((self.v > self.threshold + moved)", TIMES),
        ("pre trace raised after post_spike", PLAIN,
         'self._raise_all("pre", arrived)\n        if act:\n'
         '            self.update("post_spike", weights, own[self.edges.post] > 0, modulator, voltage)',
         'if act:\n            self.update("post_spike", weights, own[self.edges.post] > 0, modulator, voltage)\n'
         '        self._raise_all("pre", arrived)', "a pair in one step is not learned"),
        ("post trace raised before post_spike", PLAIN, 'self._raise_all("pre", arrived)\n',
         'self._raise_all("pre", arrived)\n        self._raise_all("post", own)\n', "traces are too high"),
        ("inhibition excites, reference", PLAIN, "-1.0 if source.sign", "1.0 if source.sign", "Dale's law holds on paper only"),
        ("inhibition excites, event", TABLES, "sign=np.array([-1.0 if", "sign=np.array([1.0 if", "Dale's law holds on paper only"),
        ("no clip at zero, reference", PLAIN, "np.clip(w, 0.0,", "np.clip(w, -1e9,", "an excitatory synapse inhibits"),
        ("no clip at zero, event", EVENT_RULES, "return 0.0, np.inf if j.w_max_mV", "return -np.inf, np.inf if j.w_max_mV",
         "an excitatory synapse inhibits"),
        ("w_max ignored, event", EVENT_RULES, "np.inf if j.w_max_mV is None else j.w_max_mV", "np.inf", "weights grow without bound"),
        ("w_max ignored at arrivals, lazy", EVENT_TEXT, '"u = min(high, max(low, w[l] + waits * (new[l] - old[l])))"',
         '"u = w[l] + waits * (new[l] - old[l])"', "spikes carry weights beyond their bound"),
        ("w_max ignored, lazy", LAZY, "min(high, max(low, w[i] + coefficient * (new[i] - old[i])))",
         "w[i] + coefficient * (new[i] - old[i])", "weights grow without bound"),
        ("soft reset by threshold, reference", REFERENCE, "law.reset_by * self.sent if law.soft", "self.threshold * self.sent if law.soft",
         "jittered cells lose the wrong charge: a bias that no test of rates shows"),
        ("soft reset by threshold, event", EVENT_CELLS, "v[i] = v[i] - reset if", "v[i] = v[i] - threshold[i] if", "as above"),
        ("floor ignored", LAYOUT, "floor=-math.inf if cell.v_floor_mV is None else cell.v_floor_mV", "floor=-math.inf",
         "inhibited cells remember their inhibition for ever"),
        ("adaptation not applied", LAYOUT, "adaptive.adaptation_mV if adaptive else 0.0", "0.0", "a change coder fires for ever"),
        ("frame mean by the wrong count", LAYOUT, "1.0 / (self.frame_steps - first)", "1.0 / self.frame_steps",
         "late rules learn at half their rate"),
        ("late half ignored", LAYOUT, "first = self.frame_steps // 2 if trace.late else 0", "first = 0",
         "the transient of the forecast is learned, not its outcome"),
        ("excess and deficit swapped", ERROR_GATED, 'signal("excess") - signal("deficit")', 'signal("deficit") - signal("excess")',
         "the forecast learns to be wrong"),
        ("normaliser without c", DELTA, "(c + post_sum(x * x))", "post_sum(x * x)", "a silent site divides by zero"),
        ("post_sum over all cells, reference", PLAIN, ".shape), self.n_post)[j]", ".shape), self.n_post).sum()",
         "a synapse sees the whole network"),
        ("post_sum of other cells, event", EVENT_TEXT, '{goal}[at : at + length]"', '{goal}[:length]"', "a synapse sees other cells' sums"),
        ("sums after the first change, event", EVENT_TEXT, "loop.fixed[s] = name", "loop.fixed[s] = 'kind(0)'", "no sum at spikes"),
        ("own variables do not decay", "snn/engines/event_traces.py", "x.own_scale[k] *= t.own_decay[k]", "pass",
         "eligibility lasts for ever"),
        ("the lag ignored", PLAIN, "return oldest", "return v", "a spike meets its own peak"),
        ("a lag too short, event", "snn/engines/event_traces.py", "n % lag * size", "n % max(lag - 1, 1) * size", "as above"),
        ("the afterpotential stays", "snn/engines/event_upswing.py", "np.exp(-law[p, L_AFTER_RATE] * (n - 1 - last[i]))", "last[i] >= 0",
         "a cell that has fired once fires for ever"),
        ("potentiation without a threshold", "plasticity/voltage.py", "maximum(voltage() - self.theta_high_mV, 0.0)", "voltage()",
         "rest potentiates"),
        ("the frame before is the frame at hand", PLAIN, "self.ago.get(x.name, self.frame_value",
         "self.frame_value.get(x.name, self.frame_value",
         "a forecast is taught by what it forecasts"),
        ("a factor of either sign waits", "snn/engines/event_plan.py", "if low < 0 < high:", "if low < -1e9 and high > 1e99:",
         "weights leave a bound that they have not met"),
        ("triplets are pairs", "plasticity/stdp.py", 'self.a3_plus_mV * post("o2")', 'self.a3_plus_mV * post("o1")',
         "the rate at which potentiation begins is another"),
        ("half the target rate, inhibitory", "plasticity/inhibitory.py", "alpha = 2.0 * self", "alpha = self",
         "cells settle at half the rate"),
        ("half the target rate, in rates", "plasticity/inhibitory.py", '(post("n") - expected)', '(post("n") - 0.5 * expected)',
         "calibrated cells settle at half the rate"),
        ("the forecast speaks while error cells are calibrated", "plasticity/balance.py", "np.zeros_like(arrays[k])", "arrays[k]",
         "inhibition makes up for a forecast that is not learned yet"),
        ("one route is born unequal", LEVEL, "OneToOne(pairs=more), self.born(theta_p)", "OneToOne(pairs=more), theta_p",
         "what is said to be unbalanced is half balanced by hand"),
        ("linear decay, Oja", HEBBIAN_PY, '(pre("x") - post("y") * W', '(pre("x") - W', "no principal component"),
        ("means not corrected for their beginning", HEBBIAN_PY, " / (seen * seen)", "", "every pair of cells seems correlated at first"),
        ("threshold runs away", "plasticity/homeostasis.py", "W + self.eta_mV", "W - self.eta_mV", "the busiest cell gets busier"),
        ("feedback learns of the frame after", "plasticity/feedback.py", ", ago=1", "", "feedback never mirrors the forecast"),
        ("credit is given for what came after", "plasticity/credit.py", '"pre", tau_ms=self.tau_ms, frame="mean", late=self.late, ago=1',
         '"pre", tau_ms=self.tau_ms, frame="mean", late=self.late', "the layer learns from the frame that was not yet there"),
        ("credit without its pooled error", "snn/_hidden.py", '"mismatch_inh", "credit_pos", "apical_inh"',
         '"error_pos_inh", "credit_pos", "apical_inh"', "credit has the wrong sign wherever the forecast is too high"),
        ("nothing is foretold", "plasticity/dendritic.py", 'own("held") - foretold * seen', 'own("held")', "weights only ever grow"),
        ("traces of composed rules are one", "plasticity/compose.py", 'replace(t, name=f"{i}.{t.name}"', "replace(t, name=t.name",
         "one rule reads the other's traces"),
        ("soma and dendrite hear each other alike", "snn/engines/compartments.py", "[cell.back_coupling * dend,", "[cell.coupling * dend,",
         "resets of the soma reach a dendrite that should not hear them"),
        ("frozen rules learn", ADVANCE, "if act and t.rule[row, R_POST] >= 0:", "if t.rule[row, R_POST] >= 0:",
         "evaluation changes the network"),
        ("shared weights take the last wish", PLAIN, "np.bincount(back, asked) / count", "asked[np.searchsorted(back, range(len(which)))]",
         "one site speaks for all"),
        ("transmitter sign missing in the rule", DELTA, "MODULATOR * SIGN * eta", "MODULATOR * eta",
         "inhibitory routes learn the opposite"),
        ("field shifted by a pixel", "snn/topology.py", "(up_col - topology.size) // 2,", "(up_col - topology.size) // 2 + 1,",
         "every forecast is fed from the neighbour's surround"),
        ("field wraps around", "snn/topology.py", "row = r * post.rows // pre.rows + w.offset_row + a",
         "row = (r * post.rows // pre.rows + w.offset_row + a) % post.rows", "the upper border sees the lower one"),
        ("jitter has the wrong sign", STATE_PY, "nominal - jitter * drawn", "nominal + jitter * drawn",
         "cells that should fire for one pulse need two"),
        ("transient in the first frame", "snn/encoding.py", "frames[:1] if before is None", "0 * frames[:1] if before is None",
         "every clip begins with a flash"),
        ("surround without its border", "snn/encoding.py", "sums / ((r1 - r0)[:, None] * (c1 - c0)[None, :])", "sums / side**2",
         "borders look dark to the contrast cells"),
        ("readout of the first half", LAYOUT, "(steps - np.maximum(np.arange(steps), half)) / (steps - half)",
         "np.maximum(half - np.arange(steps), 0) / half", "the forecast is read before it has settled"),
        ("copy-last copies the same frame", SCORING, "dtype=np.float64), frames[:-1]])", "dtype=np.float64), frames[1:]])",
         "the bar is perfect and every ratio infinite"),
        ("copy-last over the wrong frames", TRAINING_PY, "frames[FIRST_SCORED - 1 : -1]", "frames[FIRST_SCORED - 2 : -2]", SCORE),
        ("first frames scored", "snn/stimuli/splitting.py", "FIRST_SCORED = 3", "FIRST_SCORED = 2",
         "frames without a possible forecast are scored"),
        ("epoch border forgotten", LAZY, "x.lazy_row[c0 + cell] = 0", "pass", "weights jump when an epoch ends"),
        ("epoch border too late", LAZY, "== t.lazy[k, Z_EPOCH]:", "== t.lazy[k, Z_EPOCH] + 1:",
         "snapshots are written into another projection's"),
        ("delivered before potentiation", EVENT_TEXT, '"g[l] += sign * u"', '"g[l] += sign * w[l]"',
         "spikes carry the weight of an earlier time"),
        ("weights share a stream", STATE_PY, 'stream(seed, "weights", j.name)', 'stream(seed, "weights")',
         "all projections are copies of one another"),
        ("thresholds share a stream", STATE_PY, 'stream(seed, "threshold", p.name)', 'stream(seed, "threshold")',
         "jitter is correlated across populations"),
        ("noise shared by populations", DRIVER, '"input", name, self._step', '"input", self._step', "noise is correlated"),
        ("noise the same in every frame", DRIVER, ", name, self._step // self.layout.frame_steps)", ", name)", "noise is frozen"),
        ("names do not reach the stream", "snn/seeding.py", "SeedSequence([seed, *words])", "SeedSequence([seed])", "all is correlated"),
        ("held-out frames leak into learning", "comparisons/movies.py",
         "end = movie.n_frames - self.hold_out - self.validate_frames", "end = movie.n_frames - self.validate_frames", SCORE),
        ("rules act in the warm-up", TRAINING_PY, "learn=False)]", "learn=True)]", "the first frames teach what nobody can know"),
        ("clips run into each other", TRAINING_PY, "        simulation.restart()\n", "", "the cut between two clips is learned"),
        ("persistence without its delay", LEVEL, '"persistent_exc", OneToOne(), step, frame)',
         '"persistent_exc", OneToOne(), step, self.spec.lag_ms)',
         "the forecast has seen the frame that it forecasts"),
        ("both pairs tell the same", LEVEL, '"other_pair", OneToOne(), step, self.spec.lag_ms)',
         '"other_pair", OneToOne(), 0.0, self.spec.lag_ms)', "luminance is told twice"),
        ("an effect need not exceed its controls", "comparisons/verdicts.py", "if difference.low <= 0:", "if False:",
         "what an untrained network shows as well is counted"),
        ("an endless gate is forgotten", "comparisons/records.py", "None if np.isnan(gate) else _short(min(gate, GREATEST)),",
         "_short(gate),", "a network that ran away counts as trained enough"),
        ("a seed is not missed", "comparisons/records.py", "if len(known) < n_seeds:", "if not known:", "verdicts on some of the seeds"),
        ("the earlier file counts", "comparisons/records.py", "found[record.model, record.phenomenon, record.seed] = record",
         "found.setdefault((record.model, record.phenomenon, record.seed), record)", "what was measured anew is not seen"),
        ("old versions are judged", "comparisons/records.py", "if asked != now:", "if False:", "results of two criteria in one table"),
        ("pooled potentials below normal numbers", EVENT_CELLS, "if more + current[i] <= still else new) + tiny - tiny",
         "if more + current[i] <= still else new)", "converted networks take twice as long"),
        ("criterion ignored", "comparisons/verdicts.py", "if found.effect.low <= about.least:", "if False:", "every effect holds"),
        ("change partner missing", LEVEL, 'join(part, part, "partner", OneToOne(pairs=swap), step, self',
         'join(part, part, "partner", OneToOne(pairs=swap), 0.0, self',
         "change cells never take back what they told"),
        ("restart keeps the frame before", DRIVER, "        self._before = None\n        self._sent", "        self._sent",
         "the transient channel sees the clip before"),
        ("readout begins anew in each run", DRIVER, "- here + self._sent[r.population]", "- here", "forecasts jump between runs"),
        ("shift bar sees the frame it forecasts", SHIFT, "_shifts(frames[start - 2 : stop - 1])", "_shifts(frames[start - 1 : stop])",
         "a bar that nobody can beat"),
        ("frame bar's field wraps", "comparisons/one_frame.py", "np.pad(frames, ((0, 0), (half, half), (half, half)))",
         'np.pad(frames, ((0, 0), (half, half), (half, half)), mode="wrap")', "borders of the bar see the other side"),
        ("slope through held cells", TORCH_NETWORK, "slope.masked_fill(held, 0.0)", "slope", "cells learn while they cannot spike"),
        ("threshold passed, torch", TORCH_NETWORK, "fires = v >= threshold if", "fires = v > threshold if", TIMES),
        ("square turned, torch", "snn/engines/torch_delivery.py", "self.site * size * size + self.offset",
         "self.site * size * size + (size * size - 1 - self.offset)", "every field is upside down"),
        ("R sees the frame that it forecasts", RATE_PY, "inputs = [own, memory.e[level]]",
         "inputs = [own, e[level] + frame.mean()]", "the forecast has seen the frame that it forecasts"),
        ("error halves swapped", RATE_PY, "torch.cat([error_neg, error_pos], dim=1)", "torch.cat([error_pos, error_neg], dim=1)",
         "weights of other programs mean something else"),
        ("logistic in place of hard sigmoid", RATE_CELLS_PY, "torch.clamp(0.2 * x + 0.5, 0.0, 1.0)", "torch.sigmoid(x)",
         "not the paper's gates"),
        ("gates that multiply", RATE_CELLS_PY, "torch.sigmoid(c) - o, c", "torch.sigmoid(c) * o, c", "not a subtractive LSTM"),
        ("Dale's law not kept", RATE_CELLS_PY, "torch.where(sign * self.weight < 0, 0.0, self.weight)",
         "torch.where(sign * self.weight < -1e9, 0.0, self.weight)", "excitatory channels inhibit"),
        ("first frame counts in the loss", RATE_PY, "(trajectory.errors[skip:] @ weights)", "(trajectory.errors @ weights)",
         "not the published loss"),
        ("every stretch begins at rest", "conversion/rate_trainable.py", "memory = detached(trajectory.memory)", "memory = None",
         "what comes after a window is never learned"),
        ("windows cross clips", "conversion/rate_training.py", "len(clip) - plan.n_frames + 1 for clip", "len(clip) for clip",
         "cuts between clips are learned"),
        ("forecast read before it settles", "conversion/circuit_training.py", "earlier[name] + sums.late[name]",
         "earlier[name] + sums.counts[name]", "trained on another forecast than is scored"),
        ("gradients never cut", "conversion/circuit_training.py", "motion.detached(), clips.new_zeros(())", "motion, clips.new_zeros(())",
         "the graph of the clip before is gone, or memory grows with the clip"),
        ("time constants of R mixed up", "conversion/distillation.py", "sorted_[0][torch.argsort(sorted_[1])]", "torch.arange(n)",
         "a student begins with the weights of other channels"),
        ("targets compared after another pooling", "conversion/distillation.py", "functional.avg_pool2d(populations",
         "functional.max_pool2d(populations", "A is matched to something that no connection carries"),
        ("first frame counts when distilling", "conversion/distillation.py", "mismatch(told[:, 1:], asked[:, 1:])",
         "mismatch(told, asked)", "the student learns what nobody can know"),
        ("read-outs judged on what they were fitted on", "conversion/distil_report.py", "self.gram[1 - fold], self.cross[1 - fold]",
         "self.gram[fold], self.cross[fold]", SCORE),
    )
)  # fmt: skip

EMPTY = "equivalent: the array is empty or is replaced before anything reads it"
LONG = "equivalent: loops end at the size of the population, before the longer stretch does"
CHUNK = "only the memory differs: frames are worked on in larger pieces"
EXPLAINED: dict[tuple[str, str, str], str] = {
    (DRIVER, "return np.zeros((0, 1, 1)), n_frames", "return np.ones((0, 1, 1)), n_frames"): EMPTY,
    (DRIVER, "return np.zeros((0, 1, 1)), n_frames", "return np.zeros((1, 1, 1)), n_frames"): EMPTY,
    (REFERENCE, "self.sent = np.zeros(population.n)", "self.sent = np.ones(population.n)"): EMPTY,
    (
        SHIFT,
        "step = max(1, _CHUNK_NUMBERS // (len(SHIFTS_PX) ** 2 * rows * cols))",
        "step = max(2, _CHUNK_NUMBERS // (len(SHIFTS_PX) ** 2 * rows * cols))",
    ): CHUNK,
    (
        SHIFT,
        "down = [_interpolated(frames, 1, np.arange(rows) + shift) for shift in SHIFTS_PX]",
        "down = [_interpolated(frames, 1, np.arange(rows) - shift) for shift in SHIFTS_PX]",
    ): "equivalent: the shifts lie evenly on both sides of 0, and their order does not matter",
    (
        "comparisons/one_frame.py",
        "if field < 1 or field % 2 == 0:",
        "if field < 0 or field % 2 == 0:",
    ): "equivalent: 0 is even, and so refused as before",
    (
        EVENT_CELLS,
        "v, threshold = all_v[start : start + size], all_threshold[start : start + size]",
        "v, threshold = all_v[start : start + size], all_threshold[start : start + size + 1]",
    ): LONG,
    (
        TABLES,
        "tiny=np.array([1e-290 if np.dtype(dtype) == np.float64 else 1e-30], dtype=dtype),",
        "tiny=np.array([1e-290 if np.dtype(dtype) == np.float64 else 2e-30], dtype=dtype),",
    ): "equivalent: any number far below the smallest that matters keeps subnormal numbers away",
    (
        TABLES,
        "return np.array(rows, dtype=np.int64).reshape(-1, columns)",
        "return np.array(rows, dtype=np.int64).reshape(-2, columns)",
    ): "equivalent: NumPy takes any negative length for the one to be found",
}
"""Random defects that no test can see: (file, line as it was, line as it becomes) and why."""
