"""A PostgreSQL server for the tests: the one that the environment names, or one of our own.

The own one is a temporary cluster of Debian's packages on a Unix socket. PostgreSQL does not
run as root, so root starts it as the system user `postgres` (or `nobody`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from urllib.parse import quote

try:
    import psycopg
except ImportError:  # the extra `postgres` is not installed
    psycopg = None

VARIABLE = "HARMONIUM_POSTGRES_URL"
NO_SERVER = (
    f"no PostgreSQL: it needs psycopg (pip install harmonium[postgres]), and {VARIABLE} or an "
    "initdb to make a temporary cluster with (apt-get install -y postgresql)"
)


def _binaries() -> Path | None:
    """The newest installed server."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _user() -> str | None:
    """As whom the server runs; None as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _dying_with_us() -> list[str]:
    """A prefix that ends the server when the test run is killed, where Linux can do it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "QUIT"] if setpriv else []


class Server:
    """A server that is there on first use, with a schema for each test."""

    def __init__(self) -> None:
        self._names = count(1)
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._url = os.environ.get(VARIABLE, "")

    @property
    def url(self) -> str:
        """Where it is; empty before it was started."""
        return self._url

    def start(self) -> bool:
        """Make sure that there is a server; False when there can be none."""
        if psycopg is None:
            return False
        if not self._url:
            binaries = _binaries()
            if binaries is None:
                return False
            self._start_own(binaries)
        return True

    def _start_own(self, binaries: Path) -> None:
        # Not in the test run's own folder: another user cannot look into that.
        root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
        self._folder = Path(tempfile.mkdtemp(prefix="hm-pg-", dir=root))
        self._folder.chmod(0o700)
        user = _user()
        if user:
            shutil.chown(self._folder, user)
        rows = self._folder / "rows"
        initdb = [binaries / "initdb", "-D", rows, "-U", "harmonium", "-A", "trust", "-N"]
        subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C.UTF-8"],
            user=user,
            cwd=self._folder,
            check=True,
            capture_output=True,
        )
        # Without fsync: what the server does with its disk is not ours to test.
        settings = ["-F", "-c", "listen_addresses=", "-c", "max_connections=40"]
        log = (self._folder / "log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [
                    *_dying_with_us(),
                    binaries / "postgres",
                    "-D",
                    rows,
                    "-k",
                    self._folder,
                    *settings,
                ],
                user=user,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self._url = f"postgresql://harmonium@/postgres?host={self._folder}"
        self._wait_ready()

    def _wait_ready(self) -> None:
        while True:
            try:
                psycopg.connect(self._url).close()
            except psycopg.OperationalError:
                if self._process is None or self._process.poll() is not None:
                    raise
            else:
                return

    def stop(self) -> None:
        """Stop the own server and remove its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # at once; nothing there is kept
            self._process.wait(30)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def make_schema(self) -> str:
        """Make an empty schema; returns the URL that opens a store in it."""
        name = f"test_{os.getpid()}_{next(self._names)}"
        self._run(f"CREATE SCHEMA {name}")
        mark = "&" if "?" in self._url else "?"
        return f"{self._url}{mark}options={quote(f'-csearch_path={name}')}"

    def drop_schema(self, url: str) -> None:
        """Drop the schema of a store."""
        self._run(f"DROP SCHEMA {url.rpartition('%3D')[2]} CASCADE")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)
