# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exporters of a host are told, and what Prometheus is told of all of them. Pure.

An exporter takes one user for all that it asks, so servers and Sentinel of a host have one each. Passwords come to it
in a file by address, never as an argument: whoever may scrape could let it send such a password to his own address.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping, Sequence
from urllib.parse import quote

from .addresses import join_address

PROGRAM = "prometheus-redis-exporter"
SECRETS = "/etc/quorum-redis"
CLIENT = "client"  # the user of a Sentinel that can ask and nothing else

Entry = Dict[str, Any]
Front = Sequence[Any]  # a host with endpoints, and address and port of their metrics; no address where they tell none


def build_exporters(
    topology: Mapping[str, Any], access: Mapping[str, Any], sentinel: Mapping[str, Any], host: str
) -> Dict[str, Any]:
    """Return the exporters of one host, and why that cannot work; `sentinel` has `password` and `clients`."""
    options = topology["options"]
    local = _local(topology)
    problems = _problems(topology, access, local)
    exporters: List[Entry] = []
    if local and not problems:
        logins = {
            model["name"]: access[model["name"]]["monitoring"] if options["redis_auth"] else {} for model in local
        }
        user = next(iter(logins.values())).get("username", "")
        secrets = {_own(model, host): logins[model["name"]].get("password", "") for model in local}
        port = options["redis_monitoring_port"]
        exporters.append(_exporter("redis-exporter", "servers", port, user, secrets, topology))
    if topology["sentinel"]["local"] and not problems:
        user = CLIENT if sentinel["clients"] else ""
        secret = sentinel["clients"][0] if sentinel["clients"] else sentinel["password"]
        port = options["redis_monitoring_sentinel_port"]
        secrets = {_own(topology["sentinel"], host): secret}
        exporters.append(_exporter("redis-exporter-sentinel", "Sentinel", port, user, secrets, topology))
    return {"problems": problems, "processes": exporters}


