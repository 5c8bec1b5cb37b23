"""Beat-by-beat comparison read off the definition: one annotation at a time, in plain Python.

An independent, slow second way to the counts of `bxb`: two streams that look one beat ahead, segments noted
as they are met, a loop over the next beat of either side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from accordance.evaluators.rhythm.annotations import Annotations, Period

FAR = 10**15
CLASSES = {
    **dict.fromkeys("NLRB", "N"), **dict.fromkeys("aJASjen", "S"), **dict.fromkeys("VrE", "V"),
    "F": "F", **dict.fromkeys("Q/f?", "Q"), "!": "O",
}  # fmt: skip


class Stream:
    """Beats of one annotator with the current and the next one."""

    def __init__(self, found: Annotations, window: int) -> None:
        self.rows = list(
            zip(found.sample.tolist(), found.symbol.tolist(), found.subtype.tolist(), strict=True)
        )
        self.window, self.vf, self.shut = window, [], []
        self.beats = self._read()
        self.now, self.next = (0, "dummy", 0), (0, "dummy", 0)
        self.used = -1

    def _read(self) -> Iterator[tuple[int, str, int]]:
        k, last, vf_end = 0, 0, None
        while k < len(self.rows):
            time, symbol, subtype = self.rows[k]
            if symbol == "[":
                k += 1
                while k < len(self.rows) and self.rows[k][1] != "]":
                    k += 1
                if k < len(self.rows):
                    vf_end = self.rows[k][0]
                self.vf.append((time, FAR if vf_end is None else vf_end))
                if k == len(self.rows):
                    return
            elif symbol == "~" and subtype & 0x30 == 0x30:
                if k + 1 == len(self.rows):
                    self.shut.append((time, FAR))
                    return
                then, what, kind = self.rows[k + 1]
                if what == "~" and kind & 0x30 != 0x30:
                    self.shut.append((time, then))
                else:
                    end = then - self.window
                    self.shut.append((min(max(last, vf_end or 0) + self.window, end), end))
            elif symbol in CLASSES:
                rr = time - last if last else 0
                if any(last <= onset < time for onset, _ in [*self.vf[-2:], *self.shut[-2:]]):
                    rr = 0
                last = time
                yield time, CLASSES[symbol], rr
            k += 1

    def advance(self) -> None:
        self.now, self.next = self.next, next(self.beats, (FAR, "end", 0))


def inside(time: int, segments: list[tuple[int, int]]) -> bool:
    return any(onset <= time <= end for onset, end in segments[-2:])


def compare(
    reference: Annotations, test: Annotations, period: Period
) -> tuple[Counter[tuple[str, str]], int, int]:
    """Pairs of classes, sum of squared RR differences, and their number."""
    a, b = Stream(reference, period.window), Stream(test, period.window)
    counts: Counter[tuple[str, str]] = Counter()
    squares: list[int] = []
    end, start, window = period.end, period.start, period.window

    def pair(left: str, right: str) -> None:
        if left != "dummy" and right != "dummy" and left != "*":
            counts[left, right] += 1
        if a.now[2] and b.now[2]:
            squares.append((a.now[2] - b.now[2]) ** 2)

    a.advance()
    while a.now[0] < start:
        a.advance()
    b.advance()
    while b.next[0] < start:
        b.advance()
    apart = a.now[0] - b.now[0]
    if apart <= window and apart < abs(a.now[0] - b.next[0]):
        pair(a.now[1], b.now[1])
        a.advance()
        b.advance()
    else:
        b.advance()
        if b.now[0] - start <= window and abs(a.now[0] - b.next[0]) < abs(a.now[0] - b.now[0]):
            b.advance()

    def go_on() -> bool:
        if end is None:
            return a.now[0] < FAR
        if end == 0:
            return a.now[0] < FAR and b.now[0] < FAR
        return a.now[0] <= end or b.now[0] <= end

    while go_on():
        t, u, t2, u2 = a.now[0], b.now[0], a.next[0], b.next[0]
        apart = abs(t - u)
        if u < t and apart <= window and (apart < abs(t - u2) or abs(t2 - u2) < abs(t - u2)):
            match = True
        else:
            match = u >= t and apart <= window and (apart < abs(u - t2) or abs(u2 - t2) < abs(u - t2))
        if match:
            pair(a.now[1], b.now[1])
            a.advance()
            b.advance()
        elif u < t:
            pair("*" if inside(u, a.vf) else "X" if inside(u, a.shut) else "O", b.now[1])
            b.advance()
        else:
            pair(a.now[1], "X" if inside(t, b.shut) else "O")
            a.advance()
    for key in [(x, y) for x in "OX" for y in "OX"]:
        counts.pop(key, None)
    return +counts, sum(squares), len(squares)
