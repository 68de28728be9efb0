"""Lists of whole numbers out of NumPy files that hold them pickled, without unpickling.

NumPy writes an array of Python lists as a pickle, a program that could call any function. Here the few instructions
that such an array needs are followed by hand (their meaning: CPython's `pickletools`); nothing is imported or called,
and whatever else the file asks for is refused.
"""

import io
import re
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

# The names by which a pickle asks NumPy for an array; they stay names here.
ARRAY, DTYPE = ("numpy", "ndarray"), ("numpy", "dtype")
MAKERS = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
KNOWN = MAKERS | {ARRAY, DTYPE}
CONSTANTS = {b"N": None, b"\x88": True, b"\x89": False, b")": ()}
# Instructions with a number of so many bytes, little-endian: those that push it, and those before a text of its length.
NUMBERS = {b"K": 1, b"M": 2, b"J": 4}
TEXTS = {b"U": 1, b"C": 1, b"\x8c": 1, b"T": 4, b"B": 4, b"X": 4}
TUPLES = {b"\x85": 1, b"\x86": 2, b"\x87": 3}
MEMO_WRITES, MEMO_READS = {b"q": 1, b"r": 4}, {b"h": 1, b"j": 4}
# Nearly all of a file is numbers that are appended to a list by the thousand.
NUMBER = re.compile(rb"K.|M..|J....", re.DOTALL)
APPENDED = re.compile(rb"((?:K.|M..|J....)+)e", re.DOTALL)


class Numbers(dict[bytes, int]):
    """The numbers of the instructions that push them; there are few different ones."""

    def __missing__(self, code: bytes) -> int:
        self[code] = int.from_bytes(code[1:], "little", signed=len(code) == 5)
        return self[code]


class Made:
    """An object that the pickle asks for, as the name of its type and the state it was given."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.state: Any = None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, those of lists as object arrays of lists of whole numbers.

    Raises `ValueError` for a file that holds, or asks for, anything else.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                arrays[name.removesuffix(".npy")] = read_array(archive.read(name))
    except (OSError, EOFError, IndexError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"it cannot be read ({error})") from None
    return arrays


def read_array(content: bytes) -> np.ndarray:
    """The array in an `.npy` file's bytes."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if not dtype.hasobject:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    lists = lists_in(content[file.tell() :])
    if shape != (len(lists),):
        raise ValueError(f"it holds {len(lists)} lists, but its header says {shape}")
    array = np.empty(len(lists), object)
    array[:] = lists
    return array


def lists_in(pickle: bytes) -> list[list[int]]:
    """The elements of a pickled array of one axis whose elements are lists of whole numbers."""
    made = follow(pickle)
    state = made.state if isinstance(made, Made) and made.kind == ARRAY else None
    if not (isinstance(state, tuple) and len(state) == 5 and isinstance(state[4], list)):
        raise ValueError("it is no pickled array of objects")
    elements = state[4]
    if state[1] != (len(elements),):
        raise ValueError(f"it holds {len(elements)} objects in the shape {state[1]}")
    for element in elements:
        if type(element) is not list or not set(map(type, element)) <= {int}:
            raise ValueError("it holds other objects than lists of whole numbers")
    return elements


def follow(pickle: bytes) -> Any:
    """What the pickle describes, made of lists, tuples, numbers, texts, names and `Made`."""
    stack: list[Any] = []
    marks: list[int] = []  # how long the stack was when they were set
    memo: dict[int, Any] = {}
    numbers = Numbers()
    at = 0
    while True:
        code = pickle[at : at + 1]
        at += 1
        if code == b"(":
            appended = APPENDED.match(pickle, at)
            if appended and isinstance(stack[-1], list):
                stack[-1] += map(numbers.__getitem__, NUMBER.findall(appended[1]))
                at = appended.end()
            else:
                marks.append(len(stack))
        elif code in NUMBERS:
            stack.append(numbers[pickle[at - 1 : at + NUMBERS[code]]])
            at += NUMBERS[code]
        elif code in MEMO_WRITES:
            size = MEMO_WRITES[code]
            memo[int.from_bytes(pickle[at : at + size], "little")] = stack[-1]
            at += size
        elif code == b"]":
            stack.append([])
        elif code == b"e":
            items = since_mark(stack, marks)
            extend(stack[-1], items)
        elif code == b"a":
            item = stack.pop()
            extend(stack[-1], [item])
        elif code == b"\x94":
            memo[len(memo)] = stack[-1]
        elif code == b".":
            return stack.pop()
        elif code in (b"\x80", b"\x95"):  # the protocol; the length of what follows
            at += 1 if code == b"\x80" else 8
        elif code in CONSTANTS:
            stack.append(CONSTANTS[code])
        elif code == b"\x8a":
            size = pickle[at]
            stack.append(int.from_bytes(pickle[at + 1 : at + 1 + size], "little", signed=True))
            at += 1 + size
        elif code in TEXTS:
            start = at + TEXTS[code]
            at = start + int.from_bytes(pickle[at:start], "little")
            stack.append(pickle[start:at].decode("latin-1"))
        elif code in MEMO_READS:
            size = MEMO_READS[code]
            item = memo[int.from_bytes(pickle[at : at + size], "little")]
            if isinstance(item, list):  # used again and again, it could stand for far more than the file's size
                refuse("a second use", item)
            stack.append(item)
            at += size
        elif code == b"c":
            module, name, _ = pickle[at:].split(b"\n", 2)
            at += len(module) + len(name) + 2
            stack.append(known(module.decode("latin-1"), name.decode("latin-1")))
        elif code == b"\x93":
            name, module = stack.pop(), stack.pop()
            stack.append(known(module, name))
        elif code in TUPLES:
            count = TUPLES[code]
            stack[-count:] = [tuple(stack[-count:])]
        elif code == b"t":
            stack.append(tuple(since_mark(stack, marks)))
        elif code == b"R":
            arguments, maker = stack.pop(), stack.pop()
            stack.append(make(maker, arguments))
        elif code == b"b":
            state = stack.pop()
            set_state(stack[-1], state)
        else:
            raise ValueError(f"it holds the pickle instruction {code!r}, which lists of numbers do not need")


def refuse(what: str, of: Any) -> NoReturn:
    """Raise the error for an instruction on something that it does not fit."""
    raise ValueError(f"it asks for {what} of {str(of)[:40]!r}, which lists of numbers do not need")


def extend(top: Any, items: list[Any]) -> None:
    """Add items to what must be a list."""
    if not isinstance(top, list):
        refuse("items", top)
    top += items


def set_state(top: Any, state: Any) -> None:
    """Keep the state of what must be an object of the pickle's."""
    if not isinstance(top, Made):
        refuse("a state", top)
    top.state = state


def since_mark(stack: list[Any], marks: list[int]) -> list[Any]:
    """What was put on the stack since the last mark, taken off."""
    mark = marks.pop()
    items = stack[mark:]
    del stack[mark:]
    return items


def known(module: Any, name: Any) -> tuple[str, str]:
    """The name of something that is imported when a pickle is loaded; no name but NumPy's arrays is known."""
    if (module, name) not in KNOWN:
        raise ValueError(f"it asks for {module}.{name}, which lists of numbers do not need")
    return module, name


def make(maker: Any, arguments: Any) -> Made:
    """An array or a dtype, empty so far."""
    if maker in MAKERS and isinstance(arguments, tuple) and arguments[:1] == (ARRAY,):
        return Made(ARRAY)
    if maker == DTYPE and isinstance(arguments, tuple) and arguments[:1] in (("O",), ("O8",), ("O4",)):
        return Made(DTYPE)
    refuse("a call", maker)