def _local(topology: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    """Return the servers of this host, those of clusters too."""
    own = [model for model in topology["instances"] if model["local"]]
    return [*own, *(model for model in topology.get("servers", []) if "cluster" in model)]


def _set_of(model: Mapping[str, Any]) -> str:
    """Return the name of the data set of a server."""
    return str(model.get("cluster", model["name"]))


def _member(model: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """Return the process of this host; a cluster may have several on one."""
    here = [member for member in model["members"] if member["host"] == host]
    return here[0] if len(here) == 1 else next(member for member in here if member["port"] == model["port"])


def _own(model: Mapping[str, Any], host: str) -> str:
    """Return host:port of the process of this host."""
    member = _member(model, host)
    return join_address(member["address"], member["port"])


def _problems(topology: Mapping[str, Any], access: Mapping[str, Any], local: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return why the servers of this host cannot be asked, or not as they are told to be."""
    if topology["options"].get("redis_monitoring_tls") and not topology["tls"]["on"]:
        return [
            "redis_monitoring_tls lets the exporters show the certificate of their host, and redis_tls is not peers or "
            "only. Leave it out, or let the servers have TLS first."
        ]
    if not topology["options"]["redis_auth"]:
        return []
    names = list(dict.fromkeys(_set_of(model) for model in local))
    lacking = [name for name in names if not access[name]["monitoring"]]
    if lacking:
        return [
            f"{', '.join(lacking)}: no ACL user with the job monitoring has a password. As the default user, an "
            "exporter would show keys to whoever may scrape it. Add one to redis_acl_users, as {name: exporter, "
            "job: monitoring, passwords: [...]}, and run site before."
        ]
    users = sorted({access[name]["monitoring"]["username"] for name in names})
    if len(users) > 1:
        return [
            f"{', '.join(names)}: their users with the job monitoring are {', '.join(users)}, and an exporter logs in "
            "everywhere under one name. Give them the same name."
        ]
    return []


def _exporter(
    name: str, of: str, port: int, user: str, secrets: Mapping[str, str], topology: Mapping[str, Any]
) -> Entry:
    """Return one exporter: its unit, its passwords, what it is started with, and what root copies for it before."""
    options, tls = topology["options"], topology["tls"]
    scheme = "rediss" if tls["on"] else "redis"
    # The first spelling is that of version 1.45, the second one that of 1.69, which puts the user into it.
    names = ["", f"{quote(user, safe='$&+,;=')}@"] if user else [""]
    passwords = {f"{scheme}://{who}{end}": secret for end, secret in secrets.items() for who in names if secret}
    copies: Dict[str, str] = {}
    arguments = [
        "-redis.addr=",
        # It would ask for all settings, which its user may not see.
        "-config-command=-",
        "-set-client-name=false",
        "-connection-timeout=3s",
        f"-web.listen-address={join_address(options['redis_monitoring_address'], port)}",
    ]
    if user:
        arguments.append(f"-redis.user={user.replace('%', '%%').replace('$', '$$')}")
    if passwords:
        arguments.append(f"-redis.password-file={SECRETS}/{name}.json")
    if tls["on"]:
        arguments.append(f"-tls-ca-cert-file={tls['ca']}")
        if options["redis_tls_clients"] != "no":
            # The key is readable by the user of the servers, as whom nothing else shall run.
            copies = {tls[part]: f"/run/{name}/{part}" for part in ("cert", "key")}
            arguments += [f"-tls-client-{part}-file=/run/{name}/{part}" for part in ("cert", "key")]
        if options.get("redis_monitoring_tls"):
            copies = {options[f"redis_tls_{part}_file"]: f"/run/{name}/{part}" for part in ("cert", "key")}
            arguments += [f"-tls-server-{part}-file=/run/{name}/{part}" for part in ("cert", "key")]
            # Who has no certificate of this CA learns nothing.
            arguments.append(f"-tls-server-ca-cert-file={tls['ca']}")
    return {"name": name, "of": of, "passwords": passwords, "copies": copies, "arguments": arguments}


def list_targets(
    topology: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]], fronts: Sequence[Front] = ()
) -> List[Entry]:
    """Return what file_sd of Prometheus reads, with `options` by host. Labels say who is asked, and for what."""
    scheme = "rediss" if topology["tls"]["on"] else "redis"
    targets: List[Entry] = []
    processes = [(model, "redis", "redis_monitoring_port") for model in topology["instances"]]
    processes += [(model, "redis_cluster", "redis_monitoring_port") for model in topology.get("clusters", [])]
    processes.append((topology["sentinel"], "redis_sentinel", "redis_monitoring_sentinel_port"))
    for model, job, port in processes:
        for member in model["members"]:
            settings, addr = options[member["host"]], join_address(member["address"], member["port"])
            labels = {
                "job": job,
                "deployment": topology["deployment"],
                **({"set": model["name"]} if job != "redis_sentinel" else {}),
                "host": member["host"],
                "addr": addr,
                "instance": addr,
                **({"__scheme__": "https"} if settings.get("redis_monitoring_tls") else {}),
                "__metrics_path__": "/scrape",
                "__param_target": f"{scheme}://{addr}",
            }
            targets.append(
                {"targets": [join_address(settings["redis_monitoring_address"], settings[port])], "labels": labels}
            )
    for host, address, number in fronts:
        if address:
            addr = join_address(address, int(number))
            labels = {"job": "redis_endpoint", "deployment": topology["deployment"], "host": host, "addr": addr}
            targets.append({"targets": [addr], "labels": {**labels, "instance": addr}})
    return targets


def find_unreachable(
    options: Mapping[str, Mapping[str, Any]], prometheus: Sequence[str], fronts: Sequence[Front] = ()
) -> List[str]:
    """Return why a Prometheus cannot scrape some hosts; `options` are those of each host."""
    problems = []
    without = sorted(host for host in options if not options[host].get("redis_exporter", True))
    if prometheus and 0 < len(without) < len(options):
        problems.append(
            f"redis_exporter is false on {', '.join(without)} and not on the others, so that Prometheus would take "
            "what runs there for dead. Let all hosts of the deployment export metrics, or none."
        )
    for watcher in prometheus:
        hosts = sorted(h for h in options if h != watcher and _is_loopback(options[h]["redis_monitoring_address"]))
        if hosts:
            problems.append(
                f"Prometheus on {watcher} cannot reach the exporters of {', '.join(hosts)}, which listen on loopback. "
                "Set redis_monitoring_address there to an address of the host."
            )
        hosts = sorted(host for host, address, _port in fronts if host != watcher and address and _is_loopback(address))
        if hosts:
            problems.append(
                f"Prometheus on {watcher} cannot reach the endpoints of {', '.join(hosts)} on loopback. Set "
                "redis_endpoint_metrics_address there to an address of the host."
            )
    return problems


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def facts_settings(
    topology: Mapping[str, Any], access: Mapping[str, Any], sentinel: Mapping[str, Any], host: str, carries: bool
) -> Entry:
    """Return what the program that writes the facts of a host is told, and apart from it its passwords.

    `sentinel` is that of `exporters`; `carries`: whether the host has the timer of backups.
    """
    options, watch, nodes = topology["options"], topology["sentinel"], _local(topology)
    clusters = topology.get("clusters", [])
    logins = {
        data_set["name"]: access[data_set["name"]]["monitoring"] for data_set in [*topology["instances"], *clusters]
    }
    # A host judges the sets in which it takes part, as member or as Sentinel.
    sets = [
        {key: data_set[key] for key in ("name", "members", "sentinel")}
        for data_set in topology["instances"]
        if (data_set["local"] or (watch["local"] and data_set["sentinel"]))
        and (logins[data_set["name"]] or not options["redis_auth"])
    ]
    clusters = [
        {key: cluster[key] for key in ("name", "members", "places", "replicas", "servers")}
        for cluster in clusters
        if cluster["local"] and (logins[cluster["name"]] or not options["redis_auth"])
    ]
    names = [data_set["name"] for data_set in [*sets, *clusters]]
    declared = [*topology["instances"], *topology.get("clusters", [])]
    local = [data_set for data_set in declared if data_set["local"] and data_set["name"] in names]
    chosen = [data_set["name"] for data_set in local if data_set["name"] in (options["redis_backup_sets"] or names)]
    secured = "tls_port" in watch or any("tls_port" in data_set for data_set in [*topology["instances"], *nodes])
    clients = sentinel["clients"] if options["redis_auth"] else []
    settings = {
        "me": host,
        "deployment": topology["deployment"],
        "sets": sets,
        "clusters": clusters,
        "declared": [data_set["name"] for data_set in topology["instances"]],
        "sentinels": watch["members"] if any(data_set["sentinel"] for data_set in sets) else [],
        "tls": topology["tls"]["on"],
        **{f"tls_{part}_file": topology["tls"][part] for part in ("ca", "cert", "key")},
        "certificate": options["redis_tls_cert_file"] if secured else "",
        "key": options["redis_tls_key_file"] if secured and options["redis_tls_clients"] != "no" else "",
        "processes": [_process(node, host, _set_of(node)) for node in nodes if _set_of(node) in names]
        + ([_process(watch, host, "")] if watch["local"] else []),
        "backup": {
            "sets": chosen if carries else [],
            "period": options["redis_backup_period"] * 3600,
            "load": options["redis_backup_load"],
            "report": "/var/lib/quorum-redis/backup-status.json",
            "clusters": [cluster["name"] for cluster in clusters],
            "directories": {name: f"{options['redis_backup_directory']}/{name}" for name in chosen},
        },
    }
    known = {name: logins[name] if options["redis_auth"] else {} for name in names}
    # Names of users are no secrets: Ansible would mask these words wherever they stand, in names of units too.
    settings["users"] = {name: login.get("username", "") for name, login in known.items()}
    settings["sentinel_user"] = CLIENT if clients else ""
    secrets = {
        "passwords": {name: login.get("password", "") for name, login in known.items()},
        "sentinel_password": (clients or [sentinel["password"]])[0] if options["redis_auth"] else "",
    }
    return {"settings": settings, "secrets": secrets}


def _process(model: Mapping[str, Any], host: str, name: str) -> Entry:
    """Return where a process of this host is, and which of its files say something."""
    own = _member(model, host)
    return {
        "set": name,
        "addr": _own(model, host),
        "address": own["address"],
        "port": own["port"],
        "tls_port": model.get("tls_port", 0),
        "users": f"/etc/redis/{model['name']}.{'acl' if name else 'conf'}",
        "note": f"/var/lib/redis/{model['name']}/restart-wanted",
        "pending": f"/etc/redis/{model['name']}.pending",
    }
