"""Documents in XML, as Twilio and those who speak its dialect read them."""

from xml.etree.ElementTree import Element, SubElement, tostring

from telephony.carrier import Document


def child(parent: Element, tag: str, attributes: dict[str, str] | None = None, *, text: str = "") -> Element:
    """Add an element; whatever XML gives a meaning to is escaped when the document is written."""
    element = SubElement(parent, tag, attributes or {})
    element.text = text or None
    return element


def document(root: Element) -> Document:
    """The document as text."""
    return Document(
        content_type="text/xml; charset=utf-8",
        body=f'<?xml version="1.0" encoding="UTF-8"?>{tostring(root, encoding="unicode")}',
    )
