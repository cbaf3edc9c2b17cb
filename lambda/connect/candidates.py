"""PATCH /sessions/{session_id}/api/offer: hand a caller's trickled ICE candidates to the agent of their session."""

import re
import time
from collections.abc import Mapping
from typing import Any

from connect.offer import check_pc_id
from connect.owned_session import directly_owned_session
from connect.settings import Settings
from connect.start_request import check_deployed
from shared.answer import Answer
from shared.credentials import Credentials
from shared.errors import ApiError
from shared.invoke import invoke_agent
from shared.request_body import check_type, json_object, refuse_unknown

MAX_BYTES = 64 * 1024
MAX_CANDIDATES = 256
"""The JavaScript transport sends what it found until the answer came in one request: for each of three media sections,
each interface and each TURN URI one. With six URIs and four interfaces that is about a hundred, 20 KB."""

MAX_CANDIDATE_CHARACTERS = 512
BUDGET_SECONDS = 10.0

_FIELDS = ("pc_id", "candidates")
_CANDIDATE_FIELDS = ("candidate", "sdp_mid", "sdp_mline_index")
# RFC 8839, 5.1: foundation, component, transport, priority, address, port, type; then pairs of a name and a value.
_CANDIDATE = re.compile(
    r"candidate:[A-Za-z0-9+/]{1,32} [0-9]{1,3} [A-Za-z]{3,8} [0-9]{1,10} [0-9A-Za-z.:%-]{1,253} [0-9]{1,5}"
    r" typ (host|srflx|prflx|relay)( [!-~]+ [!-~]+)*"
)
_MID = re.compile(r"[!-~]{1,64}")
_MAX_MLINE_INDEX = 255


def candidates(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the agent has them; an empty `candidate` is the end of candidates.

    Raises `ApiError`: 400 for a malformed one, 413 for a body above 64 KiB, 404 where the agent doesn't know the
    `pc_id`, and as `directly_owned_session` and `invoke_agent` do.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    check_deployed(transport="webrtc", settings=settings)
    owned = directly_owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    fields = json_object(event=event, max_bytes=MAX_BYTES, fields=_FIELDS)
    pc_id = check_pc_id(value=fields.get("pc_id"))
    found = _parse(items=fields.get("candidates"))
    invoke_agent(
        message={"type": "ice-candidates", "pcId": pc_id, "candidates": found},
        session_id=owned.session_id,
        runtime=settings.runtime,
        credentials=credentials,
        deadline=deadline,
    )
    return Answer(
        status=204, metric="CandidatesForwarded", session_id=owned.session_id, note=f"{len(found)} candidates"
    )


def _parse(*, items: Any) -> list[dict[str, object]]:
    check_type(name="candidates", value=items, expected=list)
    if not 1 <= len(items) <= MAX_CANDIDATES:
        raise _invalid(reason=f"there are {len(items)}; 1 to {MAX_CANDIDATES} are allowed")
    return [_candidate(item=item) for item in items]


def _candidate(*, item: Any) -> dict[str, object]:
    check_type(name="each of candidates", value=item, expected=dict)
    refuse_unknown(found=item, fields=_CANDIDATE_FIELDS, place="a candidate")
    text, mid, index = (item.get(name) for name in _CANDIDATE_FIELDS)
    check_type(name="candidate", value=text, expected=str)
    if text and (len(text) > MAX_CANDIDATE_CHARACTERS or not _CANDIDATE.fullmatch(text)):
        raise _invalid(reason="one has not the form of RFC 8839, or is too long")
    _check_place(mid=mid, index=index)
    if text and mid is None and index is None:
        raise _invalid(reason="one names no media section: neither sdp_mid nor sdp_mline_index")
    return {"candidate": text, "sdpMid": mid, "sdpMLineIndex": index}


def _check_place(*, mid: Any, index: Any) -> None:
    if mid is not None:
        check_type(name="sdp_mid", value=mid, expected=str)
        if not _MID.fullmatch(mid):
            raise _invalid(reason="an sdp_mid is empty, too long or not printable")
    if index is not None:
        check_type(name="sdp_mline_index", value=index, expected=int)
        if not 0 <= index <= _MAX_MLINE_INDEX:
            raise _invalid(reason=f"an sdp_mline_index is not within 0 to {_MAX_MLINE_INDEX}")


def _invalid(*, reason: str) -> ApiError:
    return ApiError(status=400, code="invalid_candidates", message=f"These ICE candidates can't be used: {reason}.")
