# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at servers and Sentinels, all at once; one that does not answer is a finding, not an exception."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from .._core.errors import (
    AuthFailed,
    CommandFailed,
    Loading,
    MissingLibrary,
    QuorumError,
    Unreachable,
)
from .._model.conf_syntax import MASK
from .._model.observed import Observed, SentinelView
from .client import Client, connect
from .client_list import living_sentinels, parse_client_list, sentinel_of
from .endpoint import Endpoint, read_connection
from .replies import (
    apply_info,
    engine_of,
    parse_acl_log,
    parse_info,
    parse_master,
    parse_number,
    parse_replicas,
    parse_sentinels,
)

Place = Tuple[str, Endpoint]
Seen = TypeVar("Seen", Observed, SentinelView)
Answer = TypeVar("Answer")
CROWD = 2000  # clients: a list of more takes the server too long for a look
SECRET_KEYS = {"requirepass", "masterauth", "primaryauth", "tls-key-file-pass", "tls-client-key-file-pass"}


def kind_of(problem: QuorumError) -> str:
    """Return the short name of why something cannot be observed."""
    if isinstance(problem, Unreachable):
        return problem.kind
    kinds = {AuthFailed: "auth", Loading: "loading", MissingLibrary: "library"}
    return kinds.get(type(problem), "other")


def resolve_name(address: str) -> List[str]:
    """Return the IP addresses behind a name; none when it cannot be resolved."""
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        return []


def _announced(client: Client) -> List[str]:
    """Return the address that a server is told to announce, because peers then know it by that one."""
    try:
        return [value for value in client.read_pairs("CONFIG", "GET", "replica-announce-ip").values() if value]
    except (CommandFailed, AuthFailed):
        return []


def _patiently(look: Callable[[], Seen]) -> Seen:
    """Look again where the connection was cut: the end of a move cuts all those to the old primary."""
    for pause in (0.05, 0.2):
        seen = look()
        if seen.error_kind != "other":
            return seen
        time.sleep(pause)
    return look()


def _refused(client: Client, hours: float) -> List[Dict[str, Any]]:
    """Return what users were refused in these hours, as far as whoever asks may know it."""
    try:
        return parse_acl_log(client.call("ACL", "LOG", 128), hours * 3600)
    except (CommandFailed, AuthFailed):
        return []


def ask_users(client: Client) -> List[str]:
    """Return the ACL users beside the default one, as far as whoever asks may know it."""
    try:
        return sorted({str(name) for name in client.call("ACL", "USERS")} - {"default"})
    except (CommandFailed, AuthFailed):
        return []


def ask_watchers(client: Client, clients: int) -> List[Dict[str, str]]:
    """Return the Sentinels that listen here and live, each by the beginning of its myid and where it comes from.

    The connection of one whose host is gone may stay for ten minutes. Among many clients none are looked for.
    """
    if clients > CROWD:
        return []
    try:
        rows = parse_client_list(str(client.call("CLIENT", "LIST", "TYPE", "pubsub")))
        listening = {(sentinel_of(row), row.get("addr", "").rpartition(":")[0].strip("[]")) for row in rows}
        if not any(myid for myid, _address in listening):
            return []
        living = living_sentinels(str(client.call("CLIENT", "LIST", "TYPE", "normal")))
    except (CommandFailed, AuthFailed):
        return []
    return [{"id": myid, "address": address} for myid, address in sorted(listening) if myid in living]


def ask_settings(client: Client) -> Dict[str, str]:
    """Return what a Sentinel tells the others of itself, no password among it; nothing before 6.2."""
    try:
        return client.read_pairs("SENTINEL", "CONFIG", "GET", "*e-*")
    except (CommandFailed, AuthFailed):
        return {}


def observe_server(
    place: Endpoint, host: str = "", config: bool = False, refused_hours: float = 0, kind: Type[Client] = Client
) -> Observed:
    """Look at one server."""
    return _patiently(lambda: _server(place, host, config, refused_hours, kind))


def _server(
    place: Endpoint,
    host: str,
    config: bool,
    refused_hours: float,
    kind: Type[Client],
    nodes: Optional[Dict[str, str]] = None,
) -> Observed:
    seen = Observed(host=host, address=place.address, port=place.port, aliases=resolve_name(place.address))
    try:
        with kind(place) as client:
            text = client.call("INFO")
            apply_info(seen, text)
            seen.aliases = sorted({*seen.aliases, *_announced(client)})
            if config:
                settings = client.read_pairs("CONFIG", "GET", "*")
                seen.config = {key: MASK if key in SECRET_KEYS and value else value for key, value in settings.items()}
            seen.refused = _refused(client, refused_hours) if refused_hours else []
            if refused_hours:
                clients = parse_number(parse_info(text).get("connected_clients"))
                seen.users, seen.watchers = ask_users(client), ask_watchers(client, clients)
            if nodes is not None:
                nodes.update(_nodes_of(client))
    except QuorumError as problem:
        seen.error, seen.error_kind = str(problem), kind_of(problem)
    return seen


