"""The image's health check asks where the container's Sayso listens, however it was told to."""

import subprocess
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from proxy import healthcheck

SERVE = ("/opt/sayso/bin/python3", "/opt/sayso/bin/sayso", "serve", "")
TOML = '[server]\nadmin_listen = "0.0.0.0:9999"\n[sites.shop]\n'


@pytest.mark.parametrize(
    ("arguments", "text", "found"),
    [
        (SERVE, TOML, ("127.0.0.1", 9999)),
        (SERVE, "[sites.shop]\n", ("127.0.0.1", 9464)),
        (SERVE, '[server]\nadmin_listen = "[::]:9464"\n', ("::1", 9464)),
        (SERVE, '[server]\nadmin_listen = "[::1]:9464"\n', ("::1", 9464)),
        (SERVE, '[server]\nadmin_listen = "10.1.2.3:80"\n', ("10.1.2.3", 80)),
        (SERVE, '[server]\nadmin_listen = "localhost:9464"\n', ("localhost", 9464)),
        ((*SERVE, "--admin-listen", "0.0.0.0:9001"), TOML, ("127.0.0.1", 9001)),
        ((*SERVE, "--admin-listen=127.0.0.2:9001"), "not TOML", ("127.0.0.2", 9001)),
        (("docker-init", "--", "sayso", "deliver", "--admin-listen", "[::]:1"), TOML, ("::1", 1)),
    ],
)
def test_it_asks_where_sayso_listens(
    tmp_path: Path, arguments: tuple[str, ...], text: str, found: tuple[str, int]
) -> None:
    """By the command line, else by the file that it or the environment names, else by the default."""
    path = tmp_path / "sayso.toml"
    path.write_text(text, encoding="utf-8")
    named: list[tuple[tuple[str, ...], Mapping[str, str]]] = [
        (arguments, {"SAYSO_CONFIG": str(path)}),
        ((*arguments, "--config", str(path)), {}),
        ((*arguments, f"--config={path}"), {"SAYSO_CONFIG": "/nowhere/at/all.toml"}),
    ]
    for words, environment in named:
        assert healthcheck.target(healthcheck.listens(words, environment)) == found


@pytest.mark.parametrize("text", ["not TOML", '[server]\nadmin_listen = "127.0.0.1:0"\n', None])
def test_it_says_why_it_cannot_ask(tmp_path: Path, text: str | None) -> None:
    """No file, a broken one, and a port that nobody knows."""
    path = tmp_path / "sayso.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(healthcheck.UnknownError):
        healthcheck.target(healthcheck.listens(SERVE, {"SAYSO_CONFIG": str(path)}))


class _Answers(BaseHTTPRequestHandler):
    code = 200

    def do_GET(self) -> None:
        self.send_response(self.code if self.path == "/healthz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
        """Say nothing."""


def check(path: Path) -> subprocess.CompletedProcess[str]:
    """Run it as the image does, but for ``-I``, with which this checkout would not be found."""
    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-m", "proxy.healthcheck"],
        cwd=Path(__file__).resolve().parents[2],
        env={"SAYSO_CONFIG": str(path), **proxies},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_well_with_a_200_alone(tmp_path: Path) -> None:
    """A proxy of the environment is not asked; whatever else is one line, and no traceback."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        path = tmp_path / "sayso.toml"
        path.write_text(f'[server]\nadmin_listen = "0.0.0.0:{server.server_port}"\n', encoding="utf-8")
        try:
            assert (check(path).returncode, check(path).stderr) == (0, "")
            _Answers.code = 500
            assert (check(path).returncode, check(path).stderr) == (1, "not well: /healthz answers 500\n")
        finally:
            server.shutdown()
            thread.join()
    done = check(path)
    assert done.returncode == 1
    assert done.stderr.startswith("not well: ")
    assert done.stderr.count("\n") == 1


def test_it_needs_no_other_module_of_ours() -> None:
    """It is started every ten seconds."""
    code = "import sys, proxy.healthcheck; print(*sorted(m for m in sys.modules if m.startswith('proxy')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["proxy", "proxy.healthcheck"]
