"""A client script: a file in the manner of the conversations in tests/cases, made into steps.

tests/syscalls/README.md has the format.
"""

import dataclasses
import pathlib
import re
from typing import Any

# A script that is about time that passes has a pause of at least so long.
PASSING_S = 0.5
# A connection that a line does not name.
CLIENT = "client"

LINE = re.compile(
    r"(?:(?P<times>\d+) times\s+)?(?P<names>[A-Za-z]\w*|\d+\.\.\d+)?(?P<mark>>>|>|<)\s*(?P<rest>.*)")
ACTION = re.compile(r"(?:(?P<names>[A-Za-z]\w*|\d+\.\.\d+)\s+)?(?P<verb>connect|close|closed)")
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\*(\d+))?|(\S+)')
DURATION = re.compile(r"(\d+)(ms|s)")
PLACE = b"{n}"


class ScriptError(Exception):
    """A line that is not understood."""


@dataclasses.dataclass
class Step:
    """One thing that is done: what, for which connections, how often, with what."""

    line: int
    verb: str
    names: list[str] = dataclasses.field(default_factory=list)
    times: int = 1
    value: Any = None


@dataclasses.dataclass
class Script:
    """A whole script. What comes before the step `count` is not counted."""

    path: pathlib.Path
    title: str
    steps: list[Step]
    arguments: list[str]

    @property
    def name(self):
        return self.path.stem

    @property
    def counted(self):
        verbs = [step.verb for step in self.steps]
        return self.steps[verbs.index("count") + 1:] if "count" in verbs else self.steps

    @property
    def seconds(self):
        """How long it takes at least."""
        return sum(step.value for step in self.steps if step.verb == "pause")

    @property
    def passes_time(self):
        """Whether what is counted is about time that passes: then a server's timer counts too."""
        return sum(step.value for step in self.counted if step.verb == "pause") >= PASSING_S

    @property
    def requests(self):
        """How many requests are counted."""
        sent = [step for step in self.counted if step.verb == "send"]
        return sum(step.times * len(step.names) for step in sent)


def read(path):
    """The script in a file, named like it."""
    title, steps, arguments = [], [], []
    for number, line in enumerate(text_of(pathlib.Path(path)).splitlines(), start=1):
        text = line.strip()
        if text.startswith("#"):
            title += [] if steps else [text.lstrip("# ")]
        elif text.startswith("server "):
            arguments += [as_bytes(word).decode() for word in words(text[len("server "):])]
        elif text:
            try:
                steps.append(step_of(number, text))
            except ScriptError as error:
                raise ScriptError(f"{path}:{number}: {error}: {text}") from None
    if not any(step.verb == "start" for step in steps):
        steps.insert(0, Step(0, "start"))
    return Script(pathlib.Path(path), " ".join(title), steps, arguments)


def text_of(path):
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path} cannot be read: {error}") from error


def step_of(number, text):
    verb, _, rest = text.partition(" ")
    if verb in ("start", "count", "hold", "release") and not rest:
        return Step(number, verb)
    if verb == "signal" and rest in ("TERM", "INT"):
        return Step(number, verb, value=rest)
    if verb == "exits" and rest.isdigit():
        return Step(number, verb, value=int(rest))
    if verb == "pause" and DURATION.fullmatch(rest):
        count, unit = DURATION.fullmatch(rest).groups()
        return Step(number, verb, value=int(count) / (1000 if unit == "ms" else 1))
    action = ACTION.fullmatch(text)
    if action:
        return Step(number, action["verb"], names_of(action["names"]))
    line = LINE.fullmatch(text)
    if line is None:
        raise ScriptError("not a line of a script (see tests/syscalls/README.md)")
    names, times = names_of(line["names"]), int(line["times"] or 1)
    if line["mark"] == ">>":
        return Step(number, "raw", names, times, b"".join(map(as_bytes, words(line["rest"]))))
    if line["mark"] == ">":
        return Step(number, "send", names, times, list(map(as_bytes, words(line["rest"]))))
    return Step(number, "expect", names, times, reply_of(line["rest"]))


def names_of(text):
    """`B`, or `1..50` for fifty of them; nothing is the client without a name."""
    if text is None:
        return [CLIENT]
    first, dots, last = text.partition("..")
    if dots and int(first) > int(last):
        raise ScriptError(f"{text} is nobody")
    return [str(number) for number in range(int(first), int(last) + 1)] if dots else [text]


def words(text):
    return list(WORD.finditer(text))


def as_bytes(word):
    """The bytes that a word stands for, whether it is quoted or not."""
    quoted, times, plain = word.groups()
    if plain is not None:
        return plain.encode()
    return quoted.encode().decode("unicode_escape").encode("latin-1") * int(times or 1)


def reply_of(text):
    """The bytes of a reply that is written in RESP's own marks."""
    if text[:1] in ("+", "-"):
        return text.encode() + b"\r\n"
    parts = []
    for word in words(text):
        if word[3] is None:
            value = as_bytes(word)
            parts.append(b"$%d\r\n%s\r\n" % (len(value), value))
        elif word[3][0] in ":$*%~>#_":
            parts.append(word[3].encode() + b"\r\n")
        else:
            raise ScriptError(f"{word[3]} is no reply: a string stands in quotes")
    if not parts:
        raise ScriptError("a reply is missing")
    return b"".join(parts)


def filled(words, number):
    """The words for the client or request of this number."""
    return [word.replace(PLACE, str(number).encode()) for word in words]


def request(words):
    """An array of bulk strings."""
    return b"".join([b"*%d\r\n" % len(words), *[b"$%d\r\n%s\r\n" % (len(w), w) for w in words]])
