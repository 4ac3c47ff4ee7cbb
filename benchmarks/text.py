"""Edits per second of the document text, and the first question after an edit. Run: `python benchmarks/text.py`.

The target is 100,000 edits/s at 100 lines and 10,000 at 100,000 lines. (pygls 2.1.1: 25,900 and 74.)
"""

import random
import time

from fairlead.server.text import Encoding, Text


def edits_per_second(lines: int, encoding: Encoding, count: int = 20_000) -> float:
    """One-character edits at random places of a text with an emoji on every line."""
    rng = random.Random(1)
    text = Text("    value = '😀 some words' + other\n" * lines)
    places = [(rng.randrange(lines), rng.randrange(30)) for _ in range(count)]
    began = time.perf_counter()
    for place in places:
        text.apply((place, place), "x", encoding)
    return count / (time.perf_counter() - began)


def first_question_ms(lines: int) -> float:
    """Joining the text, cleaning it and finding an offset in the middle, after an edit at its start."""
    text = Text("    value = '😀 some words' + other\n" * lines)
    text.apply(((0, 0), (0, 0)), "x", "utf-16")
    began = time.perf_counter()
    text.clean()
    text.position(text.offset(lines // 2, 9, "utf-16"), "utf-16")
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    print("lines     utf-8/s   utf-16/s   utf-32/s   first question")
    for lines in (100, 1_000, 10_000, 100_000):
        rates = [edits_per_second(lines, encoding) for encoding in ("utf-8", "utf-16", "utf-32")]
        print(f"{lines:>7,}" + "".join(f"{rate:>11,.0f}" for rate in rates) + f"{first_question_ms(lines):>12.2f} ms")
