# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACL users as the inventory declares them: what contradicts itself, and who logs in as whom. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .cluster_set import is_cluster, server_names

DUTIES = ("operator", "replication", "sentinel")
RULES = ("keys", "channels", "commands", "selectors")
_NAME = re.compile(r"[^\s\x00\"'\\()]+")
_PREFIX = re.compile(r"[^\s\x00\"'\\()#<>!*?\[\]]*")
_HASH = re.compile(r"[0-9A-Fa-f]{64}")
# What a rule may not bring in by the back door: passwords, switches, or another rule after a blank.
_RULE = re.compile(r"[^\s\"'\\()#<>!]+")


def users_of(entry: Mapping[str, Any], shared: Optional[Sequence[Mapping[str, Any]]]) -> List[Mapping[str, Any]]:
    """Return the declared users of one data set: its own, else those of all sets."""
    own = entry.get("acl_users")
    return list((shared or []) if own is None else own)


def list_duties(users: Sequence[Mapping[str, Any]]) -> Dict[str, str]:
    """Return who does what, by name; empty for the default user."""
    present = [user for user in users if user.get("state", "present") == "present"]
    return {job: next((str(u["name"]) for u in present if u.get("job") == job), "") for job in DUTIES}


def rules_default(users: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the users say what the default user may do, so that no other password is needed."""
    return any(user["name"] == "default" for user in users)


def secrets_of(entry: Mapping[str, Any], password: Any, previous: Any) -> Tuple[str, str]:
    """Return the password of the default user of one data set, and the one whose place it takes."""
    own = entry.get("password")
    return str(own or password or ""), str(entry.get("password_previous") or ("" if own else previous or ""))


def clients_problems(passwords: Any, auth: bool) -> List[str]:
    """Return what is wrong with the passwords of the Sentinels' user for applications."""
    name = "redis_sentinel_clients_passwords"
    if not isinstance(passwords or [], list) or not all(str(word or "") for word in passwords or []):
        return [f"{name} is a list of passwords, none of them empty."]
    return [f"{name}: users need passwords; redis_auth is false. Set it to true."] if passwords and not auth else []


def acl_model(
    where: str, users: Sequence[Mapping[str, Any]], auth: bool, problems: List[str], rotating: bool = False
) -> Dict[str, Any]:
    """Return what others must know of the users, without secrets. `rotating`: the password of all is changing."""
    if users and not auth:
        problems.append(f"{where}: ACL users need passwords; redis_auth is false. Set it to true.")
    names = [str(user["name"]) for user in users]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"{where}: the user {name} is there twice.")
    jobs = [user["job"] for user in users if user.get("job") and user.get("state", "present") == "present"]
    for job in sorted({job for job in jobs if jobs.count(job) > 1 and job in DUTIES}):
        problems.append(f"{where}: two users have the job {job}; give it to one.")
    for user in users:
        problems += [f"{where}: the user {user['name']} {problem}" for problem in _user(user)]
    managed = bool(users) or (rotating and auth)
    absent = [str(user["name"]) for user in users if user.get("state", "present") == "absent"]
    model = {"declared": bool(users), "managed": managed, "default": "default" in names, "absent": absent}
    model["names"] = names
    return {**model, **list_duties(users)}


def _user(user: Mapping[str, Any]) -> List[str]:
    problems: List[str] = []
    if not _NAME.fullmatch(str(user["name"])):
        problems.append("has a name with blanks, quotes or brackets.")
    if user.get("state", "present") == "absent":
        return [*problems, "cannot be removed; write `enabled: false`."] if user["name"] == "default" else problems
    given = [key for key in RULES if user.get(key)]
    enabled = user.get("enabled", True)
    if user.get("job") and given:
        problems.append(f"has a job, which brings its rights; remove {', '.join(given)}.")
    problems += _preset(user)
    if user.get("job") in DUTIES and not (user.get("passwords") and enabled):
        problems.append(f"must be enabled and needs one of its `passwords`, with which {user['job']} logs in.")
    elif enabled and not (user.get("passwords") or user.get("hashes") or user.get("nopass")):
        problems.append("needs passwords or hashes, or `nopass: true`.")
    if user.get("job") and user["name"] == "default":
        problems.append("cannot have a job; the job belongs to a user of its own.")
    if not all(user.get("passwords") or []) and user.get("passwords"):
        problems.append("has an empty password.")
    if set(user.get("passwords") or []) & set(user.get("passwords_previous") or []):
        problems.append(
            "has the same password in passwords and passwords_previous; the new one belongs into passwords."
        )
    problems += [
        f"has a hash that is no SHA-256: {len(h)} characters." for h in user.get("hashes") or [] if not _hash(h)
    ]
    for key in RULES[:3]:
        wrong = [rule for rule in user.get(key) or [] if not _RULE.fullmatch(str(rule))]
        problems += [f"has {rule!r} in {key}, which is not one rule." for rule in wrong]
    for rule in user.get("commands") or []:
        if str(rule)[:1] in "~&%":
            problems.append(f"has {rule!r} in commands; keys and channels have lists of their own.")
    return problems


