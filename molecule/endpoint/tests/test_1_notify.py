# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People are told when the primary moves, by the notifiers of hosts with a Sentinel."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import testinfra
from deployment import DataSet, given, paths_with, until
from lab import ROOT, Lab
from measured import note
from patience import allowed
from watcher import Alertmanager, find_port

HOSTS = ["e1", "e2", "e3"]
TOKEN, HEADER, CLIENT = "t0ken-Mx7kQe", "header-Ub2sVw", "Ty8vKm"
PORT, HEARD = 8088, "/tmp/heard"  # noqa: S108
RECEIVER = f"""
import http.server, json, time
class Take(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        taken = self.path == "/{TOKEN}" and self.headers["X-Key"] == "{HEADER}"
        if taken:
            told = json.dumps(dict(json.loads(body), arrived=time.time()))
            open("{HEARD}", "a").write(told + "\\n")
        self.send_response(204 if taken else 403)
        self.end_headers()
http.server.ThreadingHTTPServer(("", {PORT}), Take).serve_forever()
"""
Hosts = dict[str, testinfra.host.Host]


@pytest.fixture(scope="module")
def alertmanager(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Run that of the distribution beside the tests, where the hosts reach it."""
    subprocess.run([ROOT / "tools" / "prometheus"], check=True)
    bridge = lab.host_ip("app").rpartition(".")[0] + ".1"
    quiet = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    found = Alertmanager(tmp_path_factory.mktemp("alertmanager"), find_port(), quiet, bridge)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def told(lab: Lab, alertmanager: Alertmanager) -> Iterator[tuple[str, str]]:
    """Run a webhook on the host of an application; return the arguments that declare both."""
    lab.sh("app", f"cat > /tmp/receiver.py <<'END'\n{RECEIVER}\nEND")
    lab.sh("app", f": > {HEARD}; systemd-run --unit receiver python3 /tmp/receiver.py")
    yield declared(lab.host_ip("app"), f"http://{alertmanager.address}:{alertmanager.port}")
    lab.sh("app", f"systemctl stop receiver; rm {HEARD} /tmp/receiver.py")


def declared(host: str, url: str) -> tuple[str, str]:
    """Return the arguments that declare an Alertmanager, a webhook, and a command in the sandbox."""
    webhook = {"url": f"http://{host}:{PORT}/{TOKEN}", "headers": {"X-Key": HEADER}}
    return given(redis_notify={"webhook": webhook, "command": ["/bin/cat"], "alertmanager": {"urls": [url]}})


def heard(lab: Lab) -> list[dict[str, Any]]:
    """Return what the webhook was told."""
    return [json.loads(row) for row in lab.sh("app", f"cat {HEARD}").splitlines()]


def test_the_notifiers_are_deployed_tested_and_left_alone(lab: Lab, hosts: Hosts, told: tuple[str, str]) -> None:
    predicted = lab.run_playbook("notify", "--check", "--diff", *told).expect(changed=len(HOSTS))
    assert not hosts["e1"].file("/etc/redis-notify").exists
    done = lab.run_playbook("notify", "--diff", *told).expect(changed=len(HOSTS))
    tested = lab.run_playbook("notify_test", "-v", *told).expect(changed=len(HOSTS))
    assert f"webhook: arrived at {lab.host_ip('app')}:{PORT}" in tested.stdout
    assert {(one["kind"], one["host"]) for one in heard(lab)} == {("test", host) for host in HOSTS}
    again = lab.run_playbook("notify", *told).expect(changed=0)
    for run in (predicted, done, tested, again):
        assert not [word for word in (TOKEN, HEADER, CLIENT) if word in run.stdout]
    for host in HOSTS:
        assert paths_with(lab, host, [TOKEN, HEADER], "redis") == []
        assert (
            f" {TOKEN}" not in lab.sh(host, "journalctl --no-pager") and hosts[host].service("redis-notify").is_enabled
        )
        said = lab.sh(host, "systemd-analyze security --no-pager redis-notify.service | tail -1")
        assert float(said.split(": ")[1].split()[0]) < 2.0, said


def test_a_move_and_a_crash_are_told_once(lab: Lab, told: tuple[str, str], alertmanager: Alertmanager) -> None:
    """The crash is a power loss of the primary's host, with its Sentinel and its notifier."""
    main = DataSet(lab, HOSTS, "server-Lw6tQz", HOSTS, "sentinel-Rb3nHd")
    old = main.settled()
    lab.run_playbook("failover").expect()
    new = main.settled()

    def moves(cause: str) -> list[dict[str, Any]]:
        return [one for one in heard(lab) if (one["kind"], one["cause"]) == ("moved", cause)]

    def alerts(cause: str) -> list[Any]:
        return [one for one in alertmanager.list_alerts() if one["labels"].get("cause") == cause]

    (event,) = until(lab, "the webhook is told of the move", lambda: moves("planned"))
    assert (event["old"], event["new"]) == (f"{lab.host_ip(old)}:6379", f"{lab.host_ip(new)}:6379")
    others = [host for host in HOSTS if host != new]
    lab.kill(new)

    def named() -> bool:
        found = [main.ask_sentinel(host, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main") for host in others]
        return any(address != lab.host_ip(new) for address, _port in found)

    until(lab, "a Sentinel names another primary", named)
    seen = time.time()
    (event,) = until(lab, "the webhook is told of the crash", lambda: moves("crash"))
    assert (event["old"], event["severity"]) == (f"{lab.host_ip(new)}:6379", "critical")
    note("told of a power loss after a Sentinel had named the next primary", f"{event['arrived'] - seen:.1f} s")
    assert event["arrived"] - seen < allowed(2.0)
    lab.start(new)
    main.settled()
    for host in others:
        rows = lab.sh(host, "journalctl --no-pager -o cat -t redis-notify QUORUM_KIND=moved QUORUM_CAUSE=crash")
        assert "took over" in rows
    for cause in ("planned", "crash"):
        (alert,) = until(lab, "Alertmanager is told", partial(alerts, cause))
        assert alert["labels"]["alertname"] == "RedisPrimaryMoved"


def test_removal_leaves_nothing(lab: Lab) -> None:
    lab.run_playbook("notify").expect(changed=len(HOSTS))
    search = "find /etc /run /var/lib /usr/local -iname '*redis-notify*'; getent passwd redis-notify || true"
    for host in HOSTS:
        assert lab.sh(host, search) == ""
