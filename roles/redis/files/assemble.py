# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assemble the file that a Redis or Valkey process starts with, and guard the start.

systemd runs `assemble server NAME` or `assemble sentinel NAME` before the process, as its user, and
`assemble stopped NAME` after a server. Standard library only: it must work while the machine boots.

Two owners, two files: /etc/redis/NAME.conf is Ansible's (to-be), STATE/redis.conf is the engine's (as-is:
CONFIG REWRITE and Sentinel change it). Each start makes the second anew from the first and carries over
only what the engine alone knows: `replicaof`, and for Sentinel its `sentinel ...` lines. A member of a cluster has its
role in nodes.conf, where only the shard of a replica is ever corrected: see `align_shards`. Where ACL users are
declared (/etc/redis/NAME.acl), they are added, and those that are not declared are carried over.

The guard decides in which role a server may start. It never lets a second primary up, and never an empty
one over replicas that hold data: see `decide` and `decide_member`. What it finds is one line in the journal.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence, Set, Tuple

ETC = Path(os.environ.get("QUORUM_REDIS_ETC", "/etc/redis"))
LIB = Path(os.environ.get("QUORUM_REDIS_LIB", "/var/lib/redis"))
HEADER = "# quorum.redis: assembled from sha256:"
FOOTER = "# quorum.redis: end of assembled part"
LOGINS = {"requirepass", "masterauth", "masteruser", "user"}
# A parked member follows an address that never answers: read-only, refuses to feed replicas, wipes nobody.
PARKED = ("127.0.0.1", 0)
COMPLAINTS: Set[str] = set()
Address = Tuple[str, int]


class UnusableError(Exception):
    """The start must not go on; the message says why and what to do."""


# --- what the others say -------------------------------------------------------------------------


@dataclass
class Peer:
    """Another member of the data set, as it answers now."""

    address: Address
    up: bool = False
    primary: bool = False
    follows: Address | None = None
    keys: int = 0
    replicas: int = 0
    was_linked: bool = False  # it lost its link to a primary during its present life


@dataclass
class Evidence:
    """All that the decision rests on."""

    me: Address
    recorded: str | None  # None: never started here; "primary"; "replica"
    recorded_target: Address | None = None
    has_data: bool = False
    clean_stop: bool = True
    sentinels: int = 0
    votes: dict[Address, int] = field(default_factory=dict)
    strangers: int = 0  # Sentinels that answered but do not watch this data set (yet)
    peers: list[Peer] = field(default_factory=list)

    def elected(self) -> Address | None:
        """Return the address that a majority of the declared Sentinels names."""
        return next((a for a, n in self.votes.items() if n * 2 > self.sentinels), None)

    def unwatched(self) -> bool:
        """No Sentinel is declared, or a majority of them does not watch this data set."""
        return self.strangers * 2 > self.sentinels or not self.sentinels


@dataclass
class Decision:
    """start: in this role (target None = primary). Otherwise wait; `final` = no policy may override."""

    start: bool
    why: str
    target: Address | None = None
    final: bool = False


