"""Sets of characters: sorted ranges that do not touch, each from its first to its last character."""

SPACE = [("\t", "\t"), ("\n", "\n"), ("\v", "\v"), ("\f", "\f"), ("\r", "\r"), (" ", " ")]
POSIX = {
    "alnum": [("0", "9"), ("A", "Z"), ("a", "z")],
    "alpha": [("A", "Z"), ("a", "z")],
    "ascii": [("\0", "\x7f")],
    "blank": [("\t", "\t"), (" ", " ")],
    "cntrl": [("\0", "\x1f"), ("\x7f", "\x7f")],
    "digit": [("0", "9")],
    "graph": [("!", "~")],
    "lower": [("a", "z")],
    "print": [(" ", "~")],
    "punct": [("!", "/"), (":", "@"), ("[", "`"), ("{", "~")],
    "space": SPACE,
    "upper": [("A", "Z")],
    "word": [("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")],
    "xdigit": [("0", "9"), ("A", "F"), ("a", "f")],
}
PERL = {"d": "digit", "s": "space", "w": "word"}
LAST = "\U0010ffff"


def merged(ranges):
    result = []
    for first, last in sorted(ranges):
        if result and ord(first) <= ord(result[-1][1]) + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def negated(ranges):
    result, begin = [], 0
    for first, last in merged(ranges):
        if ord(first) > begin:
            result.append((chr(begin), chr(ord(first) - 1)))
        begin = ord(last) + 1
    if begin <= ord(LAST):
        result.append((chr(begin), LAST))
    return result


def folded(ranges):
    """With both cases of ASCII letters. Of a range with both the crate folds the small ones alone."""
    more = []
    for first, last in ranges:
        for a, z, change in (("a", "z", str.upper), ("A", "Z", str.lower)):
            if max(first, a) <= min(last, z):
                more.append((change(max(first, a)), change(min(last, z))))
                break
    return merged([*ranges, *more])


def perl(letter):
    ranges = POSIX[PERL[letter.lower()]]
    return negated(ranges) if letter.isupper() else ranges
