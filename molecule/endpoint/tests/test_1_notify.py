# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People are told when the primary moves, by the notifiers of hosts with a Sentinel."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import testinfra
from deployment import DataSet, SentinelView, given, paths_with, until
from lab import ROOT, Lab
from measured import note
from patience import allowed
from trials import SOAK
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
ROUTE = """
route: {receiver: people, group_by: [...], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}
receivers: [{name: people, webhook_configs: [{url: "http://127.0.0.1:PORT/", send_resolved: false}]}]
"""
Hosts = dict[str, testinfra.host.Host]


@pytest.fixture(scope="module")
def people() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Take what Alertmanager tells people; return the port, and all that it has told."""
    found: list[dict[str, Any]] = []

    class Take(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_unused: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Take) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], found
        server.shutdown()


@pytest.fixture(scope="module")
def alertmanager(
    lab: Lab, people: tuple[int, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Alertmanager]:
    """Run that of the distribution beside the tests, where the hosts reach it."""
    subprocess.run([ROOT / "tools" / "prometheus"], check=True)
    bridge = lab.host_ip("app").rpartition(".")[0] + ".1"
    route = ROUTE.replace("PORT", str(people[0]))
    found = Alertmanager(tmp_path_factory.mktemp("alertmanager"), find_port(), route, bridge)
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


def test_a_move_and_a_crash_are_told_once(
    lab: Lab, told: tuple[str, str], alertmanager: Alertmanager, people: tuple[int, list[dict[str, Any]]]
) -> None:
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
    until(lab, "no event waits", lambda: all(has_told(lab, host) for host in HOSTS))

    def causes() -> list[str]:
        return sorted(one["labels"]["cause"] for one in people[1] if one["labels"]["alertname"] == "RedisPrimaryMoved")

    until(lab, "people are told of both", lambda: len(causes()) >= 2)
    assert causes() == ["crash", "planned"]


def has_told(lab: Lab, host: str) -> bool:
    """Return whether no event waits on a host for Alertmanager; for others it stands by for minutes."""
    return lab.sh(host, "find /var/lib/redis-notify/spool/alertmanager* -type f | wc -l") == "0"


@pytest.mark.parametrize("away", ["alertmanager", "notifiers", "all"] if SOAK > 1 else ["alertmanager"])
def test_a_crash_is_told_once_although_who_tells_or_is_told_is_away(
    lab: Lab,
    told: tuple[str, str],
    alertmanager: Alertmanager,
    people: tuple[int, list[dict[str, Any]]],
    away: str,
) -> None:
    """Alertmanager is away for the whole failover; `make soak` tries more, half a minute each.

    All notifiers are killed in the middle of it; or both and the webhook, while the primary's host has lost its power.
    """
    main = DataSet(lab, HOSTS, "server-Lw6tQz", HOSTS, "sentinel-Rb3nHd")
    old = main.settled()
    others = [host for host in HOSTS if host != old]
    epoch = main.sentinel_view(old).config_epoch
    unit = "systemctl show --property MainPID --value redis-server@main"

    def seen() -> list[SentinelView]:
        return [main.sentinel_view(host) for host in others]

    if away != "notifiers":
        alertmanager.stop()
    if away == "all":
        lab.sh("app", "systemctl kill -s STOP receiver")
        lab.kill(old)
    else:
        lab.sh(old, f"kill -9 $({unit})")
    if away != "alertmanager":
        until(lab, "they agree that it is down", lambda: any("o_down" in view.flags for view in seen()))
        for host in others if away == "all" else HOSTS:
            lab.sh(host, "systemctl kill -s KILL redis-notify")

    def replaced() -> int:
        views = seen()
        ready = all(view.address != lab.host_ip(old) and view.config_epoch > epoch for view in views)
        return max(view.config_epoch for view in views) if ready else 0

    epoch = until(lab, "another one is primary", replaced)
    if away == "all":
        lab.sh("app", "systemctl kill -s CONT receiver")
    if away != "notifiers":
        alertmanager.start()
    began = time.time()

    def of_it(found: Callable[[], list[Any]]) -> list[Any]:
        return [one for one in found() if str(one.get("labels", one).get("epoch")) == str(epoch)]

    until(lab, "people are told", lambda: of_it(lambda: people[1]))
    took = time.time() - began
    posts = until(lab, "the webhook is told", lambda: of_it(lambda: heard(lab)))
    if away == "all":
        lab.start(old)
    main.settled()
    for host in HOSTS:
        until(lab, f"{host} has told what it knew", partial(has_told, lab, host))
    (alert,), (_one,) = of_it(lambda: people[1]), of_it(alertmanager.list_alerts)
    posts = of_it(lambda: heard(lab))
    note(
        f"a crash, away: {away}",
        f"people told {took:.1f} s later, cause {alert['labels']['cause']}; the webhook {len(posts)} times",
    )
    causes = {"crash"} if away == "alertmanager" else {"crash", "unknown"}  # they may have heard why, or not
    assert alert["labels"]["cause"] in causes and {one["kind"] for one in posts} == {"moved"}


def test_removal_leaves_nothing(lab: Lab) -> None:
    lab.run_playbook("notify").expect(changed=len(HOSTS))
    search = "find /etc /run /var/lib /usr/local -iname '*redis-notify*'; getent passwd redis-notify || true"
    for host in HOSTS:
        assert lab.sh(host, search) == ""
