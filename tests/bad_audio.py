"""Audio files as broken as they come, by what is wrong with them."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

NOISE = (np.random.default_rng(0).normal(size=20000) * 3000).astype(np.int16)


def coded(format: str, subtype: str | None = None, values: np.ndarray = NOISE, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, values, rate, format=format, subtype=subtype)
    return file.getvalue()


def wav(
    data: bytes = NOISE.tobytes(), *, rate: int = 8000, channels: int = 1, declared: int | None = None, riff: int = 0
) -> bytes:
    """A 16-bit WAV file whose header says what it is told to, `declared` being the bytes of samples."""
    declared = len(data) if declared is None else declared
    frame = 2 * channels
    head = struct.pack("<4sI4s", b"RIFF", riff or min(36 + len(data), 2**32 - 1), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame % 2**32, frame % 2**16, 16)
    return head + form + struct.pack("<4sI", b"data", declared) + data


def rf64(declared: int) -> bytes:
    """An RF64 file with one second of samples that declares `declared` bytes of them."""
    data = NOISE[:8000].tobytes()
    head = struct.pack("<4sI4s", b"RF64", 2**32 - 1, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, declared + 72, declared, declared // 2, 0)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    return head + sizes + form + struct.pack("<4sI", b"data", 2**32 - 1) + data


def flac(frames: int) -> bytes:
    """A FLAC file with 2.5 s of samples whose header declares `frames` of them."""
    file = bytearray(coded("FLAC"))
    file[21] = file[21] & 0xF0 | frames >> 32
    file[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(file)


def _with(value: float) -> np.ndarray:
    values = NOISE / 32768
    values[12345] = value
    return values


_ADVICE = b"This is no audio but a letter.\n" * 300
_OGG = coded("OGG", "VORBIS")
_FLAC = coded("FLAC")
_MP3 = coded("MP3")
_AIFF = coded("AIFF")

# name: (contents, words that the error must hold)
BAD = {
    "empty.wav": (b"", "empty"),
    "empty.flac": (b"", "empty"),
    "no-samples.wav": (wav(b""), "no samples"),
    "no-samples.flac": (b"fLaC\x80" + flac(0)[5:42], "no samples|declares no length|damaged"),
    "text.wav": (_ADVICE, "not an audio file"),
    "text.mp3": (_ADVICE, "not an audio file"),
    "text.ogg": (_ADVICE, "not an audio file"),
    "zeros.flac": (bytes(9999), "not an audio file"),
    "truncated.wav": (wav()[:-1000], "truncated: its header declares 40000 bytes of audio, 39000 are there"),
    "one-byte-short.wav": (wav()[:-1], "truncated"),
    "header-only.wav": (wav()[:44], "truncated"),
    "half-a-header.wav": (wav()[:30], "truncated"),
    "truncated.aiff": (_AIFF[:-999], "truncated"),
    "truncated.flac": (_FLAC[: len(_FLAC) // 2], "truncated"),
    "one-byte-short.flac": (_FLAC[:-1], "truncated"),
    "one-byte-short.ogg": (_OGG[:-1], "truncated"),
    "odd-chunk-truncated.wav": (wav()[:36] + b"LIST\3\0\0\0abc\0" + wav()[36:-9], "40000 bytes of audio, 39991"),
    "truncated.ogg": (_OGG[: len(_OGG) // 2], "truncated"),
    "truncated.mp3": (_MP3[: len(_MP3) * 3 // 4], "truncated"),
    "hole.flac": (_FLAC[:20000] + bytes(300) + _FLAC[20300:], "damaged"),
    "no-chain.ogg": (_OGG[:2000] + _OGG[2100:], "damaged|truncated"),
    "nan.wav": (coded("WAV", "FLOAT", _with(np.nan)), "NaN"),
    "infinite.wav": (coded("WAV", "DOUBLE", _with(-np.inf)), "infinite"),
    "0-hz.wav": (wav(rate=0), "0 Hz"),
    "4-ghz.wav": (wav(rate=4_000_000_000), "4000000000 Hz"),
    "0-channels.wav": (wav(channels=0), "0 channels"),
    "60000-channels.wav": (wav(channels=60000), "60000 channels"),
    "3-gigabytes.wav": (wav(declared=3_000_000_000), "truncated"),
    "petabyte.wav": (rf64(2**50), "truncated"),
    "no-end.flac": (flac(2**36 - 1), "truncated"),
    "no-length.flac": (flac(0), "declares no length"),
    "unfinished.wav": (wav(declared=0, riff=36), "interrupted recording"),
}
