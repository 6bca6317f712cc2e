# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module sentinel does with one Sentinel: look, plan, send what differs, wait until it sees its data sets."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

from .._core.errors import (
    AuthFailed,
    CommandFailed,
    QuorumError,
    Refused,
)
from .._core.polling import until_done, until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.conf_syntax import own_password
from .._model.observed import Observed, SentinelView
from .._redis.client import connect
from .._redis.endpoint import endpoint_from_params, passwords_of
from .._redis.observe import (
    Place,
    list_refusals,
    observe_all,
    observe_sentinel,
    observe_sentinels,
    read_members,
    replace_login,
)
from .._replication.election import Wish
from .._replication.plan import Planner
from .._replication.prediction import assume_started
from .forget import Forget, missing_after_forget, plan_forget, undeclared_replicas
from .plan import (
    SendCommands,
    Stored,
    Watch,
    check_identity,
    find_primary,
    missing_in_view,
    parse_state,
    plan_absent,
    plan_watch,
    undeclared_in_view,
)

SHORT = 10


class Seen:
    """One Sentinel, its peers, and the members of every data set."""

    def __init__(self, view: SentinelView, views: List[SentinelView], planners: Dict[str, Planner]) -> None:
        """Keep what was observed."""
        self.view, self.views, self.planners = view, views, planners


