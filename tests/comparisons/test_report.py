"""The report: what a reader needs stands in the page, every number can be traced, and a browser shows it without complaint."""

from __future__ import annotations

import base64
import json
import os
import re
import select
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons import battery, records, report, report_films, report_sources, verdict_table
from comparisons.battery import Battery
from comparisons.battery_models import Model
from comparisons.battery_plan import models_of
from comparisons.phenomena import PHENOMENA
from comparisons.phenomena.on_off import OnOff
from comparisons.phenomenon import About, Measurement
from comparisons.records import KNOWN_FILE, RECORDS_FILE
from comparisons.report import Section, short, write_report
from comparisons.report_films import png
from comparisons.report_sources import command, named, shown_path
from comparisons.responder import Responder
from comparisons.statistics import Interval
from snn.errors import RunFolderError
from snn.stimuli.movie import Movie
from snn.testing import random_walk

MODULES = (battery, records, report, report_films, report_sources, verdict_table)
RUNS = {"rate": (Path("drift-leaky"),), "spikes": (Path("drift-spiking"), Path("drift-spiking-backprop"))}
FIRST_PAINT_MS, PATIENCE_S = 2000.0, 60.0


class Mean:
    """A question of which the report knows nothing but what it says itself."""

    about = About("mean", "Mean", 1, "It is above 0.", "", "mean", "Hz", 0.0, ("untrained",), beside=("adaptation_only",))

    def lacks(self, responder: Responder) -> str | None:
        return None if any(s.spiking for s in responder.sites) else "it has no spikes"

    def measure(self, responder: Responder, seed: int) -> Measurement:
        movie = Movie(random_walk(6, *responder.frame_size, seed=seed).frames, responder.frame_ms)
        told = responder.respond(movie, ["level0.error_pos"], seed=seed).activity["level0.error_pos"]
        return Measurement({"mean": float(told.mean()), "most": float(told.max())}, {"trace": told.mean((0, 2, 3, 4))})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A battery of two phenomena, run once."""
    out, asked = tmp_path_factory.mktemp("battery"), {"on_off": OnOff(n_objects=4, n_trials=1, before=4, on=6, after=4), "mean": Mean()}
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(module, "PHENOMENA", {**PHENOMENA, **asked})
        patch.setattr(battery, "held_out_ratio", lambda path: 0.5)
        Battery([Model(name, runs) for name, runs in RUNS.items()], list(asked), out).run()
        write_report(out)
        yield out


def test_what_a_reader_needs_stands_in_the_page(folder: Path) -> None:
    """Oracle: the results: verdicts, reasons, runs; of each phenomenon an effect and its panels; nothing is fetched from elsewhere."""
    page = (folder / "report.html").read_text()
    for text in (
        '<section id="mean">',
        "Does the answer to an object fade while it stays?",
        "It is above 0.",
        "one seed gives no interval",
        "it has no spikes",
        "results/spikes/0..1/on_off.json",
        "results/rate/0/mean.json",
        "drift-spiking-backprop",
        "rate network, 2 levels, 1 seed",
        "object shown",
        "time after onset (frames)",
        "rate expects",
        "and more than in untrained (version 1)",
        "Shown beside it, and deciding nothing: adaptation only.",
        "adaptation only (beside) 0.",
        ">adaptation only (beside)</text>",
    ):
        assert text in page, text
    # An effect and the panels of either phenomenon (two levels of the rate network), and no key: no panel has two lines.
    assert page.count("<svg") == 2 + 2 + 1
    fetched = [url for url in re.findall(r"(?:src|href)=[\"'](?!#)([^\"']+)|url\(([^)#]+)\)", page) if any(url)]
    assert all("".join(url).startswith(("https://doi.org/", "data:image/png;base64,")) for url in fetched)
    assert page.count(' id="on_off"') == 1 and 'id="figure_1"' not in page
    assert page == write_report(folder).read_text()


def test_what_was_measured_elsewhere_stands_beside(folder: Path, tmp_path: Path) -> None:
    """Oracle: the page of the battery whose records they are: the same effects and dots; that there are no curves is said."""
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(folder / RECORDS_FILE, here / KNOWN_FILE)
    first = Battery.open(folder)
    known = Battery(first.models, first.phenomena, here)
    assert known.left() == []
    known.run()
    page, whole = report.render(known), report.render(first)
    # One effect of each phenomenon, with the same dots, and no panels.
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) == 2 < whole.count("<svg") and all(svg in whole for svg in drawn)
    assert effects(page) == effects(whole)
    assert "Of rate, spikes numbers in <code>known.jsonl</code>, measured elsewhere" in page and "measured elsewhere" not in whole
    assert f"--known {here / KNOWN_FILE}" in command(known)


def effects(page: str) -> list[str]:
    return re.findall(r'<span class="effect">(.*?)</span>', page)


def test_further_sections_are_put_in(folder: Path) -> None:
    page = report.render(Battery.open(folder), [Section("beside", "Side by side", "<p>here</p>")])
    assert '<section id="beside"><h2>Side by side</h2>\n<p>here</p>' in page


def test_forecasts_are_asked_for_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: how often a model is shown a film: never again, but if the file is damaged or it may now answer otherwise."""
    plan, asked = Battery.open(folder), []
    responder = plan.subject(next(plan.tasks())).responder
    whole = type(responder).respond
    monkeypatch.setattr(type(responder), "respond", lambda *args, **more: asked.append(1) or whole(*args, **more))
    first = report_films.films_of(plan, "on_off")
    assert first is not None and [f["label"] for f in first["films"]] == ["shown", "rate expects", "spikes expects"] and not asked
    kept = folder / "results" / "rate" / "0" / "on_off.forecast.npz"
    kept.write_bytes(kept.read_bytes()[:40])
    assert report_films.films_of(plan, "on_off") == first and len(asked) == 1
    monkeypatch.setattr(report_films, "HARNESS", report_films.HARNESS + 1)
    assert report_films.films_of(plan, "on_off") == first and len(asked) == 2
    assert report_films.films_of(plan, "mean") is None


