"""The study of joint learning: which runs there are, what weight of responses is chosen, and what came out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from comparisons.neural.joint import Condition, judged, target_of
from comparisons.neural.joint_material import N_PARTS, Films, Material
from comparisons.neural.kept import Kept
from comparisons.neural.reliability import RELIABLE
from comparisons.neural.score_tables import ceilings
from comparisons.processes import processes
from comparisons.progress import Reporter
from snn.errors import NeuralDataError, sentence

Kind = Literal["rate", "spiking"]
KINDS: tuple[Kind, ...] = ("rate", "spiking")
SHARES: Mapping[Kind, tuple[float, ...]] = {"rate": (0.0, 0.003, 0.01, 0.03, 0.1), "spiking": (0.0, 2.0, 8.0, 32.0)}
"""Weights of the errors of responses, in the units of each."""
WORSE = 0.02
"""By so much of itself may the forecast on validation films get worse for a weight to be chosen."""
Stage = Literal["validate", "test"]
Found = Mapping[Stage, Mapping[str, float | None]]


class Task(NamedTuple):
    """A run.

    Attributes
    ----------
    network : {'rate', 'spiking'}
    condition : Condition
    seed : int
    """

    network: Kind
    condition: Condition
    seed: int


class Setting(NamedTuple):
    """What all runs of a study share.

    Attributes
    ----------
    neural : Path or None
        Recording of still images; a simulated cortex where there is none.
    groups : {'each'} or None
        As `files.read_neural`.
    size, n_films, n_units : int
        Side of the frames; of the simulated cortex alone, films to learn from and units.
    """

    neural: Path | None = None
    groups: Literal["each"] | None = None
    size: int = 12
    n_films: int = 600
    n_units: int = 40

    def material(self, seed: int) -> Material:
        """Give what is learned from.

        Parameters
        ----------
        seed : int
            Of films and units; of a recording, the part that is tested on.

        Returns
        -------
        Material
        """
        if self.neural is None:
            return Material.simulated(size=self.size, n_films=self.n_films, n_units=self.n_units, seed=seed)
        from comparisons.neural.files import read_neural

        return Material.recorded(read_neural(self.neural, groups=self.groups), fold=seed, size=self.size)

    def described(self, seeds: int) -> str:
        """Say what is learned, and by that find what is wrong with any part of a recording before hours were spent.

        Parameters
        ----------
        seeds : int

        Returns
        -------
        str

        Raises
        ------
        NeuralDataError
            If the recording cannot be read, or a part of it is too little.
        """
        if self.neural is not None and seeds > N_PARTS:
            cure = "each part is tested on once; more seeds would count the same images again"
            raise NeuralDataError(
                sentence("joint --seeds", "are more than a recording has parts", got=seeds, allowed=f"<= {N_PARTS}", cure=cure)
            )
        every = [_material(self, seed) for seed in range(seeds if self.neural else 1)]
        films, units = (_from_to([m.learn.responses.shape[axis] for m in every]) for axis in (1, 3))
        if self.neural is None:
            return f"simulated visual cortex: {films} films of {self.size} x {self.size} to learn from, {units} units; {seeds} seeds"
        return (
            f"{self.neural.name}: {films} films of {self.size} x {self.size} to learn from, one for each image and trial; {units} of "
            f"{every[0].n_recorded} units, those that agree with themselves above {RELIABLE:g} on these images; {seeds} parts to test on"
        )

    def most(self, seeds: int) -> dict[str, float]:
        """Say what a perfect model would get on test films, mean over seeds.

        Parameters
        ----------
        seeds : int

        Returns
        -------
        dict of str to float
            Of the measures that have such a ceiling; NaN where it is unknown.
        """
        every = [ceilings(target_of(_material(self, seed).test)) for seed in range(seeds)]
        return {measure: sum(one[measure] for one in every) / seeds for measure in every[0]}


def _from_to(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


@cache
def _material(setting: Setting, seed: int) -> Material:
    return setting.material(seed)


def run(task: Task, setting: Setting) -> Found:
    """Learn, and ask.

    Parameters
    ----------
    task : Task
    setting : Setting

    Returns
    -------
    dict of str to dict of str to float
        Of `MEASURES`, on validation films and on test films.
    """
    material = _material(setting, task.seed)
    if task.network == "rate":
        from comparisons.neural import joint_rate

        learner = joint_rate.learned(material, task.condition, seed=task.seed)
        return {name: judged(films, joint_rate.answers(learner, films)) for name, films in _asked(material)}
    from comparisons.neural import joint_spiking

    simulation = joint_spiking.learned(material, task.condition, seed=task.seed)
    return {name: judged(films, joint_spiking.answers(simulation, films)) for name, films in _asked(material)}


def _asked(material: Material) -> tuple[tuple[Stage, Films], ...]:
    return (("validate", material.validate), ("test", material.test))


def study(
    setting: Setting, kinds: Sequence[Kind], seeds: int, *, kept: Kept | None = None, workers: int = 1, report: Reporter | None = None
) -> dict[Task, Found]:
    """Do all runs: every weight with every seed, then responses alone and shuffled responses with the weight that is chosen.

    Parameters
    ----------
    setting : Setting
    kinds : sequence of {'rate', 'spiking'}
    seeds : int
    kept : Kept, optional
        What was done before is not done again.
    workers : int
        Processes side by side.
    report : Reporter, optional

    Returns
    -------
    dict of Task to mapping
    """
    kept, report = kept or Kept(), report or Reporter()
    curves = [Task(kind, Condition(True, share), seed) for kind in kinds for share in SHARES[kind] for seed in range(seeds)]
    n = len(curves) + 2 * len(kinds) * seeds
    found: dict[Task, Found] = {}
    report.begin("joint")

    def do(tasks: Sequence[Task]) -> None:
        for task, outcome in _done(tasks, setting, kept, workers):
            found[task] = outcome
            report.step(len(found), n, f"{task.network}, {task.condition}")

    do(curves)
    # Which weight is chosen, only the curves tell.
    do(list(_others(found, kinds, seeds)))
    report.end()
    return found


def _others(found: Mapping[Task, Found], kinds: Sequence[Kind], seeds: int) -> Iterator[Task]:
    for kind in kinds:
        for seed in range(seeds):
            named = conditions(chosen(found, kind, seed))
            yield from (Task(kind, named[name], seed) for name in ("responses", "shuffled"))


def _done(tasks: Iterable[Task], setting: Setting, kept: Kept, workers: int) -> Iterator[tuple[Task, Found]]:
    left = []
    for task in tasks:
        known = kept.read(task.network, *task.condition, task.seed)
        if known is None:
            left.append(task)
        else:
            yield task, known
    if workers == 1 or len(left) < 2:
        for task in left:
            outcome = run(task, setting)
            kept.write(outcome, task.network, *task.condition, task.seed)
            yield task, outcome
        return
    from concurrent.futures import as_completed

    with processes(workers) as pool:
        futures = {pool.submit(run, task, setting): task for task in left}
        for future in as_completed(futures):
            task, outcome = futures[future], future.result()
            kept.write(outcome, task.network, *task.condition, task.seed)
            yield task, outcome


def chosen(found: Mapping[Task, Found], kind: Kind, seed: int) -> float:
    """Choose the weight of responses for a seed, on its own validation films alone.

    Parameters
    ----------
    found : mapping of Task to mapping
        With every weight of the kind.
    kind : {'rate', 'spiking'}
    seed : int

    Returns
    -------
    float
        Of the weights above 0 with which the forecast is not worse by more than `WORSE` of itself, the one whose responses are foretold
        best; the smallest where there is none.
    """
    told = {share: found[Task(kind, Condition(True, share), seed)]["validate"] for share in SHARES[kind]}
    error = {share: _number(numbers["forecast_ratio"]) for share, numbers in told.items()}
    bearable = [share for share in SHARES[kind] if share and error[share] <= (1 + WORSE) * error[0.0]]
    return max(bearable, key=lambda share: _number(told[share]["response_r"])) if bearable else min(s for s in SHARES[kind] if s)


def of(found: Mapping[Task, Found], kind: Kind, what: Condition | str, measure: str, stage: Stage = "test") -> list[float]:
    """Take one measure of all seeds.

    Parameters
    ----------
    found : mapping of Task to mapping
    kind : {'rate', 'spiking'}
    what : Condition or str
        The same for all, or a name of `conditions`, with the weight that each seed chose.
    measure : str
    stage : {'validate', 'test'}

    Returns
    -------
    list of float
        In the order of seeds.
    """
    seeds = sorted({t.seed for t in found if t.network == kind})
    each = [what if isinstance(what, Condition) else conditions(chosen(found, kind, seed))[what] for seed in seeds]
    return [_number(found[Task(kind, condition, seed)][stage][measure]) for seed, condition in zip(seeds, each, strict=True)]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def conditions(share: float) -> dict[str, Condition]:
    """Name the four conditions.

    Parameters
    ----------
    share : float
        Weight of responses where they count.

    Returns
    -------
    dict of str to Condition
    """
    return {
        "apart": Condition(True, 0.0),
        "joint": Condition(True, share),
        "responses": Condition(False, share),
        "shuffled": Condition(True, share, shuffled=True),
    }
