"""The connection for our scripts: answers come to those who asked, whatever happens in between."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as GoneError
from redis.exceptions import NoScriptError, ResponseError

from proxy.store.wire import Wire, endpoint_of
from tests.support.own_valkey import Valkey


class TestAnswers:
    async def test_each_comes_to_whoever_asked(self, valkey_url: str) -> None:
        wire = Wire(valkey_url)
        asked = [f"{n}" for n in range(500)]
        assert await asyncio.gather(*(wire.call("ECHO", text) for text in asked)) == [
            t.encode() for t in asked
        ]
        wire.close()

    async def test_an_error_is_its_own_askers(self, valkey_url: str) -> None:
        wire = Wire(valkey_url)
        results = await asyncio.gather(
            wire.call("ECHO", "a"),
            wire.call("NONSENSE"),
            wire.call("EVALSHA", "0" * 40, 0),
            wire.call("ECHO", "b"),
            return_exceptions=True,
        )
        assert (results[0], results[3]) == (b"a", b"b")
        assert isinstance(results[1], ResponseError)
        assert isinstance(results[2], NoScriptError)
        wire.close()

    async def test_a_command_that_cannot_be_written_shifts_nobody_elses(self, valkey_url: str) -> None:
        wire = Wire(valkey_url)
        await wire.call("PING")
        for unwritable in ("\ud800", None, object()):
            with pytest.raises((UnicodeError, TypeError, ValueError)):
                await wire.call("ECHO", unwritable)  # type: ignore[arg-type]  # that is the point
            assert await wire.call("ECHO", "mine") == b"mine"
        wire.close()

    async def test_large_ones_come_whole(self, valkey_url: str) -> None:
        wire = Wire(valkey_url)
        large = b"\r\n$-1\x00" * 200_000
        first, second = await asyncio.gather(wire.call("ECHO", large), wire.call("ECHO", "after"))
        assert (first, second) == (large, b"after")
        wire.close()


class TestGivingUp:
    async def test_an_answer_that_comes_late_is_nobodys(self, own_valkey: Valkey) -> None:
        wire = Wire(own_valkey.url)
        await wire.call("PING")
        own_valkey.freeze()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.call("ECHO", "late")
        own_valkey.thaw()
        assert await wire.call("ECHO", "mine") == b"mine"
        wire.close()

    async def test_those_who_wait_beside_one_who_gives_up_are_told(self, own_valkey: Valkey) -> None:
        """They may ask again at once; none of them waits for an answer that will not come."""
        wire = Wire(own_valkey.url)
        await wire.call("PING")
        own_valkey.freeze()
        patient = asyncio.create_task(wire.call("ECHO", "patient"))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.call("ECHO", "late")
        with pytest.raises(GoneError):
            await patient
        own_valkey.thaw()
        wire.close()

    async def test_a_lost_connection_is_told_and_opened_again(self, own_valkey: Valkey) -> None:
        wire = Wire(own_valkey.url)
        await wire.call("PING")
        own_valkey.freeze()
        asked = [asyncio.create_task(wire.call("PING")) for _ in range(5)]
        await asyncio.sleep(0)
        own_valkey.stop()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(result, GoneError) for result in results)
        with pytest.raises(ConnectionRefusedError):
            await wire.call("PING")
        own_valkey.start()
        assert await wire.call("PING") == b"PONG"
        wire.close()


class TestLoggingIn:
    async def test_with_a_password_and_a_database(self, own_valkey: Valkey) -> None:
        own_valkey.ask("SELECT", 0)
        own_valkey.ask("ACL", "SETUSER", "shop", "on", ">pass/word", "~*", "+@all")
        own_valkey.ask("ACL", "SETUSER", "default", "off")
        wire = Wire(f"unix://shop:pass%2Fword@{own_valkey.socket}?db=3")
        assert await wire.call("SET", "here", "1") == b"OK"
        assert b"db=3" in await wire.call("CLIENT", "INFO")
        wire.close()

    async def test_a_wrong_password_is_an_error_each_time(self, own_valkey: Valkey) -> None:
        wire = Wire(f"unix://shop:wrong@{own_valkey.socket}")
        for _ in range(2):
            with pytest.raises(ResponseError):
                await wire.call("PING")
        wire.close()

    @pytest.mark.parametrize(
        ("url", "host", "port", "tls", "database"),
        [
            ("redis://store.example", "store.example", 6379, False, 0),
            ("redis://store.example:7000/2", "store.example", 7000, False, 2),
            ("rediss://user:p%40ss@[::1]:7001/0?db=5", "::1", 7001, True, 5),
        ],
    )
    def test_urls_say_where(self, url: str, host: str, port: int, tls: bool, database: int) -> None:
        found = endpoint_of(url)
        assert (found.host, found.port, found.tls is not None, found.database) == (host, port, tls, database)
