"""Words that are to be hidden wherever they stand in a text, and what stands for each of them."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

_COUNT: Final = 2
"""A number of so many digits is more often a count than an id."""

_WORD: Final = re.compile(r"[^\s/,;:()'\"“”]+(?<![.])")
"""A word as ids and keys are, in a sentence or as a segment of an address."""

_BETWEEN: Final = re.compile(r"(?P<before>['\"“(]*)(?P<word>\S*?)(?P<after>[.,;:)'”\"]*)(?!\S)")
"""What stands between spaces, and the marks of a sentence around it."""


class HiddenWords:
    """The words met so far."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._phrases: set[str] = set()

    def learn(self, words: Iterable[str], shown: str) -> None:
        """Hide words from now on.

        Args:
            words: ids and keys.
            shown: what stands for them.
        """
        for word in words:
            if len(word) > (_COUNT if word.isdigit() else 1):  # a letter is a word
                self._words[word] = shown
                if " " in word:
                    self._phrases.add(word)

    def hidden_in(self, text: str) -> str:
        """Return a text without them, where they stand as words.

        They are looked for as they stand between spaces, too, since a key may have marks in it:
        `urn:feide:1001`.
        """
        for phrase in sorted(self._phrases, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", self._words[phrase], text)
        text = _BETWEEN.sub(self._between, text)
        return _WORD.sub(self._shown, text)

    def _between(self, found: re.Match[str]) -> str:
        before, word, after = found["before"], found["word"], found["after"]
        for kept in range(len(after), -1, -1):  # a mark at the end may be the key's own
            shown = self._words.get(unquote(word + after[:kept]))
            if shown is not None:
                return f"{before}{shown}{after[kept:]}"
        return found[0]

    def _shown(self, found: re.Match[str]) -> str:
        return self._words.get(unquote(found[0]), found[0])
