"""What the report says and draws of each phenomenon: a question in plain words, what is shown, and the panels of its figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from comparisons.panels import Line, Panel, Span, share_of_all
from comparisons.phenomena.flow_halt import FlowHalt
from comparisons.phenomena.kanizsa import BEFORE, SETTLED
from comparisons.phenomena.kanizsa import ON as FIGURE_FRAMES
from comparisons.phenomena.oddball import Oddball
from comparisons.phenomena.on_off import OnOff
from comparisons.phenomena.rhythms import BESIDE, FAST_HZ, SHOWN_HZ, SLOW_HZ, Rhythms
from comparisons.responder import FloatArray


@dataclass(frozen=True)
class Sketch:
    """How a phenomenon is told to somebody who has not heard of it.

    Attributes
    ----------
    question : str
        In plain words, answered by yes or no.
    shown : str
        What is shown, and what is looked at.
    read : str
        What the figure looks like where the phenomenon is there.
    measure : str
        What the primary measure is, in a few words.
    panels : tuple of Panel
        Empty where `default_panels` makes them.
    """

    question: str = ""
    shown: str = ""
    read: str = ""
    panels: tuple[Panel, ...] = ()
    measure: str = ""


def _paired(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Mean answer to the partner of what came before; of answers by leading and trailing image and frame."""
    found: FloatArray = np.einsum("iit->t", values) / len(values)
    return found


