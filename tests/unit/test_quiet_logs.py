"""Failures are named by type and place. What was in a variable, a header or an exception's text is never written."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from proxy.logs import About, JsonFormatter, TextFormatter, set_up
from proxy.loops import quiet

CANARY = "kari.nordmann@example.com"
LIBRARIES = ("aiohttp.server", "aiohttp.access", "aiohttp.web", "aiohttp.client", "asyncio")


@pytest.fixture
def restored() -> Iterator[None]:
    """Put the loggers back as they were."""
    root = logging.getLogger()
    loggers = [root, logging.getLogger("sayso"), *map(logging.getLogger, LIBRARIES)]
    before = [(one, one.level, list(one.handlers)) for one in loggers]
    yield
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers[:] = handlers


def failed() -> logging.LogRecord:
    """Return the record of an exception whose text quotes a visitor."""
    info = None
    try:
        int(CANARY)
    except ValueError:
        info = sys.exc_info()
    assert info is not None
    assert CANARY in str(info[1])
    return logging.LogRecord("sayso", logging.ERROR, __file__, 1, "an entry failed", (), info)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_an_exception_is_named_by_its_type_alone(formatter: logging.Formatter) -> None:
    """Its text may hold what a stranger sent, and a traceback holds lines of code with it."""
    line = formatter.format(failed())
    assert "an entry failed" in line
    assert "ValueError" in line
    assert CANARY not in line
    assert "Traceback" not in line
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["error"] == "ValueError"


def test_a_line_of_json_is_one_line_whatever_is_in_it() -> None:
    """Nobody can forge a second one."""
    record = logging.LogRecord("sayso", logging.INFO, __file__, 1, "a\n{}\r\u2028b", (), None)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "a\n{}\r\u2028b"


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("form", ["json", "text"])
def test_libraries_that_name_their_peers_are_silent(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also at the lowest level; ours are heard."""
    set_up("debug", form)  # type: ignore[arg-type]  # one of the two
    for name in LIBRARIES:
        logging.getLogger(name).error("Error handling request from %s", CANARY)
    logging.getLogger("sayso.gateway").debug("ours")
    logging.getLogger("redis").info("chatter")
    err = capsys.readouterr().err
    assert "ours" in err
    assert CANARY not in err
    assert "chatter" not in err


async def test_a_failure_outside_any_request_is_named_by_type_and_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The report that asyncio itself would make prints the objects concerned, and whatever they hold."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    quiet(loop)
    try:
        done = loop.create_future()

        def fail() -> None:
            loop.call_soon(done.set_result, None)
            raise ValueError(CANARY)

        loop.call_soon(fail)
        await done
    finally:
        loop.set_exception_handler(before)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("something failed outside any request: ValueError at test_quiet_logs.py:")
    assert CANARY not in line


def test_a_line_carries_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    """By names that are a closed list, so that nothing else slips into a line; for machines and for people."""
    caplog.set_level(logging.DEBUG)
    About(logging.getLogger("sayso.delivery"), site="shop", forwarder="meta").info(
        "ended", extra={"event": "ab12", "outcome": "rejected", "reason": "vendor_rejected", "email": CANARY}
    )
    (record,) = caplog.records
    found = json.loads(JsonFormatter().format(record))
    assert {name: found[name] for name in ("site", "forwarder", "event", "outcome", "reason")} == {
        "site": "shop",
        "forwarder": "meta",
        "event": "ab12",
        "outcome": "rejected",
        "reason": "vendor_rejected",
    }
    assert "email" not in found
    text = TextFormatter().format(record)
    assert text.endswith("ended site=shop forwarder=meta event=ab12 outcome=rejected reason=vendor_rejected")
    assert CANARY not in text
