"""Whether an expression matches a whole text.

This goes through the expression with a set of positions in the text, the bits of one integer. It
does not backtrack: no expression takes exponential time.
"""

WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")

# By the characters before and after a position; the empty string is neither.
ASSERTIONS = {
    "start": lambda before, after: not before,
    "end": lambda before, after: not after,
    "start of a line": lambda before, after: before in ("", "\n"),
    "end of a line": lambda before, after: after in ("", "\n"),
    "start of a line or CRLF": lambda before, after: (
        before in ("", "\n") or (before == "\r" and after != "\n")
    ),
    "end of a line or CRLF": lambda before, after: (
        after in ("", "\r") or (after == "\n" and before != "\r")
    ),
    "word": lambda before, after: (before in WORD) != (after in WORD),
    "not word": lambda before, after: (before in WORD) == (after in WORD),
    "word start": lambda before, after: before not in WORD and after in WORD,
    "word end": lambda before, after: before in WORD and after not in WORD,
    "word start half": lambda before, after: before not in WORD,
    "word end half": lambda before, after: after not in WORD,
}


def matches(node, text):
    """Whether a tree of `regex_lite.parse` matches the whole text."""
    matcher = Matcher(text)
    return bool(matcher.ends(node, 1) >> len(text))


class Matcher:
    """Bit i of a set of positions stands for the position before character i."""

    def __init__(self, text):
        self.text, self.known, self.masks = text, {}, {}

    def ends(self, node, starts):
        """The positions where a match can end that begins at one of `starts`."""
        if not starts:
            return 0
        key = id(node), starts
        if key not in self.known:
            self.known[key] = self.compute(node, starts)
        return self.known[key]

    def compute(self, node, starts):
        if node.kind == "set":
            return (starts & self.mask(node.parts)) << 1
        if node.kind == "look":
            return starts & self.mask(node.parts)
        if node.kind == "repeat":
            return self.repeated(node, starts)
        if node.kind == "alternation":
            ends = 0
            for part in node.parts:
                ends |= self.ends(part, starts)
            return ends
        for part in node.parts:  # one after the other, or the only one of a group
            starts = self.ends(part, starts)
        return starts

    def repeated(self, node, starts):
        (part,) = node.parts
        for _ in range(node.least):
            before, starts = starts, self.ends(part, starts)
            if starts == before:  # which happens soon: a match of no characters ends where it began
                break
        ends = more = starts
        rounds = len(self.text) if node.most is None else node.most - node.least
        for _ in range(rounds):
            more = self.ends(part, more) & ~ends
            if not more:
                break
            ends |= more
        return ends

    def mask(self, what):
        """The positions before a character of these ranges, or at which an assertion holds."""
        if what not in self.masks:
            if isinstance(what, str):
                holds = map(ASSERTIONS[what], ["", *self.text], [*self.text, ""])
            else:
                holds = (any(a <= char <= z for a, z in what) for char in self.text)
            self.masks[what] = sum(held << i for i, held in enumerate(holds))
        return self.masks[what]