def ask_nodes(client: Client) -> Dict[str, str]:
    """Return the state of its cluster that a member sees, and whom it knows, as it says it."""
    state = parse_info(client.call("CLUSTER", "INFO")).get("cluster_state", "")
    return {"state": state, "nodes": str(client.call("CLUSTER", "NODES"))}


def _nodes_of(client: Client) -> Dict[str, str]:
    """Return the same of a member that may be gone by now, or not tell: then nothing."""
    try:
        return ask_nodes(client)
    except QuorumError:
        return {}


def observe_nodes(place: Endpoint) -> Dict[str, str]:
    """Return the same by a connection of its own."""
    try:
        with Client(place) as client:
            return ask_nodes(client)
    except QuorumError:
        return {}


def observe_cluster_member(
    place: Endpoint, host: str = "", kind: Type[Client] = Client
) -> Tuple[Observed, Dict[str, str]]:
    """Look at one member of a cluster, and ask it by the same connection what it says of the others."""
    nodes: Dict[str, str] = {}
    return _patiently(lambda: _server(place, host, False, 0, kind, nodes)), nodes


def _ckquorum(client: Client, name: str) -> str:
    try:
        return str(client.call("SENTINEL", "CKQUORUM", name))
    except CommandFailed as problem:
        return problem.text


def _myid(client: Client) -> str:
    """Return the identity that a Sentinel shows to the others; Redis 6.0 does not tell, nor any to applications."""
    try:
        return str(client.call("SENTINEL", "MYID"))
    except (CommandFailed, AuthFailed):
        return ""


def observe_sentinel(
    place: Endpoint, host: str = "", kind: Type[Client] = Client, refused_hours: float = 0
) -> SentinelView:
    """Look at one Sentinel."""
    return _patiently(lambda: _sentinel(place, host, kind, refused_hours))


def _sentinel(place: Endpoint, host: str, kind: Type[Client], refused_hours: float) -> SentinelView:
    seen = SentinelView(host=host, address=place.address, port=place.port, aliases=resolve_name(place.address))
    try:
        with kind(place) as client:
            info = parse_info(client.call("INFO"))
            if "sentinel_masters" not in info:
                raise QuorumError("A server answers there, not a Sentinel", str(place), "Correct address and port")
            seen.engine, seen.version = engine_of(info)
            seen.tilt = info.get("sentinel_tilt") == "1"
            seen.myid = _myid(client)
            for reply in client.call("SENTINEL", "MASTERS"):
                name, master = parse_master(reply)
                master.replicas = parse_replicas(client.call("SENTINEL", "REPLICAS", name))
                master.sentinels = parse_sentinels(client.call("SENTINEL", "SENTINELS", name))
                master.ckquorum = _ckquorum(client, name)
                seen.masters[name] = master
            seen.refused = _refused(client, refused_hours) if refused_hours else []
            seen.settings = ask_settings(client) if refused_hours else {}
            seen.reachable = True
    except QuorumError as problem:
        seen.error, seen.error_kind = str(problem), kind_of(problem)
    return seen


def look_at_all(look: Callable[[Endpoint, str], Answer], places: Sequence[Place]) -> List[Answer]:
    """Look at several servers or Sentinels at once."""
    if not places:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(places))) as pool:
        return list(pool.map(lambda place: look(place[1], place[0]), places))


def observe_all(places: Sequence[Place], config: bool = False, kind: Type[Client] = Client) -> List[Observed]:
    """Look at several servers at once; each place is a host name and an endpoint."""
    return look_at_all(lambda place, host: observe_server(place, host, config, kind=kind), places)


def observe_sentinels(places: Sequence[Place], kind: Type[Client] = Client) -> List[SentinelView]:
    """Look at several Sentinels at once."""
    return look_at_all(lambda place, host: observe_sentinel(place, host, kind), places)


def read_members(members: Sequence[Mapping[str, Any]], connection: Mapping[str, Any]) -> List[Place]:
    """Return the places that a list of member options names, with the option `connection` for all of them."""
    shared = read_connection(connection)
    return [(item["host"], Endpoint(item["address"], int(item["port"]), **shared)) for item in members]


def replace_login(
    connection: Mapping[str, Any], username: Optional[str] = None, password: Any = None, fallback: Any = None
) -> Dict[str, Any]:
    """Return the option `connection` with another user and password: the same time-out and TLS."""
    return {**connection, "username": username, "password": password, "fallback_password": fallback}


def read_places(given: Mapping[str, Any]) -> Tuple[List[Place], List[Place]]:
    """Return the members and the Sentinels that the options of a module for a whole set name."""
    connection = given["connection"]
    watching = replace_login(connection, given["sentinel_username"], given["sentinel_password"])
    return read_members(given["members"], connection), read_members(given["sentinels"], watching)


def list_refusals(places: Sequence[Place], username: Optional[str], password: Optional[str]) -> List[str]:
    """Return who does not let this user in, and why; nobody when all do."""

    def ask(member: Place) -> str:
        host, place = member
        try:
            connect(replace(place, username=username or None, password=password, fallback=None, others=())).close()
        except QuorumError as problem:
            return f"{host}: {problem.what}"
        return ""

    with ThreadPoolExecutor(max_workers=min(16, len(places) or 1)) as pool:
        return [refusal for refusal in pool.map(ask, places) if refusal]
