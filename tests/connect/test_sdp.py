import re

import pytest
from aiortc.sdp import MediaDescription, SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from connect.sdp import NoAudioError, SdpError, check_sdp
from tests.connect.sdp_samples import CHROMIUM_OFFER, aiortc_exchange

AUDIO = """v=0
o=- 1 2 IN IP4 192.0.2.1
s=-
t=0 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 00:11:22:33:44:55:66:77
a=setup:actpass
a=mid:0
a=sendrecv
a=rtpmap:111 opus/48000/2
"""
BUNDLED = """v=0
o=- 1 2 IN IP4 192.0.2.1
s=-
t=0 0
a=group:LS 0 1
a=group:BUNDLE 1 0
m=audio 0 UDP/TLS/RTP/SAVPF 111
a=bundle-only
a=mid:0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 00:11:22:33
a=setup:actpass
a=mid:1
"""
real_offers = st.sampled_from([CHROMIUM_OFFER, aiortc_exchange().offer])


def reason(sdp: str) -> str:
    with pytest.raises(SdpError) as caught:
        check_sdp(sdp)
    return ("no audio: " if isinstance(caught.value, NoAudioError) else "") + str(caught.value)


def without(sdp: str, prefix: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith(prefix))


@pytest.mark.parametrize(
    "sdp",
    [
        aiortc_exchange().offer,
        aiortc_exchange().answer,
        CHROMIUM_OFFER,
        AUDIO,
        BUNDLED,
        AUDIO.replace("\n", "\r\n"),
        AUDIO + "\n\n",
        AUDIO.replace("a=sendrecv", "a=recvonly"),
        AUDIO.replace("a=sendrecv\n", ""),
        AUDIO.replace("t=0 0", "t=0 0\na=inactive"),
        AUDIO.replace("m=audio", "m=video 9 UDP/TLS/RTP/SAVPF 96\nm=audio"),
        # At the level of the session, as Firefox has the fingerprint.
        without(AUDIO, "a=fingerprint").replace("t=0 0", "t=0 0\na=fingerprint:sha-256 00:11"),
    ],
)
def test_offers_and_answers_with_audio_pass(sdp: str) -> None:
    check_sdp(sdp)


@pytest.mark.parametrize(
    ("sdp", "says"),
    [
        (without(AUDIO, "m="), "no audio"),
        (AUDIO.replace("m=audio", "m=video"), "no audio"),
        (AUDIO.replace("m=audio 9", "m=audio 0"), "no audio"),
        (AUDIO.replace("a=sendrecv", "a=inactive"), "no audio"),
        (without(AUDIO, "a=sendrecv").replace("t=0 0", "t=0 0\na=inactive"), "no audio"),
        (BUNDLED.replace("a=bundle-only\n", ""), "no audio"),
        (BUNDLED.replace("BUNDLE 1 0", "BUNDLE 1"), "a=ice-ufrag"),
        (BUNDLED.replace("BUNDLE 1 0", "BUNDLE 7 0"), "a=ice-ufrag"),
        (without(AUDIO, "a=ice-ufrag"), "a=ice-ufrag"),
        (without(AUDIO, "a=ice-pwd"), "a=ice-pwd"),
        (without(AUDIO, "a=fingerprint"), "a=fingerprint"),
        (without(AUDIO, "a=setup"), "a=setup"),
        (AUDIO.replace("abcd", "abc"), "a=ice-ufrag"),
        (AUDIO.replace("ijkl", "ijk"), "a=ice-pwd"),
        (AUDIO.replace("ijkl", "ij l"), "a=ice-pwd"),
        (AUDIO.replace(":77", ":7"), "a=fingerprint"),
        (AUDIO.replace("actpass", "holdconn"), "a=setup"),
        (AUDIO.replace("v=0", "v=1"), "v=0"),
        (without(AUDIO, "v="), "v=0"),
        (without(AUDIO, "o="), "v=0"),
        (without(AUDIO, "s="), "v=0"),
        (without(AUDIO, "t="), "t="),
        (AUDIO.replace("t=0 0\n", "") + "t=0 0\n", "t="),
        (AUDIO.replace("m=audio 9 ", "m=audio 65536 "), "m= line"),
        (AUDIO.replace("m=audio 9 ", "m=audio nine "), "m= line"),
        (AUDIO.replace("SAVPF 111", "SAVPF"), "m= line"),
        (AUDIO.replace("SAVPF 111", "SAVPF "), "m= line"),
        (AUDIO.replace("a=mid:0\n", "\n"), "printable"),
        (AUDIO.replace("a=mid:0", "a=mid:\x00"), "printable"),
        (AUDIO.replace("a=mid:0", "a=mid:é"), "printable"),
        (AUDIO.replace("a=mid:0", "a=mid:\r0"), "printable"),
        (AUDIO.replace("a=mid:0", "x=mid:0"), "printable"),
        (AUDIO.replace("a=mid:0", "a:mid:0"), "printable"),
        (AUDIO.replace("\n", "\r"), "printable"),
        ("\n" + AUDIO, "printable"),
        ("", "printable"),
        ("offer", "printable"),
    ],
)  # fmt: skip
def test_each_fault_has_its_reason(sdp: str, says: str) -> None:
    assert says in reason(sdp)


