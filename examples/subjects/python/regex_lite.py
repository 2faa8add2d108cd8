"""Regular expressions as Rust's crate `regex-lite` reads them.

Python's `re` accepts other expressions and means other things by some of them, so this is a parser
of its own. Greediness and the numbers of groups are not kept: `regex_match` does not need them.
"""

import unicodedata
from collections import namedtuple
from functools import lru_cache

import regex_sets
from kinds import Invalid, is_blank

NEST_LIMIT = 50
SIZE_LIMIT = 10 * 2**20  # bytes of the automaton that the crate would build
STATE_SIZE = 32

# kind: "set", "look", "concat", "alternation", "repeat" or "group". `parts` are ranges of
# characters, the name of an assertion or nodes; `least` and `most` are those of a repetition.
# `height` and `size` are held against the limits; `can_be_empty` is an upper bound.
Node = namedtuple("Node", "kind parts least most height size can_be_empty")


def leaf(kind, parts, size=STATE_SIZE):
    return Node(kind, parts, 1, 1, 0, size, kind != "set")


def of_ranges(ranges):
    return leaf("set", tuple(ranges), STATE_SIZE + 8 * len(ranges))


def character(char):
    return leaf("set", ((char, char),))


def group(node):
    size = node.size + 2 * STATE_SIZE
    return Node("group", (node,), 1, 1, node.height + 1, size, node.can_be_empty)


def concat(nodes):
    if len(nodes) == 1:
        return nodes[0]
    height = 1 + max((node.height for node in nodes), default=-1)
    size = sum(node.size for node in nodes) or STATE_SIZE
    can_be_empty = all(node.can_be_empty for node in nodes)
    return Node("concat", tuple(nodes), 1, 1, height, size, can_be_empty)


def alternation(nodes):
    if len(nodes) == 1:
        return nodes[0]
    height = 1 + max(node.height for node in nodes)
    size = sum(node.size + 4 for node in nodes) + 2 * STATE_SIZE
    can_be_empty = any(node.can_be_empty for node in nodes)
    return Node("alternation", tuple(nodes), 1, 1, height, size, can_be_empty)


def repeat(node, least, most):
    """`most` None: without an upper bound."""
    if most == 0:
        return concat([])
    if least == most == 1:
        return node
    split = STATE_SIZE + 8
    if most is None:
        more = 2 * split if least == 0 and node.can_be_empty else split
        size = max(least, 1) * node.size + more
    elif least == most:
        size = least * node.size
    else:
        size = least * node.size + (most - least) * (split + node.size) + STATE_SIZE
    can_be_empty = least == 0 or node.can_be_empty
    return Node("repeat", (node,), least, most, node.height + 1, size, can_be_empty)


@lru_cache(maxsize=256)
def parse(expression):
    """The tree of an expression, None if it is invalid."""
    try:
        node = Parser(expression).whole()
    except Invalid:
        return None
    too_large = node.height > NEST_LIMIT or node.size + 112 > SIZE_LIMIT
    return None if too_large else node


def is_name_character(char, first):
    """Without the marks and symbols that Unicode calls alphabetic: Python cannot tell them."""
    category = unicodedata.category(char)
    if first:
        return char == "_" or category[0] == "L" or category == "Nl"
    return char in "_.[]" or category[0] in "LN"


