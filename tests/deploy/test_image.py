"""The image of the Dockerfile: built here, and run read-only by nobody in particular.

As no registry of images need be reachable, a base is made of this machine's distribution: its packages of Python and what
those depend on, unpacked and not configured, which takes seconds. The wheels are those of the lock files, fetched outside and
mounted, so that the build itself needs no network. Where there is no buildah, or no root, these tests cannot run; `make test`
then names them at its end.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("buildah", "apt-get", "dpkg-deb", "unshare", "nsenter", "chroot")
WITHOUT = "there is no buildah here, or no root to run it"
BASE = ("python3-venv", "dash", "coreutils", "base-files", "libstdc++6")
"""Packages of a small system with Python; apt adds what they depend on."""
MOST_MB = 150
"""What Sayso may add to its base."""
pytestmark = [
    pytest.mark.timeout(420),
    pytest.mark.skipif(os.getuid() != 0 or any(shutil.which(one) is None for one in TOOLS), reason=WITHOUT),
]


def run(*command: str | Path, **environment: str) -> str:
    """Run a tool; return what it prints."""
    done = subprocess.run(  # noqa: S603 - tools by name
        [str(one) for one in command],
        cwd=ROOT,
        env=os.environ | {"BUILDAH_ISOLATION": "chroot"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def storage_driver(folder: Path) -> str:
    """Return how buildah is to keep layers: by overlay where the kernel lets us, else by copies, which takes longer."""
    for name in ("lower", "upper", "work", "merged"):
        (folder / name).mkdir()
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(folder / "merged")]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:  # noqa: S603 - a tool by name
        return "vfs"
    run("umount", folder / "merged")
    return "overlay"


def megabytes(folder: Path) -> int:
    """Return the size of a folder on disk, 10^6 bytes."""
    return int(run("du", "-sxk", folder).split()[0]) * 1024 // 1_000_000


def unpack_base(folder: Path, rootfs: Path) -> str:
    """Unpack a small system with Python into ``rootfs``; return Python's version, such as 3.11."""
    debs, installed = folder / "debs", folder / "installed"
    (debs / "partial").mkdir(parents=True)
    installed.touch()  # nothing: so apt fetches all that the packages depend on
    run(
        "apt-get", "install", "--quiet=2", "--yes", "--no-install-recommends", "--download-only",
        f"--option=Dir::State::status={installed}", f"--option=Dir::Cache::archives={debs}",
        "--option=Debug::NoLocking=true", "--option=APT::Sandbox::User=root", *BASE,
    )  # fmt: skip
    for deb in sorted(debs.glob("*.deb")):
        run("dpkg-deb", "--extract", deb, rootfs)
    return (rootfs / "usr" / "bin" / "python3").readlink().name.removeprefix("python")


