# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Sentinel must be told so that it monitors what is declared; pure, by difference, never a RESET."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.reconcile import Step
from .._model.conf_syntax import MASK, split_rows, unquote_word
from .._model.observed import NOT_YET, Observed, SentinelView, WatchedMaster
from .._model.tables import show_place
from .._replication.plan import Planner

Stored = Dict[Tuple[str, str], str]
Change = Tuple[str, Any, Any]


@dataclass
class SendCommands(Step):
    """Send the own Sentinel commands, all at once."""

    commands: List[List[str]]
    secrets: List[str] = field(default_factory=list)


@dataclass
class Watch:
    """What is declared about one data set; None leaves a setting to Sentinel's own default."""

    name: str
    quorum: int = 2
    down_after: Optional[int] = None
    failover_timeout: Optional[int] = None
    parallel_syncs: Optional[int] = None
    username: Optional[str] = None
    password: Optional[str] = None


def parse_state(text: str) -> Stored:
    """Return the credentials that a Sentinel's own file holds, by option and name of the data set."""
    stored: Stored = {}
    for line in split_rows(text):
        words = line.strip().split(None, 3)
        if len(words) == 4 and words[0].lower() == "sentinel" and words[1].lower() in ("auth-user", "auth-pass"):
            stored[words[1].lower(), unquote_word(words[2])] = unquote_word(words[3])
    return stored


def find_primary(planner: Planner) -> Observed:
    """Return the primary; Sentinels that are all stale do not hide the one that every member follows."""
    planner.check_members()
    try:
        return planner.elect_primary()
    except Refused as problem:
        if isinstance(problem, Unsettled) and problem.patient:
            raise
        heads = [member for member in planner.seen if member.role == "primary"]
        if len(heads) == 1 and all(
            member is heads[0] or member.empty or planner.is_following(member, heads[0]) for member in planner.seen
        ):
            return heads[0]
        raise


def check_identity(views: Sequence[SentinelView]) -> None:
    """Stop when two Sentinels share an identity: they take each other for themselves and never agree."""
    counts = Counter(view.myid for view in views if view.myid)
    for myid, count in counts.items():
        if count > 1:
            names = " and ".join(view.name for view in views if view.myid == myid)
            raise QuorumError(
                f"The Sentinels of {names} have the same identity",
                f"myid {myid}",
                "Stop all but one of them, delete the line 'sentinel myid' in their state files, "
                "start them, then run again",
            )


def list_differences(watched: Optional[WatchedMaster], want: Watch, stored: Optional[Stored]) -> List[Change]:
    """Return option, present and wanted value of what differs; credentials only as far as they can be known."""
    seen = watched or WatchedMaster("", 0)
    pairs: List[Change] = [
        ("quorum", seen.quorum, want.quorum),
        ("down-after-milliseconds", seen.down_after, want.down_after),
        ("failover-timeout", seen.failover_timeout, want.failover_timeout),
        ("parallel-syncs", seen.parallel_syncs, want.parallel_syncs),
    ]
    changes = [
        pair
        for pair in pairs
        if pair[2] is not None and pair[1] != pair[2] and not (watched is None and pair[0] == "quorum")
    ]
    if watched is not None and stored is None:
        return changes
    present = stored if watched is not None and stored is not None else {}
    for option, wanted in (("auth-user", want.username), ("auth-pass", want.password)):
        before = present.get((option, want.name), "")
        if before != (wanted or ""):
            changes.append((option, before, wanted or ""))
    return changes


def _shown(option: str, value: Any) -> str:
    if option == "auth-pass":
        return MASK if value else "none"
    return str(value) if value != "" else "none"


def settings_commands(want: Watch, changes: Sequence[Change], created: bool) -> Tuple[str, List[List[str]], List[str]]:
    """Return text, commands and secrets of what sets everything that differs."""
    if not changes:
        return "", [], []
    text = ", ".join(
        f"{option} {_shown(option, wanted)}"
        if created
        else f"{option} {_shown(option, before)} -> {_shown(option, wanted)}"
        for option, before, wanted in changes
    )
    command = ["SENTINEL", "SET", want.name]
    for option, _before, wanted in changes:
        command += [option, str(wanted)]
    return text, [command], [str(wanted) for option, _before, wanted in changes if option == "auth-pass" and wanted]


