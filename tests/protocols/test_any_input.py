"""Whatever is written, the answer is a protocol or a list of located violations, never a crash."""

from __future__ import annotations

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.protocols.canonical import canonical_yaml, digest, endpoint_digest
from accordance.protocols.describe import summary
from accordance.protocols.errors import ContractError
from accordance.protocols.load import parse
from accordance.protocols.resolve import resolve

VALUES = [
    "1",
    "x",
    "[]",
    "{}",
    "null",
    "-1",
    "[a, b]",
    "{a: 1}",
    "''",
    '"5"',
    "1e400",
    "007",
    "subject",
    "within",
]


def spoiled(text: str, rng: random.Random) -> str:
    """The text with a line lost, moved or refilled, a word exchanged, or a character too many."""
    lines = text.split("\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.choice(["lose", "refill", "word", "character", "swap"])
    if kind == "lose":
        del lines[first]
    elif kind == "refill":
        lines[first] = lines[first].split(": ", 1)[0] + ": " + rng.choice(VALUES)
    elif kind == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    text = "\n".join(lines)
    if kind == "word":
        word = rng.choice(list(re.finditer(r"[\w.%>]+", text)))
        text = text[: word.start()] + rng.choice(VALUES) + text[word.end() :]
    elif kind == "character":
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice("\t:#{}[],&*!|>'\"%@`\x00\n é-") + text[place:]
    return text


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 3))
def test_a_protocol_or_violations(base: str, seed: int, times: int) -> None:
    rng = random.Random(seed)
    text = base
    for _ in range(times):
        text = spoiled(text, rng)
    try:
        protocol = parse(text)
    except ContractError as error:
        assert error.violations
        assert all(one.line is not None and one.column is not None for one in error.violations)
        return
    assert resolve(protocol) == protocol
    assert digest(parse(canonical_yaml(protocol))) == digest(protocol)
    assert summary(protocol)
    assert all(endpoint_digest(protocol, name) for name in protocol.endpoints)