SIMPLE_ESCAPES = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
ASSERTION_ESCAPES = {"A": "start", "z": "end", "B": "not word", "<": "word start", ">": "word end"}
NAMED_BOUNDARIES = {
    "start": "word start",
    "end": "word end",
    "start-half": "word start half",
    "end-half": "word end half",
}
LETTERS_AND_DASH = frozenset("-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
REPETITIONS = {"?": (0, 1), "*": (0, None), "+": (1, None)}


class Parser:
    """At the end of the expression `char` is the empty string."""

    def __init__(self, text):
        self.text, self.at, self.depth = text, 0, 0
        self.flags, self.names = frozenset(), set()

    @property
    def char(self):
        return self.text[self.at : self.at + 1]

    def take(self, prefix):
        found = self.text.startswith(prefix, self.at)
        if found:
            self.at += len(prefix)
        return found

    def skip(self):
        """Blanks and comments, in the mode in which they count for nothing."""
        while "x" in self.flags and self.char:
            if is_blank(self.char):
                self.at += 1
            elif self.char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end + 1
            else:
                break

    def step(self):
        """To the next character that counts. There must be one."""
        self.at += 1
        self.skip()
        self.need()

    def need(self):
        if not self.char:
            raise Invalid("unexpected end")

    # --- Groups, alternatives and repetitions ---

    def whole(self):
        node = self.alternatives()
        if self.char:
            raise Invalid("a `)` without a `(`")
        return node

    def alternatives(self):
        if self.depth > NEST_LIMIT:
            raise Invalid("nested too deeply")
        self.depth += 1
        done, nodes = [], []
        while True:
            self.skip()
            char = self.char
            if char in ("", ")"):
                break
            if char == "(":
                nodes.extend(self.parenthesis())
            elif char == "|":
                self.at += 1
                done.append(concat(nodes))
                nodes = []
            elif char == "[":
                nodes.append(of_ranges(self.bracket()))
            elif char in "?*+{":
                if not nodes:
                    raise Invalid("nothing to repeat")
                least, most = self.counted() if char == "{" else self.uncounted()
                nodes[-1] = repeat(nodes[-1], least, most)
            else:
                nodes.append(self.primitive())
        self.depth -= 1
        return alternation([*done, concat(nodes)])

    def uncounted(self):
        bounds = REPETITIONS[self.char]
        self.at += 1
        self.take("?")
        return bounds

    def counted(self):
        self.step()
        least = most = self.decimal()
        if self.char == ",":
            self.step()
            most = None if self.char == "}" else self.decimal()
        if self.char != "}":
            raise Invalid("expected `}`")
        self.at += 1
        self.skip()
        self.take("?")
        if most is not None and least > most:
            raise Invalid("a repetition with more at least than at most")
        return least, most

    def decimal(self):
        while self.char and is_blank(self.char):
            self.at += 1
        digits = ""
        while self.char and self.char in "0123456789":
            digits += self.char
            self.at += 1
            self.skip()
        while self.char and is_blank(self.char):
            self.at += 1
            self.skip()
        digits = digits.lstrip("0") or digits[:1]
        if not 1 <= len(digits) <= 10 or int(digits) >= 2**32:
            raise Invalid("expected a number below 2^32")
        return int(digits)

    def parenthesis(self):
        """The node of a group; none of a directive such as `(?i)`."""
        before = self.flags
        self.at += 1
        self.skip()
        if self.text.startswith(("?=", "?!", "?<=", "?<!"), self.at):
            raise Invalid("look-around")
        if self.take("?P<") or self.take("?<"):
            self.name()
            nodes = [group(self.alternatives())]
        elif self.take("?"):
            self.read_flags()
            nodes = [self.alternatives()] if self.take(":") else []
        else:
            nodes = [group(self.alternatives())]
        if nodes:
            self.flags = before
        if not self.take(")"):
            raise Invalid("a `(` without a `)`")
        return nodes

    def name(self):
        end = self.text.find(">", self.at)
        name = self.text[self.at : end]
        if end < 0 or not name or name in self.names:
            raise Invalid("a group without a name of its own")
        if not all(is_name_character(char, i == 0) for i, char in enumerate(name)):
            raise Invalid("a character that no name has")
        self.names.add(name)
        self.at = end + 1

    def read_flags(self):
        begin = self.at
        while self.char not in ("", ":", ")"):
            self.at += 1
        flags = self.text[begin : self.at]
        on, dash, off = flags.partition("-")
        letters = on + off
        if len(set(letters)) < len(letters) or not set(letters) <= set("imsURxu"):
            raise Invalid("an unknown flag, or one twice")
        if (dash and not off) or (not flags and self.char != ":"):
            raise Invalid("flags without a flag")
        self.flags = self.flags.union(on).difference(off)

    # --- One character, or none ---

    def primitive(self):
        char = self.char
        self.at += 1
        if char == "\\":
            return self.escape()
        if char == ".":
            lines = "" if "s" in self.flags else "\n\r" if "R" in self.flags else "\n"
            return of_ranges(regex_sets.negated([(line, line) for line in lines]))
        if char in "^$":
            lines = " of a line" if "m" in self.flags else ""
            crlf = " or CRLF" if lines and "R" in self.flags else ""
            return leaf("look", ("start" if char == "^" else "end") + lines + crlf)
        return self.folded(char)

    def folded(self, char):
        if "i" in self.flags and char.isascii() and char.isalpha():
            return of_ranges(regex_sets.folded([(char, char)]))
        return character(char)

    def escape(self):
        self.need()
        char = self.char
        if char in "xuU":
            return self.hexadecimal({"x": 2, "u": 4, "U": 8}[char])
        self.at += 1
        if char in "dswDSW":
            return of_ranges(regex_sets.perl(char))
        if char in SIMPLE_ESCAPES:
            return self.folded(SIMPLE_ESCAPES[char])
        if char == "b":
            return leaf("look", self.named_boundary() or "word")
        if char in ASSERTION_ESCAPES:
            return leaf("look", ASSERTION_ESCAPES[char])
        if char.isalnum() or not char.isascii():
            raise Invalid("an unknown escape")
        return self.folded(char)

    def named_boundary(self):
        """`{start}` after `\\b`; what does not begin with a letter is a repetition."""
        begin = self.at
        if self.char != "{":
            return None
        self.step()
        if self.char not in LETTERS_AND_DASH:
            self.at = begin
            return None
        name = ""
        while self.char in LETTERS_AND_DASH:
            name += self.char
            self.step()
        if self.char != "}" or name not in NAMED_BOUNDARIES:
            raise Invalid("an unknown boundary")
        self.at += 1
        return NAMED_BOUNDARIES[name]

    def hexadecimal(self, length):
        digits = ""
        self.step()
        if self.char == "{":
            self.step()
            while self.char != "}":
                digits += self.char
                self.step()
        else:
            digits = self.char
            for _ in range(length - 1):
                self.step()
                digits += self.char
        self.at += 1
        self.skip()
        if not digits or not HEX_DIGITS.issuperset(digits):
            raise Invalid("expected hexadecimal digits")
        digits = digits.lstrip("0") or "0"
        code = int(digits, 16) if len(digits) <= 6 else 2**24
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise Invalid("no character has this number")
        return self.folded(chr(code))

    # --- A class in brackets ---

    def bracket(self):
        self.step()
        negated = self.char == "^"
        if negated:
            self.step()
        ranges = []
        while self.char == "-":
            ranges.append(("-", "-"))
            self.step()
        if not ranges and self.char == "]":
            ranges.append(("]", "]"))
            self.step()
        while True:
            self.skip()
            self.need()
            if self.take("]"):
                break
            if self.char == "[":
                ranges += self.posix_class()
            elif self.text.startswith(("&&", "--", "~~"), self.at):
                raise Invalid("an operation of classes")
            else:
                ranges += self.item_or_range()
        if "i" in self.flags:
            ranges = regex_sets.folded(ranges)
        return regex_sets.negated(ranges) if negated else regex_sets.merged(ranges)

    def posix_class(self):
        end = self.text.find(":]", self.at + 2)
        name = self.text[self.at + 2 : end]
        negated = name.startswith("^")
        ranges = regex_sets.POSIX.get(name[negated:])
        if not self.text.startswith("[:", self.at) or end < 0 or ranges is None:
            raise Invalid("a class in a class")
        self.at = end + 2
        return regex_sets.negated(ranges) if negated else ranges

    def item_or_range(self):
        first = self.item()
        self.skip()
        self.need()
        if self.char != "-" or self.after_dash() in ("]", "-"):
            return first
        self.step()
        last = self.item()
        # The crate takes an escaped letter for two in the mode `i`, which end no range.
        if not (is_single(first) and is_single(last)) or first[0] > last[0]:
            raise Invalid("an invalid range")
        return [(first[0][0], last[0][0])]

    def item(self):
        char = self.char
        self.at += 1
        node = self.escape() if char == "\\" else character(char)
        if node.kind != "set":
            raise Invalid("an assertion in a class")
        return list(node.parts)

    def after_dash(self):
        """The character after it. The crate does not see a comment there as one."""
        rest = self.text[self.at + 1 :]
        while "x" in self.flags and rest and (is_blank(rest[0]) or rest[0] == "#"):
            rest = rest[1:]
        return rest[:1]


def is_single(ranges):
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
