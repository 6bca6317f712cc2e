# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module cluster does with one cluster: look at all members, plan, join them, wait until it is healthy."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional

from .._core.errors import CommandFailed, QuorumError
from .._core.polling import until_done, until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.cluster_slots import count_slots, show_slots
from .._model.cluster_view import ClusterMember, is_known, observed_placement
from .._redis.client import connect
from .._redis.endpoint import Endpoint
from .._redis.observe import observe_all, read_members
from .forget import Leaving, find_leaving, may_still_run
from .handover import hand_over
from .observe import count_open_keys, observe_cluster
from .pending import list_pending, list_unanswered, list_unmet, list_unmovable, list_unready
from .plan import ClusterPlan, ClusterPlanner, Shard, moves_of, shards_of, show_shards
from .prediction import assume_started
from .preflight import refuse_open, refuse_silent
from .shrink import Shrink
from .steps import FinishMove, MoveSlots, TakeOver, TellMember
from .transfer import Transfer

SHORT = 60  # a failover after the default node timeout takes 20 s, and as long again when an election fails

REACH = "Check that every member reaches port and cluster bus of every other one, then run again: it goes on"


class Cluster(Reconciler[ClusterPlanner]):
    """One cluster."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given = module.params
        self.params: Dict[str, Any] = given
        self.check_mode = module.check_mode
        self.where = f"cluster {given['name']}"
        self.planned = ClusterPlan()
        hosts = Counter(item["host"] for item in given["members"])
        twice = [place for place, count in Counter(map(_place, given["members"])).items() if count > 1]
        if not hosts or twice or given["replicas"] < 0:
            what = f"{', '.join(twice)} is named twice" if twice else "No members are named"
            raise QuorumError(
                "replicas is less than 0" if given["replicas"] < 0 else what, self.where, "Correct the options"
            )
        asked = [option for option in ("promote", "avoid", "repair", "rebalance", "leave") if given[option]]
        if len(asked) > 1:
            raise QuorumError(f"{' and '.join(asked)} are asked for at once", self.where, "Do one after the other")
        # One that is alone on its host is called by the host, as everywhere else.
        named = [
            {**item, "host": item["host"] if hosts[item["host"]] == 1 else f"{item['host']}:{item['port']}"}
            for item in given["members"]
        ]
        self.zones = [item["zone"] or item["host"] for item in given["members"]]
        self.shrink = self._shrink(named)
        self.places = read_members(named, given["connection"])
        self.transfer = Transfer([endpoint for _name, endpoint in self.places], self.where, self.look_once)

    def look_once(self) -> ClusterPlanner:
        """Look at everybody once."""
        seen = observe_cluster(self.places, self.zones)
        seen = assume_started(seen) if self.check_mode else seen
        if self.params["rebalance"] or self.params["leave"]:
            count_open_keys(self.places, seen)
        seen = self._those_within(seen) if self.params["avoid"] or self.params["leave"] else seen
        given = {key: self.params[key] for key in ("name", "replicas", "promote", "rebalance", "avoid", "repair")}
        return ClusterPlanner(seen, leaving=self._leaving(seen), shrink=self.shrink, **given)

    def _shrink(self, named: List[Dict[str, Any]]) -> Shrink:
        """Return who is to leave, and the zones of those that stay."""
        leave = self.params["leave"]
        names = [{item["host"], f"{item['host']}:{item['port']}"} for item in named]
        strange = [name for name in leave if not any(name in each for each in names)]
        if strange:
            known = ", ".join(item["host"] for item in named)
            raise QuorumError(f"No member is called {', '.join(strange)}", self.where, f"Use some of {known}")
        return Shrink(leave, [zone for zone, each in zip(self.zones, names) if not each & set(leave)])

    def _those_within(self, seen: List[ClusterMember]) -> List[ClusterMember]:
        """Leave out who has not joined yet: its place may be that of a member whose primaries are handed over."""
        inside = [number for number, member in enumerate(seen) if is_known(member, seen)]
        if not inside:
            return seen
        self.places, self.zones = (
            [self.places[position] for position in inside],
            [self.zones[position] for position in inside],
        )
        return [seen[position] for position in inside]

    def _leaving(self, seen: List[ClusterMember]) -> Leaving:
        """Return who is to be forgotten; check mode takes them for stopped, as they are by then."""
        nodes = find_leaving(seen, self.params["forget"])
        like = self.places[0][1]
        places = [
            (f"{node.address}:{node.port}", replace(like, address=node.address, port=node.port)) for node in nodes
        ]
        if self.check_mode:
            return Leaving(nodes, predicted=True)
        looks = zip(nodes, observe_all(places))
        return Leaving(nodes, [server.name for node, server in looks if may_still_run(node, server.error_kind, seen)])

    def observe(self) -> ClusterPlanner:
        """Look until what passes by itself has passed."""
        return until_settled(self.look_once, ClusterPlanner.plan, self.params["wait"], SHORT)

    def plan(self, obs: ClusterPlanner) -> List[Step]:
        """Return the steps, or refuse."""
        self.planned = obs.plan()
        if self.params["whole"]:
            refuse_silent(obs.members, self.where, "Start them, then run again. Nothing was changed")
            refuse_open(obs.members, self.where)
        self.warnings += self.planned.warnings
        return self.planned.steps

    def _wait(
        self, missing: Callable[[ClusterPlanner], List[str]], seen: ClusterPlanner, most: float, todo: str = REACH
    ) -> ClusterPlanner:
        return until_done(self.look_once, missing, seen, min(self.params["wait"], most), self.where, todo)

    def apply(self, step: Step) -> None:
        """Tell one member one thing; a replica only follows when all have met, and slots move when all is well."""
        if isinstance(step, (FinishMove, MoveSlots)):
            finish = isinstance(step, FinishMove)
            seen = self.look_once() if finish else self._wait(list_unmovable, self.look_once(), self.params["wait"])
            self.transfer.carry_out(step, seen.members)
            return
        self._refuse_rest()
        if isinstance(step, TakeOver):
            with connect(self.places[step.member][1]) as client, connect(self.places[step.primary][1]) as old:
                hand_over(old, client, ["CLUSTER", "FAILOVER"])
            self._await_move(step.member)
        elif isinstance(step, TellMember):
            if step.met:
                self._wait(list_unmet, self.look_once(), SHORT)
            if step.linked:
                self._wait(list_pending, self.look_once(), self.params["wait"])
            tell_member(self.places[step.member][1], step)

    def _await_move(self, target: int) -> None:
        """Wait until a replica is the primary of its shard and everybody says so; asked again it could do harm."""

        def missing(seen: ClusterPlanner) -> List[str]:
            member = seen.members[target]
            return (
                [f"{member.name} is a replica still"] if not member.id or member.own.is_replica else list_pending(seen)
            )

        todo = (
            "The engine gives up by itself and lets its primary write again after 5 s. Read the log of this member; "
            "ask it again only after four times the node timeout"
        )
        self._wait(missing, self.look_once(), SHORT, todo)

    def settle(self, before: ClusterPlanner, steps: List[Step]) -> ClusterPlanner:
        """Wait until all members that answer see one whole cluster, and every replica has a link."""
        if not steps:
            return self._wait(list_pending, before, self.params["wait"])
        quiet = list_unanswered(before)
        after = self._wait(
            lambda seen: [text for text in list_unready(seen) if text not in quiet],
            self.look_once(),
            self.params["wait"],
        )
        self.warnings += self.transfer.warnings
        self._refuse_rest()
        return after

    def _refuse_rest(self) -> None:
        """Fail when a slot could not be moved; what comes after a move counts on it."""
        if self.transfer.moved.too_large:
            todo = (
                "Make it smaller, or raise cluster-node-timeout on all members for the time of the move, and run again"
            )
            shown = "; ".join(self.transfer.moved.too_large[:4])
            raise QuorumError(f"Both sides would stand still for too long: {shown}", self.where, todo)

    def _shown(self, obs: ClusterPlanner) -> List[Shard]:
        return shards_of(obs.members, observed_placement(obs.members))

    def result(self, obs: ClusterPlanner, steps: List[Step]) -> Dict[str, Any]:
        """Return the cluster as it is, and what is still to be wished for."""
        done = self.transfer.moved
        moved = {
            "slots": done.slots,
            "key_count": done.key_count,
            "bytes": done.bytes,
            "seconds": round(self.transfer.seconds, 1),
            "jobs": done.jobs,
        }
        return {
            "shards": [
                {
                    "primary": _facts(obs, shard.primary),
                    "slots": show_slots(shard.slots),
                    "slot_count": count_slots(shard.slots),
                    "key_count": obs.members[shard.primary].server.key_count,
                    "replicas": [_facts(obs, replica) for replica in shard.replicas],
                }
                for shard in self._shown(obs)
            ],
            "silent_members": [member.name for member in obs.members if not member.id],
            "violations": obs.find_drift(self.planned.placement),
            "moves": moves_of(self._shown(obs), obs.names) if moved["slots"] else self.planned.moves,
            "moved": moved,
        }

    def diff(self, before: ClusterPlanner, after: Optional[ClusterPlanner], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the shards before and after."""
        then = self._shown(after) if after else self.planned.shards
        texts = {"before": show_shards(self._shown(before), before.names), "after": show_shards(then, before.names)}
        return [texts] if steps else []


def tell_member(place: Endpoint, step: TellMember) -> None:
    """Tell a member what a step says; later engines pass on whom to forget, so that it may have done so already."""
    with connect(place) as client:
        try:
            client.call(*step.command)
        except CommandFailed as problem:
            if step.command[1] != "FORGET" or "unknown node" not in problem.text.lower():
                raise


def _place(item: Dict[str, Any]) -> str:
    return f"{item['address']}:{item['port']}"


def _facts(obs: ClusterPlanner, position: int) -> Dict[str, Any]:
    """Return who a member is."""
    member = obs.members[position]
    server = member.server
    return {"host": server.host, "address": server.address, "port": server.port, "id": member.id, "zone": member.zone}
