"""Prints Cosmic Ray's mutants of a file as JSON, each with the whole mutated text.

    VENV/bin/python cosmic_ray_mutants.py FILE FIRST STEP

Making one takes a tenth of a second, so only every STEP-th is made, starting with number FIRST.
"""

import json
import sys
import warnings
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names


def places(source):
    """(line, column, name of the operator, number of the occurrence), in the order of the file."""
    tree, found = get_ast(source), []
    for name in operator_names():
        operator_class = get_operator(name)
        if operator_class.arguments():  # would need a configuration
            continue
        operator = operator_class()
        starts = (start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        found.extend((line, column, name, number) for number, (line, column) in enumerate(starts))
    return sorted(found)


def mutant(source, line, column, name, number):
    text = mutate_code(source, get_operator(name)(), number)
    if text is None or not compiles(text):  # the operator took `**` in a call for a power
        return None
    before, after = source.splitlines(), text.splitlines()
    changed = next((i for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]), None)
    if changed is None:
        return None
    return {
        "line": changed + 1,
        "column": column + 1,
        "operator": name.removeprefix("core/"),
        "code": before[changed].strip(),
        "was": before[changed].strip(),
        "becomes": after[changed].strip(),
        "text": text,
    }


def compiles(text):
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


if __name__ == "__main__":
    path, first, step = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    source = Path(path).read_text(encoding="utf-8")
    made = (mutant(source, *place) for place in places(source)[first::step])
    json.dump([one for one in made if one is not None], sys.stdout)
