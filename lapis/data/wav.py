"""Sounds in WAV files (IBM and Microsoft, 1991, "Multimedia Programming Interface and Data Specifications 1.0")."""

import struct
from pathlib import Path

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def read_wav(path: str) -> tuple[np.ndarray, int]:
    """The sound `(samples, channels)` as float32, whole numbers brought to the range from -1 to 1, and its rate.

    Read are whole numbers of 8, 16, 24 and 32 bits, and floats of 32 and 64.

    Raises:
        ValueError: the file is no WAV file, or one of another coding.
    """
    content = Path(path).read_bytes()
    chunks = chunks_of(content)
    if "fmt " not in chunks or "data" not in chunks or len(chunks["fmt "]) < 16:
        raise ValueError(f"{path} is no WAV file: it lacks {'sound' if 'fmt ' in chunks else 'a description'}.")
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunks["fmt "])
    if coding == EXTENSIBLE and len(chunks["fmt "]) >= 26:
        coding = int.from_bytes(chunks["fmt "][24:26], "little")
    samples = decoded(chunks["data"], coding, bits)
    if samples is None or not channels:
        raise ValueError(f"{path} holds {channels} channels of coding {coding} with {bits} bits, which is not read.")
    return samples[: len(samples) // channels * channels].reshape(-1, channels), rate


def chunks_of(content: bytes) -> dict[str, bytes]:
    """The parts of a RIFF file of the kind WAVE by their names; nothing for another file."""
    chunks: dict[str, bytes] = {}
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return chunks
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4].decode("latin-1"), int.from_bytes(content[at + 4 : at + 8], "little")
        chunks.setdefault(name, content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return chunks


def decoded(data: bytes, coding: int, bits: int) -> np.ndarray | None:
    """The numbers of all channels as float32; `None` for a coding that is not known."""
    width = bits // 8
    if (coding, bits) not in ((PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)):
        return None
    data = data[: len(data) // width * width]
    if coding == FLOAT:
        return np.frombuffer(data, f"<f{width}").astype(np.float32)
    if bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if bits == 24:  # as the upper bytes of 32 bits
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    return (np.frombuffer(data, f"<i{width}") / 2.0 ** (bits - 1)).astype(np.float32)
