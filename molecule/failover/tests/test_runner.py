# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX gives them to ansible-runner: hosts in any order, answers as text, cancelled, killed, in a container."""

from __future__ import annotations

import json
import os
import random
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from deployment import DataSet
from lab import KILL_MODULES, ROOT, SETTINGS, SUDO, Lab
from measured import spending
from patience import LONG

HOSTS = ["f1", "f2", "f3"]
PASSWORD, SENTINEL_PASSWORD = "moving \"'\\ #$x é Pw4sX8", "moving-Gk2vB5 '\"\\ ü"
# What AWX sets for every job; the secrets come as extra variables, as the credential type of redis_awx injects them.
ENVIRONMENT = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "JOB_ID": "7",
    "MAX_EVENT_RES": "700000",
}


def spellings(secret: str) -> set[str]:
    """Return what a secret may look like in a text."""
    forms = {secret, shlex.quote(secret), repr(secret)[1:-1], quote(secret), json.dumps(secret)[1:-1]}
    forms.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return forms | {json.dumps(form)[1:-1] for form in forms}


SECRETS = spellings(PASSWORD) | spellings(SENTINEL_PASSWORD) | {"Pw4sX8", "Gk2vB5"}


def texts(value: Any) -> Iterator[str]:
    """Walk through the texts of an event, names of keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    else:
        yield str(value)


def family(pid: int) -> list[int]:
    """Return a process and all below it, which are in sessions of their own."""
    found = [pid]
    for one in found:  # grows meanwhile
        with suppress(OSError):
            children = [path.read_text().split() for path in Path(f"/proc/{one}/task").glob("*/children")]
            found += [int(child) for line in children for child in line]
    return found


@dataclass
class Job:
    """A job that runs, or has ended, and what it left."""

    process: subprocess.Popen[str]
    artifacts: Path

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far, in their order; AWX shows and keeps these."""
        paths = [path for path in (self.artifacts / "job_events").glob("*.json") if "partial" not in path.name]
        paths.sort(key=lambda path: int(path.stem.partition("-")[0]))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def begins(self, task: str) -> bool:
        """Tell whether a task has begun."""
        return any(event.get("event_data", {}).get("task") == task for event in self.events())

    def end(self) -> str:
        """Wait for the end and return how it ended, as AWX would show it. No secret is in anything that it left."""
        with spending("plays"):
            output = self.process.communicate(timeout=LONG)[0]
        for event in self.events():
            leaked = [text for text in texts(event) if any(form in text for form in SECRETS)]
            assert not leaked, leaked
        for path in self.artifacts.rglob("*"):
            if path.is_file():
                said = path.read_text(encoding="utf-8", errors="replace")
                assert not [form for form in SECRETS if form in said], path
        status = self.artifacts / "status"
        assert not [form for form in SECRETS if form in output], output
        return status.read_text(encoding="utf-8") if status.exists() else ""

    def stats(self) -> dict[str, Any]:
        """Return what the last event says: counts by host, and the artifacts of AWX."""
        (found,) = [event["event_data"] for event in self.events() if event["event"] == "playbook_on_stats"]
        return dict(found)

    def stdout(self) -> str:
        """Return what AWX shows of it."""
        return (self.artifacts / "stdout").read_text(encoding="utf-8")


def isolation(image: str) -> dict[str, Any]:
    """Return the settings of ansible-runner with which a job runs in a container, as on a node of AWX."""
    if not image:
        return {}
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limits = [f"--ulimit=nofile={files}:{files}", "--ulimit=nproc=32768:32768"]  # podman's own may not be allowed here
    return {
        "process_isolation": True,
        "process_isolation_executable": "podman",
        "container_image": image,
        "container_options": ["--user=root", "--network=host", *limits],
    }


