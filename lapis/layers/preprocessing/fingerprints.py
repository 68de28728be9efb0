"""64-bit hashes of byte strings, computed for many strings at a time: FarmHash's fingerprint and SipHash-2-4.

Sources: G. Pike, FarmHash (https://github.com/google/farmhash), `Fingerprint64`; J.-P. Aumasson and D. J. Bernstein,
"SipHash: a fast short-input PRF", 2012. The numbers are those of TensorFlow's `to_hash_bucket_fast` and `_strong`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_WORD = 1 << 64
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995


def fingerprints(texts: Sequence[bytes]) -> np.ndarray:
    """FarmHash's 64-bit fingerprint of each string, as `uint64`.

    >>> fingerprints([b"a", b"abc"]) % 1000
    array([939, 385], dtype=uint64)
    """
    return _by_length(texts, _farm)


def sip_hashes(texts: Sequence[bytes], key: Sequence[int]) -> np.ndarray:
    """The SipHash-2-4 of each string under a key of two whole numbers, as `uint64`."""
    first, second = (number % _WORD for number in key)
    return _by_length(texts, lambda rows: _sip(rows, first, second))


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One fingerprint for each pair of fingerprints, which depends on their order."""
    result = first ^ _mixed(second * _CROSS) * _CROSS ^ _CROSS
    return _mixed(_mixed(result * _CROSS) * _CROSS)


def _by_length(texts: Sequence[bytes], function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What `function` gives for the strings of each length, as the rows of one array of bytes."""
    places: dict[int, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(len(text), []).append(place)
    found = np.empty(len(texts), np.uint64)
    for length, chosen in places.items():
        joined_bytes = b"".join([texts[place] for place in chosen])
        found[chosen] = function(np.frombuffer(joined_bytes, np.uint8).reshape(len(chosen), length))
    return found


def _word(rows: np.ndarray, start: int, size: int = 8) -> np.ndarray:
    """The number in `size` bytes of each row from `start` on (from the end for a negative one)."""
    start += rows.shape[1] if start < 0 else 0
    return np.ascontiguousarray(rows[:, start : start + size]).view(f"<u{size}")[:, 0].astype(np.uint64)


def _turned(x: np.ndarray, by: int) -> np.ndarray:
    return x >> by | x << (64 - by)


def _turned_left(x: np.ndarray, by: int) -> np.ndarray:
    return _turned(x, 64 - by)


def _mixed(x: np.ndarray) -> np.ndarray:
    return x ^ x >> 47


def _hash_pair(u: np.ndarray, v: np.ndarray, factor: int | np.ndarray) -> np.ndarray:
    return _mixed((v ^ _mixed((u ^ v) * factor)) * factor) * factor


def _farm(rows: np.ndarray) -> np.ndarray:
    length = rows.shape[1]
    factor = (_K2 + 2 * length) % _WORD
    if length == 0:
        return np.full(len(rows), _K2, np.uint64)
    if length < 4:
        first, middle, last = (rows[:, place].astype(np.uint64) for place in (0, length >> 1, length - 1))
        return _mixed((first + (middle << 8)) * _K2 ^ (length + (last << 2)) * _K0) * _K2
    if length < 8:
        return _hash_pair(length + (_word(rows, 0, 4) << 3), _word(rows, -4, 4), factor)
    if length <= 16:
        a, b = _word(rows, 0) + _K2, _word(rows, -8)
        return _hash_pair(_turned(b, 37) * factor + a, (_turned(a, 25) + b) * factor, factor)
    if length > 64:
        return _farm_long(rows)
    a = _word(rows, 0) * (_K1 if length <= 32 else _K2)
    b, c, d = _word(rows, 8), _word(rows, -8) * factor, _word(rows, -16) * _K2
    y = _turned(a + b, 43) + _turned(c, 30) + d
    z = _hash_pair(y, a + _turned(b + _K2, 18) + c, factor)
    if length <= 32:
        return z
    e, f = _word(rows, 16) * factor, _word(rows, 24)
    g, h = (y + _word(rows, -32)) * factor, (z + _word(rows, -24)) * factor
    return _hash_pair(_turned(e + f, 43) + _turned(g, 30) + h, e + _turned(f + a, 18) + g, factor)


def _farm_long(rows: np.ndarray) -> np.ndarray:
    """For more than 64 bytes: 56 bytes of state over blocks of 64 bytes, the last of which may overlap."""
    length = rows.shape[1]
    zero = np.zeros(len(rows), np.uint64)
    x, y = zero + 81, zero + (81 * _K1 + 113) % _WORD
    z = _mixed(y * _K2 + 113) * _K2
    x = x * _K2 + _word(rows, 0)
    v = w = (zero, zero)
    for start in range(0, (length - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(rows, start, x, y, z, v, w, _K1, 1)
    factor = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + ((length - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _block(rows, length - 64, x, y, z, v, w, factor, 9)
    return _hash_pair(_hash_pair(v[0], w[0], factor) + _mixed(y) * _K0 + z, _hash_pair(v[1], w[1], factor) + x, factor)


def _block(rows: np.ndarray, start: int, x: Any, y: Any, z: Any, v: Any, w: Any, factor: Any, weight: int) -> tuple:
    """The state after 64 bytes of each row."""
    x = _turned(x + y + v[0] + _word(rows, start + 8), 37) * factor
    y = _turned(y + v[1] + _word(rows, start + 48), 42) * factor
    x = x ^ w[1] * weight
    y = y + v[0] * weight + _word(rows, start + 40)
    z = _turned(z + w[0], 33) * factor
    v = _weak(rows, start, v[1] * factor, x + w[0])
    w = _weak(rows, start + 32, z + w[1], y + _word(rows, start + 16))
    return z, y, x, v, w


def _weak(rows: np.ndarray, start: int, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """32 bytes and two numbers to two numbers."""
    first, second, third, fourth = (_word(rows, start + 8 * i) for i in range(4))
    a = a + first
    total = a + second + third
    return total + fourth, _turned(b + a + fourth, 21) + _turned(total, 44) + a


def _sip(rows: np.ndarray, first: int, second: int) -> np.ndarray:
    count, length = rows.shape
    tail = np.zeros((count, -length % 8 or 8), np.uint8)  # zeros up to a whole word, the length in its last byte
    tail[:, -1] = length & 0xFF
    padded = np.concatenate([rows, tail], axis=1)
    zero = np.zeros(count, np.uint64)
    v: list[Any] = [
        zero + (first ^ 0x736F6D6570736575),
        zero + (second ^ 0x646F72616E646F6D),
        zero + (first ^ 0x6C7967656E657261),
        zero + (second ^ 0x7465646279746573),
    ]
    for start in range(0, padded.shape[1], 8):
        word = _word(padded, start)
        v[3] = v[3] ^ word
        v = _sip_round(_sip_round(v))
        v[0] = v[0] ^ word
    v[2] = v[2] ^ 0xFF
    for _ in range(4):
        v = _sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_round(v: list[np.ndarray]) -> list[np.ndarray]:
    a, b, c, d = v
    a, c = a + b, c + d
    b, d = _turned_left(b, 13) ^ a, _turned_left(d, 16) ^ c
    a, c = _turned_left(a, 32) + d, c + b
    b, d = _turned_left(b, 17) ^ c, _turned_left(d, 21) ^ a
    return [a, b, _turned_left(c, 32), d]
