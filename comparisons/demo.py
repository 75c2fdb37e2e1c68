"""The demonstration, the whole story in small: PredNet, its conversion, a circuit that learned by itself, asked the same questions."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from comparisons import run_folder
from comparisons.battery import Battery
from comparisons.battery_models import Model, Task
from comparisons.learning import DRIFT_PLAN, Job
from comparisons.making import converted, learned
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.processes import processes
from comparisons.progress import Reporter, TerminalReporter
from comparisons.verdict_table import table
from conversion.recipe import Recipe

PREDNET, SMALL = "drift-leaky", "drift-leaky-ms-small"
PHENOMENA = ("on_off", "flow_halt", "rhythms")
RECIPE = Recipe(copies=4, dead="keep")
STORY = """
PredNet was trained by backprop, shares its weights and has no spikes. The converted network is such a model turned into excitatory
and inhibitory spiking cells. The local one was born random and learned {n_movies} drifts of photographs just now, by a local rule.
Error on photographs that none has seen, as a share of the error of copying the last frame:
"""


def run_demo(out: Path, *, seeds: int, n_movies: int, workers: int) -> str:
    """Run the demonstration; what is finished is kept, what is not goes on.

    Parameters
    ----------
    out : Path
        Folder for runs, results and the report.
    seeds : int
        Circuits that learn by themselves.
    n_movies : int
        Drifts that each learns from.
    workers : int
        Processes side by side.

    Returns
    -------
    str
        What was found, and where the report is.

    Raises
    ------
    StateError
        If the folder holds a run of other settings.
    """
    from comparisons.report import write_report

    report = TerminalReporter()
    battery = Battery(models(out, seeds), PHENOMENA, out)
    _make(out, seeds, n_movies, report, workers)
    verdicts = battery.run(report, workers)
    ratios = [(m.name, [battery.gate(Task(m, k, PHENOMENA[0])) for k in range(len(m.runs))]) for m in battery.models]
    errors = [f"  {name:<12}{'  '.join(f'{ratio:.2f}' for ratio in found)}" for name, found in ratios]
    page = write_report(out)
    return "\n".join([STORY.format(n_movies=n_movies), *errors, "", table(verdicts), f"the report, with pictures: {page}"])


def models(out: Path, seeds: int) -> tuple[Model, ...]:
    """List what is asked.

    Parameters
    ----------
    out : Path
    seeds : int

    Returns
    -------
    tuple of Model
        The converted one without its untrained control, which would take longer than all the rest.
    """
    return (
        Model("prednet", (run_folder.SHIPPED / PREDNET,)),
        Model("converted", (out / "converted",), untrained=False),
        Model("local", tuple(out / f"local-{seed}" for seed in range(seeds))),
    )


def command(battery: Battery) -> list[str] | None:
    """Give the words that make a demonstration again.

    Parameters
    ----------
    battery : Battery

    Returns
    -------
    list of str or None
        None where the battery is none of a demonstration.
    """
    local = battery.models[-1]
    if [(m.name, m.untrained) for m in battery.models] != [(m.name, m.untrained) for m in models(battery.out, 1)]:
        return None
    n_movies = run_folder.read_json(local.runs[0] / "config.json")["source"]["n_movies"]
    return ["demo", "--seeds", str(len(local.runs)), "--movies", str(n_movies), "--out", str(battery.out)]


def job(seed: int, n_movies: int) -> Job:
    """Say how a circuit learns by itself.

    Parameters
    ----------
    seed, n_movies : int

    Returns
    -------
    Job
    """
    return Job(source=Source(frames=PHOTOGRAPHS, size=16, n_movies=n_movies), plan=DRIFT_PLAN, seed=seed)


def _make(out: Path, seeds: int, n_movies: int, report: Reporter, workers: int) -> None:
    """Make the runs that are not there yet, several at once."""
    todo = {"PredNet is converted to spikes": partial(converted, Path(SMALL), out / "converted", RECIPE)}
    for seed in range(seeds):
        todo[f"a circuit of spiking cells learns by itself, seed {seed}"] = partial(learned, job(seed, n_movies), out / f"local-{seed}")
    with processes(workers) as pool:
        waiting = {what: pool.submit(make) for what, make in todo.items()}
        report.begin("demo")
        for done, (what, future) in enumerate(waiting.items(), start=1):
            report.say(what)
            future.result()
            report.step(done, len(waiting), what)
        report.end()