def test_a_picture_holds_its_pixels() -> None:
    """Oracle: the rows of the PNG, inflated by hand: black, grey, white."""
    head, _, data = png(np.array([[0.0, 0.5, 1.0]])).partition(",")
    raw = base64.b64decode(data)
    body = raw[raw.index(b"IDAT") + 4 : raw.index(b"IEND") - 8]
    row = zlib.decompress(body)
    assert head == "data:image/png;base64" and len(row) == 4
    assert row[0] == 0 and list(row[1:]) == [0, 128, 255]


def test_numbers_are_as_short_as_their_interval_allows() -> None:
    nan = float("nan")
    assert short(Interval(58.4, 50.0, 66.8), "%") == "58% [50, 67]"
    assert short(Interval(0.108, -0.00722, 0.223), "") == "0.11 [-0.01, 0.22]"
    assert short(Interval(-0.001, -0.2, 0.2), "") == "0.00 [-0.20, 0.20]"
    assert short(Interval(0.00151, 0.00093, 0.00208), "") == "0.0015 [0.0009, 0.0021]"
    assert short(Interval(-4.44, -5.39, -3.49), "dB") == "-4.4\u202fdB [-5.4, -3.5]"
    assert short(Interval(1.25, 1.25, 1.25), "") == "1.25 [1.25, 1.25]"
    assert short(Interval(0.678, nan, nan), "px") == "0.68\u202fpx" and short(Interval(nan, nan, nan), "px") == "-"


def test_commands_make_it_again(tmp_path: Path) -> None:
    """Oracle: by hand: a battery by name is called by its name, another one by its runs; phenomena only where they are not the usual."""
    quick = Battery(models_of("quick", tmp_path), ("on_off", "two_pulse", "length", "oddball", "flash_lag"), tmp_path)
    assert command(quick) == f"spiking-prednet battery --battery quick --out {tmp_path}"
    fewer = Battery(models_of("quick", tmp_path), ("on_off",), tmp_path)
    assert command(fewer) == f"spiking-prednet battery --battery quick --phenomena on_off --out {tmp_path}"
    own = Battery([Model("a", (Path("drift-leaky"), Path("runs/b")))], ("on_off",), tmp_path)
    assert named(own) is None
    assert command(own) == f"spiking-prednet battery --model a=drift-leaky,runs/b --phenomena on_off --out {tmp_path}"


def test_paths_are_short(tmp_path: Path) -> None:
    assert shown_path(tmp_path / "runs" / "leaky-1", tmp_path) == "runs/leaky-1"
    assert shown_path(Path("drift-leaky"), tmp_path) == "drift-leaky"
    assert shown_path(models_of("quick", tmp_path)[0].runs[0], tmp_path) == "drift-leaky"
    assert shown_path(Path("runs/mine"), tmp_path) == "runs/mine"


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not the folder of a battery"):
        write_report(tmp_path)


