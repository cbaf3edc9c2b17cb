"""A carrier's REST API that answers what it is told, and keeps what it was asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.https_request import HttpResponse, UnreachableError


@dataclass(frozen=True, kw_only=True)
class Asked:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class RestApi:
    """`answers` are given in turn; an `UnreachableError` among them is raised."""

    answers: list[HttpResponse | UnreachableError]
    asked: list[Asked] = field(default_factory=list)

    def __call__(
        self, *, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float
    ) -> HttpResponse:
        assert 0 < timeout_seconds <= 15, "API Gateway waits for 30 s"
        self.asked.append(Asked(method=method, url=url, headers=headers, body=body))
        answer = self.answers.pop(0)
        if isinstance(answer, UnreachableError):
            raise answer
        return answer


def rest_api(*answers: tuple[int, str] | UnreachableError) -> RestApi:
    """Each answer is a status and a body."""
    return RestApi(
        answers=[
            answer if isinstance(answer, UnreachableError) else HttpResponse(status=answer[0], body=answer[1].encode())
            for answer in answers
        ]
    )
