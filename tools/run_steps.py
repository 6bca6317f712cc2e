#!/usr/bin/env python3
"""Run the steps of `make test`, one log each, and end with tables and the line `N passed, N failed`.

tools/run_steps.py                        all steps
tools/run_steps.py unit,molecule-sentinel some; `molecule` means every scenario
tools/run_steps.py --list
tools/run_steps.py --table                where the time of the last run went, again

As many steps run side by side as there are processors; one that waits most of its time counts as half a one. LANES=1
runs them one by one. `integration`, which brings processes for all processors and measures what a loaded machine would
spoil, has the machine for itself.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import yaml
from step_times import Clock, Idle, phase_table

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "steps"
TAIL = 80
TAIL_OF_HOST = 12
NAMED = 8
REFUSED = re.compile(r"fatal: |\[ERROR\]|^E +msg: |MODULE FAILURE|unreachable=[1-9]")
# How often the random trials are repeated: tests/trials.py.
SOAK = int(os.environ.get("SOAK", "1"))
# A step that hangs must not take the whole run with it.
LIMIT = 3000 * SOAK
GRACE = 30
LANES = int(os.environ.get("LANES") or os.cpu_count() or 1)
# What the others wait for and what fails soon comes first; then the scenarios, the longest first.
FIRST = ("integration", "images", "lint", "build", "unit", "sanity")
running: set[subprocess.Popen[bytes]] = set()
ending = threading.Event()


@dataclass(frozen=True)
class Step:
    """A name and the commands that must all succeed, each run even when one before it failed."""

    name: str
    commands: list[list[str]]
    budget: int = 0  # seconds on two quiet processors
    needs: str = ""  # the step that must be over, when it runs too
    lab: str = ""  # prefix of the lab, which is there before and after for this step only
    alone: bool = False  # nothing runs beside it
    load: float = 1  # processors that it keeps busy

    def before(self) -> list[list[str]]:
        """Return what removes a lab that an earlier run has left."""
        there = self.lab and (ROOT / ".lab" / self.lab).exists()
        return [["tools/lab", "destroy", "--quiet", "--prefix", self.lab]] if there else []

    def after(self, passed: bool) -> list[list[str]]:
        """Return what keeps the journals of the hosts of a failed step, and removes them."""
        if not self.lab:
            return []
        keep = ["tools/lab", "journals", "--prefix", self.lab, "--into", str(LOGS / self.name)]
        return [*([] if passed else [keep]), ["tools/lab", "destroy", "--quiet", "--prefix", self.lab]]


@dataclass
class Result:
    """What came of a step."""

    step: Step
    passed: bool
    seconds: float
    idle: float  # share of the processors' time meanwhile

    def verdict(self) -> str:
        """Return it in words."""
        over = f", over its budget of {self.step.budget} s" if 0 < self.step.budget < self.seconds and SOAK == 1 else ""
        return ("passed" if self.passed else "FAILED") + over


def scenario(path: Path) -> Step:
    """Return the step of a scenario; its budget stands beside its story."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    name, set_to = path.parent.name, told["ansible"]["env"]
    budget, load = int(set_to["QUORUM_BUDGET_SECONDS"]), float(set_to.get("QUORUM_LOAD", "1"))
    # The hosts of a failed one are looked at before they go; `molecule test` alone would remove them first.
    command = ["molecule", "test", "--destroy", "never", "--scenario-name", name]
    return Step(f"molecule-{name}", [command], budget, "images", os.environ.get("LAB_PREFIX", "") + name, load=load)


