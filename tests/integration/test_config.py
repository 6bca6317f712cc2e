# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module config against real servers: files, run-time values, refusals, and nothing left behind."""

from __future__ import annotations

import getpass
import grp
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.diff import digest_of_file
from patience import LONG, allowed

from integration.conftest import Answer, Lab, Server, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cret-of-the-test"
SCRATCH = [Path("/run"), Path(tempfile.gettempdir())]


@dataclass
class Managed:
    """A running server and the module that manages it."""

    lab: Lab
    server: Server
    path: Path

    def options(self, secrets: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
        """Return the options of the module for this server."""
        base = {
            "port": self.server.port,
            "bind": "127.0.0.1",
            "dir": str(self.server.directory),
            "save": "",
            "appendonly": False,
            "repl-diskless-sync-delay": 0,
            "repl-timeout": 10,
            "repl-ping-replica-period": 3,
        }
        return {
            "name": "main",
            "path": str(self.path),
            "owner": getpass.getuser(),
            "group": grp.getgrgid(os.getegid()).gr_name,
            "binary": self.server.engine.binary,
            "user": getpass.getuser(),
            "parameters": {**base, **parameters},
            "secrets": {"requirepass": SECRET, "masterauth": SECRET} if secrets is None else secrets,
            "host": "127.0.0.1",
            "port": self.server.port,
            "password": SECRET,
            "state_file": str(self.server.config),
        }

    def run(
        self,
        check: bool = False,
        secrets: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Answer:
        """Run the module; no secret may be seen and no scratch server left."""
        options = {**self.options(secrets, **parameters), **(extra or {})}
        answer = self.lab.run("config", check=check, **options)
        assert SECRET not in answer.text.replace(json.dumps(options), "")
        # Those of tests that run beside this one come and go too, but none of them stays.
        found = {one for base in SCRATCH for one in base.glob("quorum-redis-*/s")}
        wait_until("no scratch server is left", lambda: not any(one.exists() for one in found))
        return answer

    def get(self, key: str) -> str:
        """Return a value at run time."""
        found = self.server.call("CONFIG", "GET", key)
        return str(found[key] if isinstance(found, dict) else found[1])


@pytest.fixture
def managed(lab: Lab, tmp_path: Path) -> Managed:
    server = lab.server("main", password=SECRET)
    return Managed(lab, server, tmp_path / "etc" / "main.conf")


def test_second_run_changes_nothing_in_any_spelling(managed: Managed) -> None:
    first = managed.run(maxmemory="1gb", hz=10)
    assert first.changed, first.text
    assert first["live"] == ["maxmemory"]
    assert managed.get("maxmemory") == str(1 << 30)
    assert "maxmemory 1gb\n" in managed.path.read_text()
    assert managed.path.stat().st_mode & 0o777 == 0o640
    for check in (True, False):
        again = managed.run(check=check, maxmemory="1gb", hz=10)
        assert not again.changed, again.text
        assert not again["restart_needed"]
    spelled = managed.run(check=True, maxmemory="1024MB", hz=10)
    assert spelled["live"] == []
    assert spelled["steps"] == [f"change {managed.path}"]


def test_check_mode_predicts_exactly_and_touches_nothing(managed: Managed) -> None:
    wish: dict[str, Any] = {
        "maxmemory": "100mb",
        "save": "900 1 300 10",
        "client-output-buffer-limit": "replica 256mb 64mb 60",
        "databases": 32,
        "hz": 1000,
    }
    predicted = managed.run(check=True, **wish)
    assert not managed.path.exists()
    assert managed.get("maxmemory") == "0"
    done = managed.run(**wish)
    for key in ("steps", "live", "diff", "changed"):
        assert predicted[key] == done[key]
    assert predicted["restart"] == done["restart"]
    assert [item["key"] for item in done["restart"]] == ["databases"]
    assert managed.get("hz") == "500"  # the engine clamps it, on both sides
    assert not managed.run(**wish).changed
    # For the program that tells Prometheus.
    note = managed.path.with_suffix(".pending")
    run_id = managed.server.info()["run_id"]
    assert json.loads(note.read_text()) == {"run_id": run_id, "settings": ["databases"]}
    managed.run(**{**wish, "databases": 16})
    assert not note.exists()


def test_a_removed_key_goes_back_and_a_key_set_by_hand_is_repaired(managed: Managed) -> None:
    assert managed.run(maxmemory="100mb", timeout=30).changed
    removed = managed.run(timeout=30)
    assert removed["live"] == ["maxmemory"]
    assert managed.get("maxmemory") == "0"
    managed.server.call("CONFIG", "SET", "timeout", "77")
    drift = managed.run(timeout=30)
    assert drift["steps"] == ["redis main: set at run time timeout 77 -> 30"]
    assert managed.get("timeout") == "30"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("maxmemmory", "1gb", "maxmemmory 1gb"),
        ("maxmemory", "0.5gb", "argument must be a memory value"),
        ("appendfsync", "sometimes", "appendfsync sometimes"),
        ("loadmodule", "/nowhere/no.so", "/nowhere/no.so"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_engine(managed: Managed, key: str, value: str, says: str) -> None:
    answer = managed.run(**dict[str, Any]({"timeout": 30, key: value}))
    assert answer.failed
    assert says in answer.msg
    assert "the new configuration is refused by" in answer.msg
    assert str(managed.path) in answer.msg
    assert "Nothing was changed. Correct `config:` of this instance." in answer.msg
    assert key == "loadmodule" or f"key {key}" in answer.msg
    assert not managed.path.exists()
    assert managed.get("timeout") == "0"


def test_secrets_are_shown_as_changed_and_never_as_text(managed: Managed) -> None:
    assert managed.run(timeout=5).changed
    secrets = {"requirepass": SECRET, "masterauth": "an0ther-secret", "syslog-ident": "th1rd-secret"}
    answer = managed.run(check=True, secrets=secrets, timeout=5, extra={"allow_dangerous": True})
    shown = json.dumps(answer.data)
    assert "an0ther-secret" not in shown
    assert "th1rd-secret" not in shown
    assert "masterauth ********" in answer["diff"][0]["before"]
    assert "masterauth ******** (new value)" in answer["diff"][0]["after"]
    assert "requirepass ********\n" in answer["diff"][0]["after"]


def test_a_replaced_password_is_refused(managed: Managed) -> None:
    answer = managed.run(secrets={"requirepass": "an0ther-secret", "masterauth": SECRET})
    assert answer.failed
    assert "rotate" in answer.msg
    assert not managed.path.exists()


def test_a_wrong_password_is_an_error_that_names_the_variable(managed: Managed) -> None:
    answer = managed.run(extra={"password": "wr0ng-one"})
    assert answer.failed
    assert "redis_password" in answer.msg
    assert not managed.path.exists()


def test_the_aof_is_switched_on_before_the_file_says_so(managed: Managed) -> None:
    for number in range(500):
        managed.server.call("SET", f"key:{number}", "x" * 100)
    answer = managed.run(appendonly=True)
    assert answer["steps"][0] == "redis main: switch the AOF on and wait until all data is in it"
    assert "appendonly yes\n" in managed.path.read_text()
    assert managed.server.info()["aof_enabled"] == "1"
    managed.server.stop(kill=True)
    text = managed.server.config.read_text().replace("appendonly no", "appendonly yes")
    managed.server.config.write_text(text)
    managed.server.start()
    assert managed.server.call("DBSIZE") == 500
    assert not managed.run(appendonly=True).changed
    assert managed.run(appendonly=False).changed
    assert managed.server.info()["aof_enabled"] == "0"


def test_an_aof_that_cannot_be_written_stays_off(managed: Managed) -> None:
    managed.server.call("SET", "key", "value")
    for name in ("appendonlydir", "appendonly.aof"):  # where the files of the AOF go, by release
        (managed.server.directory / name).write_text("in the way") if name == "appendonlydir" else (
            managed.server.directory / name
        ).mkdir()
    answer = managed.run(appendonly=True, timeout=30, extra={"wait": 2})
    assert answer.failed
    assert "the AOF could not be switched on" in answer.msg
    assert not managed.path.exists()
    assert managed.get("appendonly") == "no"
    assert managed.get("timeout") == "0", "the step before it is taken back"


def test_memory_that_is_in_use_is_not_taken_away(managed: Managed) -> None:
    managed.server.call("SET", "key", "x" * 5_000_000)
    wish: dict[str, Any] = {"maxmemory": "4mb", "maxmemory-policy": "allkeys-lru"}
    for check in (True, False):
        answer = managed.run(check=check, **wish)
        assert answer.failed
        assert "would evict data (allkeys-lru)" in answer.msg
    assert managed.server.call("DBSIZE") == 1
    assert managed.run(extra={"allow_dangerous": True}, **wish)["dangerous"]


def test_databases_that_hold_data_are_not_cut_off(managed: Managed) -> None:
    with managed.server.client() as client:
        client.execute_command("SELECT", 9)
        client.execute_command("SET", "key", "value")
    answer = managed.run(databases=8)
    assert answer.failed
    assert "database 9 holds data" in answer.msg


def test_a_bind_or_port_needs_a_restart_and_the_old_port_is_found(managed: Managed) -> None:
    old = managed.server.port
    answer = managed.run(bind="127.0.0.1 -::1", port=old + 1, extra={"port": old + 1})
    assert answer["running"]
    assert {item["key"] for item in answer["restart"]} == {"bind", "port"}
    assert managed.get("port") == str(old)


def test_a_member_keeps_its_port(managed: Managed) -> None:
    """The others know it by its port, so the file must not say another one before a crash makes it true."""
    old = managed.server.port
    guard = {"address": "127.0.0.1", "members": [], "sentinels": [], "policy": "wait", "wait": 5}
    answer = managed.run(port=old + 1, extra={"port": old + 1, "guard": guard})
    assert f"runs on port {old} and is declared on {old + 1}" in answer.msg
    assert not managed.path.exists() or str(old + 1) not in managed.path.read_text()
    assert not managed.path.with_suffix(".json").exists()


def test_maxclients_beyond_the_system_is_a_warning_or_a_restart_but_never_drift(managed: Managed) -> None:
    managed.run(maxclients=100)
    assert managed.get("maxclients") == "100"
    first = managed.run(maxclients=5_000_000)
    assert not first.failed, first.text
    again = managed.run(maxclients=5_000_000)
    assert not again.changed
    assert "open files" in json.dumps(again["warnings"])


def test_odd_words_reach_the_engine_as_they_are(managed: Managed) -> None:
    odd = "ein \"Wort\" mit \\ und 'Ümläut'"
    if not managed.server.info()["redis_version"].startswith("6.0"):
        managed.run(**dict[str, Any]({"tls-ciphersuites": odd}))
        assert managed.get("tls-ciphersuites") == odd
    secrets = {"requirepass": SECRET, "masterauth": odd}
    answer = managed.run(secrets=secrets, extra={"allow_dangerous": True})
    assert not answer.failed, answer.text
    assert managed.get("masterauth") == odd
    assert not managed.run(secrets=secrets).changed


def test_a_stopped_server_gets_its_file_only(managed: Managed) -> None:
    managed.server.stop()
    answer = managed.run(maxmemory="100mb")
    assert answer.changed
    assert not answer["running"]
    assert not answer["restart_needed"]
    assert not managed.run(maxmemory="100mb").changed


def test_without_the_program_check_mode_predicts_the_file(managed: Managed) -> None:
    missing = {"binary": "/nowhere/redis-server", "group": "not-there-yet"}
    answer = managed.run(check=True, extra=missing)
    assert answer["steps"] == [f"create {managed.path}"]
    answer = managed.run(extra={"binary": "/nowhere/redis-server"})
    assert "is not installed" in answer.msg


def test_what_a_server_does_not_tell_is_read_from_its_start_file(managed: Managed) -> None:
    answer = managed.run(**dict[str, Any]({"rename-command": ['FLUSHALL ""', "CONFIG secretconfig"]}))
    assert {item["key"] for item in answer["restart"]} == {"rename-command"}


def test_a_full_disk_changes_nothing(managed: Managed, small_disk: Path) -> None:
    path = small_disk / "main.conf"
    assert managed.run(timeout=5, extra={"path": str(path)}).changed
    before = path.read_bytes()
    (small_disk / "filler").write_bytes(b"x" * (small_disk_free(small_disk)))
    answer = managed.run(timeout=6, logfile="x" * 9000, extra={"path": str(path)})
    assert answer.failed
    assert "No space left on device" in answer.msg
    assert path.read_bytes() == before
    assert managed.get("timeout") == "5"
    assert sorted(item.name for item in small_disk.iterdir()) == ["filler", "main.accepted", "main.conf"]


def small_disk_free(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_bsize


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on a file system of 64 KiB."""
    path = tmp_path / "small"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_sentinel_file_is_validated_and_its_start_file_compared(lab: Lab, tmp_path: Path) -> None:
    sentinel = lab.sentinel("watch")
    path = tmp_path / "sentinel.conf"
    options: dict[str, Any] = {
        "kind": "sentinel",
        "name": "sentinel",
        "path": str(path),
        "owner": getpass.getuser(),
        "group": grp.getgrgid(os.getegid()).gr_name,
        "binary": lab.engine.binary,
        "user": getpass.getuser(),
        "port": sentinel.port,
        "state_file": str(sentinel.config),
        "parameters": {
            "port": sentinel.port,
            "dir": str(sentinel.directory),
            "sentinel": ["deny-scripts-reconfig yes", "monitor main 127.0.0.1 1 2"],
        },
    }
    assert lab.run("config", **options).changed
    digest = digest_of_file(path.read_text())
    text = sentinel.config.read_text()
    sentinel.config.write_text(f"# quorum.redis: assembled from sha256:{digest}\n{text}")
    same = lab.run("config", **options)
    assert not same.changed, same.text
    assert not same["restart_needed"]
    # What somebody has told the running one beside its file.
    options["parameters"]["sentinel"] += ["announce-ip 127.0.0.1", f"announce-port {sentinel.port}"]
    lab.run("config", **options)
    if not sentinel.info()["redis_version"].startswith("6.0."):
        lab.run("config", **options)
        typed = {"announce-ip": "127.0.0.9", "announce-port": "1", "resolve-hostnames": "yes"}
        for key, value in typed.items():
            sentinel.call("SENTINEL", "CONFIG", "SET", key, value)
        assert (
            lab.run("instance_info", kind="sentinel", port=sentinel.port, refused_hours=1)["sentinel"][
                "settings"
            ].items()
            >= typed.items()
        )
        text = "sentinel sentinel: set at run time resolve-hostnames yes -> no"
        for check in (True, False):
            steps = lab.run("config", check, **options)["steps"]
            assert len(steps) == 3 and text in steps, steps
        assert not lab.run("config", **options).changed
    options["parameters"]["loglevel"] = "verbose"
    other = lab.run("config", **options)
    assert other.changed
    assert [item["key"] for item in other["restart"]] == ["*"]
    for wrong in ({"sentinel": ["monitr main"]}, {"maxmemmory": "1gb"}):
        answer = lab.run("config", **{**options, "parameters": {**options["parameters"], **wrong}})
        assert answer.failed, answer.text
        assert "the new configuration is refused by" in answer.msg
        assert "redis_sentinel_config" in answer.msg


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_scratch_server_dies_with_the_module(lab: Lab, tmp_path: Path, number: signal.Signals) -> None:
    hang = tmp_path / "hanging"
    hang.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {lab.engine.binary} --version\n'
        f"echo $$ > {tmp_path}/pid; exec sleep 600\n"
    )
    hang.chmod(0o755)
    request = tmp_path / "hang.json"
    request.write_text(
        json.dumps(
            {
                "ANSIBLE_MODULE_ARGS": {
                    "name": "main",
                    "path": str(tmp_path / "x.conf"),
                    "binary": str(hang),
                    "user": getpass.getuser(),
                    "group": grp.getgrgid(os.getegid()).gr_name,
                    "owner": getpass.getuser(),
                }
            }
        )
    )
    module = subprocess.Popen(
        [sys.executable, "-m", "ansible_collections.quorum.redis.plugins.modules.config", str(request)],
        env={**os.environ, "PYTHONPATH": str(lab.collections)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid = int(wait_until("the scratch process", lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    found = [Path(f"/proc/{pid}/cwd").readlink()]
    assert found[0].name.startswith("quorum-redis-")
    module.send_signal(number)
    module.wait(LONG)
    wait_until("its end", lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())
    if number == signal.SIGTERM:
        assert not [path for path in found if path.exists()]
    for path in found:  # after SIGKILL nobody is left to remove it; it holds no secret
        if path.exists():
            path.rmdir()


def test_a_scratch_start_is_quick(managed: Managed) -> None:
    managed.run()
    took = []
    for _turn in range(5):  # the best one: other tests run beside
        managed.path.with_suffix(".accepted").unlink()
        begin = time.monotonic()
        managed.run()
        took.append(time.monotonic() - begin)
        if took[-1] < allowed(2.0):
            break
    assert min(took) < allowed(2.0), took


def test_what_was_accepted_is_asked_again_only_when_something_changed(managed: Managed, tmp_path: Path) -> None:
    program, asked = tmp_path / "engine", tmp_path / "asked"
    text = f'#!/bin/sh\n[ "$1" != - ] || echo asked >>{asked}\nexec {managed.server.engine.binary} "$@"\n'
    program.write_text(text)
    program.chmod(0o755)
    extra = {"binary": str(program)}

    def times() -> int:
        return len(asked.read_text().split()) if asked.exists() else 0

    assert managed.run(check=True, timeout=5, extra=extra).changed
    assert not managed.path.with_suffix(".accepted").exists()
    assert managed.run(timeout=5, extra=extra).changed
    first = times()
    for check in (True, False):
        assert not managed.run(check=check, timeout=5, extra=extra).changed
    assert times() == first
    managed.server.call("CONFIG", "SET", "timeout", "77")  # what runs is compared all the same
    assert managed.run(timeout=5, extra=extra)["live"] == ["timeout"]
    assert times() == first
    assert not managed.run(check=True, timeout=6, extra=extra).failed
    assert times() == first + 1
    program.write_text(text)  # another file, with the same words in it
    assert not managed.run(timeout=5, extra=extra).changed
    assert times() == first + 2
    assert not managed.run(timeout=5, extra=extra).changed
    assert times() == first + 2
    note = managed.path.with_suffix(".accepted")
    assert note.stat().st_mode & 0o777 == 0o600
    assert SECRET not in note.read_text()


def test_what_one_of_several_processes_refuses_changes_none(managed: Managed, tmp_path: Path) -> None:
    options = managed.options(timeout=5)
    own = ("name", "path", "parameters", "secrets", "port", "password", "state_file")
    shared = {key: value for key, value in options.items() if key not in own}
    server = {key: options[key] for key in own}
    watcher = {"name": "watcher", "kind": "sentinel", "path": str(tmp_path / "watcher.conf"), "port": 1}
    wrong = {**watcher, "parameters": {"nonsense": "yes"}}
    refused = managed.lab.run("config", processes=[server, wrong], **shared)
    assert refused.failed
    assert "nonsense" in refused.msg
    assert not managed.path.exists()
    assert managed.get("timeout") == "0"
    both = [server, {**watcher, "parameters": {"port": 0, "dir": str(tmp_path)}}]
    predicted = managed.lab.run("config", check=True, processes=both, **shared)
    done = managed.lab.run("config", processes=both, **shared)
    assert done.changed, done.text
    assert predicted["steps"] == done["steps"]
    assert predicted["diff"] == done["diff"]
    assert [(one["name"], one["kind"], one["live"]) for one in done["processes"]] == [
        ("main", "server", ["timeout"]),
        ("watcher", "sentinel", []),
    ]
    assert managed.get("timeout") == "5"
    assert not managed.lab.run("config", processes=both, **shared).changed
    assert SECRET not in done.text.replace(json.dumps(both), "")
    assert done["to_restart"] == []
    # Its own user for replication has a name that is part of that of the set, which is no secret.
    more = {**server, "name": "replica-cache"}
    more["parameters"] = {**server["parameters"], "databases": 4, "masteruser": "replica"}
    restart = managed.lab.run("config", processes=[more, both[1]], allow_dangerous=True, **shared)
    assert restart["to_restart"] == ["replica-cache"], restart.text
    assert not managed.lab.run("config", processes=[], **shared).changed
    assert "required: name, processes" in managed.lab.run("config", **shared).msg


def test_what_the_start_guard_knows_lies_beside_the_file(managed: Managed) -> None:
    peer = {"host": "b", "address": "192.0.2.2", "port": 6379}
    guard = {"address": "127.0.0.1", "members": [peer], "sentinels": [], "policy": "wait", "wait": 5}
    extra = {"guard": guard, "guard_secrets": {"password": SECRET, "sentinel_password": ""}}
    place = managed.path.with_suffix(".json")
    assert managed.run(check=True, extra=extra)["steps"][-1] == f"create {place}"
    assert not place.exists()
    managed.run(extra=extra)
    told = {"name": "main", "port": managed.server.port, "password": SECRET, "sentinel_password": ""}
    assert json.loads(place.read_text()) == guard | told
    assert place.stat().st_mode & 0o777 == 0o640
    assert not managed.run(extra=extra).changed
    # Nobody declares users of this server: one that somebody has typed is known to it alone.
    managed.server.call("ACL", "SETUSER", "typed", "on", "nopass", "+ping")
    alone = managed.run(extra={**extra, "guard": {**guard, "acl": False}})
    assert not alone.changed and "not declared and left alone: the ACL users typed" in str(alone["warnings"])
    assert "typed" not in str(managed.run(extra=extra).data.get("warnings"))
    guard["wait"] = 6
    again = managed.run(extra=extra)
    assert again["steps"] == [f"change {place}"]
    assert "192.0.2.2" in json.dumps(again["diff"])
