# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directives of the engine's configuration files: which the model writes, and which are left to the user. Pure."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from .versions import parse_version

SIZE = re.compile(r"(\d+)(b|k|kb|m|mb|g|gb)?", re.IGNORECASE)
UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}
Get = Callable[[str], Any]

# Directives that the model writes itself, and what to use instead.
OWNED = {
    "port": "`port:` of the instance",
    "save": "`save:` of the instance",
    "appendonly": "`appendonly:` of the instance",
    "appendfsync": "`appendfsync:` of the instance",
    "bind": "redis_bind",
    "requirepass": "redis_password",
    "masterauth": "redis_password",
    "primaryauth": "redis_password",
    "masteruser": "redis_acl_users",
    "primaryuser": "redis_acl_users",
    "user": "redis_acl_users",
    "aclfile": "redis_acl_users",
    "protected-mode": "redis_auth",
    "replica-announce-ip": "redis_address of the host",
    "replica-announce-port": "`port:` of the instance",
    "sentinel": "`quorum:`, `down_after:` and their neighbours in the instance",
    "replicaof": "nothing: the primary is observed, `primary:` only seeds the first start",
    "slaveof": "nothing: the primary is observed, `primary:` only seeds the first start",
}
_LAYOUT = ("appenddirname", "appendfilename", "daemonize", "dbfilename", "dir", "include", "logfile", "pidfile")

# The way of a deployment to TLS only, and those steps of it in which members and Sentinels speak TLS to each other.
TLS_MODES = ("off", "dual", "peers", "only")
TLS_PEERS = ("peers", "only")

# Always set by the scratch process itself: what CONFIG GET says of these is not the declared value.
OVERRIDDEN = {"port": "0", "unixsocket": "{dir}/s", "dir": "{dir}", "logfile": "", "daemonize": "no"}
# Replaced only when declared: the value would touch the world outside, or lock the scratch process' owner out.
REPLACED = {
    "tls-port": "0",
    "tls-replication": "yes",  # so that it reads certificate and key, with the rights of the service
    "unixsocketperm": "700",
    "unixsocketgroup": "",
    "pidfile": "",
    "supervised": "no",
    "syslog-enabled": "no",
    "cluster-enabled": "no",
    "aclfile": "",
    "replicaof": "no one",
    "slaveof": "no one",
}
OWNED.update(
    dict.fromkeys(
        (*_LAYOUT, "supervised", "unixsocket", "unixsocketperm"),
        "nothing: the same layout on every host is what the collection rests on",
    )
)
SENTINEL_OWNED = {
    **{key: use for key, use in OWNED.items() if use.startswith("nothing: the same")},
    "port": "redis_sentinel_port",
    "bind": "redis_bind",
    "requirepass": "redis_sentinel_password",
    "user": "redis_sentinel_clients_passwords",
    "aclfile": "redis_sentinel_clients_passwords",
    "protected-mode": "redis_auth",
    "sentinel": "`quorum:`, `down_after:` and their neighbours in redis_instances",
}
SCRIPTS = ("notification-script", "client-reconfig-script")
NO_SCRIPTS = (
    "redis_notify (docs/notify.md): a script that is gone keeps Sentinel from starting, one that runs can read its "
    "passwords, and what waits for it is lost when Sentinel stops"
)
OWNED_PREFIXES = {
    "tls-port": "`tls_port:` of the instance, or redis_sentinel_tls_port",
    "tls-": "redis_tls and its neighbours",
    "cluster-": "`mode: cluster` of the instance and its neighbours",
    "rename-command": "an ACL: a renamed command breaks Sentinel, replication and these modules",
}
# A replica that could not save or append ends itself at the next write that it is sent, unless told otherwise. Redis 6
# goes on, and does not know the word.
ALIVE = {"replica-ignore-disk-write-errors": True}
SINCE = dict.fromkeys((*ALIVE, "cluster-port", "cluster-allow-replica-migration"), 7)
# What opens the host to whoever may log in, and what it lets them do. Engines before 7.0 do not know these.
OPENING = {
    "enable-debug-command": "crash or stop the server",
    "enable-module-command": "load a library of theirs into the server",
    "enable-protected-configs": "write files where they like, with CONFIG SET dir and dbfilename",
}