def steps() -> dict[str, Step]:
    """Return every step, in the order of a full run."""
    scripts = ["tools/install_collection", "tools/lab", "tools/sanity"]
    integration = (
        "tools/clients && tools/prometheus && "
        "QUORUM_TEST_ENGINES=$(tools/engines) exec pytest -n 6 --dist worksteal tests/integration"
    )
    yamls = ["molecule", "playbooks", "roles", "examples", "meta", "changelogs", "galaxy.yml"]
    found = [
        Step("images", [["tools/lab", "images", "--quiet"]], 130),
        Step(
            "lint",
            [
                ["tools/install_collection"],  # where ansible-lint finds the roles and modules that playbooks name
                ["ruff", "check"],
                ["ruff", "format", "--check"],
                ["mypy", "-p", "ansible_collections.quorum.redis.plugins"],
                ["mypy", "tests", "molecule", "tools"],
                ["mypy", "--scripts-are-modules", *scripts],
                ["yamllint", "--strict", *[name for name in yamls if (ROOT / name).exists()]],
                ["ansible-lint"],
                ["antsibull-changelog", "lint"],
            ],
            90,
        ),
        Step("build", [["tools/release.py", "check"], ["tools/docs.py"], ["tools/ee.py", "--context"]], 90),
        Step("sanity", [["tools/sanity"]], 120),
        Step("unit", [["pytest", "tests/unit"]], 40),
        Step("integration", [["bash", "-c", integration]], 400, alone=True),
    ]
    found += [scenario(path) for path in ROOT.glob("molecule/*/molecule.yml")]
    order = {name: place for place, name in enumerate(FIRST)}
    found.sort(key=lambda step: (order.get(step.name, len(order)), -step.budget, step.name))
    return {step.name: step for step in found}


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """Tell a command, and all that it started, to end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def interrupt(_number: int, _frame: object) -> None:
    """End what runs and begin nothing more. Nothing is raised here: that may leave a lock taken, for ever."""
    ending.set()
    for process in list(running):
        stop(process)


def end_of(command: list[str], environment: dict[str, str], output: IO[str]) -> str:
    """Run a command to its end, or to the limit with all that it started; return how it ended, "0" when well."""
    if ending.is_set():
        return "not begun"
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as problem:
        return str(problem)
    running.add(process)
    if ending.is_set():
        stop(process)
    try:
        return str(process.wait(timeout=LIMIT))
    except subprocess.TimeoutExpired:
        stop(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)
        stop(process, signal.SIGKILL)
        process.wait()
        return f"not within {LIMIT} s"
    finally:
        running.discard(process)


def lines_of(log: Path) -> list[str]:
    """Return the lines of a log that say something."""
    return [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def ends_of(lines: list[str]) -> list[str]:
    """Return how a long text begins and how it ends: a server that does not start says why in its last line."""
    half = NAMED // 2
    return lines if len(lines) <= NAMED else [*lines[:half], *lines[-half:]]


def told(log: Path) -> list[str]:
    """Return the few lines of a failed step's log that name what failed and why, to be said again at the end."""
    lines = lines_of(log)
    why = [line for line in lines if line.startswith("E   ")]
    # Of a playbook that failed within a test, what it said at the end and not how it began.
    refused = [line for line in why if REFUSED.search(line)]
    for words in (("FAILED ", "ERROR "), ("fatal: ",)):
        named = [line for line in lines if line.startswith(words)]
        if named:
            return [*(why[:1] + refused[:NAMED] if refused else ends_of(why)), *named[-NAMED:]]
    return lines[-NAMED:]


