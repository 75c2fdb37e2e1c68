"""Plants defects in a copy of the project, one at a time, and asks the tests to notice.

``python tests/defects.py`` plants defects that were chosen (see ``defects_chosen.py``) and 100 random ones, runs the
quick tests of each file without a compiler, and fails when one survives that has no explanation. Results are kept in
``build/defects.json``, by source, change and tests, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

from defects_chosen import CHOSEN, EXPLAINED, OTHERS, SELECTIONS, SLOW
from defects_mutants import mutants

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("snn", "conversion", "plasticity", "comparisons")
CACHE = ROOT / "build" / "defects.json"
TIMEOUT_S, BASELINE_S = 120.0, 300.0
UNREAD, UNREAD_TEST = "ImportError while loading conftest", "ERROR tests/"
PASSED, FAILED, STOPPED, HUNG = 0, 1, 2, 124
TESTS = {**SELECTIONS, **OTHERS}

# In the copy only: examples are the same in every run, failing ones are not made smaller, and the copy is what is tested.
CONFTEST = """
from importlib.util import find_spec
from pathlib import Path
import pytest
from hypothesis import Phase, settings

settings.register_profile("defects", phases=(Phase.explicit, Phase.generate), database=None, derandomize=True)
settings.load_profile("defects")

def pytest_configure(config):
    for room in ("snn", "conversion", "plasticity", "comparisons"):
        if Path(find_spec(room).origin).resolve().parents[1] != Path(__file__).resolve().parent:
            raise pytest.UsageError(f"{room} is not the copy, but {find_spec(room).origin}")
"""


class Planted(NamedTuple):
    """A defect, and the whole text of its file with it."""

    kind: str
    file: str
    label: str
    before: str
    after: str
    text: str


def chosen(root: Path) -> list[Planted]:
    """Chosen defects; one whose text is not found exactly once has outlived its file."""
    found = []
    for c in CHOSEN:
        source = (root / c.file).read_text(encoding="utf-8")
        if source.count(c.old) != 1:
            raise SystemExit(f"defects: {c.name!r}: {c.file} holds {source.count(c.old)} times {c.old!r}; write the defect anew")
        found.append(Planted("chosen", c.file, c.name, c.old, c.new, source.replace(c.old, c.new)))
    return found


def drawn(root: Path, n: int, seed: int) -> list[Planted]:
    """Random defects, spread over all numeric files."""
    sources = {file: (root / file).read_text(encoding="utf-8") for file in SELECTIONS}
    every = [(m, source) for file, source in sources.items() for m in mutants(file, source)]
    # By rank of a digest, so that a line that is edited moves no other defect into or out of the sample.
    every.sort(key=lambda pair: hashlib.sha256(f"{seed} {pair[0].file} {pair[0].before} {pair[0].after}".encode()).digest())
    picked = every[:n]
    picked.sort(key=lambda pair: (pair[0].file, pair[0].start))
    return [Planted("random", m.file, f"{m.before}  =>  {m.after}", m.before, m.after, m.apply(s)) for m, s in picked]


@cache
def digest_of_tests(root: Path, file: str) -> str:
    """Digest of all that decides on a defect in a file besides the defect: tests, and the networks that they run."""
    files = sorted({root / name.split("::")[0] for name in TESTS[file]}) + sorted((root / "snn" / "testing").glob("*.py"))
    files += [root / "plasticity" / "testing.py", root / file]
    whole = hashlib.sha256(CONFTEST.encode() + repr((TESTS[file], SLOW)).encode())
    for path in files:
        whole.update(path.read_bytes())
    return whole.hexdigest()


def key_of(root: Path, p: Planted) -> str:
    return hashlib.sha256(f"{p.file}\n{p.text}\n{digest_of_tests(root, p.file)}".encode()).hexdigest()[:24]


class Copy:
    """A copy of the project in which defects are planted."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        for name in (*ROOMS, "tests"):
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc"))
        shutil.copy2(root / "pyproject.toml", folder)
        (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")

    def tests(self, file: str, timeout_s: float, *, keep_bytecode: bool = False) -> tuple[int, str]:
        """Run the tests of a file; give the exit status and what pytest said last."""
        env = {**os.environ, "PYTHONPATH": str(self.folder), "NUMBA_DISABLE_JIT": "1", "MPLBACKEND": "Agg"}
        env |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
        # Of a file that has been changed no bytecode may stay behind.
        env |= {} if keep_bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-m", "not slow"]
        command += [f"--deselect={name}" for name in SLOW] + ["--tb=line", *TESTS[file]]
        with subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        ) as process:
            try:
                said = process.communicate(timeout=timeout_s)[0].strip().splitlines()
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return HUNG, f"hung for {timeout_s:g} s"
        told = next((line for line in said if line.startswith(("FAILED", "ERROR", UNREAD))), said[-1] if said else "")
        # A defect may keep a file from being read that a conftest, or a test that is named, needs: pytest cannot begin then, which is
        # to have noticed.
        return (FAILED if told.startswith((UNREAD, UNREAD_TEST)) else process.returncode), told

    def judge(self, p: Planted) -> tuple[bool, str]:
        """Plant a defect, run the tests, take it out again."""
        path = self.folder / p.file
        text, times = path.read_bytes(), path.stat()
        try:
            path.write_text(p.text, encoding="utf-8")
            status, told = self.tests(p.file, TIMEOUT_S)
        finally:
            path.write_bytes(text)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        if status not in (PASSED, FAILED, STOPPED, HUNG):
            raise SystemExit(f"defects: pytest ended with {status} on {p.file}: {told}")
        return status != PASSED, told


