# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody tries who has no business with a data set: without credentials, or with those of another job."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from deployment import DataSet, until

Command = str | tuple[str, ...]
# What reads, writes, leads the set elsewhere, loads code, or ends a server.
ON_SERVERS: list[Command] = [
    *("PING", "INFO", "ROLE", "DBSIZE", "TIME", "SAVE", "BGSAVE", "FLUSHALL", "MONITOR", "SYNC", "FAILOVER"),
    *(("HELLO", "3"), ("KEYS", "*"), ("GET", "k"), ("SET", "k", "v"), ("DEL", "k"), ("CLIENT", "LIST")),
    *(("CONFIG", "GET", "*"), ("CONFIG", "SET", "dir", "/srv"), ("CONFIG", "REWRITE"), ("ACL", "LIST")),
    *(("ACL", "SETUSER", "default", "on", "nopass"), ("REPLICAOF", "192.0.2.1", "6379"), ("SLAVEOF", "NO", "ONE")),
    *(("PSYNC", "?", "-1"), ("REPLCONF", "listening-port", "7000"), ("DEBUG", "SLEEP", "0"), ("SLOWLOG", "GET")),
    *(("EVAL", "return 1", "0"), ("SCRIPT", "LOAD", "return 1"), ("MODULE", "LIST"), ("MODULE", "LOAD", "/srv/x.so")),
    *(("PUBLISH", "__sentinel__:hello", "x"), ("SUBSCRIBE", "__sentinel__:hello"), ("SHUTDOWN", "NOSAVE")),
    *(("CLUSTER", "MEET", "192.0.2.1", "6379"), ("MIGRATE", "192.0.2.1", "6379", "k", "0", "100")),
]
ON_SENTINELS: list[Command] = [
    *("PING", "INFO", "ROLE", ("SENTINEL", "MASTERS"), ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")),
    *(("SENTINEL", "MONITOR", "mine", "192.0.2.1", "6379", "1"), ("SENTINEL", "SET", "main", "quorum", "1")),
    *(("SENTINEL", "FAILOVER", "main"), ("SENTINEL", "RESET", "*"), ("SENTINEL", "REMOVE", "main")),
    *(("SENTINEL", "FLUSHCONFIG"), ("SENTINEL", "SIMULATE-FAILURE", "crash-after-election"), ("ACL", "LIST")),
    *(("SENTINEL", "CONFIG", "SET", "announce-ip", "192.0.2.1"), ("CLIENT", "LIST"), ("SHUTDOWN", "NOSAVE")),
    *(("PUBLISH", "__sentinel__:hello", "x"), ("SUBSCRIBE", "*")),
]
# What a user with rights on its own keys must still not do.
BEYOND_AN_APPLICATION: list[Command] = [
    *("FLUSHALL", "SAVE", "BGSAVE", "MONITOR", ("KEYS", "*"), ("CONFIG", "GET", "*"), ("CONFIG", "REWRITE")),
    *(("ACL", "LIST"), ("ACL", "SETUSER", "app", "+@all"), ("REPLICAOF", "NO", "ONE"), ("SLAVEOF", "NO", "ONE")),
    *(("PSYNC", "?", "-1"), ("DEBUG", "SLEEP", "0"), ("MODULE", "LIST"), ("MODULE", "LOAD", "/srv/x.so")),
    *(("SLOWLOG", "GET"), ("CLIENT", "LIST"), ("PUBLISH", "__sentinel__:hello", "x"), ("SHUTDOWN", "NOSAVE")),
]
# What an application that asks Sentinels for the primary must not do there.
BEYOND_ASKING: list[Command] = [
    *(command for command in ON_SENTINELS[5:] if command[0] not in ("SUBSCRIBE",)),
    *(("CONFIG", "SET", "requirepass", "x"), ("CONFIG", "GET", "*"), ("ACL", "SETUSER", "client", "+@all")),
    *(("SENTINEL", "CONFIG", "GET", "*"), ("SENTINEL", "DEBUG")),
    *(("SENTINEL", "IS-MASTER-DOWN-BY-ADDR", "192.0.2.1", "6379", "99", "x"), ("CLIENT", "KILL", "TYPE", "normal")),
]
# Refused before it is asked who somebody is: what this version does not know, and what is switched off for everybody.
NOBODY = (
    "-ERR unknown command",
    "-ERR unknown subcommand",
    "-ERR DEBUG command not allowed",
    "-ERR MODULE command not",
)
GUESSES = (("AUTH", ""), ("AUTH", "redis"), ("AUTH", "default", "default"), ("AUTH", "default", ""))


def say(data_set: DataSet, host: str, port: int, commands: Sequence[Command], tls: bool | None = None) -> list[str]:
    """Return the first line of the reply to each command, all sent over one connection."""
    address = (data_set.lab.host_ip(host), port)
    said = []
    with socket.create_connection(address, timeout=5) as plain:
        use = bool(data_set.ca) if tls is None else tls
        context = ssl.create_default_context(cafile=data_set.ca) if use else None
        line = context.wrap_socket(plain, server_hostname=address[0]) if context else plain
        with line, line.makefile("rwb") as stream:
            for command in commands:
                words = [command] if isinstance(command, str) else list(command)
                stream.write(f"*{len(words)}\r\n".encode())
                stream.writelines(f"${len(word.encode())}\r\n{word}\r\n".encode() for word in words)
                stream.flush()
                said.append(stream.readline().decode(errors="replace").strip())
    return said


def is_shut_out(data_set: DataSet) -> None:
    """Stop the test unless servers and Sentinels refuse everything without credentials, and nothing changed."""
    before, processes = data_set.settled(), data_set.run_ids()
    ends = [(host, data_set.port, ON_SERVERS) for host in data_set.hosts]
    ends += [(host, data_set.sentinel_port, ON_SENTINELS) for host in data_set.sentinels]
    for host, port, commands in ends:
        for command, reply in zip(commands, say(data_set, host, port, commands), strict=True):
            # Redis 6.0 refuses HELLO by the rights of the default user, who has none.
            assert reply.startswith(("-NOAUTH", "-NOPERM", *NOBODY)), f"{host}:{port} {command}: {reply}"
        for guess, reply in zip(GUESSES, say(data_set, host, port, GUESSES), strict=True):
            assert reply.startswith(("-WRONGPASS", "-ERR")), f"{host}:{port} {guess}: {reply}"
    assert data_set.settled() == before and data_set.run_ids() == processes


def is_held(
    data_set: DataSet, username: str, password: str, commands: Sequence[Command], port: int | None = None
) -> None:
    """Stop the test unless every server, or what else is on this port, refuses these commands to this user."""
    processes = data_set.run_ids()
    for host in data_set.hosts:
        known, *said = say(data_set, host, port or data_set.port, [("AUTH", username, password), *commands])
        assert known == "+OK", f"{host}: {username} is not let in: {known}"
        for command, reply in zip(commands, said, strict=True):
            assert reply.startswith(("-NOPERM", *NOBODY)), f"{host}: {username} {command}: {reply}"
    assert data_set.run_ids() == processes


def cannot_replicate(data_set: DataSet, spare: str, server: str = "redis-server") -> None:
    """Stop the test unless a server on a host that is no member gets nothing from the primary."""
    lab, primary = data_set.lab, data_set.settled()
    assert data_set.count(primary) > 0
    log, feeds = "/srv/outsider.log", data_set.info(primary)["connected_slaves"]
    lab.sh(
        spare,
        f"systemd-run --quiet --unit outsider {server} --port 7000 --dir /srv --logfile {log} "
        f"--replicaof {lab.host_ip(primary)} {data_set.port}",
    )
    try:
        until(lab, "the primary refuses", lambda: "NOAUTH" in lab.sh(spare, f"cat {log}"))
        assert "master_link_status:down" in lab.sh(spare, "redis-cli -p 7000 info replication")
        assert lab.sh(spare, "redis-cli -p 7000 dbsize") == "0"
        assert data_set.info(primary)["connected_slaves"] == feeds
    finally:
        lab.sh(spare, "systemctl stop outsider")
