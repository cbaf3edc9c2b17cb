"""A carrier that is steered by XML documents: it does one element after the other, and asks for the next document."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Literal
from xml.etree import ElementTree as ET

from tests.carriers.line import PhoneLine
from tests.carriers.media import MediaStream, MisuseError
from tests.carriers.standin import CarrierStandIn, Sent

MAX_DOCUMENTS = 20
"""A call that is answered with more documents than this goes round in circles."""

type Outcome = Sent | Literal["hang up"] | None
"""The document that takes this one's place, the call's end, or on to the next element."""


class XmlStandIn(CarrierStandIn):
    """Elements that no documentation knows, or knows with other attributes, are refused before anything is done."""

    async def converse(self, line: PhoneLine, document: Sent) -> None:
        """Carry out the document and all that follow; at the end of one that no other follows, the call ends."""
        following: Sent | None = document
        for _ in range(MAX_DOCUMENTS):
            if following is None:
                return
            following = await self._carry_out(line, self._checked(following))
        raise MisuseError(f"more than {MAX_DOCUMENTS} documents")

    async def _carry_out(self, line: PhoneLine, root: ET.Element) -> Sent | None:
        for element in root:
            outcome = await self.do(line, element)
            if outcome == "hang up":
                return None
            if isinstance(outcome, Sent):
                return outcome
        return None

    def _checked(self, document: Sent) -> ET.Element:
        content_type = document.answer_headers.get("content-type", "").partition(";")[0]
        if content_type not in ("text/xml", "application/xml"):
            raise MisuseError(f"a document's Content-Type is {content_type or 'missing'}")
        try:
            root = ET.fromstring(document.answer)  # noqa: S314 - the answer of the function under test
        except ET.ParseError as error:
            raise MisuseError("a document is no XML") from error
        if root.tag != "Response":
            raise MisuseError(f"a document's root is <{root.tag}>")
        for parent, element in _below(root):
            self._check(parent, element)
        return root

    def _check(self, parent: str, element: ET.Element) -> None:
        known = self.attributes(parent, element.tag)
        if known is None:
            raise MisuseError(f"there is no <{element.tag}> in <{parent}>")
        if unknown := sorted(set(element.attrib) - known):
            raise MisuseError(f"<{element.tag}> has no attribute {', '.join(unknown)}")

    async def stream(self, line: PhoneLine, media: MediaStream) -> None:
        """Stream until the bot closes. A stream that can't be opened is an error in the log, and the call goes on."""
        await line.join(media)
        if media.failure:
            line.problems.append(f"the stream could not be opened: {media.failure}")

    @abstractmethod
    def attributes(self, parent: str, tag: str) -> set[str] | None:
        """The attributes that an element may have there; None where it may not be there at all."""

    @abstractmethod
    async def do(self, line: PhoneLine, element: ET.Element) -> Outcome:
        """Carry out one element; raises `MisuseError`."""


def camel_case(name: str) -> str:
    """`status_callback` as it is written in documents."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _below(root: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    for element in root:
        yield root.tag, element
        yield from _below(element)
