# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer of two hosts: one backup in each period, by another host when need be, and failures that show."""

from __future__ import annotations

import json
from typing import Any

import testinfra
from deployment import DataSet
from lab import Lab

HERE = "/var/backups/redis"
CARRIERS = ("b2", "b3")
STATUS = "/usr/local/lib/quorum-redis/backup status"
PID = "systemctl show --property MainPID --value redis-server@main"
TRIALS = "systemctl list-units --all --no-legend --plain 'redis-backup-trial@*'"
SOON = "/etc/systemd/system/redis-backup.timer.d/soon.conf"
# A period ago, as far as the program remembers.
AGE = """
import json, pathlib
path = pathlib.Path("/var/lib/quorum-redis/backup-state.json")
state = json.loads(path.read_text())
for one in state.values():
    for key in ("slot", "done", "began"):
        one["memory"][key] -= 1
path.write_text(json.dumps(state))
"""
# A quarter of the period has passed.
PATIENT = """
import json, pathlib
path = pathlib.Path("/var/lib/quorum-redis/backup-state.json")
state = json.loads(path.read_text())
for one in state.values():
    one["memory"]["watch"] -= 6 * 3600
path.write_text(json.dumps(state))
"""


def backups(lab: Lab, name: str = "main") -> dict[str, list[str]]:
    """Return all that each carrier has, hidden or not, but the lock and what is owed."""
    found = {host: lab.sh(host, f"ls -A {HERE}/{name} 2>/dev/null || true").split() for host in CARRIERS}
    return {host: sorted(set(names) - {".lock", ".owed"}) for host, names in found.items()}


def new(lab: Lab, before: dict[str, list[str]], name: str = "main") -> list[tuple[str, str]]:
    """Return who has made which backup since."""
    return [(host, each) for host, names in backups(lab, name).items() for each in names if each not in before[host]]


def look(lab: Lab, host: str) -> int:
    """Let the unit of the timer run once and return how it ended."""
    begun = lab.run(host, "systemctl start redis-backup.service")
    assert "start-limit" not in begun.stderr
    return int(lab.sh(host, "systemctl show --property ExecMainStatus --value redis-backup.service"))


def looks(lab: Lab, host: str) -> bool:
    return lab.run(host, "systemctl is-active redis-backup.service").stdout.strip() == "activating"


def status(lab: Lab, host: str) -> tuple[int, str]:
    done = lab.run(host, STATUS)
    return done.returncode, done.stdout


def a_period_later(lab: Lab) -> None:
    for host in CARRIERS:
        lab.sh(host, f"python3 -c '{AGE}'")


def change(lab: Lab, host: str, **settings: Any) -> None:
    """Change what the program knows, as a run of site.yml would."""
    told = json.dumps(settings)
    lab.sh(
        host,
        'python3 -c \'import json, pathlib, sys; p = pathlib.Path("/etc/quorum-redis/backup.json"); '
        f"p.write_text(json.dumps(json.loads(p.read_text()) | json.loads(sys.argv[1])))' '{told}'",
    )


def test_the_timer_is_on_the_hosts_of_the_group(lab: Lab, hosts: dict[str, testinfra.host.Host], main: DataSet) -> None:
    assert main.settled() == "b1"
    for host in CARRIERS:
        assert "redis-backup.timer" in lab.sh(host, "systemctl list-timers --all --no-pager")
        assert hosts[host].service("redis-backup.timer").is_enabled
        file = hosts[host].file("/etc/quorum-redis/backup.json")
        assert (file.user, file.mode) == ("root", 0o600)
        assert status(lab, host) == (3, "the timer has not looked yet\n")
    assert "redis-backup" not in lab.sh("b1", "systemctl list-timers --all --no-pager")
    assert not hosts["b1"].file("/etc/quorum-redis").exists


