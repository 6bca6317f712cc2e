# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Sentinels or members from the controller, read-only, who belongs to which data set and who is primary."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Sequence, Tuple

from .._core.errors import BadConfig, MissingLibrary, Unreachable
from .._model.addresses import split_address
from .._model.observed import SentinelView
from .._redis.client import require_library
from .._redis.endpoint import Endpoint
from .._redis.observe import Place, observe_all, observe_sentinels
from .._redis.tls import tls_from_params
from .plan import Live, judge_set

SENTINEL_PORT, PORT = 26379, 6379
Address = Tuple[str, int]


@dataclass(frozen=True)
class Question:
    """Whom to ask, and how to get in; the addresses in the templates do not count."""

    sentinels: Sequence[Address]
    members: Sequence[Address]
    name: str  # of the set whose members are given
    sets: Sequence[str]  # the only ones wanted; empty for all
    server: Endpoint
    sentinel: Endpoint


def question_of(given: Callable[[str], Any]) -> Question:
    """Return what the options of a plugin ask. BadConfig where they have no sense."""
    params = {key: given(key) for key in ("tls", "tls_ca_file", "tls_cert_file", "tls_key_file")}
    shared: Dict[str, Any] = {"timeout": float(given("timeout")), "tls": tls_from_params(params)}
    try:
        sentinels = [split_address(address, SENTINEL_PORT) for address in given("sentinels") or []]
        members = [split_address(address, PORT) for address in given("members") or []]
    except ValueError as problem:
        raise BadConfig(str(problem)) from None
    if not sentinels and not members:
        raise BadConfig("Nobody is named who could be asked", "", "Set sentinels, or members where there are none")
    return Question(
        sentinels,
        members,
        str(given("name") or "main"),
        [str(name) for name in given("sets") or []],
        Endpoint(username=given("username"), password=given("password"), **shared),
        Endpoint(username=given("sentinel_username"), password=given("sentinel_password"), **shared),
    )


def ask_sets(question: Question) -> List[Live]:
    """Return every set, with who is primary as far as that is beyond dispute. Unreachable: no Sentinel answers."""
    try:
        require_library()
    except MissingLibrary as problem:
        raise MissingLibrary(
            "The Python library redis (redis-py) cannot be used on the controller, which asks the servers itself",
            f"by {sys.executable}",
            "Install redis >= 3.5 for this Python, for example with its pip",
        ) from problem
    views = observe_sentinels(_places(question.sentinels, question.sentinel))
    answered = [view for view in views if view.reachable]
    if question.sentinels and not answered and not question.members:
        kinds = [view.error_kind for view in views]
        kind = next((kind for kind in ("auth", "tls") if kind in kinds), "other")
        todo = "Correct sentinel_password" if kind == "auth" else "This controller must reach their ports"
        # What to do is the same for all; what is wrong where ends with an address in brackets.
        reasons = "; ".join(re.sub(r"\)\. .*", ")", view.error.rstrip("."), flags=re.DOTALL) for view in views)
        raise Unreachable(f"No Sentinel answers: {reasons}", "", todo, kind)
    members, others = _known(question, answered)
    flat = list(dict.fromkeys(place for places in members.values() for place in places))
    # Both at once: who is silent costs one time-out.
    with ThreadPoolExecutor(max_workers=1) as pool:
        more = pool.submit(observe_sentinels, _places(others, question.sentinel))
        seen = dict(zip(flat, observe_all(_places(flat, question.server))))
        views += _new(more.result(), answered)
    asked_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        judge_set(
            name,
            [replace(seen[place]) for place in places],
            [view for view in views if name in view.masters or not view.reachable],
            asked_at,
        )
        for name, places in sorted(members.items())
    ]


def _places(addresses: Sequence[Address], how: Endpoint) -> List[Place]:
    return [("", replace(how, address=address, port=port)) for address, port in addresses]


def _known(question: Question, views: Sequence[SentinelView]) -> Tuple[Dict[str, List[Address]], List[Address]]:
    """Return the members of each set, and the Sentinels that were not asked yet."""
    members: Dict[str, List[Address]] = {name: [] for name in question.sets}
    if question.members:
        members[question.name] = list(question.members)
    others: Dict[Address, None] = {}
    for view in views:
        for name, master in view.masters.items():
            if question.sets and name not in question.sets:
                continue
            places = [
                (master.address, master.port),
                *((replica["address"], replica["port"]) for replica in master.replicas),
            ]
            members[name] = list(dict.fromkeys([*members.get(name, []), *places]))
            others.update(dict.fromkeys((sentinel["address"], sentinel["port"]) for sentinel in master.sentinels))
    asked = {(address, view.port) for view in views for address in (view.address, *view.aliases)}
    return members, [place for place in others if place not in {*asked, *question.sentinels}]


def _new(views: Sequence[SentinelView], before: Sequence[SentinelView]) -> List[SentinelView]:
    """Return the Sentinels that have not spoken yet: one may be known by two addresses."""
    heard = {view.myid for view in before if view.myid}
    return [view for view in views if not view.myid or view.myid not in heard]
