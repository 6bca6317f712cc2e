# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timer of a host runs for Prometheus, without Ansible: look, and write down what was seen. Read-only.

It asks as the user with the least rights, and nothing that this one may not: a refusal would be counted by the server.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._backup import manifest as manifests
from .._core.errors import CommandFailed, QuorumError
from .._host.commands import run_program
from .._model.backup_manifest import PASSED, parse_time
from .._model.certificate import not_after
from .._model.facts import Observations, Process, collect_facts
from .._model.rotation_marks import parse_marks
from .._redis.endpoint import Endpoint
from .._redis.observe import Place, look_at_all, observe_all, observe_cluster_member, observe_sentinels
from .._redis.plain import Plain
from .._redis.replies import parse_info
from .._redis.tls import Tls, read_certificate

SECONDS = 2.0  # for one answer
NEVER_ASKED = (("CONFIG", "GET"), ("SENTINEL", "MYID"))
Settings = Mapping[str, Any]


class Modest(Plain):
    """A connection of a user with the least rights."""

    def call(self, *args: Any) -> Any:
        """Send one command, unless it would be refused for sure."""
        if args[:2] in NEVER_ASKED:
            raise CommandFailed("NOPERM, not asked", str(self.endpoint))
        return super().call(*args)


class Look:
    """One look at what a host is told of."""

    def __init__(self, settings: Settings) -> None:
        """Read how to get in."""
        self.settings = settings
        # A file that cannot be read is found out by each connection: what needs none is told all the same.
        self.tls = Tls(*(settings[f"tls_{part}_file"] for part in ("ca", "cert", "key"))) if settings["tls"] else None

    def list_places(self, entries: Sequence[Dict[str, str]], name: str = "") -> List[Place]:
        """Return where processes of a data set are, or Sentinels, with what to log in."""
        user = self.settings["users"][name] if name else self.settings["sentinel_user"]
        password = self.settings["passwords"][name] if name else self.settings["sentinel_password"]
        who = (user or None, password or None)
        return [
            (entry["host"], Endpoint(entry["address"], int(entry["port"]), *who, timeout=SECONDS, tls=self.tls))
            for entry in entries
        ]

    def look_around(self) -> Observations:
        """Look at everything."""
        places = {
            data_set["name"]: self.list_places(data_set["members"], data_set["name"])
            for data_set in self.settings["sets"]
        }
        # All at once: hosts that are down cost their patience once.
        seen = iter(observe_all([place for of_set in places.values() for place in of_set], kind=Modest))
        servers: Dict[str, Dict[str, Any]] = {}
        for name, of_set in places.items():
            for host, _place in of_set:
                servers.setdefault(host, {})[name] = next(seen).to_dict()
        for cluster in self.settings["clusters"]:
            self._add_nodes(servers, cluster)
        watchers = observe_sentinels(self.list_places(self.settings["sentinels"]), kind=Modest)
        backup, installed = self.settings["backup"], build_of(self.settings["binary"])
        return Observations(
            servers,
            {view.host: view.to_dict() for view in watchers},
            [self.look_at_process(process, installed) for process in self.settings["processes"]],
            {name: find_backups(backup, name) for name in backup["directories"]},
            certificate_until(self.settings["certificate"]),
        )

    def _add_nodes(self, servers: Dict[str, Dict[str, Any]], cluster: Settings) -> None:
        """Add the members of a cluster, under the names of their servers, each with what it says of the others."""
        names = {server["port"]: server["name"] for server in cluster["servers"]}
        places = self.list_places(cluster["members"], cluster["name"])
        looks = look_at_all(lambda place, host: observe_cluster_member(place, host, Modest), places)
        for (host, place), (seen, view) in zip(places, looks):
            servers.setdefault(host, {})[names[place.port]] = {**seen.to_dict(), "cluster": view}

    def look_at_process(self, declared: Settings, installed: str) -> Process:
        """Look at one process of this host."""
        ((_host, place),) = self.list_places([{**declared, "host": self.settings["me"]}], declared["set"])
        labels = {"addr": declared["addr"], **({"set": declared["set"]} if declared["set"] else {})}
        process = Process(labels, wants_restart(place, declared, installed))
        with suppress(OSError):
            text = Path(declared["users"]).read_text(encoding="utf-8", errors="replace")
            process.rotating = {user: float(since) for user, since in parse_marks(text).items()}
        if declared["tls_port"]:
            own = Tls(None, self.settings["certificate"], self.settings["key"]) if self.settings["key"] else Tls()
            with suppress(OSError, ValueError):
                process.served_until = not_after(
                    read_certificate(own, declared["address"], int(declared["tls_port"]), SECONDS)
                )
        return process


