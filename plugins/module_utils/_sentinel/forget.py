# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Sentinels remember who is gone, and whether they can be made to forget that now; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from .._core.reconcile import Step
from .._membership.plan import Membership
from .._model.observed import Observed, SentinelView
from .._replication.plan import Planner, list_pending, list_strangers

Memories = Dict[str, List[str]]


@dataclass
class Forget(Step):
    """Let a Sentinel forget who is gone from a data set."""

    name: str
    sentinel: str


def find_memories(name: str, planner: Planner, views: Sequence[SentinelView], leaving: Sequence[str] = ()) -> Memories:
    """Return by Sentinel whom it remembers who is gone: dead and not declared, or a member by a former address.

    A dead Sentinel counts for the majority that a failover needs, for ever; at the address of a dead replica it would
    adopt whoever listens there later.
    """
    memories: Memories = {}
    for view in views:
        watched = view.masters.get(name)
        if not view.reachable or watched is None:
            continue
        # Each for itself: who is dead for one may not be so for the others yet.
        dead = [
            lost
            for lost in Membership(name, planner.members, views, {}).seen_by(view)
            if not lost.lives or lost.address in leaving
        ]
        former = [
            item
            for item in watched.replicas
            if any(item["run_id"] and item["run_id"] == member.run_id for member in planner.seen)
            and not any(member.is_known_by(item["address"], item["port"]) for member in planner.members)
        ]
        words = [f"the {'replica' if lost.kind == 'member' else lost.kind} {lost.address}:{lost.port}" for lost in dead]
        words += [f"the former address {item['address']}:{item['port']}" for item in former]
        if words:
            memories[view.name] = words
    return memories


def missing_for_forget(name: str, planner: Planner, views: Sequence[SentinelView], primary: Observed) -> List[str]:
    """Return what is missing for a Sentinel to forget safely: it learns everything anew from those who are there."""
    missing = [f"{member.name} does not answer" for member in planner.members if not member.reachable]
    missing += [f"the Sentinel of {view.name} does not answer" for view in views if not view.reachable]
    missing += list_pending(planner, primary)
    for view in views:
        watched = view.masters.get(name)
        if view.reachable and (
            watched is None or planner.find_named(watched) is not primary or watched.flags != ["master"]
        ):
            missing.append(f"the Sentinel of {view.name} does not see {primary.name} as the primary")
    return missing


def plan_forget(
    name: str, planner: Planner, views: Sequence[SentinelView], primary: Observed, leaving: Sequence[str] = ()
) -> Tuple[List[Forget], List[str]]:
    """Return a step for each Sentinel that remembers somebody who is gone, or a warning of what is missing."""
    memories = find_memories(name, planner, views, leaving)
    missing = missing_for_forget(name, planner, views, primary) if memories else []
    if missing:
        whom = ", ".join(dict.fromkeys(word for words in memories.values() for word in words))
        return [], [
            f"{name}: the Sentinels still count {whom}, which is not there; a failover may lack a majority. They "
            f"forget it in a run in which all are there, but {'; '.join(missing)}"
        ]
    return [
        Forget(f"{name}: let the Sentinel of {who} forget {', '.join(words)}", name, who)
        for who, words in memories.items()
    ], []


def missing_after_forget(name: str, view: SentinelView) -> List[str]:
    """Return what is missing until a Sentinel that has forgotten may decide on a failover again."""
    watched = view.masters.get(name)
    if watched is None or not watched.ckquorum.startswith("OK"):
        return [f"the Sentinel of {view.name} has no quorum yet"]
    return []


def undeclared_replicas(planner: Planner, primary: Observed) -> List[str]:
    """Return the replicas that the primary still lists and that are no members; a Sentinel would learn them again."""
    head = planner.find_own(primary)
    return [
        f"{head.name} still lists the replica {replica.address}:{replica.port}"
        for replica in list_strangers(planner, head)
    ]