@dataclass(frozen=True, slots=True)
class Image:
    """A built image, mounted. ``storage`` are buildah's options that name where it keeps things."""

    root: Path
    base_mb: int
    about: dict[str, object]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Build the image on a base of our own."""
    with tempfile.TemporaryDirectory(prefix="sayso-image-") as name:
        folder = Path(name)
        driver = storage_driver(folder)
        buildah = [
            "buildah",
            "--storage-driver",
            driver,
            "--root",
            str(folder / "storage"),
            "--runroot",
            str(folder / "run"),
        ]
        working = run(*buildah, "from", "scratch").strip()
        rootfs = Path(run(*buildah, "mount", working).strip())
        version = unpack_base(folder, rootfs)
        base_mb = megabytes(rootfs)
        run(*buildah, "umount", working)
        run(*buildah, "commit", "--quiet", "--rm", working, "localhost/base")
        wheels = folder / "wheels"
        run(
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--require-hashes", "--only-binary=:all:", f"--python-version={version}", "--dest", wheels,
            "--requirement", "requirements/build.txt", "--requirement", "requirements/runtime.txt",
        )  # fmt: skip
        run(
            *buildah, "bud", "--quiet", "--format=docker", "--volume", f"{wheels}:/wheels:ro",
            "--build-arg", "BASE=localhost/base", "--build-arg", "PIP_ARGS=--no-index --find-links=/wheels",
            "--tag", "localhost/sayso", ".",
        )  # fmt: skip
        about = orjson.loads(run(*buildah, "inspect", "--type=image", "localhost/sayso"))["Docker"]["config"]
        container = run(*buildah, "from", "localhost/sayso").strip()
        yield Image(Path(run(*buildah, "mount", container).strip()), base_mb, about)
        run(*buildah, "umount", container)
        run(*buildah, "rm", container)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


# What a container engine does with --read-only --tmpfs /tmp --user 10001 --cap-drop ALL, as far as files are concerned.
READ_ONLY = """
set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1/var/lib/sayso"
mount --bind "$3" "$1/etc/sayso"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/tmp"
mount --bind /dev "$1/dev"
mount -o remount,ro,bind "$1"
mount -o remount,ro,bind "$1/etc/sayso"
shift 3
exec chroot --userspec=10001:10001 "$@"
"""


def variables(image: Image) -> dict[str, str]:
    """Return the environment of what runs in the image."""
    return dict(one.split("=", 1) for one in image.about["Env"])  # type: ignore[attr-defined]  # a list


def start(image: Image, data: Path, config: Path) -> subprocess.Popen[str]:
    """Start what the image runs by itself, as its user, with nothing to write on but the volume and /tmp."""
    command = [*image.about["Entrypoint"], *image.about["Cmd"]]  # type: ignore[misc]  # lists of strings
    return subprocess.Popen(  # noqa: S603 - our own image
        ["/usr/bin/unshare", "--mount", "--pid", "--fork", "sh", "-c", READ_ONLY, "sh",
         str(image.root), str(data), str(config), str(image.root), *command],
        env=variables(image),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip


def healthy(image: Image, pid: int) -> subprocess.CompletedProcess[str]:
    """Run the image's health check beside a process of it, as a container engine does."""
    inside = ["--mount", "--pid", "--root", "--wd", "--setgid=10001", "--setuid=10001"]
    kind, *check = image.about["Healthcheck"]["Test"]  # type: ignore[index]
    assert kind == "CMD"
    command = ["/usr/bin/nsenter", f"--target={pid}", *inside, *check]
    return subprocess.run(  # noqa: S603 - our own image
        command, env=variables(image), capture_output=True, text=True, check=False, timeout=60
    )


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the children of unshare: one, the first process of its own namespace."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(one) for one in path.read_text(encoding="ascii").split()]


def test_it_adds_little_to_its_base(image: Image) -> None:
    """A tool chain that was left behind would show here."""
    added = megabytes(image.root) - image.base_mb
    print(f"the image adds {added} MB to its base")  # noqa: T201 - for who looks
    assert added < MOST_MB


def test_it_is_nobody_and_says_whether_it_is_well(image: Image) -> None:
    """Not root, a health check, one entry point, one volume."""
    about = image.about
    assert about["User"] == "10001:10001"
    assert about["Entrypoint"] == ["sayso"]
    assert about["Healthcheck"]
    assert about["Volumes"] == {"/var/lib/sayso": {}}
    assert not (image.root / "opt" / "build").exists()
    assert not (image.root / "src").exists()


def test_it_serves_with_a_read_only_root(image: Image, tmp_path: Path) -> None:
    """Takes an event, keeps it on its volume, is healthy by its own check, and ends in order."""
    data, config = tmp_path / "data", tmp_path / "config"
    data.mkdir()
    config.mkdir()
    os.chown(data, 10001, 10001)
    port, admin = free_port(), free_port()
    (config / "sayso.toml").write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\nadmin_listen = "127.0.0.1:{admin}"\n'
        '[egress]\norigin = "http://127.0.0.1:9"\n'
        '[sites.shop]\norigins = ["https://shop.example"]\n[sites.shop.policy]\npreset = "consent-mode"\n'
        '[sites.shop.forwarders.google_analytics]\nmeasurement_id = "G-SHOP1"\napi_secret = "x"\n',
        encoding="utf-8",
    )
    process = start(image, data, config)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("sayso ready "), process.stderr.read()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/collect",
            data=b'{"name": "page_view"}',
            headers={"Origin": "https://shop.example", "Content-Type": "text/plain"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as answer:
            assert answer.status == 204
        (child,) = children(process)
        check = healthy(image, child)
        assert check.returncode == 0, check.stderr  # on whatever port admin_listen names
        assert sorted(one.name for one in data.iterdir())
        assert all(one.stat().st_uid == 10001 for one in data.rglob("*"))
    finally:
        for child in children(process):
            os.kill(child, signal.SIGTERM)
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.stderr.close()
    assert process.wait(10) == 0
