"""What the lints share: the list of files, and reporting."""
import os
import subprocess
import sys


def files(root):
    """Paths relative to root of what git tracks or would track; without git, everything but build folders."""
    git = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
    )
    if git.returncode == 0:
        names = sorted(set(os.fsdecode(name) for name in git.stdout.split(b"\0") if name))
        return [name for name in names if os.path.isfile(os.path.join(root, name))]
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in ("build", ".git", ".cache", "__pycache__"))
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
    return found


def lines(root, name):
    """The numbered lines of a text file; nothing of a binary one."""
    with open(os.path.join(root, name), "rb") as opened:
        data = opened.read()
    if b"\0" in data:
        return []
    return list(enumerate(data.decode("utf-8", "replace").splitlines(), 1))


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