def _preset(user: Mapping[str, Any]) -> List[str]:
    """Return what is wrong with the preset of a user."""
    preset, prefix = user.get("preset"), user.get("prefix")
    if not preset:
        return ["has a prefix and no preset; set one, or write `keys`."] if prefix is not None else []
    if user.get("job"):
        return ["has a job and a preset; keep one of them."]
    if prefix is None:
        return ['has a preset and no prefix; write with what its keys begin, as `prefix: "shop:"`, or "" for all keys.']
    if not _PREFIX.fullmatch(str(prefix)):
        return [f"has the prefix {prefix!r}; keys begin with it literally, without *, ?, brackets, quotes and blanks."]
    return []


def _hash(value: Any) -> bool:
    return bool(_HASH.fullmatch(str(value)))


def assign_logins(
    entries: Sequence[Mapping[str, Any]],
    shared: Optional[Sequence[Mapping[str, Any]]],
    password: str,
    auth: bool,
    previous: str = "",
    transport: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Dict[str, Any]]:
    """Return for each data set its users, and with what each duty logs in. `requirepass` None: an ACL user rules it.

    `previous` is the password whose place `password` takes. The modules log in with either; all others with the new.
    `transport` is what their option `connection` says beside that: TLS.
    """
    by_name: Dict[str, Dict[str, Any]] = {}
    for entry in entries:
        users = users_of(entry, shared)
        users = [{**user, "cluster": True} for user in users] if is_cluster(entry) else users
        plain, old = secrets_of(entry, password, previous) if auth else ("", "")
        secret = {str(user["name"]): next(iter(user.get("passwords") or []), "") for user in users}
        before = {"": [old] if old else [], **{str(u["name"]): list(u.get("passwords_previous") or []) for u in users}}
        named = list_duties(users)
        ruled = rules_default(users)
        default = secret.get("default") or plain
        logins = {job: {"username": name, "password": secret[name] if name else default} for job, name in named.items()}
        own = [logins["operator"]["password"], *before[named["operator"] or ("default" if ruled else "")]]
        login = {**logins["operator"], "password": _either(own), "name": str(entry["name"])}
        login["fallback_password"] = _either([plain, *before[""]]) if users else ""
        backup = login_of(users, "backup") or {key: login[key] for key in ("username", "password")}
        newest = _newest(backup)["password"]
        access = {
            "users": [*users, *([only_password(plain, old)] if old and not ruled else [])],
            "rotating": bool(old) and not ruled,
            "login": login,
            "logins": logins,
            "connection": {**(transport or {}), **{key: value for key, value in login.items() if key != "name"}},
            "backup": backup,
            "backup_connection": {**(transport or {}), **backup},
            "backup_password": newest,
            "monitoring": _newest(login_of(users, "monitoring")),
            "endpoint": {"username": "", "password": plain, **_newest(login_of(users, "endpoint"))},
            # The name is no secret: Ansible would mask it wherever it is part of another one, such as a data set's.
            "masteruser": {"masteruser": logins["replication"]["username"]} if auth and users else {},
            "secrets": _secrets(logins["replication"], plain, ruled) if auth else {},
        }
        by_name.update(dict.fromkeys(server_names(entry), access))
    return by_name


def only_password(new: str, old: str) -> Dict[str, Any]:
    """Return the default user as somebody of whom nothing but the password is declared."""
    return {"name": "default", "passwords": [new], "passwords_previous": [old], "passwords_only": True}


def _either(words: Sequence[str]) -> Any:
    """Return one password as it is, and several as a list."""
    return list(words) if len(words) > 1 else words[0]


def _newest(login: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a login with one password."""
    return {key: value if isinstance(value, str) else value[0] for key, value in login.items()}


def login_of(users: Sequence[Mapping[str, Any]], job: str) -> Dict[str, Any]:
    """Return with what a job is done; nothing when no user has it and a password."""
    for user in users:
        if user.get("job") == job and user.get("state", "present") == "present" and user.get("passwords"):
            words = [str(user["passwords"][0]), *(user.get("passwords_previous") or [])]
            return {"username": str(user["name"]), "password": _either(words)}
    return {}


def _secrets(replication: Mapping[str, str], plain: str, ruled: bool) -> Dict[str, Optional[str]]:
    """Return what the configuration of a server says of passwords."""
    return {"requirepass": None if ruled else plain, "masterauth": replication["password"]}
