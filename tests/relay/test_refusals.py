"""Who gets no stream, with which status, and that nothing of a refused token is used up, passed on or logged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.relay.caller import status_of
from tests.relay.process import Cloud, RelayProcess, run_relay, until
from tests.relay.tokens import KEY, OTHER_KEY, mint, new_session_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = mint()
URL_SAFE = st.characters(min_codepoint=33, max_codepoint=126)
_SHORTER = """
relay.server._OPEN_SECONDS = 1.5
relay.server._HEAD_SECONDS = 0.5
relay.server.REFRESH_SECONDS = 0
relay.agentcore._PAUSES_SECONDS = (0.01, 0.01)
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hasty(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RelayProcess]:
    """A relay whose times are short, and that reads its keys anew for every token that fits none."""
    log: Path = tmp_path_factory.mktemp("relay") / "log"
    async with run_relay(cloud, log=log, shorten=_SHORTER, SWITCHBOARD_MAX_STREAMS="2") as running:
        yield running


async def ask(relay: RelayProcess, token: str) -> int:
    return await status_of(port=relay.port, path=f"/streams/{token}")


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The path of a right token with something about it changed."""
    path = f"/streams/{TOKEN}"
    at = draw(st.integers(1, len(path) - 1))
    end = draw(st.integers(at, min(len(path), at + 8)))
    kind = draw(st.sampled_from(("replace", "insert", "cut", "swap", "case", "twice", "end")))
    match kind:
        case "replace":
            return path[:at] + draw(st.text(URL_SAFE, min_size=end - at, max_size=end - at)) + path[end:]
        case "insert":
            return path[:at] + draw(st.text(URL_SAFE, min_size=1, max_size=8)) + path[at:]
        case "cut":
            return path[:at] + path[end + 1 :]
        case "swap":
            return path[:at] + path[end:] + path[at:end]
        case "case":
            return path[:at] + path[at:].swapcase()
        case "twice":
            return path[:at] + path[at:end] + path[at:]
        case _:
            return path[:at]


@given(path=mutations())
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
async def test_a_thousand_changed_tokens_and_paths_are_all_refused(relay: RelayProcess, path: str) -> None:
    assume(path != f"/streams/{TOKEN}")
    seen = relay.cloud.agentcore.handshakes, len(relay.cloud.table.requests)
    assert await status_of(port=relay.port, path=path) == 403
    assert (relay.cloud.agentcore.handshakes, len(relay.cloud.table.requests)) == seen


async def test_and_the_unchanged_one_is_still_good(relay: RelayProcess) -> None:
    assert await ask(relay, mint()) == 101


async def test_a_thousand_wrong_tokens_cost_few_looks_at_the_secret(relay: RelayProcess) -> None:
    before = len(relay.cloud.keys.requests)
    await asyncio.gather(*(ask(relay, mint(key=OTHER_KEY)) for _ in range(100)))
    assert len(relay.cloud.keys.requests) - before <= 4  # both versions, at most every 10 s


async def test_a_token_opens_one_stream_only(relay: RelayProcess) -> None:
    token = mint()
    statuses = await asyncio.gather(*(ask(relay, token) for _ in range(10)))
    assert sorted(statuses) == [101] + [403] * 9
    assert await ask(relay, token) == 403


async def test_not_even_by_two_processes(relay: RelayProcess, hasty: RelayProcess) -> None:
    token = mint()
    assert await ask(relay, token) == 101
    assert await ask(hasty, token) == 403


async def test_an_expired_token_is_refused(relay: RelayProcess) -> None:
    assert await ask(relay, mint(seconds=-1)) == 403


async def test_a_claim_whose_answer_was_lost_is_made_again(relay: RelayProcess) -> None:
    relay.cloud.table.lost_answers = 1
    assert await ask(relay, mint()) == 101
    assert relay.cloud.table.lost_answers == 0


async def test_without_the_table_there_is_no_stream(relay: RelayProcess) -> None:
    relay.cloud.table.failing = "throttled"
    try:
        assert await ask(relay, mint()) == 503
        relay.cloud.table.failing = "refused"
        assert await ask(relay, mint()) == 503
    finally:
        relay.cloud.table.failing = None


async def test_a_rotation_works_at_once_and_the_old_key_for_a_while(hasty: RelayProcess) -> None:
    keys = hasty.cloud.keys
    assert await ask(hasty, mint(key=KEY)) == 101
    try:
        keys.rotate(OTHER_KEY)
        assert await ask(hasty, mint(key=OTHER_KEY)) == 101
        assert await ask(hasty, mint(key=KEY)) == 101
        keys.created_at -= 3_601
        assert await ask(hasty, mint(key="x" * 64)) == 403  # makes it look again
        assert await ask(hasty, mint(key=KEY)) == 403
        assert await ask(hasty, mint(key=OTHER_KEY)) == 101
    finally:
        keys.rotate(KEY)
        await ask(hasty, mint(key="x" * 64))


async def test_without_the_secret_nobody_is_taken_for_a_stranger(hasty: RelayProcess) -> None:
    hasty.cloud.keys.failing = "throttled"
    try:
        assert await ask(hasty, mint(key="x" * 64)) == 503
    finally:
        hasty.cloud.keys.failing = None


@pytest.mark.parametrize(("answers", "status"), [([403], 502), ([404], 502), ([424], 502), ([503] * 3, 503)])
async def test_agentcore_s_refusal_is_the_carrier_s(hasty: RelayProcess, answers: list[int | str], status: int) -> None:
    hasty.cloud.agentcore.refusals = answers
    assert await ask(hasty, mint()) == status
    assert hasty.cloud.agentcore.refusals == []


@pytest.mark.parametrize("answers", [[409], [429, 503]])
async def test_what_another_moment_may_mend_is_tried_again(hasty: RelayProcess, answers: list[int | str]) -> None:
    hasty.cloud.agentcore.refusals = answers
    assert await ask(hasty, mint()) == 101


async def test_agentcore_may_not_choose_an_extension(hasty: RelayProcess) -> None:
    hasty.cloud.agentcore.extra_header = "permessage-deflate"
    try:
        assert await ask(hasty, mint()) == 502
    finally:
        hasty.cloud.agentcore.extra_header = ""


async def test_a_silent_agentcore_is_not_waited_for_for_ever(hasty: RelayProcess) -> None:
    hasty.cloud.agentcore.refusals = ["hang"]
    assert await ask(hasty, mint()) == 502


async def test_more_streams_than_allowed_are_refused_with_their_tokens_unused(hasty: RelayProcess) -> None:
    await until(lambda: open_streams(hasty) == 0)
    first, _ = await hasty.stream()
    second, _ = await hasty.stream()
    token = mint()
    assert await ask(hasty, token) == 503
    first.close()
    await until(lambda: open_streams(hasty) == 1)
    assert await ask(hasty, token) == 101
    second.close()


def open_streams(relay: RelayProcess) -> int:
    return len(relay.messages("stream started")) - len(relay.messages("stream ended"))


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /health HTTP/1.1\r\nHost: relay\r\n\r\n", b"200"),
        (b"GET /streams/x HTTP/1.1\r\nHost: relay\r\n\r\n", b"426"),
        (b"POST /streams/x HTTP/1.1\r\nHost: relay\r\n\r\n", b"405"),
        (b"GET /streams/x SMTP\r\n\r\n", b"400"),
        (b"GET /streams/x HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", b"400"),
        (b"GET /streams/x HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"400"),
        (b"GET /streams/x HTTP/1.1\r\n" + (b"X: " + b"x" * 400 + b"\r\n") * 100 + b"\r\n", b""),
        (b"\x16\x03\x01\x02\x00", b""),
    ],
)
async def test_other_requests_get_their_answer_and_an_end(
    hasty: RelayProcess, request_head: bytes, status: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(request_head)
    async with asyncio.timeout(20):
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
    assert answer.partition(b" ")[2][:3] == status
    writer.close()


async def test_a_healthy_relay_says_so_to_many_at_once(relay: RelayProcess) -> None:
    async def healthy() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: 10.0.0.1\r\nUser-Agent: ELB-HealthChecker/2.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    async with asyncio.timeout(20):
        assert {answer[:15] for answer in await asyncio.gather(*(healthy() for _ in range(50)))} == {b"HTTP/1.1 200 OK"}


async def test_the_log_gives_nothing_away(relay: RelayProcess, hasty: RelayProcess) -> None:
    """This test is the last of the module, so that the log is that of all its tests."""
    session_id = new_session_id()
    token = mint(session_id=session_id, body="Y2FsbGVyJ3Mgd29yZHM")
    assert await ask(relay, token) == 101
    assert await ask(relay, token) == 403
    await until(lambda: relay.messages("stream ended"))
    log = relay.log.read_text() + hasty.log.read_text()
    keys = [issued.credential for issued in relay.cloud.credentials.issued]
    secrets = [key.secret_access_key for key in keys] + [str(key.session_token) for key in keys]
    for secret in (
        session_id,
        token,
        token[:20],
        token[-20:],
        TOKEN[-20:],
        KEY,
        OTHER_KEY,
        "Y2FsbGVy",
        "AWS4",
        *secrets,
    ):
        assert secret not in log
    assert "Traceback" not in log
    assert "wss://" not in log
    reasons = {line["reason"] for line in relay.messages("stream refused")}
    assert reasons == {
        "malformed", "wrong signature", "used", "expired", "ThrottlingException", "AccessDeniedException",
    }  # fmt: skip
    assert all(
        line.keys() == {"time", "level", "logger", "message", "status", "reason"}
        for line in relay.messages("stream refused")
    )
