"""A container's confinement without a container engine: namespaces, a root of its own, no rights.

As `docker run --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp` does it: all
that a program finds is read-only but for /tmp, /dev/shm and its volumes, it has nobody's rights, and it
is the first process.
"""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAMS = ("unshare", "mount", "chroot", "setpriv")
SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "etc")
"""Of the base image's root; here they are this machine's."""


def unavailable() -> str:
    """Why nothing can be confined here; empty: it can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() if tried.returncode else ""


def confined(
    command: Sequence[str],
    *,
    root: Path,
    shown: Sequence[Path],
    volumes: Mapping[Path, Path],
    environment: Mapping[str, str],
    folder: Path,
    user: int,
    accounts: Path,
) -> list[str]:
    """The command line that runs `command` with what the container has, and nothing else.

    root: an empty folder. shown: what can be read, each at its own path; so can this interpreter.
    volumes: what can be written, each by the path at which it is found. folder: where the command begins.
    user: the number of an account that stands in the file `accounts`, which takes the place of
    /etc/passwd.
    """
    bound = [f"mkdir -p {root}/{name} && mount --rbind /{name} {root}/{name}" for name in SYSTEM]
    bound = [line for line, name in zip(bound, SYSTEM, strict=True) if Path("/", name).exists()]
    frozen = [f"{root}/{name}" for name in SYSTEM if Path("/", name).exists()]
    for path in (*shown, Path(sys.base_prefix).resolve()):
        bound.append(f"mkdir -p {root}{path} && mount --bind {path} {root}{path}")
        frozen.append(f"{root}{path}")
    writable = [
        f"mkdir -p {root}{path} && mount --bind {source} {root}{path}"
        for path, source in volumes.items()
    ]
    script = "\n".join(
        [
            f"mount -t tmpfs -o mode=0755 none {root}",
            f"mkdir -p {root}/proc {root}/dev {root}/tmp",
            f"mount -t tmpfs -o mode=1777,size=64m,noexec,nosuid,nodev none {root}/tmp",
            *bound,
            f"mount --bind {accounts} {root}/etc/passwd",
            *(f"mount -o remount,bind,ro {path}" for path in frozen),
            *writable,
            f"mount --rbind /dev {root}/dev",
            f"mount -t proc none {root}/proc",
            f"mount -o remount,ro {root}",
            f"cd {root}",
            f"exec chroot {root} setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs"
            " --inh-caps=-all --bounding-set=-all"
            f" env -i {shlex.join(f'{key}={value}' for key, value in environment.items())}"
            f' sh -c \'cd "$0" && exec "$@"\' {shlex.join([str(folder), *command])}',
        ]
    )
    isolated = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--ipc"]
    return ["unshare", *isolated, "sh", "-ec", script]
