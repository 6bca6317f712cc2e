# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application's own play needs to configure it for a data set, none of it a secret. Pure."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping

from .addresses import join_address
from .client_page import describe_connection

Info = Dict[str, Any]


def connection_info(model: Mapping[str, Any], name: str) -> Info:
    """Return how one data set is reached from the host that the model was made for. ValueError: there is none."""
    declared = next((place for place in model["instances"] if place["name"] == name), None)
    if declared is None:
        names = ", ".join(str(place["name"]) for place in model["instances"])
        raise ValueError(f"redis_instances has no data set {name!r}; it has {names}.")
    access = model.get("tls") or {}
    secure = bool(access.get("on"))
    sentinels = [join_address(place["address"], place["port"]) for place in _watching(model, declared)]
    endpoint = _endpoint(model, declared)
    return {
        "name": name,
        "sentinels": sentinels,
        "members": [join_address(place["address"], place["port"]) for place in declared["members"]],
        "tls": {"enabled": secure, "ca_file": str(access.get("ca") or "")},
        "endpoint": endpoint,
        "environment": dict(value.split("=", 1) for value in describe_connection(declared, model)),
        "urls": {**_sentinel_urls(name, sentinels, secure), **_endpoint_urls(endpoint)},
    }


def _watching(model: Mapping[str, Any], declared: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    return list(model["sentinel"]["members"]) if declared["sentinel"] else []


def _endpoint(model: Mapping[str, Any], declared: Mapping[str, Any]) -> Info:
    """Return the fixed address of a set, empty where it has none or where this host cannot reach it."""
    endpoint = declared["endpoint"]
    if not endpoint:
        return {}
    local = bool(model["endpoint"]["local"])
    if not local and ipaddress.ip_address(endpoint["address"]).is_loopback:
        return {}
    return {"local": local, **{key: endpoint[key] for key in ("address", "port", "read_port", "tls")}}


def _endpoint_urls(endpoint: Mapping[str, Any]) -> Dict[str, str]:
    """Return the fixed address for any client library."""
    s = "s" if endpoint.get("tls", "off") != "off" else ""
    ports = {"endpoint": endpoint.get("port"), "endpoint_read": endpoint.get("read_port")}
    return {key: f"redis{s}://{join_address(endpoint['address'], port)}/0" for key, port in ports.items() if port}


def _sentinel_urls(name: str, sentinels: List[str], secure: bool) -> Dict[str, str]:
    """Return the Sentinels in the spellings that client libraries read; none without Sentinels."""
    if not sentinels:
        return {}
    places, s = ",".join(sentinels), "s" if secure else ""
    hosts = "&".join(f"host[{place}]" for place in sentinels)
    return {
        "celery": ";".join(f"sentinel://{place}/0" for place in sentinels),
        "django_redis": f"redis{s}://{name}/0",
        "lettuce": f"redis{s}-sentinel://{places}/0?sentinelMasterId={name}",
        "redis_sentinel": f"redis{s}+sentinel://{places}/{name}/0",
        "symfony": f"redis{s}:?{hosts}&redis_sentinel={name}",
    }