def plan_watch(
    view: SentinelView, want: Watch, planner: Planner, primary: Observed, stored: Optional[Stored]
) -> List[SendCommands]:
    """Return what makes this Sentinel monitor one data set as declared, as one step.

    Redis 6.0 keeps a connection that it opened without or with the wrong password, and is deaf from then on. So
    MONITOR and SET go out together, and a deaf one begins anew.
    """
    watched = view.masters.get(want.name)
    changes = list_differences(watched, want, stored)
    lead = ""
    commands: List[List[str]] = []
    if watched is not None:
        stale = planner.find_named(watched) is not primary
        deaf = (
            view.version.startswith("6.0.")
            and "s_down" in watched.flags
            and any(option.startswith("auth-") for option, _before, _wanted in changes)
        )
        # A Sentinel that was told the primary and has never had a reply from it would take it for down at once with the
        # real time. It learns the run ID from a reply, and does not write it down.
        heard = bool(watched.run_id) and "disconnected" not in watched.flags
        unheard = watched.down_after == NOT_YET != want.down_after and not heard
        if not stale and not deaf and not unheard:
            text, commands, secrets = settings_commands(want, changes, created=False)
            return [SendCommands(f"{want.name}: set {text}", commands, secrets)] if commands else []
        why = "which is not the primary" if stale else "whose connection was refused" if deaf else "which it was told"
        lead = f"forget {watched.address}:{watched.port}, {why}, "
        commands = [["SENTINEL", "REMOVE", want.name]]
    text, settings, secrets = settings_commands(want, list_differences(None, want, stored), created=True)
    commands += [["SENTINEL", "MONITOR", want.name, primary.address, str(primary.port), str(want.quorum)], *settings]
    words = f"monitor {show_place(primary)}, quorum {want.quorum}" + (f", {text}" if text else "")
    return [SendCommands(f"{want.name}: {lead}{words}", commands, secrets)]


def plan_absent(view: SentinelView, name: str) -> List[SendCommands]:
    """Return what makes this Sentinel no longer monitor a data set."""
    if name not in view.masters:
        return []
    return [SendCommands(f"{name}: monitor no longer", [["SENTINEL", "REMOVE", name]])]


def missing_in_view(view: SentinelView, want: Watch, planner: Planner, chosen: Observed) -> List[str]:
    """Return what this Sentinel does not see yet of one data set; what cannot be observed does not count."""
    primary = planner.find_own(chosen)
    watched = view.masters.get(want.name)
    if watched is None or planner.find_named(watched) is not primary:
        return [f"it does not monitor {want.name} at {primary.name}"]
    missing = [] if watched.flags == ["master"] else [f"it sees {primary.name} as {','.join(watched.flags)}"]
    bad = {"s_down", "o_down", "disconnected"}
    for member in planner.seen:
        if (
            member is not primary
            and planner.is_following(member, primary)
            and not any(
                member.is_at(item["address"], item["port"]) and not bad & set(item["flags"])
                for item in watched.replicas
            )
        ):
            missing.append(f"it does not see the replica {member.name}")
    known = {item["myid"] for item in watched.sentinels}
    for other in planner.views:
        named = other.masters.get(want.name)
        # One that was only told the primary may not see it yet, and says nothing to the others.
        same = named is not None and named.down_after != NOT_YET and planner.find_named(named) is primary
        if other.name != view.name and other.myid and same and other.myid not in known:
            missing.append(f"it does not know the Sentinel of {other.name}")
    return missing


def undeclared_in_view(
    view: SentinelView, names: Sequence[str], planners: Dict[str, Planner], views: Sequence[SentinelView]
) -> List[str]:
    """Return what this Sentinel knows beside what is declared; it is reported and never removed."""
    undeclared = [f"{name} is monitored but not declared" for name in sorted(view.masters) if name not in names]
    for name, planner in planners.items():
        watched = view.masters.get(name)
        if watched is None:
            continue
        for item in watched.replicas:
            if not any(member.is_at(item["address"], item["port"]) for member in planner.members):
                undeclared.append(f"{name}: replica {item['address']}:{item['port']} is no member")
        for item in watched.sentinels:
            if not any(
                (item["port"] == other.port and item["address"] in {other.address, *other.aliases})
                or (item["myid"] and item["myid"] == other.myid)
                for other in views
            ):
                undeclared.append(f"{name}: Sentinel {item['address']}:{item['port']} is not declared")
    return undeclared