def build_of(binary: str) -> str:
    """Return what tells the installed program from another one, as INFO says it; empty when it does not tell."""
    try:
        code, output = run_program([binary, "--version"], seconds=SECONDS)
    except OSError:
        return ""
    match = re.search(r"build=(\w+)", output)
    return match.group(1) if match and not code else ""


def wants_restart(place: Endpoint, declared: Settings, installed: str) -> Optional[bool]:
    """Return whether a process runs another program than the installed one, or a restart is left; None: not known."""
    try:
        with Modest(place) as client:
            info = parse_info(client.call("INFO", "server"))
    except QuorumError:
        return None
    running = info.get("redis_build_id", "")
    changed = bool(installed and running and installed != running)
    return (
        changed
        or Path(declared["note"]).exists()
        or bool(pending_settings(declared["pending"], info.get("run_id", "")))
    )


def pending_settings(path: str, run_id: str) -> List[str]:
    """Return the settings that wait for a restart of this process, as `site` has noted them."""
    try:
        note = json.loads(Path(path).read_text(encoding="utf-8"))
        return list(note["settings"]) if note["run_id"] == run_id else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def certificate_until(path: str) -> Optional[float]:
    """Return when the first certificate of a file ends; None where there is none."""
    try:
        pem = Path(path).read_text(encoding="ascii", errors="replace")
        first = pem[pem.index(ssl.PEM_HEADER) : pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
        return not_after(ssl.PEM_cert_to_DER_cert(first))
    except (OSError, ValueError):
        return None


def find_backups(settings: Settings, name: str) -> Dict[str, float]:
    """Return when the newest backup of a set on this host was made, proven, copied away and drilled."""
    place = Path(settings["directories"][name])
    moments: Dict[str, float] = {}
    for backup in reversed(manifests.list_backups(str(place))):
        try:
            manifest = manifests.read_manifest(str(place / backup))
            if not manifest.good or (name in settings["clusters"] and not manifests.is_whole(str(place), manifest)):
                continue
            ended = parse_time(manifest.ended)
            moments.setdefault("success", ended)
            drilled = [parse_time(str(drill["at"])) for drill in manifest.drills if drill.get("result") == PASSED]
        except (QuorumError, KeyError):
            continue
        if (manifest.verified.load if settings["load"] else manifest.verified.file_check) == PASSED:
            moments.setdefault("proof", ended)
        if drilled:
            moments.setdefault("drill", drilled[-1])
    with suppress(OSError, ValueError, KeyError, QuorumError):
        report = json.loads(Path(settings["report"]).read_text(encoding="utf-8"))
        moments["copy"] = parse_time(report["sets"][name]["copied"])
    return moments


def replace_file(path: Path, text: str) -> None:
    """Replace the file at once: whoever collects it never reads a part."""
    draft = path.with_name(f".{path.name}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def main(arguments: Sequence[str]) -> int:
    """Look once: `facts SETTINGS FILE`."""
    if len(arguments) != 2:
        sys.stderr.write("usage: facts SETTINGS FILE\n")
        return 2
    settings = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    replace_file(Path(arguments[1]), collect_facts(settings, Look(settings).look_around(), time.time()))
    return 0