def decide(ev: Evidence) -> Decision:
    """Pure: the role in which this server may start."""
    elected = ev.elected()
    if elected and elected != ev.me:
        return Decision(True, f"the Sentinels name {show(elected)} as the primary", elected)
    if elected is None and ev.recorded == "replica":
        return Decision(True, "as recorded", ev.recorded_target)
    full = [p for p in ev.peers if p.up and p.keys]
    if (elected == ev.me or ev.recorded == "primary") and not ev.has_data and full:
        serving = [p for p in full if p.primary]
        if elected is None and len(serving) == 1:
            return Decision(True, f"this member has no data, {show(serving[0].address)} has", serving[0].address)
        others = ", ".join(f"{show(p.address)} ({p.keys} keys)" for p in full)
        return Decision(False, f"this member has no data, but {others} would be wiped", final=True)
    if elected is None and ev.recorded is None:
        return Decision(True, "new member: parked until it is told whom to follow", PARKED)
    if elected is None and not ev.unwatched():
        return Decision(False, "no majority of the Sentinels answers")
    if not ev.has_data and not all(p.up for p in ev.peers):
        return Decision(False, "this member has no data, and not all of its peers answer")
    rivals = [p for p in ev.peers if p.up and p.primary and (p.keys or p.replicas)]
    names = ", ".join(show(p.address) for p in rivals)
    if elected == ev.me:
        if rivals:  # just promoted: Sentinel names it only when it has seen that
            return Decision(False, f"another primary answers, which the Sentinels do not name yet: {names}", final=True)
        # One that is silent for a second may live and hold what this member lost: it must not be overwritten.
        survivors = [p for p in ev.peers if not p.up or (p.follows == ev.me and p.was_linked)]
        if not ev.clean_stop and survivors:
            state = "live" if any(p.up for p in survivors) else "may live"
            return Decision(False, f"this primary crashed; its replicas {state}, so Sentinel may promote one")
        return Decision(True, "the Sentinels name this member as the primary")
    if not rivals:
        return Decision(True, "as recorded, no other primary answers")
    if len(rivals) == 1 and rivals[0].replicas and (rivals[0].keys or not ev.has_data):
        return Decision(True, f"{show(rivals[0].address)} serves as the primary", rivals[0].address)
    return Decision(False, f"another primary with data answers: {names}; redis_trust decides", final=True)


@dataclass
class View:
    """What another member of a cluster knows of us, as it answers now."""

    address: Address
    up: bool = False
    known: str = ""  # our identity, by the address
    slots: bool = False  # it says that we own some
    replicas: list[Address] = field(default_factory=list)  # that follow us and have not failed
    keys: int = 0


@dataclass
class Member:
    """All that the decision about a member of a cluster rests on."""

    id: str | None  # None: nodes.conf is not there; empty: it is damaged
    primary: bool = False  # by nodes.conf, with slots
    has_data: bool = False
    started_before: bool = False
    views: list[View] = field(default_factory=list)


def decide_member(ev: Member) -> Decision:
    """Pure: whether a member of a cluster may start. Its role is in nodes.conf; the others turn it where it is old."""
    up = [view for view in ev.views if view.up]
    if ev.id == "":
        return Decision(
            False, "nodes.conf is damaged: who this member is must come back from a backup of it", final=True
        )
    if ev.id is None:
        knowing = [view for view in up if view.known]
        if ev.has_data:
            return Decision(False, "there is data and no nodes.conf: it would claim slots of others", final=True)
        if knowing:
            names = f"{show(knowing[0].address)} knows it as {knowing[0].known[:8]}"
            why = f"this member has lost its identity, nodes.conf, and {names}: as another one it would wipe replicas"
            return Decision(False, why, final=True)
        if ev.started_before and len(up) < len(ev.views):
            return Decision(False, "this member has lost nodes.conf, and not all of the others answer")
        return Decision(True, "new member, until it is joined")
    if not ev.primary:
        return Decision(True, "replica of a cluster, or a member without slots")
    if ev.has_data:
        return Decision(True, "primary of a cluster, with its data")
    # Empty, and the others still take it for the primary: its replicas would be wiped as soon as it answers.
    owned = [view for view in up if view.slots]
    full = [view for view in up for other in owned if view.keys and view.address in other.replicas]
    if full:
        names = ", ".join(f"{show(address)}" for address in sorted({view.address for view in full}))
        return Decision(
            False, f"this member has no data, and its replicas hold keys: {names}. One is promoted", final=True
        )
    if len(up) * 2 <= len(ev.views):
        return Decision(False, "this member has no data, and most of the others do not answer")
    return Decision(True, "primary of a cluster without data, and nobody holds any of it")


def show(address: Address) -> str:
    """Write an address for people."""
    return f"{address[0]}:{address[1]}"


# --- asking --------------------------------------------------------------------------------------


def tls_context(tls: dict[str, str] | None) -> Any:
    """Return what verifies the others, as the facts tell; None without TLS."""
    if not tls:
        return None
    import ssl  # only where it is needed: the import takes longer than all the rest

    try:
        context = ssl.create_default_context(cafile=tls["ca"])
        context.load_cert_chain(tls["cert"], tls["key"])
    except OSError as error:
        files = ", ".join(tls.values())
        raise UnusableError(f"a file of TLS cannot be used: {error} ({files}). Not started; correct it") from error
    return context


