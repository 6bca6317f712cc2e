# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module membership does: look at all sets once, and refuse what would harm them."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .._core.errors import BadConfig, Refused
from .._core.reconcile import Module, Reconciler, Step
from .._model.observed import Observed, SentinelView
from .._redis.observe import observe_all, observe_sentinels, read_members, replace_login
from .._redis.plain import Plain
from .._redis.tls import tls_from_params
from .._replication.election import Wish
from .._replication.plan import Planner, is_converged
from .plan import Leaving, Membership, check_leaving, explain_refusal, find_unwatched

Seen = Tuple[Dict[str, List[Observed]], List[SentinelView]]
TODO = (
    "Nothing was changed. Put their hosts back into the inventory: a part of it, as a slice of a job in AWX has, is "
    "not enough. Who shall leave for good is retired while it is declared: quorum.redis.retire "
    "-e redis_retire_hosts=HOST"
)


class Declared(Reconciler[Seen]):
    """All data sets of a deployment."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        self.params: Dict[str, Any] = module.params
        self.leaving = Leaving(self.params["leaving"], self.params["stoppable"] or [])

    def observe(self) -> Seen:
        """Look at everybody once, without redis-py: nothing is installed yet on a fresh host."""
        given = self.params
        if given["unfit"]:
            raise Refused(" ".join(given["unfit"]), todo="Nothing was changed on any host")
        try:
            tls_from_params(given["connection"])
        except BadConfig:  # which the host that lacks a file says better
            if given["stoppable"] is not None:
                raise
            return {data_set["name"]: [] for data_set in given["sets"]}, []
        logins = {login["name"]: login for login in given["logins"]}
        seen = {}
        for data_set in given["sets"]:
            login = logins.get(data_set["name"], {})
            who = (login.get("username"), login.get("password"), login.get("fallback_password"))
            seen[data_set["name"]] = observe_all(
                read_members(data_set["members"], replace_login(given["connection"], *who)),
                config=bool(self.leaving.hosts),
                kind=Plain,
            )
            for member, place in zip(seen[data_set["name"]], data_set["members"]):
                member.other_port = place["other_port"] or 0
        watching = replace_login(given["connection"], None, given["sentinel_password"])
        watchers = read_members(given["sentinels"], watching)
        return seen, observe_sentinels(watchers, Plain)

    def plan(self, obs: Seen) -> List[Step]:
        """Refuse, or do nothing."""
        seen, views = obs
        ports = {
            (sentinel["address"], sentinel["port"]): sentinel["other_port"] for sentinel in self.params["sentinels"]
        }
        problems = []
        for data_set in self.params["sets"]:
            watching = views if data_set["sentinel"] else []
            name, members = data_set["name"], seen[data_set["name"]]
            strangers = Membership(name, members, watching, ports).list_strangers()
            alive = [each for each in strangers if each.lives and each.address not in self.leaving.addresses]
            problems += explain_refusal(name, alive, members, len(watching))
            if self.params["stoppable"] is not None and not problems:
                check_leaving(name, members, watching, self.leaving)
        if problems:
            raise Refused(". ".join(problems), todo=TODO)
        names = [data_set["name"] for data_set in self.params["sets"]]
        for name, hosts in find_unwatched(views, names).items():
            self.warnings.append(
                f"The Sentinels of {', '.join(hosts)} watch {name}, which is no data set of this inventory; it was "
                f"left alone. Declare it, or remove it with quorum.redis.remove -e redis_remove_set={name}"
            )
        return []

    def result(self, obs: Seen, steps: List[Step]) -> Dict[str, Any]:
        """Return who is primary of each set, as far as one member says so."""
        return {
            "primaries": {
                name: [member.host for member in members if member.reachable and member.role == "primary"]
                for name, members in obs[0].items()
            },
            "converged": [data_set["name"] for data_set in self.params["sets"] if _is_converged(data_set, *obs)],
        }


def _is_converged(data_set: Dict[str, Any], seen: Dict[str, List[Observed]], views: List[SentinelView]) -> bool:
    """Return whether the module replication would leave a set alone."""
    wish = Wish(data_set["name"], data_set["members"][0]["host"])
    return is_converged(Planner(seen[data_set["name"]], views if data_set["sentinel"] else [], wish))
