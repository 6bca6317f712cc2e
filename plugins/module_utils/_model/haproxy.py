# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of HAProxy for the endpoints of a host; all pure. Valid in HAProxy 2.2, 2.6 and 3.0.

HAProxy sends writes to a server while three things hold, each of them a health check:

- the server itself answers ROLE with master;
- all members answer and it is the only primary, or a majority of the Sentinels name it;
- no other server has both.

The first two are one chain in the check of the server that takes the sessions, whose second half asks the frontend
`verdict` of this very process. So the verdict is the state of the server, and a session ends with it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .addresses import join_address

HEADER = "# Written by the collection quorum.redis, which overwrites changes made here.\n"
DEPLOYMENT = "# Deployment: "
RUN = "/run/redis-endpoint"
STATISTICS = f"{RUN}/haproxy.sock"
FOLDER = "/etc/redis-endpoint"
CA, OWN = f"{FOLDER}/ca.pem", f"{FOLDER}/own.pem"
FILES = "# TLS files: "
OWN_SET, CLIENTS = 200, 10  # milliseconds between two checks of a member, for so many endpoint hosts
SENTINELS = 500
# A member is out after so many failures in a row, the next one soon after the first: one lost packet, or one slow
# handshake of TLS, which counts as connecting and so has no longer than the time between two checks, is none.
FAILURES, SOON = 3, 20
LIMITS = (2, 7)  # the first HAProxy that knows bwlim

_GLOBAL = f"""global
    description {{digest}}
    log /dev/log daemon notice
    stats socket {STATISTICS} mode 660 level user
    # The old process looks at nobody any more after a reload: its sessions must not stay for long.
    hard-stop-after 5s
defaults
    mode tcp
    log global
    option clitcpka
    option srvtcpka
    timeout client 24h
    timeout server 24h
    timeout connect 1s
    retries 1
    default-server fall 1 rise 1
"""

_METRICS = """frontend metrics
    mode http
    no log
    timeout client 30s
    bind {}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 404
"""


def render_configuration(
    deployment: str,
    sets: Sequence[Mapping[str, Any]],
    check_port: int,
    hosts: int = 1,
    run: str = RUN,
    metrics: Tuple[str, int] = ("", 0),
    files: str = "",
    version: Tuple[int, int] = (0, 0),
) -> str:
    """Return the whole file, with what tells it from another as the description that HAProxy shows.

    `check_port` is where the verdict is asked for, `hosts` how many check the same servers, `run` the unit's directory,
    `metrics` where Prometheus asks, nowhere without an address, `files` what tells contents of the TLS files apart,
    `version` that of HAProxy.
    """
    every = OWN_SET * max(1, hosts) // CLIENTS if hosts > CLIENTS else OWN_SET
    read = f"{FILES}{files}\n" if files else ""
    parts = [f"{HEADER}{DEPLOYMENT}{deployment}\n{read}{_GLOBAL}", _verdict(sets, check_port)]
    parts += [_METRICS.format(join_address(*metrics))] if metrics[0] else []
    for data_set in sets:
        parts += [_primaries(data_set, every), _replicas(data_set, every), *_votes(data_set)]
        parts += [_writes(data_set, every, check_port, version)]
        parts += [_reads(data_set, every, version)] if data_set.get("read_port") else []
    text = "\n".join(parts).replace(RUN, run)
    return text.replace("{digest}", hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest())


def list_ports(sets: Sequence[Mapping[str, Any]]) -> List[int]:
    """Return the ports for clients."""
    return sorted(data_set[key] for data_set in sets for key in ("port", "read_port") if data_set.get(key))


def wants_own(data_set: Mapping[str, Any]) -> bool:
    """Return whether an endpoint shows a certificate of its own: to its clients, or to members that ask for one."""
    return data_set.get("tls") == "reencrypt" or (bool(data_set.get("secure")) and data_set.get("tls_clients") == "yes")


def server_name(member: Mapping[str, Any]) -> str:
    """Return the name of a server: its place says enough, and stays when members come and go."""
    return re.sub(r"[^0-9A-Za-z.]", "-", f"{member['address']}-{member['port']}")


def encode_commands(*commands: Sequence[str]) -> str:
    """Return commands as the protocol has them, in hexadecimal: no quote, blank or letter can break the file."""
    raw = b""
    for command in commands:
        words = [str(word).encode("utf-8", "surrogateescape") for word in command]
        raw += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return raw.hex()


def _login(username: Any, password: Any) -> List[Sequence[str]]:
    return [["AUTH", *(str(word) for word in (username, password) if word)]] if password else []


def _ask(login: List[Sequence[str]], commands: Sequence[Sequence[str]], pattern: str, least: int = 0) -> str:
    """Return the check that sends commands and expects the reply.

    `least`: how much of an answer settles it. Without it an answer that does not match is waited on, as if more were
    to come, unless the server closes the connection (QUIT).
    """
    prefix, more = (r"\+OK\r\n", 5) if login else ("", 0)
    wait = f"min-recv {least + more} " if least else ""
    expected = f"{wait}rstring '^{prefix}{pattern}'"
    return f"    tcp-check send-binary {encode_commands(*login, *commands)}\n    tcp-check expect {expected}\n"


