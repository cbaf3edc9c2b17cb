"""ministack itself: an ASGI application that answers for every AWS service it emulates."""

from ministack.app import app as emulator

__all__ = ["emulator"]
