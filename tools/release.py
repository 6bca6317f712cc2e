#!/usr/bin/env python3
"""Make a release, or prove that one can be made.

tools/release.py prepare 1.0.0   write the version, and the changelog from its fragments, into this tree
tools/release.py build           build the tarball from the commit of the tag, which names the version
tools/release.py check           all of it in a scratch copy, then the rules of Galaxy and of Automation Hub on its
                                 tarball, and its installation where there is nothing else
tools/release.py check --lint    with the importer's ansible-lint, which the step lint of `make test` has done stricter
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

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
NEEDED = {"CHANGELOG.md", "LICENSE", "README.md", "meta/runtime.yml", "playbooks/site.yml", "playbooks/status.yml"}
VERSION = re.compile(r"^version: *(\S+)$", re.MULTILINE)
SEMANTIC = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
# Automation Hub takes none below; `check` makes this one while the version is below.
STABLE = "1.0.0"
NOBODY = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]


class Refused(Exception):
    """What stands in the way of a release."""


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a program; return what it printed, or say that when it failed."""
    ended = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if ended.returncode:
        raise Refused(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


def read(path: Path) -> Any:
    """Return what a YAML file says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def entries(sections: dict[str, Any]) -> set[str]:
    """Return the sentences of a changelog fragment, or of the changes of a release, that users are told."""
    told = [section for name, section in sections.items() if name != "trivial"]
    texts = [text for section in told for text in ([section] if isinstance(section, str) else section)]
    return {" ".join(text.split()) for text in texts}


def prepare(tree: Path, version: str) -> None:
    """Write version and changelog of a release; no sentence of a fragment may be lost."""
    if not SEMANTIC.fullmatch(version):
        raise Refused(f"{version} is no version like 1.0.0")
    galaxy = tree / "galaxy.yml"
    fragments = [read(path) for path in sorted((tree / "changelogs" / "fragments").glob("*.yml"))]
    galaxy.write_text(VERSION.sub(f"version: {version}", galaxy.read_text(encoding="utf-8")), encoding="utf-8")
    run("antsibull-changelog", "release", "--version", version, cwd=tree)
    run("yamllint", "--strict", "changelogs", cwd=tree)
    release = read(tree / "changelogs" / "changelog.yaml")["releases"][version]
    written = entries(release["changes"])
    lost = [text for fragment in fragments for text in entries(fragment) if text not in written]
    if lost:
        raise Refused("\n".join(["these sentences are not in the changelog:", *lost]))


def build(tree: Path, output: Path) -> Path:
    """Build the tarball of the release that the commit's tag names, from that commit alone."""
    version = str(read(tree / "galaxy.yml")["version"])
    if run("git", "status", "--porcelain", cwd=tree):
        raise Refused("there is something that is not committed")
    tags = run("git", "tag", "--points-at", "HEAD", cwd=tree).split()
    if tags != [version]:
        raise Refused(f"galaxy.yml says {version}, the tags of this commit are: {', '.join(tags) or 'none'}")
    if version not in read(tree / "changelogs" / "changelog.yaml")["releases"]:
        raise Refused(f"the changelog does not know {version}: tools/release.py prepare {version}")
    if left := sorted(path.name for path in (tree / "changelogs" / "fragments").glob("*.yml")):
        raise Refused(f"fragments that are in no release: {', '.join(left)}")
    with tempfile.TemporaryDirectory() as scratch:
        run("git", "clone", "--quiet", "--branch", version, str(tree), scratch, cwd=tree)
        run("ansible-galaxy", "collection", "build", "--output-path", str(output), scratch, cwd=tree)
    return output / f"quorum-redis-{version}.tar.gz"


def misplaced(names: set[str]) -> Iterator[str]:
    """Say what of a tarball only somebody needs who works on the collection, and what it lacks."""
    for name in sorted(names):
        known = name.partition("/")[0] in DIRECTORIES if "/" in name else name in FILES
        if not known or any(part.startswith(".") or part in ("__pycache__", "tests") for part in name.split("/")):
            yield f"does not belong into the tarball: {name}"
    yield from (f"is missing in the tarball: {name}" for name in sorted(NEEDED - names))


def import_warnings(tarball: Path, names: set[str], scratch: Path, lint: bool) -> Iterator[str]:
    """Let the importer of Galaxy judge, as strict as Automation Hub; say what it minds."""
    said = run(
        *(sys.executable, "-m", "galaxy_importer.main", str(tarball)),
        cwd=scratch,
        HOME=str(scratch),
        ANSIBLE_HOME=str(scratch / "ansible"),
        GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP=str(scratch / "tmp"),
        GALAXY_IMPORTER_CHECK_REQUIRED_TAGS="true",
        GALAXY_IMPORTER_RUN_ANSIBLE_LINT=str(lint),
        GALAXY_IMPORTER_REQUIRE_V1_OR_GREATER="true",
    )
    # Its ansible-lint looks below ansible_collections/ansible_collections for playbooks that examples import.
    unseen = re.compile(r"WARNING: ERROR +Failed to find quorum\.redis\.(\w+) playbook\.")
    for line in said.splitlines():
        found = unseen.fullmatch(line.strip())
        if line.startswith(("WARNING", "ERROR")) and not (found and f"playbooks/{found[1]}.yml" in names):
            yield f"galaxy-importer: {line}"
    if "Importer processing completed successfully" not in said or lint != ("...ansible-lint run complete" in said):
        yield f"galaxy-importer did not come to its end:\n{said}"


def install(tarball: Path, scratch: Path) -> None:
    """Install the tarball where there is nothing else, and let Ansible load it from there."""
    collections, home = scratch / "collections", scratch / "home"
    home.mkdir()
    empty = {"HOME": str(home), "ANSIBLE_HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    galaxy = ("ansible-galaxy", "collection")
    run(*galaxy, "install", "--offline", "--collections-path", str(collections), str(tarball), cwd=scratch, **empty)
    run(*galaxy, "verify", "--offline", "quorum.redis", cwd=scratch, **empty)
    run("ansible-doc", "--list", "quorum.redis", cwd=scratch, **empty)
    example = collections / "ansible_collections" / "quorum" / "redis" / "examples" / "six_lines.yml"
    run("ansible-playbook", "-i", str(example), "--syntax-check", "quorum.redis.site", cwd=scratch, **empty)


def copy(target: Path) -> None:
    """Make a repository of what git knows here or would add, with all that is not committed yet."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    names = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    with subprocess.Popen(["tar", "-c", "-C", str(ROOT), "--", *names], stdout=subprocess.PIPE) as packer:
        subprocess.run(["tar", "-x", "-C", str(target)], stdin=packer.stdout, check=True)
    run("git", "init", "--quiet", ".", cwd=target)


def is_refused(tree: Path, scratch: Path) -> bool:
    """Tell whether the tarball is refused as things are."""
    try:
        build(tree, scratch)
    except Refused:
        return True
    return False


def check(lint: bool) -> Iterator[str]:
    """Go the whole way to a release in a scratch copy; say what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        tree, scratch = Path(name) / "tree", Path(name) / "scratch"
        tree.mkdir()
        scratch.mkdir()
        copy(tree)
        version = str(read(tree / "galaxy.yml")["version"])
        version = STABLE if version.startswith("0.") else version
        prepare(tree, version)
        run("git", "add", "--all", cwd=tree)
        run("git", *NOBODY, "commit", "--quiet", "--message", version, cwd=tree)
        for wrong in ("", "0.0.1"):
            if wrong:
                run("git", "tag", wrong, cwd=tree)
            if not is_refused(tree, scratch):
                yield f"a tarball was built with {f'the tag {wrong}' if wrong else 'no tag'}"
        run("git", "tag", "--delete", "0.0.1", cwd=tree)
        run("git", "tag", version, cwd=tree)
        tarball = build(tree, scratch)
        with tarfile.open(tarball) as opened:
            names = {member.name for member in opened.getmembers() if not member.isdir()}
        yield from misplaced(names)
        yield from import_warnings(tarball, names, scratch, lint)
        install(tarball, scratch)
        print(f"{tarball.name}: {len(names)} files, {tarball.stat().st_size} bytes")


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "build", "check"])
    parser.add_argument("version", nargs="?")
    parser.add_argument("--lint", action="store_true")
    arguments = parser.parse_args()
    if (arguments.what == "prepare") != bool(arguments.version):
        parser.error("a version belongs to prepare, and to nothing else")
    try:
        if arguments.what == "prepare":
            prepare(ROOT, arguments.version)
            print(f"Read CHANGELOG.md, commit, then: git tag {arguments.version}; tools/release.py build")
        elif arguments.what == "build":
            print(build(ROOT, ROOT))
        else:
            problems = list(check(arguments.lint))
            print("\n".join(problems) or "a release can be made")
            return 1 if problems else 0
    except Refused as problem:
        print(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