def _backend(name: str, seconds: float, check: str, servers: Sequence[str], lines: Sequence[str] = ()) -> str:
    head = [f"backend {name}", "    option tcp-check", f"    timeout check {int(seconds * 1000)}ms"]
    # What a server is told of TLS counts for checks that do not say how they connect.
    connect = "    tcp-check connect" + (" ssl" if any("check-ssl" in line for line in lines) else "")
    return "\n".join([*head, *(f"    {line}" for line in lines), connect]) + (
        f"\n{check}" + "".join(f"    server {server}\n" for server in servers)
    )


def _proved(data_set: Mapping[str, Any], sessions: bool = False) -> List[str]:
    """Return that the checks of a backend, and its sessions where clients do not do it themselves, go over TLS."""
    if not data_set.get("secure"):
        return []
    own = f" crt {OWN}" if data_set.get("tls_clients") == "yes" else ""
    lines = "ssl " if sessions and data_set.get("tls") != "passthrough" else ""
    return [f"default-server {lines}check-ssl verify required ca-file {CA}{own}"]


def _servers(members: Sequence[Mapping[str, Any]], every: int, more: str = "") -> List[str]:
    """Return members or Sentinels: named by the port by which all know them, reached at that of the way chosen."""
    places = [join_address(member["address"], member.get("connect") or member["port"]) for member in members]
    return [f"{server_name(member)} {place} check inter {every}ms{more}" for member, place in zip(members, places)]


def _members(data_set: Mapping[str, Any], every: int, more: str = "") -> List[str]:
    every = every * 2 if data_set.get("secure") else every  # a handshake is dearer, and a busy server slow
    return _servers(data_set["members"], every, f" fastinter {SOON}ms fall {FAILURES}{more}")


def _patience(data_set: Mapping[str, Any]) -> float:
    """Return the seconds that a silent member has in one check: it acknowledges nothing either."""
    return min(3.0, int(data_set["down_after"]) / 2000) / FAILURES


def _cut_whole(version: Tuple[int, int]) -> str:
    """Return what lets a frontend end sessions whose server goes while they connect: HAProxy 3.0 forgets them.

    Their clients would wait until they give up. A session that is looked at by a filter is ended as it should be; the
    limit is more than a session can have.
    """
    if version < LIMITS:
        return ""
    lines = ("filter bwlim-in most default-limit 1g default-period 1s", "tcp-request content set-bandwidth-limit most")
    return "".join(f"    {line}\n" for line in lines)


def _role(data_set: Mapping[str, Any], reply: str) -> str:
    return _ask(_login(data_set.get("username"), data_set.get("password")), [["ROLE"]], reply, 12)


def _primaries(data_set: Mapping[str, Any], every: int) -> str:
    check, servers = _role(data_set, r"\*3\r\n\$6\r\nmast"), _members(data_set, every)
    more = ["no log", *_proved(data_set)]
    return _backend(f"{data_set['name']}_primaries", _patience(data_set), check, servers, more)


def _replicas(data_set: Mapping[str, Any], every: int) -> str:
    check = _role(data_set, r"\*5\r\n\$5\r\nslav")
    servers = _members(data_set, every)
    return _backend(f"{data_set['name']}_replicas", _patience(data_set), check, servers, ["no log", *_proved(data_set)])


def _votes(data_set: Mapping[str, Any]) -> List[str]:
    """Return for each member who names it, with a server for each Sentinel."""
    backends, more = [], ["no log", *_proved(data_set)]
    login = _login(data_set.get("sentinel_username"), data_set.get("sentinel_password"))
    for member in data_set["members"]:
        # Where there are two ports, Sentinels name the other one after the next step of redis_tls.
        ports = sorted({int(member[key]) for key in ("port", "other_port") if member.get(key)})
        named = [_bulk(str(port)) for port in ports]
        reply = rf"\*2\r\n{_bulk(member['address'])}" + (f"({'|'.join(named)})" if named[1:] else named[0])
        check = _ask(login, [["SENTINEL", "GET-MASTER-ADDR-BY-NAME", data_set["name"]]], reply, 20)
        servers = _servers(data_set["sentinels"], SENTINELS)
        backends += [_backend(_vote(data_set, member), 1, check, servers, more)] if servers else []
    return backends


def _bulk(word: str) -> str:
    """Return a word as the protocol has it, as a regular expression."""
    return rf"\${len(word)}\r\n{re.escape(word)}\r\n"


def _vote(data_set: Mapping[str, Any], member: Mapping[str, Any]) -> str:
    return f"{data_set['name']}_votes_{server_name(member)}"