def _unpaired(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Mean answer to all others."""
    found: FloatArray = values[~np.eye(len(values), dtype=bool)].mean(0)
    return found


def _while_on(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Keep the frames of a slot in which its grating is shown."""
    return values[: Oddball().on]


def _after_the_first(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Leave out the frames that belong to the beginning of the clip."""
    return np.where(axis < SETTLED - BEFORE, np.nan, values)


def _off_the_lines(values: FloatArray, axis: FloatArray) -> FloatArray:
    """Power over its mean, without the lines of the frame rate, which the measures leave out as well."""
    window, at = Rhythms().window, np.arange(len(values))
    line = np.abs((at + window // 2) % window - window // 2) <= BESIDE
    clean = np.where(line | (values <= 0), np.nan, values)
    within = clean[(axis >= SHOWN_HZ[0]) & (axis <= SHOWN_HZ[1])]
    found: FloatArray = clean / np.nanmean(within) if np.isfinite(within).any() else np.full_like(clean, np.nan)
    return found


TIME = "time after onset (frames)"
OBJECT = Span(0.0, float(OnOff().on), "object shown")
GRATING = Span(0.0, float(Oddball().on), "grating shown")
NOTHING = Span(0.0, float(Oddball().on), "where it would be")
INDUCERS = Span(0.0, float(FIGURE_FRAMES), "figure shown")
BANDS = (Span(*SLOW_HZ, "alpha, beta"), Span(*FAST_HZ, "gamma"))
SUPPRESSED = "Suppression: the line rises to a best size and falls again towards the largest."
MIXED = (Line("level {level}: mixed", "predicted", "-", _paired), Line("level {level}: mixed", "unpredicted", "--", _unpaired))
LEARNED = (Line("level {level}: after", "predicted", "-", _paired), Line("level {level}: after", "unpredicted", "--", _unpaired))
SHORT = {"predicted": "pred.", "unpredicted": "unpred."}
KINDS = (
    Line("level {level}: deviant", "deviant"),
    Line("level {level}: control", "among many standards", "--"),
    Line("level {level}: standard", "standard", ":"),
)
OMITTED = (Line("level {level}: omitted", "omitted"), Line("level {level}: omitted, control", "omitted among many standards", "--"))
SPECTRA = (
    Line("error, level {level}", "errors", "-", _off_the_lines),
    Line("representation, level {level}", "representations", "--", _off_the_lines),
)
SIDES = {
    "illusory": Line("illusory", "illusory", "-", _after_the_first),
    "turned away": Line("rotated", "turned away", "--", _after_the_first),
    "real": Line("real", "real side", ":", _after_the_first),
}


def _mean(lines: tuple[Line, ...], *labels: str) -> tuple[Line, ...]:
    """Give lines for bars, over the frames in which a grating is shown."""
    return tuple(Line(line.curve, label, "-", _while_on) for line, label in zip(lines, labels, strict=True))


def _bars(when: str, window: str) -> Panel:
    lines = (Line(f"level{{level}}.{window}", "intact"), Line(f"level{{level}}.{window}, feedback cut", "feedback cut", "--"))
    return Panel(f"level {{level}}, {when}", lines, "length of the bar (px)", axis="length")


def _discs(when: str, window: str) -> Panel:
    name = f"{window}, level {{level}}, contrast"
    lines = (Line(f"{name} 1", "full contrast"), Line(f"{name} 0.3", "contrast 0.3", "--"))
    return Panel(f"level {{level}}, {when}", lines, "diameter of the disc (px)", axis="diameter")


def _sides(title: str, *figures: str) -> Panel:
    return Panel(
        title, tuple(SIDES[f] for f in figures), TIME, axis=float(-BEFORE), limits=(SETTLED - BEFORE, FIGURE_FRAMES), spans=(INDUCERS,)
    )


def _forecast(title: str, what: str, moving: str) -> Panel:
    lines = (Line(f"{what}, 1 px a frame: upper or moving", moving), Line(f"{what}, 1 px a frame: flashed", "flashed bar", "--"))
    return Panel(title, lines, "place (px ahead of the flash)", "contrast in the forecast", axis=-4.0, scaled=False)


def _intervals(role: str, title: str) -> Panel:
    curve = f"level{{level}}.{role}: intervals in ms"
    line = (Line(curve, take=share_of_all),)
    return Panel(
        f"level {{level}}, {title}", line, "interval (ms, log)", "share of intervals (%)", axis=1.0, scaled=False, log="x", limits=(2, 200)
    )


SKETCHES: Mapping[str, Sketch] = MappingProxyType(
    {
        "on_off": Sketch(
            "Does the answer to an object fade while it stays?",
            "An object appears on grey, stays for 20 frames and goes. The mean activity of all error cells is followed.",
            "A peak when the object comes, then a fall well below it, and a second peak when it goes.",
            (Panel("level {level}", (Line("errors of level {level}"),), TIME, axis="frames", spans=(OBJECT,)),),
            "share of the peak that is gone while the object stays",
        ),
        "two_pulse": Sketch(
            "Is an image that was just seen answered less than another one?",
            "Two images follow each other with grey between: the same twice, or two different ones.",
            "Repetition suppression: the line of the same image lies below that of another one, most at short gaps. "
            "1 is an answer as large as the first.",
            (
                Panel(
                    "level {level}",
                    (Line("level {level}: same", "same image"), Line("level {level}: different", "another image", "--")),
                    "gap (frames, log)",
                    "second answer (1 = first)",
                    axis="gaps",
                    scaled=False,
                    log="x",
                    level_at=1.0,
                ),
            ),
            "how much less the same image is answered than another",
        ),
        "length": Sketch(
            "Is a bar answered less when it grows too long?",
            "Bars of growing length appear; the error cells under their middle are followed.",
            SUPPRESSED + " If feedback does it, the line without feedback falls less.",
            (_bars("last 4 frames", "late"), _bars("first 2 frames", "early")),
            "share of the best answer that is lost at the largest length",
        ),
        "size_tuning": Sketch(
            "Is a patch of stripes answered less when it grows too wide?",
            "Discs of drifting stripes, of growing diameter; the error cells under their middle are followed.",
            SUPPRESSED + " It should be stronger late than early.",
            (_discs("last 4 frames", "late"), _discs("first 2 frames", "early")),
            "share of the best answer that is lost at the largest disc",
        ),
        "sequence": Sketch(
            "After pairs of images were seen often, is the expected second one answered less?",
            "Pairs are seen a hundred times while the network learns; a copy of it sees the same images mixed. "
            "Then every first image leads to every second one.",
            "Learned: after pairs, the predicted image is answered less than the unpredicted ones; after mixed images, no difference.",
            (
                Panel("level {level}, after mixed", MIXED, TIME),
                Panel("level {level}, after pairs", LEARNED, TIME),
                Panel(
                    "level {level}, means",
                    (
                        *(Line(line.curve, f"{SHORT[line.label]}, mixed", "-", line.take) for line in MIXED),
                        *(Line(line.curve, f"{SHORT[line.label]}, pairs", "-", line.take) for line in LEARNED),
                    ),
                    "",
                    bars=True,
                ),
            ),
            "unpredicted less predicted after pairs, over their sum, or what of it is more than after mixed images, if that is less",
        ),
        "oddball": Sketch(
            "Is what breaks a regular sequence answered more?",
            "A grating again and again, and rarely another one (deviant) or none. The same grating, as rare, stands among many others.",
            "Deviance: the deviant lies above the same grating among many standards. A standard below them may be fatigue.",
            (
                Panel("level {level}", KINDS, TIME, spans=(GRATING,)),
                Panel("level {level}, omission", OMITTED, TIME, spans=(NOTHING,)),
                Panel("level {level}, while shown", _mean(KINDS, "deviant", "many", "standard"), "", bars=True),
            ),
            "deviant less the same grating among many, as a share of all answers",
        ),
        "kanizsa": Sketch(
            "Do cells answer an edge that is only hinted at?",
            "Four discs, then a quarter of each is taken away: a square seems to lie on them, or, turned away, not. "
            "Error cells on its sides are followed, where nothing changes.",
            "Illusory contours: the illusory square lies above the corners turned away; a real side is answered earlier.",
            (
                _sides("cells on the sides", "real", "illusory", "turned away"),
                _sides("without the real side", "illusory", "turned away"),
            ),
            "illusory less turned away, over their sum",
        ),
        "flash_lag": Sketch(
            "Is a moving bar predicted ahead of one that is flashed in line with it?",
            "A bar moves; another one is flashed for one frame beside it. Where are both in the forecast of the next frame?",
            "Flash lag: the moving bar stands to the right of the flashed one. In the first panel a forecast on the dashed line is right; "
            "one that copies the last frame lies 1 px below.",
            (
                Panel(
                    "position in the forecast",
                    (Line("path, 1 px a frame: moving", "moving bar"), Line("path, 1 px a frame: flashed", "flashed bar", "--")),
                    "time after the flash (frames)",
                    "position (px from the flash)",
                    axis="path, 1 px a frame: frames",
                    scaled=False,
                    diagonal=True,
                ),
                _forecast("one moves, one flashes", "motion and flash", "moving bar"),
                _forecast("both flash", "two flashes", "moving bar"),
            ),
            "how far the moving bar is ahead of the flashed one",
        ),
        "flash_lag_postdictive": Sketch(
            "Does what happens after a flash change where the bar is said to have been at the flash?",
            "A bar moves, another flashes; then the bar goes on, stops or turns back. From the representation cells a decoder "
            "reads, frames later, where the bar was at the flash.",
            "People: ahead if it goes on (above 0), in place if it stops, behind if it turns back (below 0).",
            (
                Panel(
                    "where it is said to have been",
                    (Line("continue", "goes on"), Line("stop", "stops", "--"), Line("reverse", "turns back", ":")),
                    "read out after the flash (frames)",
                    "shift of the report (px)",
                    scaled=False,
                    level_at=0.0,
                ),
                Panel(
                    "error of the decoder, no flash",
                    (Line("error", "decoder of cells"), Line("error by place alone", "by the present place alone", "-.")),
                    "read out after the flash (frames)",
                    "error (px)",
                    scaled=False,
                ),
            ),
            "half of what lies between going on and turning back",
        ),
        "flow_halt": Sketch(
            "Is a halt of something that moved evenly answered more than if it had moved on?",
            "A photograph moves by 1 px a frame and halts. The same picture at the same time is compared with others before it: "
            "flow that goes on, stop and go, or stillness. No movement of a body is told, so this is not visuomotor mismatch.",
            "A forecast of motion: at 0 the halt lies above moving on. Surprise: it also lies above a halt that is due.",
            (
                Panel(
                    "level {level}",
                    (
                        Line("level {level}: halts", "halts"),
                        Line("level {level}: moves on", "moves on", "--"),
                        Line("level {level}: halts again", "halts again", ":"),
                    ),
                    "time after the halt (frames)",
                    axis="frames",
                    spans=(Span(-float(FlowHalt().flow), 0.0, "flow"),),
                    limits=(-4, FlowHalt().halt - 1),
                ),
            ),
            "halt less moving on, over their sum, in the first frame of the halt",
        ),
        "border_ownership": Sketch(
            "Does a cell at an edge know on which side the object lies?",
            "A rectangle ends at an edge. Cells are followed that see the edge and nothing else: the same pixels, whichever side the "
            "rectangle lies on; two that face each other across the edge are one unit. The side that it prefers is found with light and "
            "dark exchanged.",
            "Ownership: the preferred side lies above the other one, and later than the first answer. Without it both lie together.",
            (
                Panel(
                    "level {level}",
                    (Line("level {level}: preferred side", "preferred side"), Line("level {level}: other side", "other side", "--")),
                    TIME,
                    axis="frames",
                ),
            ),
            "preferred side less the other, over their sum",
        ),
        "faces": Sketch(
            "Is a face answered by its distance from the average of those that were seen?",
            "One copy of the network learns from schematic faces of one family, another copy from another. Then both see the averages, "
            "caricatures and their opposites.",
            "A norm: a V with its foot at the average that was seen, and none around the average that was not.",
            (
                Panel(
                    "level {level}",
                    (
                        Line("level {level}: around the average that was seen", "family that was seen"),
                        Line("level {level}: around the other", "the other family", "--"),
                    ),
                    "level of the identity (0 = average)",
                    axis="level",
                ),
            ),
            "growth with the level around the seen average, less what of it is there where the other was seen",
        ),
        "balance": Sketch(
            "Do cells fire irregularly, as they do in cortex?",
            "A photograph drifts; the times between neighbouring spikes of every cell are counted.",
            "Irregular: a broad fall from short to long intervals. A clock has one narrow peak; spikes in step with the frames have peaks "
            "at the frame time and its multiples.",
            (
                _intervals("error_pos", "errors E+"),
                _intervals("error_neg", "errors E-"),
                _intervals("representation", "representation"),
            ),
            "how unlike neighbouring intervals are: 0 a clock, 1 random",
        ),
        "rhythms": Sketch(
            "Do errors swing fast, and representations slowly?",
            "A photograph stays. The power of the mean activity of error and of representation cells is taken at every frequency.",
            "As in cortex: error cells have relatively more power in gamma, representation cells in alpha and beta.",
            (
                Panel(
                    "level {level}",
                    SPECTRA,
                    "frequency (Hz, log)",
                    "power (1 = mean, log)",
                    axis="frequency_Hz",
                    scaled=False,
                    log="xy",
                    limits=SHOWN_HZ,
                    spans=BANDS,
                    gap="frame rate, left out",
                ),
            ),
            "fast over slow power, errors against representations",
        ),
    }
)
"""By phenomenon; one that is not here is told by its claim and drawn by `default_panels`."""
