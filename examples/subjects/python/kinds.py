"""Kinds of values.

A kind is a function that takes a value as it was written and returns its canonical form.
"""

import re


class Invalid(Exception):
    """A value that the specification does not accept. The caller decides what follows: the case is
    rejected, a plugin's server is dropped, or the case is no case."""


# Unicode's White_Space: what Python calls space without the separators U+001C to U+001F.
BLANK = re.compile(r"[^\S\x1c-\x1f]*")


def is_blank(text):
    return BLANK.fullmatch(text) is not None


def of_type(python_type, words):
    def kind(value):
        if not isinstance(value, python_type):
            raise Invalid(f"expected {words}")
        return value

    return kind


string = of_type(str, "a string")
boolean = of_type(bool, "a boolean")
array = of_type(list, "a list")
table = of_type(dict, "a table")
boolean_or_table = of_type((bool, dict), "a boolean")


def one_of(*words):
    def kind(value):
        if value not in words:
            raise Invalid(f"expected one of {', '.join(words)}")
        return value

    return kind


def list_of(kind):
    return lambda value: [kind(item) for item in array(value)]


def table_of(kind):
    return lambda value: {key: kind(item) for key, item in table(value).items()}


def optional(holder, key, kind):
    """The value of an optional key, None if there is none (value.null-is-absent)."""
    value = holder.get(key)
    return None if value is None else kind(value)


def table_with(key, kind):
    """A table of which one key counts; others are ignored (server.unknown-field)."""

    def read(value):
        item = optional(table(value), key, kind)
        return {} if item is None else {key: item}

    return read


def only(value, *keys):
    """A table without other keys than these."""
    for key in table(value):
        if key not in keys:
            raise Invalid(f"unknown key {key!r}")
    return value
