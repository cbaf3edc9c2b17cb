"""What an SDP must hold before it is handed on: one audio section that DTLS and ICE can connect.

Session descriptions: RFC 8866; in WebRTC: RFC 9429 (JSEP). Far less than a media stack would check, at no cost.
"""

import re

_LINE = re.compile(r"[abceikmoprstuvz]=[ -~]+")
_MEDIA = re.compile(r"m=([a-z]+) ([0-9]{1,5}) [A-Z/]+( [!-~]+)+")
_DIRECTIONS = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"}
_TRANSPORT = {
    "ice-ufrag": re.compile(r"[A-Za-z0-9+/]{4,256}"),  # RFC 8839, 5.4
    "ice-pwd": re.compile(r"[A-Za-z0-9+/]{22,256}"),
    "fingerprint": re.compile(r"[A-Za-z0-9-]+ [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+"),  # RFC 8122, 5
    "setup": re.compile(r"actpass|active|passive"),  # RFC 8842, 5.1
}

type _Section = list[str]


class SdpError(Exception):
    """It is no usable SDP; the message says why, quotes nothing of it, and completes "The SDP …"."""


class NoAudioError(SdpError):
    """It is an SDP, and no audio can come of it."""


def check_sdp(sdp: str) -> None:
    """Raises `SdpError`, or its `NoAudioError` where no m=audio section is present, accepted and active."""
    session, *media = _sections(sdp)
    audio = [section for section in media if _carries_audio(section=section, session=session)]
    if not audio:
        raise NoAudioError("has no m=audio section that is neither rejected (port 0) nor inactive")
    transport = [*session, *audio[0], *_bundled_with(section=audio[0], session=session, media=media)]
    for name, form in _TRANSPORT.items():
        if not any(form.fullmatch(value) for value in _values(lines=transport, name=name)):
            raise SdpError(f"has no valid a={name} line for its audio")


def _sections(sdp: str) -> list[_Section]:
    """The session's lines, then those of each m= section."""
    # Lines may end in LF alone (RFC 8866, 5). The JavaScript transport's codec filter leaves empty ones at the end.
    lines = sdp.replace("\r\n", "\n").rstrip("\n").split("\n")
    if not all(_LINE.fullmatch(line) for line in lines):
        raise SdpError("has a line that is not <type>=<value> in printable ASCII")
    sections: list[_Section] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    _check_session(session=sections[0])
    for section in sections[1:]:
        match = _MEDIA.fullmatch(section[0])
        if not match or int(match[2]) > 65535:
            raise SdpError("has a malformed m= line")
    return sections


def _check_session(*, session: _Section) -> None:
    if session[:1] != ["v=0"] or [line[0] for line in session[1:3]] != ["o", "s"]:
        raise SdpError("does not begin with v=0, o= and s=")
    if not any(line.startswith("t=") for line in session):
        raise SdpError("has no t= line before its first m= line")


def _carries_audio(*, section: _Section, session: _Section) -> bool:
    kind, port, *_ = section[0].removeprefix("m=").split()
    rejected = int(port) == 0 and "a=bundle-only" not in section
    direction = _DIRECTIONS.intersection(section) or _DIRECTIONS.intersection(session)
    return kind == "audio" and not rejected and "a=inactive" not in direction


def _bundled_with(*, section: _Section, session: _Section, media: list[_Section]) -> _Section:
    """The section whose transport a bundled one shares: the first of its group (RFC 9143, 7.2.1)."""
    (mid,) = _values(lines=section, name="mid")[:1] or [""]
    for group in _values(lines=session, name="group"):
        semantics, *mids = group.split()
        if semantics == "BUNDLE" and mid in mids:
            return next((other for other in media if f"a=mid:{mids[0]}" in other), [])
    return []


def _values(*, lines: _Section, name: str) -> list[str]:
    prefix = f"a={name}:"
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
