"""The command line: thin verbs over ``learning``, ``evaluation`` and ``inspection``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number
from pydantic import ValidationError

from comparisons import (
    cli_ablate,
    cli_battery,
    cli_convert,
    cli_diagnose,
    cli_distil,
    cli_expectation,
    cli_import,
    cli_joint,
    cli_rate,
    cli_score,
    cli_sweep,
)
from comparisons.cli_options import FOR_PHOTOGRAPHS, NOT_FOR_PHOTOGRAPHS, Count, SourceOptions, names, pairs, refuse_unused, say_learned
from comparisons.progress import TerminalReporter
from snn._edit import first_error
from snn.errors import SpikingPrednetError

LISTED = 8
"""Violations of a constraint that `check` lists."""

app = App(
    name="spiking-prednet",
    help="A spiking, biologically constrained PredNet: learn, evaluate, check.",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)


@app.command
def learn(
    *,
    movies_from: SourceOptions,
    out: Path,
    recipe: Literal["plain", "gated", "hierarchical", "stdp_only", "hidden", "dendritic", "eprop"] = "plain",
    branches: Count | None = None,
    levels: Count | None = None,
    rear: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    sleep: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    mismatch: float = 0.0,
    calibrate: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    balance_after: float = 0.0,
    passes: Count | None = None,
    eta: float | None = None,
    eta_end: float | None = None,
    cells: Literal["spiking", "rate"] = "spiking",
    seed: int = 0,
    dt_ms: float = 1.0,
    lag_ms: float = 1.0,
    engine: Literal["event", "reference", "brian"] = "event",
    precision: Literal["float64", "float32"] = "float64",
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    resume: bool = False,
    figures: bool = True,
) -> None:
    """Learn to forecast movies with the local rule, and leave a run folder.

    Parameters
    ----------
    movies_from
        What to learn from.
    out
        Run folder to make.
    recipe
        Which circuit and rules: plain; gated (branches that compete); hierarchical (gated, two levels); stdp_only;
        hidden (the representation is learned); eprop (the same, by eligibilities); dendritic (errors in dendrites teach).
    branches
        Gated branches of the forecast; those of the recipe when left out.
    levels
        Levels of the circuit; those of the recipe when left out.
    rear
        Drifts of photographs, of 30 frames each, on which it is reared first; none when 0.
    sleep
        Nights, spread evenly over what is learned, in which cells of all sites come to answer alike; none when 0.
    mismatch
        How unequal the two routes of an error cell are at birth, as a share; 0 is balanced by hand.
    calibrate
        Still photographs, of 10 frames each, on which inhibition balances the error cells before all else; none when 0.
    balance_after
        How fast that inhibition goes on learning afterwards, of its speed before; 0 freezes it.
    passes
        How often everything is shown; as the recipe says when left out, like the rates.
    eta
        Learning rate at the beginning.
    eta_end
        Learning rate at the end.
    cells
        Spiking cells, or their rate twins.
    seed
        Seed of everything.
    dt_ms
        Step of the simulation.
    lag_ms
        Delay of the circuit's short connections, a multiple of the step.
    engine
        Engine that learns.
    precision
        Precision of the event engine.
    set_
        A field of the description to change: PATH=VALUE.
    resume
        Go on with the unfinished run of the same options.
    figures
        Draw figures.
    """
    from comparisons.learning import Job
    from comparisons.recipes import RECIPES, reared_on
    from comparisons.running import run_job
    from plasticity.sleep import Sleep

    chosen, source = RECIPES[recipe], movies_from.source()
    job = Job(
        source=source,
        plan=chosen.plan_with(passes=passes, eta_start=eta, eta_end=eta_end),
        rearing=reared_on(source, rear) if rear else None,
        rearing_plan=chosen.rearing,
        sleep=Sleep(nights=sleep) if sleep else None,
        calibration=calibrate,
        balance_after=balance_after,
        mismatch=mismatch,
        recipe=recipe,
        branches=branches,
        levels=chosen.levels if levels is None else levels,
        cells=cells,
        overrides=pairs(set_),
        seed=seed,
        dt_ms=dt_ms,
        lag_ms=lag_ms,
        engine=engine,
        precision=precision,
    )
    summary = run_job(job, out, resume=resume, figures=figures, report=TerminalReporter())
    say_learned(out, summary, f"{summary['n_neurons']} cells, {summary['n_synapses']} synapses")


@app.command
def evaluate(
    run: Path,
    /,
    *,
    frames: str,
    clips: str = "",
    only: Literal["all", "held-out"] = "all",
    backwards: bool = False,
    movies: int | None = None,
    speed: tuple[float, float] | None = None,
    direction: tuple[float, float] | None = None,
    seed: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Score a run's forecasts with frozen weights, per clip, beside the bars.

    Parameters
    ----------
    run
        Run folder, name of a shipped model, or file of a rate model (which has no bars).
    frames
        As for learn; photographs are those never learned from.
    clips
        Names of clips, with commas; all when left out.
    only
        held-out leaves out what the run has learned from or validated on.
    backwards
        Play every movie backwards (a control).
    movies
        For photographs: number of drifts; 60 when left out.
    speed
        For photographs: slowest and fastest drift in pixels a frame; 1 when left out.
    direction
        For photographs: range of the directions of motion in degrees, as for learn.
    seed
        For photographs: seed of the drifts; 999 when left out.
    json_
        Print JSON.
    """
    from comparisons.evaluation import table
    from comparisons.movies import PHOTOGRAPHS
    from comparisons.run_folder import to_json
    from comparisons.scoring_runs import Frames, score_path

    drifts = {"n_movies": movies, "speed_px": speed, "direction_deg": direction, "seed": seed}
    if frames == PHOTOGRAPHS:
        refuse_unused(NOT_FOR_PHOTOGRAPHS, {"clips": clips or None})
    else:
        refuse_unused(FOR_PHOTOGRAPHS, {"movies": movies, "speed": speed, "direction": direction, "seed": seed})
    wanted = Frames(frames, names(clips), only, backwards, **{k: v for k, v in drifts.items() if v is not None})  # type: ignore[arg-type]
    report = TerminalReporter()
    report.begin("evaluating")
    result = score_path(run, wanted, after=report.step)
    report.end()
    print(to_json({"clips": result}) if json_ else table(result))


