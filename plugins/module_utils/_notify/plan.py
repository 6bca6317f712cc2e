# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the notifier of a host is told, and what is refused. Pure."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping
from urllib.parse import urlsplit

from .._core.errors import AuthFailed, CommandFailed, QuorumError, Refused

NOTHING = "Nothing was changed"
COPIES = "/run/redis-notify"


def settings_text(given: Mapping[str, Any]) -> str:
    """Return the settings file: all secrets are under `passwords`, where no diff shows them."""
    settings, webhook = given["settings"], given["settings"].get("webhook") or {}
    alertmanager, mail = (dict(settings.get(name) or {}) for name in ("alertmanager", "mail"))
    passwords = {
        "sentinel": [word for word in given["passwords"] if word],
        "alertmanager": alertmanager.pop("password", None) or "",
        "webhook": webhook.get("url") or "",
        "headers": webhook.get("headers") or {},
        "mail": mail.pop("password", None) or "",
    }
    sinks: Dict[str, Any] = {
        "alertmanager": alertmanager or None,
        "webhook": {"ca_file": webhook.get("ca_file")} if webhook else None,
        "mail": mail or None,
        "command": settings.get("command") or [],
    }
    content = {
        "deployment": given["deployment"],
        "host": given["name"],
        "rank": given["rank"],
        "sentinel": {
            "address": given["address"],
            "port": given["port"],
            "username": given["username"],
            "tls": given["tls"],
            "tls_ca_file": given["tls_ca_file"],
            # The key is readable by the user of the servers; root copies it for the notifier.
            **{f"tls_{part}_file": f"{COPIES}/{part}" for part in ("cert", "key") if given[f"tls_{part}_file"]},
        },
        "sinks": sinks,
        "passwords": passwords,
        "standby": settings["standby"],
        "keep": settings["keep"],
    }
    return json.dumps(content, indent=4, sort_keys=True) + "\n"


def deployment_of(text: str) -> str:
    """Return to whom the present settings belong; empty when there are none that can be read."""
    try:
        return str(json.loads(text)["deployment"])
    except (ValueError, KeyError, TypeError):
        return ""


def problems_of(settings: Mapping[str, Any]) -> List[str]:
    """Return a sentence for each value with which nobody could be told."""
    problems = []
    webhook, mail = settings.get("webhook") or {}, settings.get("mail") or {}
    alertmanager = settings.get("alertmanager") or {}
    urls = [(f"alertmanager: urls {number}", url) for number, url in enumerate(alertmanager.get("urls") or [], 1)]
    if alertmanager and not urls:
        problems.append("redis_notify alertmanager has no urls; write urls: [http://HOST:9093].")
    urls += [("webhook: url", webhook.get("url"))] if webhook else []
    for name, url in urls:
        problems += [f"redis_notify {name} {why}." for why in _wrong(str(url))]
    if mail and not mail.get("to"):
        problems.append("redis_notify mail has nobody in `to`; write to: [people@example.org].")
    if mail.get("password") and mail.get("tls") == "off":
        problems.append("redis_notify mail would send its password in clear; set tls to starttls or on.")
    command = settings.get("command") or []
    if command and not command[0].startswith("/"):
        problems.append(f"redis_notify command {command[0]!r} is no path; write it with its directory.")
    return problems


def _wrong(url: str) -> List[str]:
    """Return why a URL cannot be used, without the URL: it may hold a token."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        return ["is no URL of the form http://HOST:PORT/PATH or https://..."]
    if any(char.isspace() or ord(char) > 126 for char in url):
        return ["has a blank or a letter that must be encoded with %"]
    return ["has a user in it; give username and password, or a header, of their own"] if "@" in parts.netloc else []


def check_settings(given: Mapping[str, Any], present: str) -> None:
    """Refuse what cannot work, before anything is changed; `present` is the deployment whose notifier is here."""
    host = given["name"]
    if present not in ("", given["deployment"]):
        raise Refused(
            f"{host} carries the notifier of the deployment {present}, and a host carries that of one",
            "",
            f"{NOTHING}. Leave redis_notify out for {given['deployment']} there",
        )
    problems = problems_of(given["settings"])
    if problems:
        raise Refused(" ".join(problems), host, NOTHING)
    if given["auth"] and not any(given["passwords"]):
        raise Refused(
            "The notifier asks its Sentinel as the user client, which redis_sentinel_clients_passwords makes; with the "
            "password of the Sentinels themselves, who breaks into it could do everything there",
            host,
            f"{NOTHING}. Set redis_sentinel_clients_passwords and run quorum.redis.site, then this again",
        )


def check_answer(host: str, problem: QuorumError) -> str:
    """Refuse a Sentinel that does not let the notifier in; return a warning about one that is silent now."""
    if isinstance(problem, (AuthFailed, CommandFailed)):
        raise Refused(
            f"The Sentinel on {host} does not let the notifier in: {problem}",
            "",
            f"{NOTHING}. Run quorum.redis.site first, which creates the user",
        )
    return f"the Sentinel on {host} does not answer its notifier now: {problem}"


def describe_outcome(answers: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """Return what became of a test notification, a line for each sink."""
    return [
        f"{name}: {'arrived at' if answer['taken'] else 'NOT told,'} {answer['where']}"
        for name, answer in answers.items()
    ]
