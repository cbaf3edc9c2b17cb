"""Signed webhooks that are forms, and what may be done to them on the way: what Twilio and Plivo have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import strategies as st
from multidict import MultiDict

from telephony.carrier import Carrier, Kind, SignatureError, WebhookRequest

type Pairs = Sequence[tuple[str, str]]
type Mutation = Callable[["Posted", st.DataObject], "Posted"]

FORM = "application/x-www-form-urlencoded"
TOKENS = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
NAMES = st.sampled_from(["CallSid", "CallUUID", "From", "To", "Digits", "Größe", "SIP-H-X", "a b&c=d"]) | st.text(
    min_size=1, max_size=8
)
VALUES = st.sampled_from(["", "+15005550006", "München & Zürich", "a=b&c", " ", "%2B", "📞"]) | st.text(max_size=10)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
SEGMENTS = st.sampled_from(["telephony/twilio/answer", "telephony/plivo/events", "a%20b", "x"])
QUERIES = st.just("") | st.lists(
    st.tuples(
        st.sampled_from(["call", "proof", "b", "bodyLike"]),
        st.text(alphabet="019af-._~ +&=%/?:ü", max_size=12),
    ),
    min_size=1,
    max_size=3,
).map(urlencode)


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A webhook on the wire, and the token it is verified with; `body` is what was written in the fields' place."""

    url: str
    headers: Mapping[str, str]
    pairs: Pairs
    token: str
    body: bytes | None = None

    def request(self, kind: Kind = "answer") -> WebhookRequest:
        return WebhookRequest(
            kind=kind,
            url=self.url,
            query={},
            headers={"content-type": FORM, **self.headers},
            body=urlencode(self.pairs).encode() if self.body is None else self.body,
            received_at=1_800_000_000.0,
        )

    def fields(self) -> MultiDict[str]:
        """The fields as a web framework hands them to the carrier's library."""
        return MultiDict(self.pairs)

    def with_headers(self, **headers: str) -> "Posted":
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **names})

    def without(self, *names: str) -> "Posted":
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in names})


@st.composite
def urls(draw: st.DrawFn) -> str:
    host = draw(st.sampled_from(["abc123.execute-api.eu-west-1.amazonaws.com", "voice.example.com", "127.0.0.1"]))
    port = draw(st.sampled_from(["", "", ":443", ":8443"]))
    query = draw(QUERIES)
    return f"https://{host}{port}/{draw(SEGMENTS)}{f'?{query}' if query else ''}"


def longer_path(posted: Posted, _: st.DataObject) -> Posted:
    parts = urlsplit(posted.url)
    return replace(posted, url=parts._replace(path=f"{parts.path}x").geturl())


def other_host(posted: Posted, _: st.DataObject) -> Posted:
    parts = urlsplit(posted.url)
    return replace(posted, url=parts._replace(netloc=f"evil-{parts.netloc}").geturl())


def plain_http(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, url=posted.url.replace("https:", "http:"))


def longer_query(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, url=f"{posted.url}{'&' if '?' in posted.url else '?'}call=another")


def other_value(posted: Posted, data: st.DataObject) -> Posted:
    if not posted.pairs:
        return added_field(posted, data)
    at = data.draw(st.integers(0, len(posted.pairs) - 1))
    name, value = posted.pairs[at]
    return replace(posted, pairs=[*posted.pairs[:at], (name, f"{value}7"), *posted.pairs[at + 1 :]])


def added_field(posted: Posted, data: st.DataObject) -> Posted:
    # A name that is there already would make the set of fields no other.
    return replace(posted, pairs=[*posted.pairs, (f"{data.draw(NAMES)}Added", "1")])


def removed_field(posted: Posted, data: st.DataObject) -> Posted:
    if not posted.pairs:
        return added_field(posted, data)
    gone = data.draw(st.sampled_from(list(posted.pairs)))
    return replace(posted, pairs=[pair for pair in posted.pairs if pair != gone])


def other_secret(posted: Posted, data: st.DataObject) -> Posted:
    return replace(posted, token=data.draw(TOKENS.filter(lambda token: token != posted.token)))


def shorter_secret(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, token=posted.token[:-1])


def no_form(posted: Posted, data: st.DataObject) -> Posted:
    other = data.draw(st.sampled_from(["application/json", "text/plain", "", "multipart/form-data"]))
    return posted.with_headers(content_type=other)


def raw_bytes(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, body=posted.request().body + b"&x=\xff")


def broken_utf8(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, body=posted.request().body + b"&x=%ff")


ANYWHERE: tuple[Mutation, ...] = (
    *(longer_path, other_host, plain_http, longer_query),
    *(other_value, added_field, removed_field),
    *(other_secret, shorter_secret, no_form, raw_bytes, broken_utf8),
)


def changed_signature(posted: Posted, data: st.DataObject, *, header: str) -> Posted:
    """One character of it, its length, its case, itself twice, or a text that is none."""
    right = posted.headers[header]
    at = data.draw(st.integers(0, len(right) - 3))  # the last character before the padding has bits that mean nothing
    flipped = right[:at] + ("A" if right[at] != "A" else "B") + right[at + 1 :]
    wrong = [flipped, right[:-1], f"{right}=", right.swapcase(), right[::-1], "", "=", "é" * 28, f"{right}{right}"]
    return replace(posted, headers={**posted.headers, header: data.draw(st.sampled_from(wrong))})


def accepted(carrier: Carrier, posted: Posted) -> bool:
    """The kit's verdict."""
    try:
        carrier.verify(request=posted.request(), secret={"authToken": posted.token})
    except SignatureError:
        return False
    return True


def refusal(carrier: Carrier, posted: Posted) -> str:
    """The reason for which the kit refuses it."""
    with pytest.raises(SignatureError) as caught:
        carrier.verify(request=posted.request(), secret={"authToken": posted.token})
    assert str(caught.value) == caught.value.reason
    return caught.value.reason