@app.command
def check(run: Path, /, *, all_: Annotated[bool, Parameter(name="--all", negative="")] = False) -> None:
    """Print each biological constraint and its violations; exit status 1 when there is one.

    Parameters
    ----------
    run
        Run folder, or name of a shipped model.
    all_
        List all violations, not only the first few of each constraint.
    """
    from comparisons.inspection import activity, load_circuit, violations

    found = load_circuit(run, "check")
    total = 0
    for name, bad in violations(found).items():
        total += len(bad)
        print(f"{name:<18}{len(bad)} violations")
        for v in bad if all_ else bad[:LISTED]:
            print(f"    {v.where}: {v.detail}")
        if len(bad) > LISTED and not all_:
            print(f"    and {len(bad) - LISTED} more (--all)")
    network = found.network
    inhibitory = sum(p.n for p in network.populations if p.sign == "inhibitory")
    for name, (rate_Hz, share) in activity(found).items():
        print(f"    {name:<28}{network.population(name).sign:<12}{rate_Hz:>6.1f} Hz   {100 * share:.0f} % of cells fired")
    print(f"{'inhibitory cells':<18}{inhibitory} of {network.n_neurons} ({100 * inhibitory / network.n_neurons:.0f} %)")
    if total:
        sys.exit(1)


@app.command
def info(run: Path, /) -> None:
    """Print what a run is made of.

    Parameters
    ----------
    run
        Run folder, or name of a shipped model.
    """
    from comparisons.inspection import describe, load_run

    print(describe(load_run(run)))


@app.command
def demo(*, out: Path = Path("runs/demo"), seeds: Count = 2, movies: Count = 400, workers: Count = 2) -> None:
    """Show the whole story: PredNet, its conversion to spikes, circuits that learn by themselves, three phenomena, a report.

    Parameters
    ----------
    out
        Folder for runs, results and the report.
    seeds
        Circuits that learn by themselves.
    movies
        Drifts of photographs that each learns from.
    workers
        Processes side by side.
    """
    from comparisons.demo import run_demo

    print(run_demo(out, seeds=seeds, n_movies=movies, workers=workers))


@app.command
def seeds(*, out: Path = Path("runs/seeds"), seeds: Count = 3, movies: Count = 1200, workers: Count = 2) -> None:
    """Learn on drifting photographs with several seeds, as spikes and as rates, and score on photographs never seen.

    Parameters
    ----------
    out
        Folder for the runs.
    seeds
        Number of seeds.
    movies
        Drifts to learn from, per seed.
    workers
        Processes side by side.
    """
    from comparisons.seeds import run_seeds

    print(run_seeds(out, seeds=seeds, n_movies=movies, workers=workers))


for command in (
    *cli_rate.COMMANDS,
    *cli_distil.COMMANDS,
    *cli_convert.COMMANDS,
    *cli_import.COMMANDS,
    *cli_diagnose.COMMANDS,
    *cli_battery.COMMANDS,
    *cli_sweep.COMMANDS,
    *cli_ablate.COMMANDS,
    *cli_score.COMMANDS,
    *cli_expectation.COMMANDS,
    *cli_joint.COMMANDS,
):
    app.command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of the user are one line and exit status 2.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process when left out.
    """
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except ValidationError as error:
        _fail(f"options: {first_error(error)}")
    except SpikingPrednetError as error:
        _fail(str(error))
    except CycloptsError as error:
        verb = " ".join(["spiking-prednet", *(error.command_chain or ())])
        _fail(f"{str(error).rstrip('.')}; `{verb} --help` shows what is allowed")
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough; what is still in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}; free some room or check the place")
    except KeyboardInterrupt:
        _fail("stopped; give the command again, with --resume where it has that option")


def _fail(message: str) -> None:
    sys.stderr.write(f"spiking-prednet: {' '.join(message.split())}\n")
    sys.exit(2)