class Results:
    """What has been found so far, in a file."""

    def __init__(self) -> None:
        self.lock, self.known = Lock(), dict[str, list[object]]()
        if CACHE.exists():
            self.known = json.loads(CACHE.read_text(encoding="utf-8"))

    def note(self, key: str, value: list[object]) -> None:
        with self.lock:
            self.known[key] = value
            CACHE.parent.mkdir(exist_ok=True)
            partial = CACHE.with_suffix(".partial")
            partial.write_text(json.dumps(self.known, indent=0), encoding="utf-8")
            partial.replace(CACHE)


def check_baseline(copy: Copy, files: list[str], results: Results) -> None:
    """Without a defect the tests pass; with a file that cannot be read they fail, so the copy is what they read."""
    for file in files:
        key = "whole " + file + " " + digest_of_tests(copy.folder, file)
        if key not in results.known:
            began = time.monotonic()
            status, told = copy.tests(file, BASELINE_S, keep_bytecode=True)
            if status != PASSED:
                raise SystemExit(f"defects: without a defect the tests of {file} fail: {told}")
            results.note(key, [round(time.monotonic() - began, 1)])
            print(f"passes   {file} without a defect, {results.known[key][0]} s", flush=True)
    caught, _ = copy.judge(Planted("self", files[0], "", "", "", "raise RuntimeError('this is the copy')\n"))
    if not caught:
        raise SystemExit(f"defects: the tests do not read the copy of {files[0]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chosen-only", action="store_true", help="no random defects")
    parser.add_argument("--n", type=int, default=100, help="number of random defects (100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random defects (0)")
    parser.add_argument("--only", default="", metavar="FILE", help="only defects in files whose path holds this")
    parser.add_argument("--workers", type=int, default=1, help="tests that run side by side (1)")
    given = parser.parse_args()
    results, began = Results(), time.monotonic()
    survivors: list[Planted] = []
    with tempfile.TemporaryDirectory() as folder:
        # The first copy stands still while the project goes on.
        first = Copy(Path(folder) / "0", ROOT)
        root, copies = first.folder, SimpleQueue[Copy]()
        every = chosen(root) + ([] if given.chosen_only else drawn(root, given.n, given.seed))
        planted = [p for p in every if given.only in p.file]
        if not planted:
            raise SystemExit(f"defects: no defect in a file called {given.only!r}")
        keys = {p: key_of(root, p) for p in planted}
        for k in range(1, given.workers):
            copies.put(Copy(Path(folder) / str(k), root))
        fresh = {p.file for p in planted if keys[p] not in results.known}
        if fresh:
            check_baseline(first, sorted(fresh), results)
        copies.put(first)

        def work(p: Planted) -> None:
            if keys[p] not in results.known:
                copy, start = copies.get(), time.monotonic()
                try:
                    caught, told = copy.judge(p)
                finally:
                    copies.put(copy)
                results.note(keys[p], [caught, told, round(time.monotonic() - start, 1)])
            caught, told, seconds = results.known[keys[p]]
            reason = EXPLAINED.get((p.file, p.before, p.after))
            word = "caught" if caught else "explained" if reason else "SURVIVED"
            if not caught:
                survivors.append(p)
            print(f"{word:<9}{p.kind:<7} {p.file}: {p.label}  [{told if caught else reason or 'no test fails'}; {seconds} s]", flush=True)

        with ThreadPoolExecutor(max(1, given.workers)) as pool:
            list(pool.map(work, planted))
    bare = [p for p in survivors if (p.file, p.before, p.after) not in EXPLAINED]
    caught, explained = len(planted) - len(survivors), len(survivors) - len(bare)
    print(f"caught {caught} of {len(planted)}, explained {explained}, unexplained {len(bare)}; {time.monotonic() - began:.0f} s")
    return 1 if bare else 0


if __name__ == "__main__":
    raise SystemExit(main())
