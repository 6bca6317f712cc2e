#!/usr/bin/env python3
"""Build the collection and check that its tarball carries what users need, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
}
DIRECTORIES = {"changelogs", "docs", "examples", "meta", "playbooks", "plugins", "roles"}
NEEDED = {"LICENSE", "README.md", "meta/runtime.yml", "playbooks/site.yml", "playbooks/status.yml"}


def main() -> int:
    """Compare the names in a fresh tarball with the lists above."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", scratch, str(ROOT)], check=True)
        (path,) = Path(scratch).glob("quorum-redis-*.tar.gz")
        size = path.stat().st_size
        with tarfile.open(path) as tarball:
            names = {member.name for member in tarball.getmembers() if not member.isdir()}
    problems = [
        f"does not belong there: {name}"
        for name in sorted(names)
        if (name.partition("/")[0] not in DIRECTORIES if "/" in name else name not in FILES)
        or any(part.startswith(".") or part in ("__pycache__", "tests") for part in name.split("/"))
    ]
    problems += [f"is missing: {name}" for name in sorted(NEEDED - names)]
    print("\n".join(problems) or f"{len(names)} files, {size} bytes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
