"""Linux network namespaces that live no longer than the process that made them, however it ends."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Namespaces get their names in a mount namespace of their own, and no link ever stands in the machine's network:
# two runs can't meet, and nothing is left behind, because the kernel deletes both with their last process.
_ANCHOR = "mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && echo ready && exec cat"
_WITH_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


class NotPermittedError(Exception):
    """Network namespaces can't be made here."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """The place where namespaces get their names. `anchor` is the id of the process that holds it."""

    anchor: int

    def add(self, name: str, *, resolv_conf: Path | None = None) -> "Namespace":
        """A new namespace, its loopback up. Programs in it read `resolv_conf` as /etc/resolv.conf."""
        self.ip("netns", "add", name)
        self.ip("-n", name, "link", "set", "lo", "up")
        return Namespace(lab=self, name=name, resolv_conf=resolv_conf)

    def ip(self, *arguments: str) -> str:
        """Run ip(8) where all namespaces have their names."""
        return run([*self.entering, "ip", *arguments])

    @property
    def entering(self) -> list[str]:
        """The words before a command that is to run in the lab."""
        anchor = f"/proc/{self.anchor}"
        # The root too: without it a process that runs in a chroot would come out of it.
        return ["nsenter", f"--mount={anchor}/ns/mnt", f"--net={anchor}/ns/net", f"--root={anchor}/root"]


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """One machine of the lab."""

    lab: Lab
    name: str
    resolv_conf: Path | None = None

    def command(self, *words: str) -> list[str]:
        """The command as it has to be started from outside; the process is killed when this one ends."""
        resolver = ["sh", "-c", _WITH_RESOLVER, str(self.resolv_conf)] if self.resolv_conf else []
        entering = [*self.lab.entering, "ip", "netns", "exec", self.name]
        return [*entering, *resolver, "setpriv", "--pdeathsig", "KILL", "--", *words]

    def run(self, *words: str, stdin: str = "") -> str:
        """Run a command to its end; its output. Raises `RuntimeError` with what it complained about."""
        return run(self.command(*words), stdin=stdin)

    def ip(self, *arguments: str) -> str:
        """Run ip(8) for this namespace."""
        return self.lab.ip("-n", self.name, *arguments)

    def set(self, path: str, value: str) -> None:
        """Write a value under /proc/sys."""
        self.run("sh", "-c", f"echo {value} > /proc/sys/{path}")

    def nft(self, rules: str) -> None:
        """Load nftables rules."""
        self.run("nft", "-f", "-", stdin=rules)


@contextmanager
def open_lab() -> Iterator[Lab]:
    """A lab until the end of the block. Raises `NotPermittedError`."""
    if shutil.which("unshare") is None:
        raise NotPermittedError("there is no unshare(1), so this is not Linux")
    command = ["unshare", "--mount", "--net", "--", "sh", "-c", _ANCHOR]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as anchor:
        assert anchor.stdin
        assert anchor.stdout
        assert anchor.stderr
        try:
            if anchor.stdout.readline() != "ready\n":
                raise NotPermittedError(anchor.stderr.read().strip())
            yield Lab(anchor=anchor.pid)
        finally:
            # The end of its input ends it, and so does the end of this process.
            anchor.stdin.close()


def run(command: list[str], *, stdin: str = "") -> str:
    """Run a command to its end; its output. Raises `RuntimeError` with what it complained about."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
