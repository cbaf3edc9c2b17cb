"""A success, before it becomes HTTP: what the caller gets, and what the log and the metrics say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`metric` is the name of the counter that this success adds one to; `note` goes to the log only.

    `session_id` is empty where the success is about no session, or none yet.
    """

    status: int
    metric: str
    session_id: str = ""
    payload: dict[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
