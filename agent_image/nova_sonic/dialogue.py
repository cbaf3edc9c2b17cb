"""What has been said, in the form in which another stream of the model can be told of it."""

from dataclasses import dataclass, field
from typing import Literal

type Role = Literal["USER", "ASSISTANT"]

# https://github.com/aws-samples/amazon-nova-samples keeps a history to 40 KB; the latest is worth most.
_MOST_BYTES = 40_960


@dataclass(frozen=True, kw_only=True)
class Message:
    """What the caller (USER) or the model has said."""

    role: Role
    text: str


@dataclass(kw_only=True)
class Dialogue:
    """The turns that are over, and the one that isn't: what was asked, and how far the model got with its answer."""

    asked: list[str] = field(default_factory=list)
    _over: list[Message] = field(default_factory=list)
    _planned: list[str] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)
    _answered: bool = False
    _interrupted: bool = False

    @property
    def answered(self) -> bool:
        """Whether the model owes no answer."""
        return self._answered or not self.asked

    @property
    def answering(self) -> bool:
        """Whether the model has begun an answer, and not ended it."""
        return bool(self._planned) and not self._answered

    def tell(self, role: Role, text: str) -> None:
        """Something that was said before this stream."""
        self._over.append(Message(role=role, text=text))

    def ask(self, text: str) -> None:
        """The caller, or the agent in his place, has said something that wants an answer."""
        if self._answered:
            self.settle()
        self.asked.append(text)

    def plan(self, text: str) -> None:
        """The model is about to say this."""
        if self._answered:
            self.settle()
        self._planned.append(text)

    def say(self, text: str) -> None:
        """The model has said this: the exact words, which come after their audio."""
        self._said.append(text)

    def answer_ended(self, *, interrupted: bool = False) -> None:
        """The model's answer is complete, or the caller has interrupted it."""
        self._answered = True
        self._interrupted |= interrupted

    def abandon_answer(self) -> None:
        """The stream broke in the middle of an answer; another one will answer anew."""
        self._planned, self._said = [], []

    def settle(self) -> None:
        """Take what was asked, and what was answered, as over."""
        self._over += [Message(role="USER", text=text) for text in self.asked]
        # The exact words come late, so they count only where they differ from the plan.
        if answer := " ".join(self._said if self._interrupted else self._planned):
            self._over.append(Message(role="ASSISTANT", text=answer))
        self.asked, self._planned, self._said, self._answered, self._interrupted = [], [], [], False, False

    def history(self) -> list[Message]:
        """The turns that are over, as Nova Sonic wants a history: one message a turn, the caller's first."""
        messages: list[Message] = []
        size = 0
        for message in reversed(self._over):
            size += len(message.text.encode())
            if size > _MOST_BYTES:
                break
            if messages and messages[-1].role == message.role:
                messages[-1] = Message(role=message.role, text=f"{message.text} {messages[-1].text}")
            else:
                messages.append(message)
        while messages and messages[-1].role == "ASSISTANT":
            messages.pop()
        return messages[::-1]
