#!/usr/bin/env python3
"""Run the steps of `make test`, one log each, and end with a table and the line `N passed, N failed`.

tools/run_steps.py                        all steps
tools/run_steps.py unit,molecule-sentinel some; `molecule` means every scenario
tools/run_steps.py --list

Two steps run side by side, because each waits for its hosts a third of its time; LANES=1 runs them one by one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "steps"
TAIL = 80
NAMED = 8
# A step that hangs must not take the whole run with it.
LIMIT = 1800
GRACE = 30
LANES = int(os.environ.get("LANES", "2"))
# What fails soon and the scenario that builds the images come first, what is short comes last: both lanes end together.
FIRST = ("lint", "molecule-default", "build", "unit", "sanity", "integration")
LAST = ("molecule-rolling", "molecule-security")
running: set[subprocess.Popen[bytes]] = set()
ending = threading.Event()


@dataclass(frozen=True)
class Step:
    """A name and the commands that must all succeed, each run even when one before it failed."""

    name: str
    commands: list[list[str]]


def steps() -> dict[str, Step]:
    """Return every step, in the order of a full run."""
    scripts = ["tools/install_collection", "tools/lab", "tools/sanity"]
    integration = "QUORUM_TEST_ENGINES=$(tools/engines) exec pytest -n 3 tests/integration"
    yaml = ["molecule", "playbooks", "roles", "examples", "meta", "changelogs", "galaxy.yml"]
    found = [
        Step(
            "lint",
            [
                ["tools/install_collection"],  # where ansible-lint finds the roles and modules that playbooks name
                ["ruff", "check"],
                ["ruff", "format", "--check"],
                ["mypy", "-p", "ansible_collections.quorum.redis.plugins"],
                ["mypy", "tests", "molecule", "tools"],
                ["mypy", "--scripts-are-modules", *scripts],
                ["yamllint", "--strict", *[name for name in yaml if (ROOT / name).exists()]],
                ["ansible-lint"],
                ["antsibull-changelog", "lint"],
            ],
        ),
        Step("build", [["tools/check_tarball.py"]]),
        Step("sanity", [["tools/sanity"]]),
        Step("unit", [["pytest", "tests/unit"]]),
        Step("integration", [["bash", "-c", integration]]),
    ]
    scenarios = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    found += [Step(f"molecule-{name}", [["molecule", "test", "--scenario-name", name]]) for name in scenarios]
    order = {name: place for place, name in enumerate(FIRST)} | {name: len(FIRST) + 1 for name in LAST}
    return {step.name: step for step in sorted(found, key=lambda step: order.get(step.name, len(FIRST)))}


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """Tell a command, and all that it started, to end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


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


def told(log: Path) -> list[str]:
    """Return the few lines of a failed step's log that name what failed and why, to be said again at the end."""
    lines = lines_of(log)
    why = [line for line in lines if line.startswith("E   ")]
    for words in (("FAILED ", "ERROR "), ("fatal: ",)):
        named = [line for line in lines if line.startswith(words)]
        if named:
            return [*why[:NAMED], *named[-NAMED:]]
    return lines[-NAMED:]


def passes(step: Step, log: Path) -> bool:
    """Run the commands of one step with their output in a log; tell whether all passed."""
    codes = []
    environment = os.environ | {"ANSIBLE_FORCE_COLOR": "false", "NO_COLOR": "1", "COLUMNS": "140"}
    with log.open("w", encoding="utf-8") as output:
        for command in step.commands:
            print(f"$ {' '.join(command)}", file=output, flush=True)
            began = time.monotonic()
            codes.append(end_of(command, environment, output))
            seconds = time.monotonic() - began
            print(f"[{codes[-1]}] {' '.join(command)}: {seconds:.1f} s\n", file=output, flush=True)
    return set(codes) == {"0"}


def run(step: Step) -> tuple[str, float, bool]:
    """Run one step and say at its end, in one piece, what came of it; return its name, its seconds and that."""
    log = LOGS / f"{step.name}.log"
    print(f"==> {step.name}", flush=True)
    began = time.monotonic()
    passed = passes(step, log)
    seconds = time.monotonic() - began
    said = [f"    {line}" for line in lines_of(log) if line.startswith("measured: ")]
    if not passed:
        said += [f"    | {line}" for line in lines_of(log)[-TAIL:]]
        said.append(f"    the whole log: {log.relative_to(ROOT)}")
    said.append(f"<== {step.name}: {'passed' if passed else 'FAILED'} after {seconds:.0f} s\n")
    print("\n".join(said), end="", flush=True)
    return step.name, seconds, passed


def side_by_side(wanted: list[Step]) -> list[tuple[str, float, bool]]:
    """Run the steps in lanes; an interruption ends what runs and begins nothing more."""
    with ThreadPoolExecutor(LANES) as lanes:
        try:
            return list(lanes.map(run, wanted))
        except BaseException:
            ending.set()
            lanes.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                stop(process)
            raise


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
    """Run what was asked for and print the table."""
    known = steps()
    if "--list" in sys.argv[1:]:
        print("\n".join(known))
        return 0
    # What runs is in sessions of its own, and would outlive this program.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as after nohup
            signal.signal(number, lambda *_: sys.exit("interrupted"))
    LOGS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    results = side_by_side(chosen(sys.argv[1:], known))
    for name, _seconds, passed in results:
        if not passed:
            print("\n".join([f"\n{name} failed:", *(f"    {line[:600]}" for line in told(LOGS / f"{name}.log"))]))
    print(f"\n{'step':<32} {'seconds':>8}  result")
    for name, seconds, passed in results:
        print(f"{name:<32} {seconds:>8.1f}  {'passed' if passed else 'FAILED'}")
    print(f"{'all, side by side':<32} {time.monotonic() - began:>8.1f}\n")
    failed = sum(not passed for _, _, passed in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