def ask(address: Address, credentials: Sequence[str], tls: Any, *commands: Sequence[str]) -> list[Any]:
    """Send commands to one endpoint and return the replies; error replies come as exceptions in the list."""
    with socket.create_connection(address, timeout=1.0) as plain, secured(plain, address, tls) as sock:
        stream = sock.makefile("rwb")
        all_commands = [["AUTH", *credentials]] if credentials else []
        for command in [*all_commands, *commands]:
            stream.write(b"*%d\r\n" % len(command))
            for word in command:
                raw = word.encode()
                stream.write(b"$%d\r\n%s\r\n" % (len(raw), raw))
        stream.flush()
        replies = [reply(stream) for _each in range(len(all_commands) + len(commands))]
        return replies[len(all_commands) :]


def secured(sock: socket.socket, address: Address, tls: Any) -> socket.socket:
    """Speak TLS where that is told; why a certificate is not accepted is said once."""
    try:
        wrapped: socket.socket = tls.wrap_socket(sock, server_hostname=address[0]) if tls else sock
    except OSError as error:
        text = f"no TLS with {show(address)}: {error}"
        if text not in COMPLAINTS:
            print(text, file=sys.stderr)
        COMPLAINTS.add(text)
        raise
    return wrapped


def reply(stream: Any) -> Any:
    """Read one RESP2 reply."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("connection closed")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        return OSError(rest.decode(errors="replace"))
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return None if rest == b"-1" else [reply(stream) for _each in range(int(rest))]
    return int(rest) if kind == b":" else rest.decode(errors="replace")


def ask_sentinel(address: Address, credentials: Sequence[str], name: str, tls: Any = None) -> Address | None:
    """Return the primary that this Sentinel names; None when it does not watch the set. Raises OSError."""
    (answer,) = ask(address, credentials, tls, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name])
    if isinstance(answer, OSError):
        raise answer
    return (str(answer[0]), int(answer[1])) if answer else None


def ask_peer(address: Address, credentials: Sequence[str], tls: Any = None) -> Peer:
    """Ask a member how it is now."""
    peer = Peer(address)
    try:
        answers = ask(address, credentials, tls, ["INFO", "replication"], ["INFO", "keyspace"], ["INFO", "server"])
    except (OSError, ValueError):  # nobody, or somebody who speaks another language
        return peer
    if any(not isinstance(answer, str) for answer in answers):
        return peer
    info = dict(line.split(":", 1) for line in "\n".join(answers).splitlines() if ":" in line)
    if not {"role", "uptime_in_seconds"} <= set(info):
        return peer
    peer.up = True
    peer.primary = info.get("role") == "master"
    peer.replicas = int(info.get("connected_slaves", 0))
    databases = (value for key, value in info.items() if key.startswith("db") and "keys=" in value)
    peer.keys = sum(int(value.split(",")[0].split("=")[1]) for value in databases)
    if not peer.primary:
        peer.follows = (info.get("master_host", ""), int(info.get("master_port", 0)))
        lost = int(info.get("master_link_down_since_seconds", -1))
        peer.was_linked = info.get("master_link_status") == "up" or 0 <= lost < int(info["uptime_in_seconds"])
    return peer


def gather(facts: dict[str, Any], recorded: Address | None, known: bool, data: Path) -> Evidence:
    """Ask every Sentinel and every peer at once."""
    ev = Evidence(me=(facts["address"], facts["port"]), recorded=None)
    if known:
        ev.recorded, ev.recorded_target = ("replica", recorded) if recorded else ("primary", None)
        if recorded == PARKED:
            ev.recorded, ev.recorded_target = None, None
    ev.has_data = has_data(data)
    ev.clean_stop = (data / "clean-stop").exists()
    ev.sentinels = len(facts["sentinels"])
    tls = tls_context(facts.get("tls"))
    # Who is known by the other one of two ports, which peers have just left or will soon take.
    both = [member for member in [*facts["members"], facts] if "other_port" in member]
    proper = {(member["address"], member["other_port"]): (member["address"], member["port"]) for member in both}
    if ev.recorded_target:
        ev.recorded_target = proper.get(ev.recorded_target, ev.recorded_target)
    with ThreadPoolExecutor(16) as pool:
        secret = [facts["sentinel_password"]] if facts.get("sentinel_password") else []
        named = [
            pool.submit(ask_sentinel, (s["address"], s["port"]), secret, facts["name"], tls) for s in facts["sentinels"]
        ]
        secret = [facts["username"]] if facts.get("username") else []
        secret += [facts["password"]] if facts.get("password") else []
        ev.peers = list(pool.map(lambda m: ask_peer((m["address"], m["port"]), secret, tls), facts["members"]))
    for peer in ev.peers:
        peer.follows = proper.get(peer.follows, peer.follows) if peer.follows else None
    for vote in named:
        if vote.exception() is None:
            address = vote.result()
            if address is None:
                ev.strangers += 1
            else:
                address = proper.get(address, address)
                ev.votes[address] = ev.votes.get(address, 0) + 1
    return ev


def guard(facts: dict[str, Any], recorded: Address | None, known: bool, data: Path) -> Address | None:
    """Whom this server follows (None: it is the primary). Asks until a decision or the time limit."""
    deadline = time.monotonic() + facts["wait"]
    reason = ""
    while True:
        decision = decide(gather(facts, recorded, known, data))
        if decision.start:
            role = f"replica of {show(decision.target)}" if decision.target else "primary"
            print(f"start as {role}: {decision.why}", file=sys.stderr)
            return decision.target
        if decision.why != reason:
            reason = decision.why
            print(f"waiting: {reason}", file=sys.stderr)
        if time.monotonic() >= deadline:
            break
        time.sleep(0.3)
    crashed = decision.why.startswith("this primary crashed")
    if not decision.final and (crashed or facts["policy"] == "recorded"):
        print(f"start as primary after {facts['wait']} s, as recorded: {reason}", file=sys.stderr)
        return None
    raise UnusableError(f"not started: {reason}. Tried again by systemd; a run of site.yml shows who says what")


def ask_view(address: Address, credentials: Sequence[str], tls: Any, me: Address, myid: str) -> View:
    """Ask a member of our cluster what it knows of us."""
    view = View(address)
    try:
        nodes, keys = ask(address, credentials, tls, ["CLUSTER", "NODES"], ["INFO", "keyspace"])
    except (OSError, ValueError):
        return view
    if not isinstance(nodes, str) or not isinstance(keys, str):
        return view
    view.up = True
    view.keys = sum(int(count) for count in re.findall(r"^db\d+:keys=(\d+)", keys, re.MULTILINE))
    rows = [words for words in (line.split() for line in nodes.splitlines()) if len(words) > 7]
    places = {words[0]: words[1].split("@")[0].rpartition(":") for words in rows}
    own = [words for words in rows if words[0] == myid or (places[words[0]][0], int(places[words[0]][2])) == me]
    # Whom a node has not met yet, it knows under a name of its own making.
    own = [words for words in own if "handshake" not in words[2]]
    view.known = own[0][0] if own else ""
    view.slots = any(len(words) > 8 for words in own)
    following = [
        words[0] for words in rows if words[3] in {words[0] for words in own} and "fail" not in words[2].split(",")
    ]
    view.replicas = [
        address if "myself" in words[2] else (places[words[0]][0], int(places[words[0]][2]))
        for words in rows
        if words[0] in following
    ]
    return view


def identity(state: Path) -> tuple[str | None, bool]:
    """Return who nodes.conf says we are (None: it is not there; empty: it is damaged), and whether we own slots."""
    try:
        text = state.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return None, False
    if not text.strip():
        return None, False
    rows = [words for words in (line.split() for line in text.splitlines()) if len(words) > 7 and "myself" in words[2]]
    if len(rows) != 1 or "vars currentEpoch" not in text:
        return "", False
    # What is in brackets is on its way, not ours alone.
    return rows[0][0], "master" in rows[0][2] and any(not word.startswith("[") for word in rows[0][8:])


def align_shards(text: str) -> str:
    """Pure: return nodes.conf with each replica in the shard of its primary.

    A server that ends within seconds of a change of roles may have saved two shards for one. Valkey up to 8.1.1
    and Redis 7.2 then refuse their own file; later ones take the primary's shard, as is done here.
    """
    rows = [line.split(" ") for line in text.split("\n")]
    nodes = [row for row in rows if len(row) > 7]
    shards = {row[0]: match[1] for row in nodes for match in [re.search("shard-id=([0-9a-f]+)", row[1])] if match}
    for row in nodes:
        if row[0] in shards and row[3] in shards:
            row[1] = row[1].replace(f"shard-id={shards[row[0]]}", f"shard-id={shards[row[3]]}")
    return "\n".join(" ".join(row) for row in rows)


def repair_nodes(state: Path) -> None:
    """Let the engine read its own nodes.conf; a file that it can read is not written."""
    try:
        text = state.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return
    aligned = align_shards(text)
    if aligned != text:
        replace_file(state, aligned)
        print(f"{state}: a replica was in another shard than its primary; now in the same one", file=sys.stderr)


def gather_member(facts: dict[str, Any], started_before: bool, data: Path) -> Member:
    """Read who we are, and ask all others at once where that is not enough."""
    myid, primary = identity(data / "nodes.conf")
    ev = Member(myid, primary, has_data(data), started_before)
    if myid and (ev.has_data or not primary):
        return ev
    tls, me = tls_context(facts.get("tls")), (facts["address"], facts["port"])
    secret = [facts["username"]] if facts.get("username") else []
    secret += [facts["password"]] if facts.get("password") else []
    others = [(member["address"], member["port"]) for member in facts["members"]]
    with ThreadPoolExecutor(16) as pool:
        ev.views = list(pool.map(lambda other: ask_view(other, secret, tls, me, myid or ""), others))
    return ev


def guard_member(facts: dict[str, Any], started_before: bool, data: Path) -> None:
    """Let a member of a cluster start, or wait until that harms nobody."""
    deadline, reason = time.monotonic() + facts["wait"], ""
    while True:
        decision = decide_member(gather_member(facts, started_before, data))
        if decision.start:
            repair_nodes(data / "nodes.conf")
            print(f"start: {decision.why}", file=sys.stderr)
            return
        if decision.why != reason:
            reason = decision.why
            print(f"waiting: {reason}", file=sys.stderr)
        if time.monotonic() >= deadline:
            raise UnusableError(f"not started: {reason}. Tried again by systemd; docs/cluster.md says what to do")
        time.sleep(0.3)


# --- files ---------------------------------------------------------------------------------------


def has_data(data: Path) -> bool:
    """Return whether a server would load anything here."""
    files = [*data.glob("*.rdb"), *data.glob("*.aof"), *data.glob("*/*.rdb"), *data.glob("*/*.aof")]
    return any(f.stat().st_size for f in files if not f.name.startswith("temp-"))


def only_rdb(data: Path) -> bool:
    """Detect a snapshot without an AOF, which a server told to use the AOF would ignore and later overwrite."""
    rdb = [f for f in data.glob("*.rdb") if f.stat().st_size and not f.name.startswith("temp-")]
    aof = [*data.glob("*.aof"), *data.glob("*/*.manifest")]
    return bool(rdb) and not aof


def previous_lines(state: Path) -> list[str] | None:
    """Return the lines the process left behind; None before the first start. A damaged file stops the start."""
    try:
        text = state.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableError(f"{state} cannot be read: {error}. Not started, the role it records is unknown") from error
    lines = text.split("\n")  # as the engine does; a password may hold what else Python takes for the end of a line
    if not text.endswith("\n") or not lines[0].startswith(HEADER) or FOOTER not in lines:
        raise UnusableError(
            f"{state} is damaged, so the role it records is unknown. Not started. Remove it to start parked, "
            "then run site.yml"
        )
    return lines


def recorded_target(lines: Sequence[str]) -> Address | None:
    """Return the address in the recorded replicaof; None when it records a primary."""
    target = None
    for words in (line.split() for line in lines):
        if len(words) == 3 and words[0].lower() in ("replicaof", "slaveof"):
            target = None if words[1].lower() == "no" else (words[1].strip('"'), int(words[2]))
    return target


def users(declared: Path, previous: Sequence[str], absent: Sequence[str]) -> list[str]:
    """Return the lines of the declared ACL users, and of those that somebody else made and the engine wrote down.

    `absent`: who is not to be there. A server that was down was not told, and its file still names them.
    """
    if not declared.exists():
        return []
    lines = [line for line in declared.read_text(errors="surrogateescape").splitlines() if line.startswith("user ")]
    known = {"default", *absent, *(line.split()[1] for line in lines)}
    return lines + [line for line in previous if line.startswith("user ") and line.split()[1] not in known]


def write(state: Path, managed: str, extra: Sequence[str]) -> None:
    """Write the assembled file."""
    # Without passwords, which a process is told live, and a note on them: their change is no reason for a restart.
    rows = [
        row for row in managed.splitlines() if row.split(" ")[0] not in LOGINS and not row.startswith("# default: ")
    ]
    digest = hashlib.sha256("\n".join(rows).encode(errors="surrogateescape")).hexdigest()
    text = "\n".join([HEADER + digest, managed.rstrip("\n"), *extra, FOOTER, ""])
    replace_file(state, text)


def replace_file(state: Path, text: str) -> None:
    """Write a file under a temporary name and rename it."""
    temporary = state.with_suffix(".new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(descriptor, "w", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(state)
    except OSError as error:
        todo = "The previous one is kept; free space, start again"
        raise UnusableError(f"{state} cannot be written: {error}. {todo}") from error


def server(name: str) -> None:
    """Before a server starts."""
    managed, data = (ETC / f"{name}.conf").read_text(errors="surrogateescape"), LIB / name
    facts = json.loads((ETC / f"{name}.json").read_text())
    previous = previous_lines(data / "redis.conf")
    if facts.get("cluster"):
        guard_member(facts, previous is not None, data)
        target = None
    else:
        target = guard(facts, recorded_target(previous or []), previous is not None, data)
    extra = users(ETC / f"{name}.acl", previous or [], facts.get("users_absent", []))
    extra += [f"replicaof {target[0]} {target[1]}"] if target else []
    if only_rdb(data) and "appendonly yes" in managed.splitlines():
        print("AOF is declared but only a snapshot is here: loading it, AOF off until site.yml runs", file=sys.stderr)
        extra.append("appendonly no")
    write(data / "redis.conf", managed, extra)
    for note in ("clean-stop", "restart-wanted"):
        (data / note).unlink(missing_ok=True)


def readable(line: str) -> str:
    """Return a line of a Sentinel so that it can read it again: it writes credentials without the quotes they need."""
    match = re.fullmatch(r"(sentinel (?:auth-(?:pass|user) \S+|sentinel-(?:pass|user))) (.+)", line)
    word = match[2] if match else ""
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
    if not match or quoted or not re.search(r"[\s\"']", word, re.ASCII):
        return line
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'{match[1]} "{escaped}"'


def sentinel(name: str) -> None:
    """Before a Sentinel starts: its own memory (who is primary, epochs, myid, peers) is carried over."""
    managed, state = (ETC / f"{name}.conf").read_text(errors="surrogateescape"), LIB / name / "redis.conf"
    declared = {tuple(line.split()[:2]) for line in managed.splitlines() if line.startswith("sentinel ")}
    lines = previous_lines(state) or []
    carried = [readable(s) for s in lines if s.startswith("sentinel ") and tuple(s.split()[:2]) not in declared]
    write(state, managed, carried)


def stopped(name: str) -> None:
    """After a server: an orderly end is remembered, a crash is not."""
    if os.environ.get("SERVICE_RESULT") == "success":
        (LIB / name / "clean-stop").touch()


def main() -> int:
    """Command line: VERB NAME."""
    try:
        {"server": server, "sentinel": sentinel, "stopped": stopped}[sys.argv[1]](sys.argv[2])
    except UnusableError as error:
        print(f"{sys.argv[2]}: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError, KeyError) as error:
        print(f"{sys.argv[2]}: {error!r}. Not started; run site.yml to repair the files of this host", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