def test_the_codec_filter_of_the_javascript_transport_is_taken() -> None:
    """It rewrites m= lines without a CR, and leaves an empty line at the end (its `sdpFilterCodec`)."""
    filtered = re.sub(r"(m=audio .*SAVPF)[ 0-9]+\r\n", r"\1 111\n", CHROMIUM_OFFER) + "\n\n"
    assert filtered.count("\r\n") < CHROMIUM_OFFER.count("\r\n")

    check_sdp(filtered)


@given(offer=real_offers, data=st.data())
def test_a_real_offer_without_one_needed_line_never_passes(offer: str, data: st.DataObject) -> None:
    needed = data.draw(
        st.sampled_from(["v=", "o=", "s=", "t=", "m=audio", "a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"])
    )

    reason(without(offer, needed))


@given(offer=real_offers, at=st.integers(min_value=0), bad=st.characters(exclude_categories=["Cs"]))
def test_a_real_offer_with_one_unprintable_character_never_passes(offer: str, at: int, bad: str) -> None:
    place = at % len(offer)
    if not " " <= bad <= "~" and bad not in "\r\n":
        reason(offer[:place] + bad + offer[place:])


@given(offer=real_offers, at=st.integers(min_value=0))
def test_a_real_offer_cut_off_before_its_transport_never_passes(offer: str, at: int) -> None:
    reason(offer[: at % offer.index("a=setup")])


@given(text=st.text(max_size=200))
def test_no_text_passes_or_upsets_it(text: str) -> None:
    reason(text)


@given(offer=real_offers, data=st.data())
def test_what_passes_after_any_shuffle_still_has_audio_for_aiortc(offer: str, data: st.DataObject) -> None:
    """Lines dropped, doubled and moved at random; what the check lets through, the real parser finds audio in."""
    lines = offer.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(min_value=1, max_value=6))):
        line = lines.pop(data.draw(st.integers(min_value=0, max_value=len(lines) - 1)))
        places = data.draw(st.lists(st.integers(min_value=0, max_value=len(lines)), max_size=2))
        for place in places:
            lines.insert(place, line)
    try:
        check_sdp("".join(lines))
    except SdpError:
        return
    audio = [media for media in described(lines) if media.kind == "audio" and media.direction != "inactive"]
    assert any(media.port for media in audio)


def described(lines: list[str]) -> list[MediaDescription]:
    # Codec lines may have been torn apart: not the check's matter.
    kept = [line for line in lines if not line.startswith(("a=fmtp", "a=rtcp-fb", "a=rtpmap"))]
    return SessionDescription.parse("".join(kept)).media
