"""DynamoDB's expressions, as far as the table of calls uses them; anything else is refused, never guessed.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import re
from collections.abc import Callable, Mapping

type Typed = dict[str, str]
type Item = dict[str, Typed]

_TOKENS = re.compile(r"\s*(<=|>=|<>|[<>=(),+]|[#:][A-Za-z0-9_]+|[A-Za-z_][A-Za-z0-9_]*)")
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class ExpressionError(Exception):
    """DynamoDB would answer ValidationException, or this evaluator does not know the expression."""


class Expressions:
    """The expressions of one request, over an item; every placeholder must be there, and be used."""

    def __init__(self, *, names: Mapping[str, str], values: Mapping[str, Typed], item: Item) -> None:
        self._names, self._values, self._item = names, values, item
        self._used: set[str] = set()
        self._tokens: list[str] = []

    def holds(self, text: str) -> bool:
        """Whether a ConditionExpression holds."""
        self._begin(text)
        result = self._any_of()
        self._end()
        return result

    def updated(self, text: str) -> Item:
        """The item after an UpdateExpression, which may be one SET of several attributes."""
        self._begin(text)
        self._take("SET")
        changes: Item = {}
        while True:
            name = self._name()
            self._take("=")
            changes[name] = self._sum()
            if not self._tokens:
                break
            self._take(",")
        return {**self._item, **changes}

    def check_all_used(self) -> None:
        unused = {*self._names, *self._values} - self._used
        if unused:
            raise ExpressionError(f"unused in expressions: {sorted(unused)}")

    def _begin(self, text: str) -> None:
        self._tokens = _TOKENS.findall(text)
        if re.sub(r"\s", "", text) != "".join(self._tokens):
            raise ExpressionError(f"invalid token in {text!r}")

    def _end(self) -> None:
        if self._tokens:
            raise ExpressionError(f"not understood: {self._tokens}")

    def _next(self) -> str:
        if not self._tokens:
            raise ExpressionError("the expression ends too early")
        return self._tokens.pop(0)

    def _take(self, expected: str) -> None:
        if (token := self._next()) != expected:
            raise ExpressionError(f"needed {expected}, got {token}")

    def _any_of(self) -> bool:
        results = [self._all_of()]
        while self._tokens[:1] == ["OR"]:
            self._next()
            results.append(self._all_of())
        return any(results)

    def _all_of(self) -> bool:
        results = [self._test()]
        while self._tokens[:1] == ["AND"]:
            self._next()
            results.append(self._test())
        return all(results)

    def _test(self) -> bool:
        if self._tokens[:1] == ["attribute_not_exists"]:
            self._next()
            self._take("(")
            name = self._name()
            self._take(")")
            return name not in self._item
        left, operator = self._item.get(self._name()), self._next()
        if operator == "IN":
            return left in self._list()
        if operator not in _COMPARISONS:
            raise ExpressionError(f"operator {operator} is not known here")
        right = self._value()
        if "N" not in right:
            raise ExpressionError("only numbers are compared here")
        return left is not None and "N" in left and _COMPARISONS[operator](int(left["N"]), int(right["N"]))

    def _list(self) -> list[Typed]:
        self._take("(")
        values = [self._value()]
        while self._tokens[:1] == [","]:
            self._next()
            values.append(self._value())
        self._take(")")
        return values

    def _sum(self) -> Typed:
        total = self._operand()
        if self._tokens[:1] == ["+"]:
            self._next()
            total = {"N": str(int(total["N"]) + int(self._operand()["N"]))}
        return total

    def _operand(self) -> Typed:
        if self._tokens[:1] != ["if_not_exists"]:
            return self._value()
        self._next()
        self._take("(")
        name = self._name()
        self._take(",")
        default = self._value()
        self._take(")")
        return self._item.get(name, default)

    def _name(self) -> str:
        token = self._next()
        if token not in self._names:
            raise ExpressionError(f"{token} is no placeholder of a name: it might be one of the reserved words")
        self._used.add(token)
        return self._names[token]

    def _value(self) -> Typed:
        token = self._next()
        if token not in self._values:
            raise ExpressionError(f"{token} is no placeholder of a value")
        self._used.add(token)
        return self._values[token]
