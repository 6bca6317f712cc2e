# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed address of a data set, for clients that do not speak Sentinel: what is declared, what is refused. Pure."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping, Sequence

from .acl_users import login_of
from .directives import tls_mode
from .options import convert_value

DEFAULTS: Dict[str, Any] = {"port": None, "read_port": None, "address": "127.0.0.1", "tls": "off"}
TLS = ("off", "passthrough", "reencrypt")
LEAST, MOST = 1025, 65535  # the unit has no right to ports below


def is_address(text: Any) -> bool:
    """Return whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


def endpoint_of(
    name: str, given: Any, sentinels: int, users: Sequence[Mapping[str, Any]], problems: List[str]
) -> Dict[str, Any]:
    """Return the endpoint of one data set with its defaults, empty where none is declared.

    `sentinels` is how many watch the set, `users` are its ACL users.
    """
    if not given:
        return {}
    where = f"redis_instances {name}: endpoint"
    unknown = ", ".join(sorted(set(given) - set(DEFAULTS)))
    if unknown:
        problems.append(f"{where} has no key {unknown}; use {', '.join(DEFAULTS)}.")
    endpoint = {**DEFAULTS, **{key: given[key] for key in DEFAULTS if given.get(key) not in (None, "")}}
    for key in ("port", "read_port"):
        try:
            endpoint[key] = convert_value(endpoint[key], "int")
        except ValueError as problem:
            problems.append(f"{where}: {key} {problem}.")
            return {}
        if endpoint[key] is not None and not LEAST <= endpoint[key] <= MOST:
            problems.append(f"{where}: {key} {endpoint[key]} is out of range; use {LEAST} to {MOST}.")
    if endpoint["port"] is None and not unknown:
        problems.append(f"{where} has no port; write endpoint: {{port: 7379}}.")
    elif endpoint["port"] and endpoint["port"] == endpoint["read_port"]:
        problems.append(
            f"{where} has one port {endpoint['port']} for writes and for reads; give read_port another one."
        )
    if not is_address(endpoint["address"]):
        problems.append(
            f"{where}: {endpoint['address']!r} is no address; write 127.0.0.1, or one of the endpoint hosts."
        )
    endpoint["tls"] = "off" if endpoint["tls"] is False else str(endpoint["tls"])
    if endpoint["tls"] not in TLS:
        problems.append(f"{where}: tls {endpoint['tls']} is unknown; use {', '.join(TLS)}.")
    if sentinels == 2:
        problems.append(
            f"{where} needs a majority of the Sentinels whenever a member is silent, and 2 have none without the other;"
            " add one or remove one. A host that replaces one of them comes into the inventory first."
        )
    if users and not login_of(users, "endpoint"):
        problems.append(f"{where} logs in as an ACL user of its own; add one with `job: endpoint` and passwords.")
    return endpoint


def check_endpoints(get: Any, instances: Sequence[Mapping[str, Any]], sentinel: Mapping[str, Any]) -> List[str]:
    """Return a sentence for each endpoint that could not log in, or whose port something else has."""
    chosen = [data_set for data_set in instances if data_set["endpoint"]]
    problems = _tls(chosen, tls_mode(get))
    if (
        any(data_set["sentinel"] for data_set in chosen)
        and get("redis_auth")
        and not (get("redis_sentinel_clients_passwords") or get("redis_endpoint_trusted"))
    ):
        problems.append(
            "An endpoint asks the Sentinels as their user `client`, which redis_sentinel_clients_passwords makes; set "
            "it, or allow redis_sentinel_password on the endpoint hosts with redis_endpoint_trusted: true."
        )
    own = {get("redis_endpoint_check_port"): "redis_endpoint_check_port"}
    if get("redis_endpoint_metrics_address"):
        own[get("redis_endpoint_metrics_port")] = "redis_endpoint_metrics_port"
    return problems + _ports(chosen, instances, sentinel, own)


def _tls(chosen: Sequence[Mapping[str, Any]], mode: str) -> List[str]:
    """Return a sentence for each endpoint whose clients cannot have what the members speak."""
    problems = []
    for data_set in chosen:
        address, tls = str(data_set["endpoint"]["address"]), data_set["endpoint"]["tls"]
        where = f"redis_instances {data_set['name']}: endpoint"
        if mode == "off" and tls in TLS[1:]:
            problems.append(f"{where}: tls {tls} needs members that speak TLS; set redis_tls to dual, or tls to off.")
        if mode == "only" and tls == "off" and is_address(address) and not ipaddress.ip_address(address).is_loopback:
            problems.append(
                f"{where} would speak no TLS on {address} where redis_tls is only; use tls: passthrough or reencrypt, "
                "or the address 127.0.0.1."
            )
    return problems


def _ports(
    chosen: Sequence[Mapping[str, Any]],
    instances: Sequence[Mapping[str, Any]],
    sentinel: Mapping[str, Any],
    own: Mapping[Any, str],
) -> List[str]:
    """Return a sentence for each port that an endpoint and something else want; they may share a host any day."""
    kinds = ("port", "tls_port", "other_port")
    taken: Dict[Any, str] = dict(own) if chosen else {}
    taken.update(
        {model[key]: str(model["name"]) for model in [sentinel, *instances] for key in kinds if model.get(key)}
    )
    problems = []
    for data_set in chosen:
        for port in sorted({data_set["endpoint"][key] for key in ("port", "read_port")} - {None}):
            if port in taken:
                problems.append(
                    f"redis_instances {data_set['name']}: endpoint wants port {port}, which {taken[port]} has; choose "
                    "another one."
                )
            taken.setdefault(port, f"the endpoint of {data_set['name']}")
    return problems


def endpoint_sets(
    topology: Mapping[str, Any], access: Mapping[str, Any], sentinel_login: Mapping[str, str]
) -> List[Dict[str, Any]]:
    """Return what the module endpoint is told of each set: who takes part, where it listens, and how it logs in.

    It reaches members and Sentinels as they reach each other, and over TLS where its own clients use TLS.
    """
    sets = []
    for data_set in topology["instances"]:
        if not (data_set["endpoint"] and topology["endpoint"]["local"]):
            continue
        secure = topology["tls"]["on"] or data_set["endpoint"]["tls"] != "off"
        watchers = topology["sentinel"] if data_set["sentinel"] else {"members": []}
        sets.append(
            {
                **{key: data_set[key] for key in ("name", "down_after")},
                **{key: data_set["endpoint"][key] for key in ("port", "read_port", "address", "tls")},
                **{key: access[data_set["name"]]["endpoint"][key] for key in ("username", "password")},
                "secure": secure,
                "tls_clients": topology["options"]["redis_tls_clients"],
                "members": _places(data_set, secure),
                "sentinels": _places(watchers, secure),
                "sentinel_username": sentinel_login["username"],
                "sentinel_password": sentinel_login["password"],
            }
        )
    return sets


def _places(model: Mapping[str, Any], secure: bool) -> List[Dict[str, Any]]:
    """Return the members of a set or the Sentinels, with the port to which the endpoint connects."""
    return [{**member, "connect": model["tls_port"] if secure else member["port"]} for member in model["members"]]
