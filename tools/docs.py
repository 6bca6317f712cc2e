#!/usr/bin/env python3
"""Make the documentation as a web site in .cache/docs/html: the guides, the READMEs of the roles, and the reference.

Everything is what stands elsewhere: Markdown of this repository, and what antsibull-docs finds in the installed
collection (tools/install_collection). A warning is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / ".cache" / "docs"
SOURCE = SITE / "source"


def copy_guides() -> None:
    """Copy the pages to where their links to each other hold."""
    patterns = ("LICENSE", "*.md", "docs/*.md", "docs/*.svg", "roles/*/README.md")
    pages = [path for pattern in patterns for path in ROOT.glob(pattern)]
    examples = [path for path in (ROOT / "examples").rglob("*") if path.is_file()]
    for path in [*pages, *examples]:
        target = SOURCE / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    for name in ("index.md", "ansible.rst"):
        shutil.copy2(ROOT / "tools" / "docsite" / name, SOURCE / name)
    roles = sorted(path.parent.name for path in ROOT.glob("roles/*/README.md"))
    listed = "\n".join(f"roles/{name}/README" for name in roles)
    text = f"# Variables of the roles\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    (SOURCE / "roles.md").write_text(text, encoding="utf-8")


def main() -> int:
    """Make the pages anew."""
    shutil.rmtree(SITE, ignore_errors=True)
    reference = SOURCE / "reference"
    reference.mkdir(parents=True, mode=0o755)
    reference.chmod(0o755)  # antsibull-docs refuses a directory that others may write to
    copy_guides()
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".lab" / "collections")}
    flags = ["--use-current", "--squash-hierarchy", "--fail-on-error"]
    docs = ["antsibull-docs", "collection", *flags, "--dest-dir", str(reference), "quorum.redis"]
    sphinx = ["sphinx-build", "-q", "-W", "--keep-going", "-c", str(ROOT / "tools" / "docsite")]
    lint = ["antsibull-docs", "lint-collection-docs", "--plugin-docs", str(ROOT)]
    html = [*sphinx, "-b", "html", str(SOURCE), str(SITE / "html")]
    for command in (["tools/install_collection"], lint, docs, html):
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            return code
    print(f"{len(list((SITE / 'html').rglob('*.html')))} pages: {(SITE / 'html' / 'index.html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