def passes(step: Step, log: Path) -> bool:
    """Run the commands of one step with their output in a log; tell whether all passed."""
    # What molecule remembers of an earlier run is worth nothing.
    state = ROOT / ".cache" / "molecule" / step.name
    shutil.rmtree(state, ignore_errors=True)
    shutil.rmtree(LOGS / step.name, ignore_errors=True)
    environment = os.environ | {"ANSIBLE_FORCE_COLOR": "false", "NO_COLOR": "1", "COLUMNS": "140"}
    environment["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".lab" / "collections")
    environment["MOLECULE_EPHEMERAL_DIRECTORY"] = str(state)
    environment["PYTEST_ADDOPTS"] = "--durations=8 --durations-min=5"

    def all_pass(commands: list[list[str]], output: IO[str]) -> bool:
        codes = []
        for command in commands:
            print(f"$ {' '.join(command)}", file=output, flush=True)
            began = time.monotonic()
            codes.append(end_of(command, environment, output))
            seconds = time.monotonic() - began
            print(f"[{codes[-1]}] {' '.join(command)}: {seconds:.1f} s\n", file=output, flush=True)
        return set(codes) <= {"0"}

    # In a log of its own: the last lines of the first one say what failed.
    end = log.with_suffix(".end")
    with log.open("w", encoding="utf-8") as output, Clock(log), end.open("w", encoding="utf-8") as last:
        passed = all_pass([*step.before(), *step.commands], output)
        return all_pass(step.after(passed), last) and passed


def journals(step: Step) -> list[str]:
    """Return the last lines of what each host of a failed step said."""
    found = []
    for path in sorted((LOGS / step.name).glob("*.journal")):
        found += [f"{path.relative_to(ROOT)}:", *(f"    {line[:400]}" for line in lines_of(path)[-TAIL_OF_HOST:])]
    return found


def run(step: Step) -> Result:
    """Run one step and say at its end, in one piece, what came of it."""
    log = LOGS / f"{step.name}.log"
    print(f"==> {step.name}", flush=True)
    began, idle = time.monotonic(), Idle()
    passed = passes(step, log)
    result = Result(step, passed, time.monotonic() - began, idle.share())
    with log.with_suffix(".times").open("a", encoding="utf-8") as times:
        print(f"{time.time():.1f} result: {result.seconds:.1f} s, idle {result.idle:.2f}", file=times)
    said = [f"    {line}" for line in lines_of(log) if line.startswith("measured: ")]
    if not passed:
        said += [f"    | {line}" for line in [*lines_of(log)[-TAIL:], *journals(step)]]
        said.append(f"    the whole log: {log.relative_to(ROOT)}")
    said.append(f"<== {step.name}: {result.verdict()} after {result.seconds:.0f} s\n")
    print("\n".join(said), end="", flush=True)
    return result


@dataclass
class Lanes:
    """Steps that run side by side; one begins when what it needs is over."""

    wanted: list[Step]
    results: dict[str, Result] = field(default_factory=dict)
    turn: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        """Nothing has begun."""
        self.waiting = list(self.wanted)
        self.begun: list[Step] = []

    def may_begin(self, step: Step) -> bool:
        """Tell whether a processor is free, what it needs is over, and nobody wants the machine for itself."""
        unfinished = [other for other in self.begun if other.name not in self.results]
        if unfinished and (LANES == 1 or sum(other.load for other in unfinished) + step.load > LANES):
            return False
        needed = step.needs in {other.name for other in self.wanted} and step.needs not in self.results
        return not needed and not any(other.alone for other in unfinished) and not (step.alone and unfinished)

    def following(self) -> Step | None:
        """Return the step to begin now, as soon as there is one; None when there is none any more."""
        with self.turn:
            while self.waiting and not ending.is_set():
                for step in self.waiting:
                    if self.may_begin(step):
                        self.waiting.remove(step)
                        self.begun.append(step)
                        return step
                self.turn.wait(1)
        return None

    def lane(self) -> None:
        """Run steps until there are none."""
        while step := self.following():
            result = run(step)
            with self.turn:
                self.results[step.name] = result
                self.turn.notify_all()

    def to_the_end(self) -> list[Result]:
        """Run all; an interruption ends what runs and begins nothing more."""
        with ThreadPoolExecutor(2 * LANES) as lanes:
            try:
                for lane in [lanes.submit(self.lane) for _number in range(2 * LANES)]:
                    lane.result()
            except BaseException:
                interrupt(0, None)
                raise
        if ending.is_set():
            sys.exit("interrupted")
        return [self.results[step.name] for step in self.wanted]


def chosen(words: list[str], known: dict[str, Step]) -> list[Step]:
    """Return the steps that the command line names, all when it names none."""
    names = [name for word in words for name in word.split(",") if name]
    if not names:
        return list(known.values())
    result: dict[str, Step] = {}  # each once: the lanes would run it beside itself
    for name in names:
        matching = [step for step in known.values() if step.name == name or step.name.startswith(f"{name}-")]
        if not matching:
            sys.exit(f"There is no step {name}. There are: {', '.join(known)}")
        result |= {step.name: step for step in matching}
    return list(result.values())


def main() -> int:
    """Run what was asked for and print the tables."""
    known = steps()
    if "--list" in sys.argv[1:]:
        print("\n".join(known))
        return 0
    if "--table" in sys.argv[1:]:
        print("\n".join(phase_table(LOGS)))
        return 0
    # What runs is in sessions of its own, and would outlive this program.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as after nohup
            signal.signal(number, interrupt)
    wanted = chosen(sys.argv[1:], known)
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in LOGS.glob("*.times") if len(wanted) == len(known) else ():
        old.unlink()
    began, idle = time.monotonic(), Idle()
    results = Lanes(wanted).to_the_end()
    seconds = time.monotonic() - began
    for result in results:
        if not result.passed:
            name = result.step.name
            print("\n".join([f"\n{name} failed:", *(f"    {line[:600]}" for line in told(LOGS / f"{name}.log"))]))
    print("\nWhere the time went, in seconds:\n")
    print("\n".join(phase_table(LOGS, {result.step.name for result in results})))
    print(f"\n{'step':<32} {'seconds':>8} {'idle':>5}  result")
    for result in results:
        print(f"{result.step.name:<32} {result.seconds:>8.1f} {result.idle:>5.0%}  {result.verdict()}")
    print(f"{f'all, in {LANES} lanes':<32} {seconds:>8.1f} {idle.share():>5.0%}\n")
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