class Sentinel(Reconciler[Seen]):
    """One Sentinel."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.params, self.check_mode, self.place = given, module.check_mode, endpoint_from_params(module.params)
        own = given["connection"]
        login = (given["sentinel_username"] or own["username"], given["sentinel_password"] or own["password"])
        self.peers = read_members(given["sentinels"], replace_login(own, *login))
        self.absent = [item["name"] for item in given["masters"] if item["state"] == "absent"]
        self.wanted = [item for item in given["masters"] if item["state"] == "present"]
        for item in self.wanted:
            item["password"] = item["password"] or given["passwords"].get(item["name"])
            item["username"] = item["username"] or given["users"].get(item["name"])
            if not item["members"]:
                raise QuorumError("No members are named", f"data set {item['name']}", "Name its servers in members")
        keys = ("name", "quorum", "down_after", "failover_timeout", "parallel_syncs", "username", "password")
        self.watches = [Watch(**{key: item[key] for key in keys}) for item in self.wanted]
        self.places = {item["name"]: self.list_servers(item) for item in self.wanted}
        self.primaries: Dict[str, Observed] = {}

    def list_servers(self, item: Dict[str, Any]) -> List[Place]:
        """Return the servers of a data set, with what this module logs in there."""
        own = {key: item[key] for key in ("username", "password")}
        login = next((login for login in self.params["logins"] if login["name"] == item["name"]), own)
        who = (login["username"], login["password"], login.get("fallback_password"))
        return read_members(item["members"], replace_login(self.params["connection"], *who))

    def look_once(self) -> Seen:
        """Look at everybody once."""
        view, views = observe_sentinel(self.place), observe_sentinels(self.peers)
        if not view.reachable and view.error_kind == "refused" and self.check_mode:
            view = replace(view, reachable=True, error="", error_kind="")
        if view.error_kind == "auth":
            raise AuthFailed(
                "This Sentinel refuses the password of redis_sentinel_password",
                str(self.place),
                "Correct redis_sentinel_password; nothing was changed",
            )
        if not view.reachable:
            raise QuorumError(view.error)
        view.host = view.host or next((other.host for other in views if view.myid and other.myid == view.myid), "")
        planners = {}
        for item in self.wanted:
            seen = observe_all(self.places[item["name"]])
            seen = assume_started(seen) if self.check_mode else seen
            wish = Wish(item["name"], item["members"][0]["host"])
            planners[item["name"]] = Planner(seen, views or [view], wish)
        return Seen(view, views, planners)

    def observe(self) -> Seen:
        """Look until no failover is running any more, or the time is over."""
        return until_settled(self.look_once, self.find_primaries, self.params["wait"], SHORT)

    def find_primaries(self, seen: Seen) -> None:
        """Find the primary of every data set."""
        check_identity(seen.views)
        self.primaries = {name: find_primary(planner) for name, planner in seen.planners.items()}

    def read_stored(self) -> Optional[Stored]:
        """Return the credentials in the state file; None when no file is named."""
        if not self.params["state_file"]:
            return None
        return parse_state(self.read_file())

    def plan(self, obs: Seen) -> List[Step]:
        """Return the steps."""
        stored = self.read_stored()
        steps: List[Step] = [step for name in self.absent for step in plan_absent(obs.view, name)]
        for watch in self.watches:
            wanted = plan_watch(obs.view, watch, obs.planners[watch.name], self.primaries[watch.name], stored)
            if any(step.secrets for step in wanted) and not self.check_mode:
                self.prove_login(watch, obs.planners[watch.name])
            steps += wanted
        return steps + self.among_themselves(obs) + self.forget_gone(obs)

    def forget_gone(self, obs: Seen) -> List[Step]:
        """Let all Sentinels forget who is gone; one module execution does that for all, one after the other."""
        steps: List[Step] = []
        for name, planner in obs.planners.items() if self.params["forget"] else []:
            forgets, warnings = plan_forget(name, planner, obs.views, self.primaries[name], self.params["leaving"])
            steps += forgets
            self.warnings += warnings
        return steps

    def among_themselves(self, obs: Seen) -> List[Step]:
        """Let this Sentinel log in to the others with the new password, when all that answer let it in."""
        words = passwords_of(self.params["sentinel_password"])
        if len(words) < 2 or not self.params["state_file"] or own_password(self.read_file()) == words[0]:
            return []
        up = {(view.address, view.port) for view in obs.views if view.reachable}
        places = [place for place in self.peers if (place[1].address, place[1].port) in up]
        refusals = list_refusals(places, self.params["sentinel_username"], words[0]) if not self.check_mode else []
        if refusals:
            raise Refused(
                f"Not every Sentinel lets the new redis_sentinel_password in: {'; '.join(refusals)}",
                f"Sentinel {self.place}",
                "Nothing was changed. Run again for all hosts",
            )
        command = ["SENTINEL", "CONFIG", "SET", "sentinel-pass", words[0]]
        return [SendCommands("log in to the other Sentinels with the new password", [command], words)]

    def read_file(self) -> str:
        """Return what this Sentinel has written."""
        try:
            return Path(self.params["state_file"]).read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""
        except OSError as problem:
            raise QuorumError(
                f"The state file cannot be read: {problem.strerror}", self.params["state_file"], "Run with become"
            ) from None

    def prove_login(self, watch: Watch, planner: Planner) -> None:
        """Refuse to tell the Sentinel of a user whom a member that answers does not let in."""
        up = {member.host for member in planner.seen}
        places = [place for place in self.places[watch.name] if place[0] in up]
        refusals = list_refusals(places, watch.username, watch.password)
        if refusals:
            raise Refused(
                f"Not every member of {watch.name} lets the user {watch.username or 'default'} in: "
                + "; ".join(refusals),
                f"Sentinel {self.place}",
                "Nothing was changed. Run site.yml for all members, which makes the users first",
            )

    def apply(self, step: Step) -> None:
        """Send the commands at once; a Sentinel that takes no host names is given the address behind the name."""
        if isinstance(step, Forget):
            self.reset_sentinel(step.name, step.sentinel)
        elif isinstance(step, SendCommands):
            self._send(step)

    def _send(self, step: SendCommands) -> None:
        commands = step.commands
        with connect(self.place) as client:
            client.secrets += step.secrets
            try:
                client.send_together(commands)
            except CommandFailed as problem:
                if "Invalid IP address" not in problem.text:
                    raise
                known = [[*c[:3], socket.gethostbyname(c[3]), *c[4:]] if c[1] == "MONITOR" else c for c in commands]
                client.send_together([command for command in known if command[1] != "REMOVE"])

    def reset_sentinel(self, name: str, who: str) -> None:
        """Let one Sentinel learn anew who is there, and wait until it could decide on a failover again."""
        watch = next(watch for watch in self.watches if watch.name == name)
        primary, where = self.primaries[name], f"Sentinel of {who}"

        def left(seen: Seen) -> List[str]:
            return undeclared_replicas(seen.planners[name], primary)

        def missing(seen: Seen) -> List[str]:
            view = next(view for view in seen.views if view.name == who)
            return missing_in_view(view, watch, seen.planners[name], primary) + missing_after_forget(name, view)

        todo = "Look at it, then run again; the other Sentinels were left as they were"
        until_done(self.look_once, left, self.look_once(), self.params["wait"], where, todo)
        with connect(dict(self.peers)[who]) as client:
            client.call("SENTINEL", "RESET", name)
        until_done(self.look_once, missing, self.look_once(), self.params["wait"], where, todo)

    def list_missing(self, seen: Seen) -> List[str]:
        """Return what this Sentinel does not see yet."""
        return [
            text
            for watch in self.watches
            for text in missing_in_view(seen.view, watch, seen.planners[watch.name], self.primaries[watch.name])
        ]

    def settle(self, before: Seen, steps: List[Step]) -> Seen:
        """Wait until this Sentinel sees what it monitors."""
        todo = "Read its log (password, network), then run again"
        start = self.look_once() if steps else before
        return until_done(self.look_once, self.list_missing, start, self.params["wait"], f"Sentinel {self.place}", todo)

    def is_converged(self, obs: Seen) -> bool:
        """Return whether this Sentinel sees all that it monitors, and nothing beside."""
        names = [item["name"] for item in self.params["masters"]]
        extra = undeclared_in_view(obs.view, names, obs.planners, obs.views or [obs.view])
        return not extra and not self.list_missing(obs) and super().is_converged(obs)

    def result(self, obs: Seen, steps: List[Step]) -> Dict[str, Any]:
        """Return this Sentinel and what it should not know."""
        names = [item["name"] for item in self.params["masters"]]
        extra = (
            undeclared_in_view(obs.view, names, obs.planners, obs.views or [obs.view]) if not self.check_mode else []
        )
        return {"sentinel": obs.view.to_dict(), "unexpected": extra}
