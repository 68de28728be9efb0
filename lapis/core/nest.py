"""Nested structures: lists, tuples, named tuples and dicts of leaves. `None` is a leaf; dicts go in sorted key
order."""

import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def is_nested(structure: Any) -> bool:
    """Whether the value is a list, a tuple or a dict.

    >>> is_nested([1]), is_nested("ab")
    (True, False)
    """
    return isinstance(structure, (list, tuple, dict))


def _keys(structure: Mapping) -> list:
    if isinstance(structure, OrderedDict):
        return list(structure)
    try:
        return sorted(structure)
    except TypeError:
        return list(structure)


def _walk(structure: Any, out: list) -> None:
    if isinstance(structure, (list, tuple)):
        for item in structure:
            _walk(item, out)
    elif isinstance(structure, dict):
        for key in _keys(structure):
            _walk(structure[key], out)
    else:
        out.append(structure)


def flatten(structure: Any) -> list:
    """The leaves, in order.

    >>> flatten({"b": (1, 2), "a": [None]})
    [None, 1, 2]
    """
    if not isinstance(structure, (list, tuple, dict)):
        return [structure]
    out: list = []
    _walk(structure, out)
    return out


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """The leaves with the keys and positions that lead to them.

    >>> flatten_with_path({"a": [5]})
    [(('a', 0), 5)]
    """
    return list(_walk_paths(structure, ()))


def _walk_paths(structure: Any, path: tuple) -> Iterator[tuple[tuple, Any]]:
    if isinstance(structure, dict):
        for key in _keys(structure):
            yield from _walk_paths(structure[key], (*path, key))
    elif isinstance(structure, (list, tuple)):
        for index, item in enumerate(structure):
            yield from _walk_paths(item, (*path, index))
    else:
        yield path, structure


def _like(structure: Any, items: list) -> Any:
    """A list, tuple or dict of the same kind with other items (in the order of `flatten`)."""
    if isinstance(structure, dict):
        made = dict(zip(_keys(structure), items))
        ordered = {key: made[key] for key in structure}
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        return ordered if type(structure) is dict else type(structure)(ordered)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*items)
    if isinstance(structure, tuple):
        return tuple(items)
    return items if type(structure) is list else type(structure)(items)


def _children(structure: Any) -> list:
    return [structure[key] for key in _keys(structure)] if isinstance(structure, dict) else list(structure)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """The structure of the first argument with `func` of the leaves of all; they must agree in structure.

    >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
    [11, (22,)]
    """
    first = structures[0]
    if not isinstance(first, (list, tuple, dict)):
        return None if first is None and not none_is_leaf else func(*structures)
    if len(structures) == 1:
        return _like(first, [map_structure(func, child, none_is_leaf=none_is_leaf) for child in _children(first)])
    for other in structures[1:]:
        _assert_same_level(first, other)
    columns = zip(*(_children(structure) for structure in structures))
    return _like(first, [map_structure(func, *column, none_is_leaf=none_is_leaf) for column in columns])


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Like `map_structure`, but what lies below the leaves of `shallow_structure` is passed to `func` whole.

    >>> map_structure_up_to({"a": 0}, len, {"a": [1, 2]})
    {'a': 2}
    """
    if not is_nested(shallow_structure):
        return func(*structures)
    for other in structures:
        _assert_same_level(shallow_structure, other)
    columns = zip(_children(shallow_structure), *(_children(structure) for structure in structures))
    return _like(shallow_structure, [map_structure_up_to(first, func, *rest) for first, *rest in columns])


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The structure again, with the leaves taken from a flat sequence.

    >>> pack_sequence_as({"a": 0, "b": [0]}, [1, 2])
    {'a': 1, 'b': [2]}
    """
    flat = list(flat_sequence)
    wanted = len(flatten(structure))
    if wanted != len(flat):
        raise ValueError(f"The structure has {wanted} leaves, the flat sequence {len(flat)}.")
    leaves = iter(flat)
    return map_structure(lambda _: next(leaves), structure)


def unpack_single(structure: Any) -> Any:
    """The one item of a list or tuple of one; anything else as it is."""
    return structure[0] if isinstance(structure, (list, tuple)) and len(structure) == 1 else structure


def _assert_same_level(first: Any, other: Any) -> None:
    same = (
        isinstance(other, dict) and _keys(first) == _keys(other)
        if isinstance(first, dict)
        else isinstance(other, (list, tuple)) and len(first) == len(other)
    )
    if not same:
        raise ValueError(f"The structures differ: {_describe(first)} against {_describe(other)}.")


def _describe(structure: Any) -> str:
    if isinstance(structure, dict):
        return f"a dict with keys {_keys(structure)}"
    if is_nested(structure):
        return f"a {type(structure).__name__} of {len(structure)}"
    return f"a single {type(structure).__name__}"


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """A `ValueError` that names the first place where two structures differ; `check_types` has no effect any more."""
    if check_types is not None:
        warnings.warn("assert_same_structure ignores check_types: only the structure is compared.", stacklevel=2)
    if is_nested(a) != is_nested(b):
        raise ValueError(f"The structures differ: {_describe(a)} against {_describe(b)}.")
    if is_nested(a):
        _assert_same_level(a, b)
        for left, right in zip(_children(a), _children(b)):
            assert_same_structure(left, right)


def assert_same_paths(a: Any, b: Any) -> None:
    """A `ValueError` that names the paths to leaves which only one of two structures has."""
    of_a, of_b = ({path for path, _ in flatten_with_path(structure)} for structure in (a, b))
    if of_a != of_b:
        lone = [
            f"only `{name}` has {sorted(paths, key=repr)}"
            for name, paths in (("a", of_a - of_b), ("b", of_b - of_a))
            if paths
        ]
        raise ValueError(f"The structures have different paths: {', '.join(lone)}.")


class _MapToNone:
    """What a `traverse` function returns to put `None` in place."""

    def __repr__(self) -> str:
        return "MAP_TO_NONE"


MAP_TO_NONE = _MapToNone()


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """The structure with `func` applied to every node, leaf or not; where `func` gives `None` the node is kept.

    >>> traverse(lambda s: s + 1 if isinstance(s, int) else None, [1, [2]])
    [2, [3]]
    """
    if top_down:
        found = func(structure)
        if found is MAP_TO_NONE:
            return None
        if found is not None:
            return found
    if is_nested(structure):
        structure = _like(structure, [traverse(func, child, top_down) for child in _children(structure)])
    if top_down:
        return structure
    found = func(structure)
    return structure if found is None else None if found is MAP_TO_NONE else found


def lists_to_tuples(structure: Any) -> Any:
    """The structure with a tuple in place of every list.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Like `map_structure`, but a list or tuple of sizes (integers and `None`) is a leaf.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(1, 2, 3)]})
    {'a': 2, 'b': [3]}
    """
    if not is_nested(structure) or _is_shape(structure):
        return func(structure)
    return _like(structure, [map_shape_structure(func, child) for child in _children(structure)])


def _is_shape(structure: Any) -> bool:
    return isinstance(structure, (list, tuple)) and all(size is None or isinstance(size, int) for size in structure)