@dataclass
class Runner:
    """Lays out private data directories as AWX does, one for each job."""

    lab: Lab
    root: Path
    jobs: list[Job] = field(default_factory=list)

    def inventory(self) -> str:
        """Return the script that AWX writes: everything resolved, hosts in the order of rows of a database."""
        (path, own) = (yaml.safe_load(path.read_text(encoding="utf-8"))["all"] for path in self.lab.inventories)
        shared = {**own["vars"], **path["vars"]}
        # The key comes by an agent, the passwords from a credential; sockets of SSH lie where AWX puts them.
        paths = ("ansible_ssh_private_key_file", "ansible_control_path")
        for gone in (*paths, "redis_password", "redis_sentinel_password"):
            del shared[gone]
        hosts = random.sample(HOSTS, len(HOSTS))
        found = {
            "all": {"children": ["redis", "redis_sentinel"], "vars": shared},
            "redis": {"hosts": hosts},
            "redis_sentinel": {"hosts": random.sample(HOSTS, len(HOSTS))},
            "_meta": {"hostvars": {host: {**own["hosts"][host], "remote_tower_enabled": "true"} for host in hosts}},
        }
        return f"#! /usr/bin/env python3\nprint({json.dumps(found)!r})\n"

    def lay_out(self, job: Path, answers: dict[str, Any], cmdline: str, image: str) -> None:
        """Write the directory of a job. In an image, nothing of this machine is known."""
        shutil.copytree(ROOT / "examples" / "awx", job / "project")
        (job / "env").mkdir()
        (job / "inventory").mkdir()
        script = job / "inventory" / "hosts"
        script.write_text(self.inventory(), encoding="utf-8")
        script.chmod(0o700)
        variables = {"redis_password": PASSWORD, "redis_sentinel_password": SENTINEL_PASSWORD, **answers}
        lines = [
            f"{json.dumps(name)}: {'!unsafe ' if isinstance(value, str) else ''}{json.dumps(value)}\n"
            for name, value in variables.items()
        ]
        files = {
            "extravars": "".join(["---\n", *lines]),
            "envvars": json.dumps({**({} if image else SETTINGS), **ENVIRONMENT, "AWX_PRIVATE_DATA_DIR": str(job)}),
            "cmdline": cmdline,
            "settings": json.dumps({"suppress_ansible_output": True, "pexpect_timeout": 5, **isolation(image)}),
            "ssh_key": (self.lab.state / "key").read_text(encoding="utf-8"),
        }
        for name, text in files.items():
            (job / "env" / name).write_text(text, encoding="utf-8")

    def begin(self, verb: str, cmdline: str = "-u root", image: str = "", **answers: Any) -> Job:
        """Start a job, in a container of its own when there is an image."""
        job = self.root / str(len(self.jobs))
        job.mkdir()
        self.lay_out(job, answers, cmdline, image)
        process = subprocess.Popen(
            [sys.executable, "-m", "ansible_runner", "run", str(job), "-p", f"playbooks/{verb}.yml", "--ident", "7"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PATH": f"{self.root}:{Path(sys.executable).parent}:{os.environ['PATH']}"},
            start_new_session=True,
        )
        self.jobs.append(Job(process, job / "artifacts" / "7"))
        return self.jobs[-1]

    def run(self, verb: str, cmdline: str = "-u root", image: str = "", **answers: Any) -> Job:
        """Run a job, which succeeds."""
        job = self.begin(verb, cmdline, image, **answers)
        assert job.end() == "successful", job.stdout()
        return job


@pytest.fixture(scope="module")
def runner(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Return a runner; what still runs at the end is ended."""
    made = Runner(lab, tmp_path_factory.mktemp("awx"))
    if SUDO:  # the images belong to root
        program = made.root / "podman"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(SUDO)} {shutil.which("podman")} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    yield made
    for job in made.jobs:
        if job.process.poll() is None:
            end_family(job.process.pid)


def end_family(pid: int) -> None:
    """End a job as the end of its container does: everything, at once."""
    for one in family(pid):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


@pytest.fixture(scope="module")
def environment(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the execution environment as `make ee` does, from the image of the lab's Debian 13; return its name."""
    base, place, image = "localhost/quorum-lab:13", tmp_path_factory.mktemp("ee"), "localhost/quorum-ee:test"
    assert lab.podman("images", "--quiet", base), f"{base} is missing; tools/lab images makes it"
    tool = [sys.executable, str(ROOT / "tools" / "ee.py"), "--context", "--into", str(place)]
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run([*tool, "--base", base], check=True, env={**os.environ, "PATH": paths})
    lab.podman("build", "--quiet", "--layers=false", "--tag", image, str(place / "context"))
    yield image
    lab.podman("rmi", image)


@pytest.fixture(scope="module")
def plain(lab: Lab) -> DataSet:
    """Return the set without Sentinel."""
    return DataSet(lab, HOSTS, PASSWORD, name="plain", port=6380)


def test_check_job_changes_nothing_in_any_order_of_hosts(runner: Runner) -> None:
    job = runner.run("site", "-u root --check --diff -v")
    assert job.stats()["changed"] == {}
    assert set(job.stats()["ok"]) == set(HOSTS)
    assert any("res" in event.get("event_data", {}) for event in job.events())  # what was searched for secrets


def test_status_job_gives_its_verdict_to_the_next_one(runner: Runner) -> None:
    job = runner.run("status", redis_status_fail="true", redis_status_client="")
    assert "directly to stdout" not in " ".join(job.stdout().split()), "a worker of ansible-runner prints nothing"
    told = job.stats()["artifact_data"]
    assert told["redis_status"]["healthy"] is True
    assert set(told["redis_status"]["primaries"]) == {"main", "plain"}


def interrupt_move(lab: Lab, runner: Runner, target: str, how: str, after: float) -> str:
    """End a job that moves the set without Sentinel, seconds after the move began; return how AWX shows its end."""
    job = runner.begin("failover", redis_failover_instance="plain", redis_failover_to=target)
    lab.wait_until("the move begins", lambda: job.begins("Move the primary"), every=0.05)
    time.sleep(after)
    if how == "cancelled":
        job.process.send_signal(signal.SIGTERM)
    else:
        end_family(job.process.pid)
        lab.run(HOSTS[0], KILL_MODULES)
    return job.end()


@pytest.mark.parametrize("how", ["cancelled", "killed"])
def test_job_that_ends_in_the_middle_of_a_move(lab: Lab, runner: Runner, plain: DataSet, how: str) -> None:
    """AWX cancels with SIGTERM; a node that is lost takes the container away. The next job is answered in text."""
    with plain.written(what=f"a job that is {how}"):
        for latest in (1.2, 0.6, 0.3, 0.1):  # a move may be over before it is ended: then the next one, sooner
            old = plain.settled()
            target, other = random.sample([host for host in HOSTS if host != old], 2)
            ended = interrupt_move(lab, runner, target, how, random.uniform(0, latest))
            if ended != "successful":
                break
        assert ended in (("canceled",) if how == "cancelled" else ("", "running", "starting"))
        now = plain.settled()
        target = next(host for host in HOSTS if host not in (now, other))
        again = runner.run(
            "failover",
            redis_failover_instance="plain",
            redis_failover_to="",
            redis_failover_avoid=f"{now}\n{other}\n",
            redis_failover_zones="",
            redis_failover_dead_primary="false",
        )
        assert plain.settled() == target
    assert again.stats()["artifact_data"]["redis_moved"]["plain"]["to"] == target
    for host in HOSTS:
        assert int(plain.setting(host, "replica-priority")) < 1000000


def test_job_in_the_execution_environment_moves_the_primary(
    lab: Lab, runner: Runner, environment: str, plain: DataSet
) -> None:
    """A container per job, as a node of AWX runs it: the collection and the client of the image, nothing of here."""
    checked = runner.run("site", "-u root --check --diff", environment)
    assert checked.stats()["changed"] == {}
    old = plain.settled()
    target = next(host for host in HOSTS if host != old)
    with plain.written(what="a job in a container"):
        moved = runner.run("failover", image=environment, redis_failover_instance="plain", redis_failover_to=target)
        assert plain.settled() == target
    assert moved.stats()["artifact_data"]["redis_moved"]["plain"]["to"] == target