def test_both_timers_fire_and_one_backup_is_made(lab: Lab, main: DataSet, other: DataSet) -> None:
    """The real timers, with a time that is near; b2 cannot copy away yet, because it has nowhere to copy to."""
    lab.sh("b3", "mkdir /srv/vault")
    main.fill(500)
    before = {name: backups(lab, name) for name in ("main", "other")}
    for host in CARRIERS:
        lab.sh(host, f"mkdir -p {SOON.rpartition('/')[0]} && printf '[Timer]\\nOnCalendar=*:*:0/3\\n' > {SOON}")
        lab.sh(host, "systemctl daemon-reload && systemctl restart redis-backup.timer")
    lab.wait_until("a backup of each set", lambda: all(new(lab, before[name], name) for name in before))
    lab.wait_until("b3 has looked", lambda: status(lab, "b3")[0] == 0)
    for host in CARRIERS:
        lab.sh(
            host, f"rm -r {SOON.rpartition('/')[0]} && systemctl daemon-reload && systemctl restart redis-backup.timer"
        )
    lab.wait_until("the last looks are over", lambda: not any(looks(lab, host) for host in CARRIERS))
    for name in before:
        assert [host for host, _name in new(lab, before[name], name)] == ["b2"]
    assert "b2 does it" in status(lab, "b3")[1]
    said = lab.sh("b2", "journalctl --no-pager -o cat -u redis-backup.service")
    assert "keys, " in said and "file check passed, trial load passed" in said
    assert "backup-Rt5wQz" not in said


def test_a_copy_that_fails_shows_and_is_made_up_for(lab: Lab) -> None:
    before = backups(lab)
    code, text = status(lab, "b2")
    assert code == 1 and "is not copied away, the local one is kept" in text
    assert lab.run("b2", "systemctl is-failed redis-backup.service").stdout.strip() == "failed"
    lab.sh("b2", "mkdir /srv/vault")
    assert look(lab, "b2") == 0
    assert status(lab, "b2")[0] == 0
    assert lab.sh("b2", "ls /srv/vault/main").split() == before["b2"][-1:]
    assert backups(lab) == before


def test_another_carrier_does_it_when_the_first_is_down(lab: Lab, main: DataSet) -> None:
    a_period_later(lab)
    before = backups(lab)
    lab.sh("b2", "systemctl stop redis-server@main")
    assert (look(lab, "b2"), look(lab, "b3")) == (0, 0)
    assert [host for host, _name in new(lab, before)] == ["b3"]
    lab.sh("b2", "systemctl start redis-server@main")
    main.settled()
    assert (look(lab, "b2"), look(lab, "b3")) == (0, 0)
    assert [host for host, _name in new(lab, before)] == ["b3"]
    assert "main: b3 has done it in this period" in status(lab, "b2")[1]


def test_a_failure_shows_in_status_exit_code_and_journal(lab: Lab, main: DataSet) -> None:
    a_period_later(lab)
    before = backups(lab)
    lab.sh("b2", f"prlimit --pid $({PID}) --nproc=1:")
    assert look(lab, "b2") == 2
    assert lab.run("b2", "systemctl is-failed redis-backup.service").stdout.strip() == "failed"
    code, text = status(lab, "b2")
    assert code == 2 and "Can't save in background: fork" in text
    told = json.loads(
        lab.sh("b2", "setpriv --reuid=nobody --clear-groups cat /var/lib/quorum-redis/backup-status.json")
    )
    assert (told["state"], told["sets"]["main"]["state"], told["sets"]["other"]["state"]) == (
        "critical",
        "critical",
        "ok",
    )
    assert "the backup failed" in lab.sh("b2", "journalctl --no-pager -o cat -u redis-backup.service")
    # It tries again, which the other one sees; a single try would be taken for the backup, as there is one of today.
    assert look(lab, "b2") == 2
    assert (look(lab, "b3"), new(lab, before)) == (0, [])
    lab.sh("b3", f"python3 -c '{PATIENT}'")
    assert look(lab, "b3") == 0
    assert [host for host, _name in new(lab, before)] == ["b3"]
    assert "main: b2 has not done it by now" in status(lab, "b3")[1]
    lab.sh("b2", f"prlimit --pid $({PID}) --nproc=4096:")
    assert look(lab, "b2") == 0
    assert [host for host, _name in new(lab, before)] == ["b2", "b3"]
    assert status(lab, "b2")[0] == 0


