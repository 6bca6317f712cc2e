# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that holds the data of a backup, for the primary to follow: on loopback, read by nobody else.

It takes the password that the primary shows to whom it follows, so that no setting of the primary is touched. It runs
with few rights, is the first that the kernel ends when memory is short, and dies with its parent.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Mapping, Optional, Sequence

from .._core.errors import Damaged, QuorumError
from .._host.capacity import memory_free
from .._host.commands import Program
from .._host.compression import unpack_file
from .._host.sandbox import drop_to, end_child, feed_child, memory_directory, start_child
from .._model.backup_manifest import Manifest
from .._model.conf_syntax import Line
from .._redis.client import Client, connect
from .._redis.endpoint import Endpoint
from .._redis.replies import parse_info, parse_number, reason_in_log
from .rdb_check import drop_privileges

RDB = "backup"  # not *.rdb: the start guard must not take it for data of the server
ADDRESS = "127.0.0.1"


def stage_backup(directory: str, manifest: Manifest, stage: Path, user: str) -> None:
    """Copy the RDB of a backup, unpacked, to where the server reads it. Damaged: it is not what it was.

    The directory above belongs to the service: nothing that it may have put there is followed.
    """
    shutil.rmtree(stage, ignore_errors=True)
    try:
        stage.mkdir(0o700)
        place = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            number_ = os.open(RDB, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=place)
            with os.fdopen(number_, "wb") as target:
                packed = str(Path(directory) / manifest.rdb)
                unpack_file(packed, manifest.compression, manifest.rdb_sha256, target)
                account = drop_to(user)
                if account:
                    os.fchown(target.fileno(), account.pw_uid, account.pw_gid)
                    os.fchown(place, account.pw_uid, account.pw_gid)
        finally:
            os.close(place)
    except OSError as problem:
        raise QuorumError(f"The backup cannot be unpacked: {problem}", str(stage)) from problem


TLS = ("tls-cert-file", "tls-key-file", "tls-ca-cert-file")


def seed_configuration(
    stage: str, port: int, shown: Mapping[str, str], tls_port: int = 0, more: Sequence[str] = ()
) -> str:
    """Return the configuration of the server; pure. `shown`: what the one says that will follow it."""
    user, password = shown["masteruser"], shown["masterauth"]
    lines = [
        Line("port", [str(port)]),
        Line("bind", [ADDRESS]),
        Line("protected-mode", ["no"]),
        Line("dir", [stage]),
        Line("dbfilename", [RDB]),
        Line("databases", [shown["databases"]]),
        Line("save", [""]),
        Line("appendonly", ["no"]),
        Line("daemonize", ["no"]),
        Line("logfile", [""]),
        Line("repl-diskless-sync", ["yes"]),
        Line("repl-diskless-sync-delay", ["0"]),
        Line("repl-timeout", ["3600"]),
        Line("client-output-buffer-limit", ["replica", "0", "0", "0"]),
    ]
    if tls_port:
        lines += [Line("tls-port", [str(tls_port)]), Line("tls-auth-clients", ["no"])]
        lines += [Line(key, [shown[key]]) for key in TLS]
    if user:
        lines += [Line("user", [user, "on", f">{password}", "~*", "+@all"]), Line("user", ["default", "off"])]
    elif password:
        lines.append(Line("requirepass", [password]))
    return "\n".join([*(line.text for line in lines), *more, ""])


class Feeder:
    """The server; started, asked, and stopped."""

    def __init__(self, binary: str, stage: Path, user: str) -> None:
        """Remember what to run and where."""
        self.binary, self.stage, self.user = binary, stage, user
        self.process: Optional[Program] = None
        self.log = -1
        self.port = 0
        self.place = Endpoint()

    def start(self, shown: Mapping[str, str], more: Sequence[str] = ()) -> None:
        """Start it; it may still be loading. `shown`: what the one says that will follow it; `more`: lines for both."""
        with socket.socket() as first, socket.socket() as other:
            first.bind((ADDRESS, 0))
            other.bind((ADDRESS, 0))
            port, secure = first.getsockname()[1], other.getsockname()[1]
        secure = secure if shown.get("tls-replication") == "yes" else 0
        self.port = secure or port
        self.place = Endpoint(ADDRESS, port, shown["masteruser"] or None, shown["masterauth"] or None, None, 30.0)
        text = seed_configuration(str(self.stage), port, shown, secure, more)
        self.log, path = tempfile.mkstemp(dir=memory_directory())
        Path(path).unlink()
        self.process = start_child([self.binary, "-"], str(self.stage), self.log, drop_privileges(self.user))
        feed_child(self.process, text)

    def await_loaded(self, wait: float, reserve: int, beat: Callable[[], None]) -> Dict[str, str]:
        """Wait until it has loaded everything; return INFO. Damaged: the engine does not read the file."""
        end = time.monotonic() + wait
        while True:
            beat()
            if self.process is None or self.process.poll() is not None:
                raise Damaged(f"The engine does not load the backup: {self.find_reason()}", "", "Use another one")
            if memory_free() < reserve:
                raise QuorumError(
                    f"Less than {reserve >> 20} MiB of memory are left with the backup beside the present data",
                    "",
                    "Give the host more memory",
                )
            if time.monotonic() > end:
                raise QuorumError(f"The backup is not loaded after {wait:g} s", "", "Wait longer")
            if self._listens():
                try:
                    info = self.read_info()
                    if info.get("loading") == "0":
                        return info
                except QuorumError:
                    pass  # it ends, and the next look says why
            time.sleep(0.05)

    def read_info(self) -> Dict[str, str]:
        """Return INFO."""
        with connect(self.place) as client:
            return parse_info(client.call("INFO"))

    def read_offset(self) -> int:
        """Return where its stream is."""
        return parse_number(self.read_info().get("master_repl_offset"))

    def find_reason(self) -> str:
        """Return what it complained about."""
        text = os.pread(self.log, 1 << 20, 0).decode("utf-8", "replace") if self.log >= 0 else ""
        return reason_in_log(text) or " ".join(text.splitlines()[-2:]) or "it ended without a word"

    def stop(self) -> None:
        """End it, and remove what it had on disk."""
        if self.process is not None:
            end_child(self.process)
            self.process = None
        if self.log >= 0:
            os.close(self.log)
            self.log = -1
        shutil.rmtree(self.stage, ignore_errors=True)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((ADDRESS, self.place.port)) == 0


def read_credentials(client: Client) -> Mapping[str, str]:
    """Return what a server shows to whom it follows, and its files of TLS."""
    keys = ("databases", "masteruser", "masterauth", "tls-replication", *TLS)
    return {key: client.read_pairs("CONFIG", "GET", key).get(key, "") for key in keys}
