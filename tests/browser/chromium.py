"""Debian's Chromium in the world's machine, as a user of its own, whose network can be taken away."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from tests.browser.world import BROWSER_USER_ID, World

# Debian's /usr/bin/chromium is a script that needs a home before it has one; this is the program behind it.
PROGRAM = "/usr/lib/chromium/chromium"
_FLAGS = (
    # Names of this machine resolve, and no other does: what asks for one is in the log, and gets nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
    "--use-fake-device-for-media-stream",
    "--disable-gpu",
)
_LOST = 7
_TABLE = """
table inet browser {{}}
delete table inet browser
table inet browser {{
  chain output {{
    type filter hook output priority 0; policy accept;
    {rules}
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    meta mark {lost} drop
  }}
}}
"""


class Wall(StrEnum):
    """What the network does to the browser alone; the value is its nftables rules, `{user}` the browser's id.

    What is lost gets a mark on its way out and is dropped after that: the sender must not be told.
    """

    NONE = ""
    NO_UDP = "meta skuid {user} meta l4proto udp meta mark set {lost}"
    # Answered by a reset, as by a firewall that forgot its connections.
    RESET = "meta skuid {user} tcp dport {cloud_port} reject with tcp reset"
    NOTHING = "meta skuid {user} meta mark set {lost}"


def switch(world: World, kind: Wall) -> None:
    """From now on the network does this to the browser."""
    rules = kind.value.format(user=BROWSER_USER_ID, cloud_port=world.cloud_port, lost=_LOST)
    world.machine.nft(_TABLE.format(rules=rules, lost=_LOST))


@contextmanager
def wall(world: World, kind: Wall) -> Iterator[None]:
    """Put a wall around the browser until the end of the block."""
    switch(world, kind)
    try:
        yield
    finally:
        switch(world, Wall.NONE)


def missing() -> str | None:
    """What a browser lacks here and what to do, in words; None: nothing."""
    packages = {"chromium": Path(PROGRAM).exists(), "libnss3-tools": bool(shutil.which("certutil"))}
    lacking = [package for package, is_there in packages.items() if not is_there]
    return f"{' and '.join(lacking)} missing; `scripts/install-packages browser` installs them" if lacking else None


@contextmanager
def open_chromium(playwright: Playwright, world: World, *, speech: Path, net_log: Path) -> Iterator[Browser]:
    """A browser until the end of the block, its sandbox on.

    `speech`: the WAV file that its microphone hears again and again. `net_log` is complete after the block.
    """
    with tempfile.TemporaryDirectory(dir=world.browser_home) as folder:
        home = Path(folder)
        _trust(home, world.cloud.path / "authority.pem")
        for path in (home, *home.rglob("*")):
            os.chown(path, BROWSER_USER_ID, BROWSER_USER_ID)
        browser = playwright.chromium.launch(
            executable_path=_program(home, world),
            chromium_sandbox=True,
            args=[*_FLAGS, f"--use-file-for-fake-audio-capture={speech}", f"--log-net-log={home / 'net-log.json'}"],
        )
        try:
            yield browser
        finally:
            browser.close()
            shutil.copy(home / "net-log.json", net_log)


def _trust(home: Path, authority: Path) -> None:
    """Let the browser believe the cloud's certificates: Chromium on Linux reads them from its user's NSS database."""
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{database}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    subprocess.run([*certutil, "-A", "-t", "C,,", "-n", "embedded cloud", "-i", str(authority)], check=True)


def _program(home: Path, world: World) -> Path:
    """A script that Playwright takes for the browser: it enters the machine, becomes the user, then the browser."""
    becoming = ["setpriv", f"--reuid={BROWSER_USER_ID}", f"--regid={BROWSER_USER_ID}", "--clear-groups"]
    # Becoming another user forgets who is to die with whom.
    surviving = ["setpriv", "--pdeathsig", "KILL"]
    variables = ["env", "-i", f"HOME={home}", f"TMPDIR={home}", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
    command = world.machine.command(*becoming, *surviving, *variables, PROGRAM)
    script = home / "chromium"
    # The profile that Playwright makes belongs to root; of two, the last one counts.
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@" --user-data-dir={home}/profile\n')
    script.chmod(0o755)
    return script