def _path(data_set: Mapping[str, Any], server: str) -> str:
    return f"/{data_set['name']}/{server}"


def _verdict(sets: Sequence[Mapping[str, Any]], port: int) -> str:
    """Return the frontend that tells, for each member, whether the members or the Sentinels have it as the primary."""
    rows = ["frontend verdict", "    mode http", "    no log", f"    bind 127.0.0.1:{port}"]
    for data_set in sets:
        name, members = data_set["name"], data_set["members"]
        for member in members:
            server = server_name(member)
            # Each by its name: a replica that has just become a primary counts as both for a moment.
            others = [server_name(other) for other in members if other is not member]
            all_answer = "".join(f" {{ srv_is_up({name}_replicas/{other}) }}" for other in others)
            answer = f"    http-request return status 200 if {{ path {_path(data_set, server)} }}"
            alone = f" {{ srv_is_up({name}_primaries/{server}) }} {{ nbsrv({name}_primaries) eq 1 }}"
            # Without Sentinels nobody else can tell: the only one of those that answer.
            rows.append(answer + alone + (all_answer if data_set["sentinels"] else ""))
            if data_set["sentinels"]:
                rows.append(answer + _elected(data_set, member))
    return "\n".join([*rows, "    http-request return status 503", ""])


def _elected(data_set: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    """Return that a majority of the Sentinels names this member and no other, as before the first answers."""
    most = len(data_set["sentinels"]) // 2 + 1
    votes: Dict[bool, List[str]] = {True: [], False: []}
    for member in data_set["members"]:
        votes[member is chosen].append(f"{{ nbsrv({_vote(data_set, member)}) ge {most} }}")
    return "".join(f" {vote}" for vote in votes[True]) + "".join(f" !{vote}" for vote in votes[False])


def _bind(data_set: Mapping[str, Any], port: str) -> str:
    """Return where clients connect; who asks them for certificates in the set does so here as well."""
    asked = {"yes": " required", "optional": " optional"}.get(str(data_set.get("tls_clients")), "")
    wanted = f" ca-file {CA} verify{asked}" if asked else ""
    secure = f" ssl crt {OWN}{wanted}" if data_set.get("tls") == "reencrypt" else ""
    return f"    bind {join_address(data_set['address'], data_set[port])}{secure}\n"


def _writes(data_set: Mapping[str, Any], every: int, check_port: int, version: Tuple[int, int]) -> str:
    """Return where writes go; a server is believed to be up before its first check, so that two are none."""
    name = data_set["name"]
    # Blanks and the ends of lines as the parser of the file reads them outside of quotes.
    ask = _path(data_set, "%[srv_name]")
    chain = (
        f"    tcp-check connect addr 127.0.0.1 port {check_port}\n"
        rf"    tcp-check send-lf GET\ {ask}\ HTTP/1.0\r\n\r\n"
        "\n    tcp-check expect min-recv 12 rstring '^HTTP/1.. 200'\n"
    )
    check = _role(data_set, r"\*3\r\n\$6\r\nmast") + chain
    servers = _members(data_set, every, " on-marked-down shutdown-sessions")
    return (
        f"frontend {name}_writes\n{_bind(data_set, 'port')}"
        f"    tcp-request connection reject unless {{ nbsrv({name}_primary) eq 1 }}\n{_cut_whole(version)}"
        f"    default_backend {name}_primary\n\n"
    ) + _backend(f"{name}_primary", _patience(data_set), check, servers, _proved(data_set, True))


def _reads(data_set: Mapping[str, Any], every: int, version: Tuple[int, int]) -> str:
    """Return where reads go: replicas in sync, else the primary by the same verdict as writes."""
    name = data_set["name"]
    in_sync = (
        r"\$\d+\r\n(?s).*role:slave\r\n.*master_link_status:up\r\nmaster_last_io_seconds_ago:\d\r\n"
        r"master_sync_in_progress:0\r\n"
    )
    login = _login(data_set.get("username"), data_set.get("password"))
    check = _ask(login, [["INFO", "replication"], ["QUIT"]], in_sync)
    servers = _members(data_set, every, " on-marked-down shutdown-sessions")
    # Whose replica refuses the connection goes on to another one, at once.
    how = ["balance leastconn", "option redispatch", *_proved(data_set, True)]
    return (
        f"frontend {name}_reads\n{_bind(data_set, 'read_port')}"
        # All of them cannot be replicas: nobody has been asked yet.
        f"    tcp-request connection reject if {{ nbsrv({name}_insync) eq {len(data_set['members'])} }}\n"
        f"    tcp-request connection reject if {{ nbsrv({name}_insync) eq 0 }} !{{ nbsrv({name}_primary) eq 1 }}\n"
        f"{_cut_whole(version)}"
        f"    use_backend {name}_primary if {{ nbsrv({name}_insync) eq 0 }}\n"
        f"    default_backend {name}_insync\n\n"
    ) + _backend(f"{name}_insync", _patience(data_set), check, servers, how)
