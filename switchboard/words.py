"""Compares what was said with what was heard, as listeners do: words count, spelling and punctuation do not."""

import re
from itertools import product

_ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# Words of each side that one step of the comparison takes: omission, addition, substitution, and words written apart.
_STEPS = ((1, 0), (0, 1), (1, 1), (1, 2), (2, 1))


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; numbers as words ("It's 21!" is its, twenty, one)."""
    plain = re.sub(r"['’]", "", text.lower())
    return [word for token in re.findall(r"[^\W\d_]+|\d+", plain) for word in _spoken(token)]


def word_error_rate(*, said: str, heard: str) -> float:
    """Substituted, left out and added words (Levenshtein distance) by words said; 0 is a perfect match.

    Words written apart count as the one word they sound like ("good bye").
    """
    reference, hypothesis = words(said), words(heard)
    distance: dict[tuple[int, int], int] = {}
    for row, column in product(range(len(reference) + 1), range(len(hypothesis) + 1)):
        costs = [
            distance[row - left, column - right]
            + _cost(reference[row - left : row], hypothesis[column - right : column])
            for left, right in _STEPS
            if left <= row and right <= column
        ]
        distance[row, column] = min(costs, default=0)
    return distance[len(reference), len(hypothesis)] / max(1, len(reference))


def _cost(left: list[str], right: list[str]) -> int:
    return 0 if "".join(left) == "".join(right) else max(len(left), len(right))


def _spoken(token: str) -> list[str]:
    if not token.isdecimal():
        return [token]
    number = int(token)
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        return [_TENS[number // 10 - 2], *([_ONES[number % 10]] if number % 10 else [])]
    return [_ONES[int(digit)] for digit in token]
