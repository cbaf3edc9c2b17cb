"""What the agent takes of a caller's SDP offer and candidates: aiortc's parser raises whatever it stumbles over."""

from aiortc import RTCIceCandidate
from aiortc.sdp import SessionDescription, candidate_from_sdp

from messages import Candidate


class OfferError(ValueError):
    """An SDP offer or a candidate that can't be used; the message quotes nothing of it."""


def checked_offer(sdp: str) -> str:
    """The offer without its mDNS candidates: looking one up takes a second, and a relay can't reach it anyway.

    Raises `OfferError`.
    """
    try:
        media = SessionDescription.parse(sdp).media
    except Exception as error:
        raise OfferError("sdp: not a session description (RFC 8866)") from error
    if not media or media[0].kind != "audio":
        raise OfferError("sdp: its first medium is not audio; offer audio first")
    if not all(each.ice and each.ice.usernameFragment and each.ice.password and each.dtls for each in media):
        raise OfferError("sdp: no ICE credentials or no DTLS fingerprint; send an offer of WebRTC")
    return "".join(line for line in sdp.splitlines(keepends=True) if not is_mdns(line.removeprefix("a=")))


def is_mdns(candidate: str) -> bool:
    """Whether a candidate's address is a name that only mDNS knows (draft-ietf-mmusic-mdns-ice-candidates)."""
    return candidate.startswith("candidate:") and any(part.endswith(".local") for part in candidate.split()[4:5])


def read_candidate(candidate: Candidate) -> RTCIceCandidate | None:
    """The candidate for aiortc, which takes None for the end of candidates. Raises `OfferError`."""
    if not candidate.candidate:
        return None
    try:
        parsed = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
    except (AssertionError, ValueError) as error:
        raise OfferError("a candidate is not as in RFC 8839, 5.1") from error
    parsed.sdpMid, parsed.sdpMLineIndex = candidate.sdp_mid, candidate.sdp_m_line_index
    if parsed.sdpMid is None and parsed.sdpMLineIndex is None:
        raise OfferError("a candidate has neither sdpMid nor sdpMLineIndex")
    return parsed