class Browser:
    """Chromium, spoken to through a pair of pipes in its DevTools protocol: messages in JSON, each ended by a zero."""

    def __init__(self, profile: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        # The program looks for descriptors 3 and 4; a shell puts them there, since ours may be any.
        options = f"--headless=new --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={profile}"
        places = f"exec chromium {options} about:blank 3<&{ours[0]} 4>&{theirs[1]}"
        self.program = subprocess.Popen(
            ["/bin/bash", "-c", places], pass_fds=(ours[0], theirs[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.come, self.said = os.fdopen(ours[1], "wb", 0), os.fdopen(theirs[0], "rb", 0), b""
        self.events: list[dict[str, Any]] = []
        self.number, self.page = 0, ""
        target = next(t for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.page = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params} | ({"sessionId": self.page} if self.page else {})
        self.to.write(json.dumps(message).encode() + b"\0")
        while (told := self.next()).get("id") != self.number:
            self.events.append(told)
        assert "result" in told, told
        found: dict[str, Any] = told["result"]
        return found

    def next(self) -> dict[str, Any]:
        while b"\0" not in self.said:
            assert select.select([self.come], [], [], PATIENCE_S)[0], "the browser does not answer"
            more = self.come.read(1 << 16)
            assert more, "the browser has gone"
            self.said += more
        message, _, self.said = self.said.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, page: Path, width: int) -> None:
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600)
        self.ask("Page.navigate", url=page.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.next())

    def value(self, expression: str) -> Any:
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)["result"].get("value")

    def close(self) -> None:
        self.program.terminate()
        self.program.wait(20)
        self.to.close()
        self.come.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("needs chromium to open the page")
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_it_without_complaint(folder: Path, browser: Browser, width: int) -> None:
    """Oracle: the browser's own log, requests, times and sizes."""
    browser.open(folder / "report.html", width)
    complaints = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    assert not [e for e in browser.events if e.get("method") in complaints]
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith("data:")] == [(folder / "report.html").as_uri()]
    inside = browser.value("[document.documentElement.scrollWidth, document.body.scrollWidth, window.innerWidth]")
    assert inside[2] == width and max(inside[:2]) <= width
    painted = "performance.getEntriesByName('first-contentful-paint')[0]"
    browser.value(f"new Promise(done => (function ask() {{ {painted} ? done() : setTimeout(ask, 20) }})())")
    paint_ms = browser.value(f"{painted}.startTime")
    assert 0 < paint_ms < FIRST_PAINT_MS
    # Nothing is cut off that cannot be scrolled to, and figures can be read: letters of 7 px or more.
    assert browser.value("Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))") >= 7


def test_tables_sort(folder: Path, browser: Browser) -> None:
    """Oracle: the order of the rows after a click, and after another; the gate stays above them."""
    browser.open(folder / "report.html", 1280)
    rows = "[...document.querySelector('table.verdicts').tBodies[1].rows].map(r => r.cells[0].innerText.split('\\n')[0])"
    head = "document.querySelectorAll('table.verdicts th')[%d].querySelector('button').click()"
    before = browser.value(rows)
    assert len(before) == 2
    browser.value(head % 0)
    assert browser.value(rows) == sorted(before)
    browser.value(head % 0)
    assert browser.value(rows) == sorted(before)[::-1]
    assert browser.value("document.querySelector('table.verdicts th').getAttribute('aria-sort')") == "descending"
    # In the rate network on/off is undecided (one seed), and the other question cannot be asked.
    browser.value(head % 2)
    assert browser.value(rows)[1] == "It is above 0."
    browser.value(head % 2)
    assert browser.value(rows)[0] == "It is above 0."
    assert "Does it predict?" in browser.value("document.querySelector('table.verdicts').tBodies[0].innerText")
    seeds = "[...[...document.querySelectorAll('table.sortable')].pop().tBodies[0].rows].map(r => r.cells[1].innerText)"
    browser.value("[...document.querySelectorAll('table.sortable')].pop().querySelectorAll('th button')[1].click()")
    assert browser.value(seeds) == ["0", "0", "1"]


def test_films_move_unless_they_may_not(folder: Path, browser: Browser) -> None:
    """Oracle: the style that the browser computed: moving; at rest where the reader asked for it; gone on paper."""
    browser.open(folder / "report.html", 1280)
    film = "(s => s.display + ' ' + s.animationName + ' ' + s.animationPlayState)(getComputedStyle(document.querySelector('.film')))"
    assert browser.value(film) == "block play running"
    browser.value("document.querySelector('.films input').click()")
    assert browser.value(film) == "block play paused"
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert browser.value(film).split()[1] == "none"
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.value("getComputedStyle(document.querySelector('.films')).display") == "none"
    assert browser.value("getComputedStyle(document.querySelector('.verdicts')).display") == "table"
    paper = browser.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]
    assert base64.b64decode(paper).startswith(b"%PDF")
    browser.ask("Emulation.setEmulatedMedia", media="", features=[])
