"""What users install: the package alone, typed, with its command."""

from __future__ import annotations

import configparser
import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[1]
LINKS = {"actors", "protocols", "supervisors"}


@attrs.frozen
class Built:
    """What a build made.

    Args:
        modules: The modules of the tree that was built.
        sdist: The names in the source archive, below its folder.
        wheel: The names in the wheel.
        metadata: The wheel's METADATA.
        commands: The wheel's entry points.
    """

    modules: frozenset[str]
    sdist: frozenset[str]
    wheel: frozenset[str]
    metadata: email.message.Message
    commands: configparser.ConfigParser


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the source archive and from it the wheel, from a copy and without the network."""
    folder = tmp_path_factory.mktemp("packaging")
    source = shutil.copytree(
        ROOT,
        folder / "source",
        symlinks=True,
        ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info"),
    )
    out = folder / "out"
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    modules = {path.relative_to(source).as_posix() for path in source.glob("harmonium/**/*.py")}
    return _read(frozenset(modules), next(out.glob("*.tar.gz")), next(out.glob("*.whl")))


def _read(modules: frozenset[str], sdist: Path, wheel: Path) -> Built:
    with tarfile.open(sdist) as archive:
        sources = frozenset(name.partition("/")[2] for name in archive.getnames())
    with zipfile.ZipFile(wheel) as archive:
        names = frozenset(archive.namelist())
        texts = {
            name.rpartition("/")[2]: archive.read(name).decode()
            for name in names
            if ".dist-info/" in name
        }
    commands = configparser.ConfigParser()
    commands.read_string(texts["entry_points.txt"])
    metadata = email.message_from_string(texts["METADATA"])
    return Built(modules, sources, names, metadata, commands)


def _tops(names: frozenset[str]) -> set[str]:
    return {name.partition("/")[0] for name in names if name}


def test_the_wheel_holds_only_harmonium(built: Built) -> None:
    """Nothing but the package lands in site-packages: no link, no tests, no examples."""
    assert {top for top in _tops(built.wheel) if not top.endswith(".dist-info")} == {"harmonium"}


def test_the_wheel_holds_all_of_harmonium(built: Built) -> None:
    """Every module of the tree is in the wheel, and the mark that says it is typed."""
    assert {name for name in built.wheel if name.endswith(".py")} == built.modules
    assert "harmonium/py.typed" in built.wheel


def test_the_source_archive_has_no_links(built: Built) -> None:
    """The links of the repository do not double the layers in the source archive."""
    assert not _tops(built.sdist) & LINKS
    assert "harmonium/__init__.py" in built.sdist


def test_the_wheel_carries_licence_and_command(built: Built) -> None:
    """The wheel says its licence, its Python and the command that it installs."""
    assert any(name.endswith("LICENSE") for name in built.wheel)
    assert built.metadata["Requires-Python"] == ">=3.11"
    assert dict(built.commands["console_scripts"]) == {"harmonium": "harmonium.cli.app:main"}


def test_four_packages_are_enough(built: Built) -> None:
    """Without extras, installing harmonium brings four packages and no other."""
    needs = [need for need in built.metadata.get_all("Requires-Dist") if "extra ==" not in need]
    names = {need.partition(">")[0].strip() for need in needs}
    assert names == {"attrs", "cattrs", "loguru", "thespian"}