def test_old_ones_go_and_the_newest_good_one_stays(lab: Lab) -> None:
    newest = backups(lab)["b2"][-1]
    assert len(backups(lab)["b2"]) > 1
    change(lab, "b2", keep=1, keep_days=1)
    assert look(lab, "b2") == 0
    assert backups(lab)["b2"] == [newest]
    lab.sh("b2", f"mv {HERE}/main/{newest} {HERE}/main/20200101T000000Z-b2")
    assert look(lab, "b2") == 0
    assert backups(lab)["b2"] == ["20200101T000000Z-b2"]
    lab.sh("b2", f"mv {HERE}/main/20200101T000000Z-b2 {HERE}/main/{newest}")


def test_backups_of_an_earlier_version_are_kept_like_the_rest(lab: Lab, main: DataSet) -> None:
    """They belong to root and the group of the service; a killed one has left a directory that was the service's."""
    a_period_later(lab)
    left = f"{HERE}/main/.partial-20200101T000000Z-b2"
    lab.sh("b2", f"mkdir -p {left}/appendonlydir && touch {left}/appendonlydir/x")
    lab.sh("b2", f"chown -R root:redis {HERE} /var/lib/quorum-redis && chown -R redis {left}/appendonlydir")
    before = backups(lab)["b2"][:-1]
    change(lab, "b2", keep=1, keep_days=1, aof=True, drill=True)
    assert look(lab, "b2") == 0
    (made,) = backups(lab)["b2"]
    assert made not in before
    assert lab.sh("b2", f"find {HERE} /var/lib/quorum-redis ! -user redis-backup; find {HERE} -perm /027") == ""
    told = json.loads(lab.sh("b2", f"cat {HERE}/main/{made}/manifest.json"))
    assert (told["aof"], told["verified"]["file_check"], told["verified"]["load"]) == (
        "appendonlydir",
        "passed",
        "passed",
    )
    assert [drill["result"] for drill in told["drills"]] == ["passed"]
    main.settled()


def test_an_engine_that_is_taken_over_by_what_it_reads_reaches_nothing(lab: Lab) -> None:
    """A program that does what it likes is proven with instead of the engine, with the rights of a proof."""
    attempts = {
        "remove": f"rm -r {HERE}/main/2*",
        "write": f"touch {HERE}/main/x $(dirname $1)/x",
        "overwrite": "sh -c ': >> $0' $1",
        "settings": "cat /etc/quorum-redis/backup.json",
        "data": "cat /var/lib/redis/main/dump.rdb",
        "ask": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/redis-backup-trial.sock\")'",
        "talk": "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 6379))'",
        "kill": f"kill {lab.sh('b2', PID)}",
    }
    lines = [f'{what} >/dev/null 2>&1 && did="$did {name}"' for name, what in attempts.items()]
    script = "\n".join(["#!/bin/sh", "head -c 5 $1 >/dev/null && did=read", *lines, 'echo "it could: $did."', "exit 1"])
    lab.sh("b2", f"cat > /usr/local/bin/evil <<'EOF'\n{script}\nEOF\nchmod +x /usr/local/bin/evil")
    a_period_later(lab)
    before = lab.sh("b2", f"find {HERE} -type f | sort | xargs sha256sum")
    change(lab, "b2", binary="/usr/local/bin/evil")
    assert look(lab, "b2") == 2
    assert "it could: read (" in status(lab, "b2")[1]
    assert lab.sh("b2", f"find {HERE} -type f | sort | xargs sha256sum") == before


def test_a_proof_ends_with_the_backup_that_wants_it(lab: Lab) -> None:
    lab.sh("b2", "printf '#!/bin/sh\nexec sleep 600\n' > /usr/local/bin/evil")
    lab.sh("b2", "systemctl start --no-block redis-backup.service")
    lab.wait_until("it is being proven", lambda: "running" in lab.sh("b2", TRIALS))
    lab.sh("b2", "systemctl stop redis-backup.service")
    lab.wait_until("the proof is over", lambda: lab.sh("b2", f"{TRIALS}; ls -d /run/quorum-redis-trial* || true") == "")
    lab.sh("b2", "rm /usr/local/bin/evil")
    assert [name for name in backups(lab)["b2"] if name.startswith(".")] == []


def test_a_run_puts_right_what_was_changed_and_then_changes_nothing(lab: Lab) -> None:
    run = lab.run_playbook("site").expect()
    # The file, and the timer that takes it over.
    assert {host: recap.changed for host, recap in run.recap.items()} == {"b1": 0, "b2": 2, "b3": 0}
    lab.run_playbook("site").expect(changed=0)
