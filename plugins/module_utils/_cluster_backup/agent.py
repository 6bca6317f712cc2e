# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timer of a host runs, without Ansible: look at its clusters and its sets, and say how they stand.

Exit codes are those that monitoring knows: 0 well, 1 something beside the backup is wrong, 2 no backup, 3 unknown.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from .._backup.agent import CRITICAL, OK, UNKNOWN, WORDS, Round, Say, judge_status, read_state, write_state
from .._core.errors import QuorumError
from .._engine.rdb_check_socket import answer_request
from .._model.backup_manifest import iso_time
from .round import ClusterRound
from .schedule import next_moment

SETTINGS = Path("/etc/quorum-redis/backup.json")
STATE = Path("/var/lib/quorum-redis")


def check_all() -> int:
    """Look at every cluster and data set of this host, and write down how it went."""
    try:
        common, now = json.loads(SETTINGS.read_text(encoding="utf-8")), time.time()
    except PermissionError as problem:
        _line(f"{problem}: the unit of the timer needs CAP_DAC_READ_SEARCH, which a container must have been given")
        return CRITICAL
    STATE.mkdir(0o755, parents=True, exist_ok=True)
    state = read_state(STATE / "backup-state.json")
    reports: Dict[str, Any] = {}

    def finish(look: Round) -> None:
        _guard(look, "run_due_work")
        reports[look.name] = look.describe_state()
        write_state(STATE / "backup-state.json", state, 0o600)

    for look in _begin_together(_list_clusters(common, state, now, reports), now):
        finish(look)
    for settings in common["sets"]:  # perhaps hours later
        name = settings["name"]
        finish(Round(settings, common, state.setdefault(name, {}), time.time(), _say(name)))
    worst = max((code for code in WORDS if WORDS[code] in [each["state"] for each in reports.values()]), default=OK)
    report = {"state": WORDS[worst], "host": common["me"], "looked": iso_time(now), "sets": reports}
    write_state(STATE / "backup-status.json", {**report, "silent_after": common["silent_after"]}, 0o644)
    return worst


def _list_clusters(
    common: Mapping[str, Any], state: Dict[str, Any], now: float, reports: Dict[str, Any]
) -> List[ClusterRound]:
    """Return a round for each cluster; one whose settings or memory cannot be used stops nothing else."""
    rounds = []
    for settings in common.get("clusters", []):
        name = settings.get("name", "?")
        try:
            rounds.append(ClusterRound(settings, common, state.setdefault(name, {}), now, _say(name)))
        except (QuorumError, AttributeError, KeyError, TypeError, ValueError) as problem:
            text = f"what the timer knows of it cannot be used ({problem!r})"
            text += f": run site.yml, or remove {STATE}/backup-state.json"
            _line(f"{name}: {text}")
            unknown = {"why": "", "newest_here": "", "backups_here": 0, "copied": "", "drill": {}, "newest_whole": ""}
            reports[name] = {"state": WORDS[CRITICAL], "problems": [text], **unknown}
    return rounds


def _begin_together(clusters: Sequence[ClusterRound], now: float) -> Sequence[ClusterRound]:
    """Let all clusters that are due save at one moment, before a host copies, for which it takes its own time.

    The moment is that of who looks now, however long a host that hangs is waited for.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(clusters))) as pool:
        list(pool.map(lambda look: _guard(look, "prepare_saves"), clusters))
        due = [look for look in clusters if look.sources]
        list(pool.map(lambda look: _guard(look, "begin_saves", next_moment(now)), due))
    return clusters


def _guard(look: Round, method: str, *arguments: float) -> None:
    """Do a part of a look; what fails is noted there and stops no other."""
    try:
        getattr(look, method)(*arguments)
    except (QuorumError, OSError) as problem:
        look.state.setdefault("why", "")
        look.note_problem(CRITICAL, str(problem))


def _say(name: str) -> Say:
    return lambda what: _line(f"{name}: {what}")


def _line(text: str) -> None:
    """Write a line, at once: the journal has the time of each."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def read_report() -> Mapping[str, Any]:
    """Return what the last look has written down."""
    return read_state(STATE / "backup-status.json")


def main(arguments: Sequence[str]) -> int:
    """Look, or say how it stands; `trial` is for the unit of that name."""
    if list(arguments) == ["trial"]:
        answer_request()
        return OK
    if not SETTINGS.exists():
        _line(f"this host carries no timer: there is no {SETTINGS}")
        return UNKNOWN
    if list(arguments) == ["status"]:
        code, text = judge_status(time.time(), read_report())
        _line(text)
        return code
    if list(arguments) != ["look"]:
        sys.stderr.write("usage: backup look|status\n")
        return UNKNOWN
    return check_all()