def server_parameters(model: Mapping[str, Any], given: Mapping[str, Any], address: str, get: Get) -> dict[str, Any]:
    """Return redis.conf of one member as a dict, without secrets."""
    owned: dict[str, Any] = {
        "port": model["port"],
        **_tls(model, get),
        "protected-mode": bool(get("redis_auth")),
        **_common(model["name"], get),
        "replica-announce-ip": address,
        "replica-announce-port": model["port"],
        "save": given["save"],
        "appendonly": bool(given["appendonly"]),
        "appendfsync": given["appendfsync"],
    }
    # The engine's 1 MiB backlog and 5 s wait suit a test, not a set that restarts one member at a time.
    better = {"repl-backlog-size": "64mb", "repl-diskless-sync": True, "repl-diskless-sync-delay": 1}
    return {**owned, **better, **ALIVE, **given["config"]}


def sentinel_parameters(sentinel: Mapping[str, Any], address: str, get: Get) -> dict[str, Any]:
    """Return the static part of a Sentinel's file, without secrets and what Sentinel itself keeps there."""
    owned: dict[str, Any] = {
        "port": sentinel["port"],
        **_tls(sentinel, get),
        **_common(sentinel["name"], get),
        "protected-mode": False,
        "sentinel": [
            f"announce-ip {address}",
            f"announce-port {sentinel['port']}",
        ],
    }
    return {**owned, **get("redis_sentinel_config")}


def tls_mode(get: Get) -> str:
    """Return one of TLS_MODES; YAML reads a bare off as false."""
    return str(get("redis_tls") or "off")


def tls_access(get: Get) -> dict[str, Any]:
    """Return how the modules, the start guard and the timer connect: as the members do among themselves."""
    on = tls_mode(get) in TLS_PEERS
    return {"on": on, **{part: str(get(f"redis_tls_{part}_file")) if on else "" for part in ("ca", "cert", "key")}}


def _tls(model: Mapping[str, Any], get: Get) -> dict[str, Any]:
    """Return the directives of TLS; none without it. Where peers use it, `port` of the model is the one for TLS."""
    mode = tls_mode(get)
    if mode == "off":
        return {}
    return {
        **({"port": model["other_port"] if mode == "peers" else 0} if mode in TLS_PEERS else {}),
        "tls-port": model["tls_port"],
        "tls-replication": mode in TLS_PEERS,
        "tls-cert-file": str(get("redis_tls_cert_file")),
        "tls-key-file": str(get("redis_tls_key_file")),
        "tls-ca-cert-file": str(get("redis_tls_ca_file")),
        "tls-auth-clients": get("redis_tls_clients"),
    }


def _common(name: str, get: Get) -> dict[str, Any]:
    bind = {"bind": " ".join(get("redis_bind"))} if get("redis_bind") else {}
    return {
        "daemonize": False,
        "supervised": "systemd",
        "pidfile": "",
        "logfile": "",
        "dir": f"/var/lib/redis/{name}",
        **bind,
    }


def known_to(parameters: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return what an engine of this version reads; to an older one the rest means nothing."""
    major = parse_version(version)[0]
    return {key: value for key, value in parameters.items() if SINCE.get(key.lower(), 0) <= major}


def size_of(value: Any) -> int | None:
    """Return a size in bytes as the engine reads it (k is 1000, kb is 1024); None when it is no size."""
    match = SIZE.fullmatch(str(value))
    return int(match[1]) * UNITS[(match[2] or "").lower()] if match else None


def check_config(problems: list[str], where: str, config: Mapping[str, Any], owned: Mapping[str, str]) -> None:
    """Refuse a free-form part that reaches for what the model owns."""
    for key, value in config.items():
        prefixes = (use for prefix, use in OWNED_PREFIXES.items() if key.lower().startswith(prefix))
        instead = _script(key, value) or owned.get(key.lower()) or next(prefixes, None)
        if instead:
            problems.append(f"{where} must not set {key}; use {instead}.")


def _script(key: str, value: Any) -> str:
    """Return what to use instead of a script of Sentinel's; empty when it is about something else."""
    if not key.lower().startswith(("sentinel", *SCRIPTS)):
        return ""
    return NO_SCRIPTS if any(script in f"{key} {value}".lower() for script in SCRIPTS) else ""


def check_opening(problems: list[str], warnings: list[str], where: str, config: Mapping[str, Any]) -> None:
    """Refuse to open the host to the network, and warn where it is opened to its own users."""
    for key, value in config.items():
        lets = OPENING.get(key.lower())
        choice = str(value).lower()
        if lets and choice not in ("no", "false", "local"):
            problems.append(f"{where} {key} {value} lets clients {lets}; leave it out, or use local for a while.")
        elif lets and choice == "local":
            warnings.append(f"{where} {key} local lets clients on the host itself {lets}; remove it when you are done.")
