"""What the API refuses or fails with: a status, a code for programs, a sentence for people, and a note for the log."""

from collections.abc import Mapping

RETRY_LATER = {"retry-after": "1"}


class ApiError(Exception):
    """An answer other than success.

    `message` goes to the caller, and never quotes a credential, a URL or an upstream text; `note` goes to the log only.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        note: str = "",
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.note = note


def wrong_setup(*, note: str) -> ApiError:
    """The deployment is at fault, not the caller: 500, with the reason in the log."""
    return ApiError(
        status=500,
        code="wrong_setup",
        message="The service is not set up correctly. Tell its operator this request id.",
        note=note,
    )
