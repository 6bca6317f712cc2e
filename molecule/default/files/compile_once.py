# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what Python compiles out of zip files: a module of Ansible comes in one, so each task would compile it anew."""

import marshal
import os
import sys
import zipimport
from types import CodeType

PLACE = "/var/cache/lab"  # a directory of the lab, which its hosts share
compile_anew = zipimport._compile_source  # type: ignore[attr-defined]


def compile_once(path: str, source: bytes) -> CodeType:
    """Return the code of a source, which is kept under what it is made from."""
    import hashlib  # not for a program that has no zip file

    digest = hashlib.sha256(path.rpartition(".zip")[2].encode() + b"\0" + source).hexdigest()
    name = f"{PLACE}/{sys.implementation.cache_tag}-{digest}"
    try:
        with open(name, "rb") as kept:
            return marshal.load(kept)
    except (OSError, ValueError, EOFError, TypeError):
        code = compile_anew(path, source)
    part = f"{name}.{os.uname().nodename}.{os.getpid()}"
    try:
        with open(part, "wb") as kept:
            marshal.dump(code, kept)
        os.rename(part, name)
    except OSError:  # not as root, or a full disk
        pass
    return code


zipimport._compile_source = compile_once  # type: ignore[attr-defined]
