"""How to read a diagnosis: which numbers are out of their usual range, what that means and what to do.

The usual range is that of circuits that learned: on drifting photographs and on driving their inputs send 1 to 5 spikes a
pixel a frame, their error cells fire at about 30 Hz, and their routes overlap by 0.3 to 0.5.
"""

from __future__ import annotations

import math

from comparisons.diagnostics import Activity, Diagnosis, Gates, is_error, share_labels
from comparisons.route_diagnostics import Pair, Route

SILENT_HZ = 0.1
"""Error cells teach by their spikes; one in ten seconds is one in 200 frames of 50 ms."""
BUSY_HZ = 150.0
"""Half of the rate at which learning is stopped as a blow-up (`Plan.max_rate_Hz`), and five times the usual."""
FEW_INPUTS, MANY_INPUTS = 0.1, 10.0
"""Spikes a pixel a frame: with fewer most pixels tell nothing of most frames; more is twice what the busiest drift gives."""
AT_MAX = 0.05
"""A bound should hold strays only; more than one weight in twenty means that the bound decides what is learned."""
AT_ZERO = 0.95
"""Weights begin at 0 or near; where nearly all are there, the route says next to nothing."""
OVERLAP = 0.8
"""Of two routes that overlap by this, (1 - 0.8) / (1 + 0.8), a ninth of their weight is left when both have cancelled."""
RATIO = 3.0
"""Excitation over inhibition of learned routes; both begin alike, and increases are as frequent as decreases."""
ENTROPY_SHARE = 0.9
"""Share of the largest entropy; of three, one heard twice as often as each of the others gives 0.95, three times 0.86."""
UNHEARD = 0.2
"""A branch with less than this part of an even share hardly learns, since it learns as much as it is heard."""
ONLY_COPYING = 0.95
"""Copying begins as the best; where it still wins nearly always, no branch has been of use."""
UNALIGNED_DEG = 40.0
"""Weights are magnitudes, so that unrelated ones are not at 90 degrees but at 41 (uniform), 50 (half-normal) or more."""

Advice = dict[tuple[str, str], str]


def advise(found: Diagnosis) -> Advice:
    """Say what is unusual.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    dict of (str, str) to str
        Per section and row of the table; empty where nothing is.
    """
    return {**_activity(found.activity), **_routes(found), **_gates(found.activity.gates), **_alignment(found.alignment_deg)}


def _activity(activity: Activity) -> Advice:
    advice: Advice = {}
    inputs = activity.input_spikes
    if inputs < FEW_INPUTS:
        advice["spikes", "inputs"] = "hardly anything reaches the circuit: the movie hardly moves, or its steps are finer than target_step"
    if inputs > MANY_INPUTS:
        advice["spikes", "inputs"] = "inputs are flooded: lower the gains of the retina, raise target_step (if converted, use fewer copies)"
    for name, rate in activity.rates_Hz.items():
        if is_error(name) and rate < SILENT_HZ:
            advice["rate", name] = (
                "error cells are silent and teach nothing: nothing is left to learn, or the error threshold is too high for this movie"
            )
        elif is_error(name) and rate > BUSY_HZ:
            advice["rate", name] = "forecasts are far off: eta is too high, or weights are those of another movie"
        elif rate == 0 and name.rpartition(".")[2] in ("representation", "prediction", "branch"):
            advice["rate", name] = "is silent: look at what drives it, and at its threshold"
    return advice


def _routes(found: Diagnosis) -> Advice:
    advice: Advice = {}
    for name, route in found.routes.items():
        text = _route(route)
        if text:
            advice["route", name] = text
    for pair in found.pairs:
        text = _pair(pair, found.routes)
        if text:
            advice["pair", pair.excitatory] = text
    return advice


def _route(route: Route) -> str:
    if route.at_zero == 1.0:
        return "nothing is learned: all weights are 0; is eta 0, or are its error cells silent?"
    if route.change_mV == 0.0:
        return "nothing is learned: no weight has changed; is eta 0, or are its error cells silent?"
    if route.at_max > AT_MAX:
        return f"{route.at_max:.0%} of the weights are at w_max: raise w_max_mV or lower eta"
    if route.at_zero > AT_ZERO:
        return f"{route.at_zero:.0%} of the weights are 0: raise eta, learn longer or lower decay"
    return ""


def _pair(pair: Pair, routes: dict[str, Route]) -> str:
    up, down = (routes[name].per_cell_mV for name in (pair.excitatory, pair.inhibitory))
    if pair.overlap > OVERLAP and not pair.growing:
        return f"W+ and W- overlap by more than {OVERLAP:g}: both routes grow together; raise decay"
    if up > RATIO * down:
        return f"excitation is more than {RATIO:g} times inhibition: forecasts can rise but hardly fall; does the inhibitory route learn?"
    if down > RATIO * up:
        return f"inhibition is more than {RATIO:g} times excitation: forecasts can fall but hardly rise; does the excitatory route learn?"
    return ""


def _gates(gates: dict[str, Gates]) -> Advice:
    advice: Advice = {}
    for name, found in gates.items():
        n = len(found.shares)
        if math.isnan(found.entropy_nats):
            advice["gates", name] = "selectors are silent: no branch is ever heard; raise gating.tonic_mV"
            continue
        if found.entropy_nats > ENTROPY_SHARE * math.log(n):
            advice["gates", name] = f"entropy near log({n}): branches have not specialised; raise gating.sharpness_mV or learn longer"
        for label, share in zip(share_labels(n), found.shares, strict=True):
            if label != "copying" and share < UNHEARD / n:
                advice["gates", f"{name} {label}"] = "is hardly ever heard, so it hardly learns: fewer branches, or less gating.rivalry_mV"
        if found.shares[-1] > ONLY_COPYING:
            advice["gates", f"{name} copying"] = "copying wins nearly always: no branch forecasts better than the last frame"
    return advice


def _alignment(angles: dict[str, float]) -> Advice:
    text = "feedback does not mirror the forecast: learn longer, or raise the decay of both rules"
    return {("alignment", name): text for name, angle in angles.items() if angle > UNALIGNED_DEG}
