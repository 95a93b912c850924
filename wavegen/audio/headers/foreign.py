"""Sound, and what is taken for it, that cannot be read: what it is and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

from wavegen.audio.headers.layout import Bytes
from wavegen.errors import UserError
from wavegen.system.contents import ARRAYS, HEAD

READABLE = "WAV, FLAC, OGG, MP3, AIFF, AU, CAF, W64, VOC and NIST SPHERE can be read"
CONVERT = "convert it, as with: ffmpeg -i IN OUT.wav"
# Suffixes of sound that is not read, and what it is.
UNREADABLE = {
    ".3gp": "3GP", ".aa3": "ATRAC", ".aac": "AAC", ".ac3": "AC-3", ".alac": "ALAC", ".amr": "AMR",
    ".ape": "Monkey's Audio", ".avi": "AVI", ".awb": "AMR", ".c2": "Codec 2", ".dff": "DSD", ".dsf": "DSD",
    ".dts": "DTS", ".eac3": "E-AC-3", ".flv": "Flash video", ".g722": "G.722", ".g729": "G.729",
    ".gsm": "GSM without a header", ".ilbc": "iLBC", ".lbc": "iLBC", ".lc3": "LC3", ".m4a": "AAC or ALAC in MP4",
    ".m4b": "AAC in MP4", ".m4r": "AAC in MP4", ".m4v": "MP4", ".mka": "Matroska", ".mkv": "Matroska",
    ".mov": "QuickTime", ".mp4": "MP4", ".mpc": "Musepack", ".ofr": "OptimFROG", ".oma": "ATRAC",
    ".qcp": "QCELP or EVRC", ".qoa": "QOA", ".ra": "RealAudio", ".rm": "RealAudio", ".sd2": "Sound Designer II",
    ".shn": "Shorten", ".spx": "Speex", ".tak": "TAK", ".tta": "True Audio",
    ".vox": "ADPCM without a header", ".weba": "WebM", ".webm": "WebM", ".wma": "Windows Media",
    ".wmv": "Windows Media", ".wv": "WavPack",
}  # fmt: skip
# Suffixes of samples without a header, whose rate and coding nothing tells.
RAW = frozenset({".raw", ".pcm", ".s16", ".s16le", ".sw", ".ul", ".ulaw", ".al", ".alaw",
                 ".sln", ".sln12", ".sln16", ".sln24", ".sln32", ".sln44", ".sln48", ".sln96", ".sln192"})  # fmt: skip
GIVE_HEADER = "give it one, as with: sox -t raw -r 8000 -e signed -b 16 -c 1 IN OUT.wav (-e mu-law -b 8, -e a-law -b 8)"
# What files of other kinds begin with; "." is any byte.
_MAGIC = [
    (rb"....(ftyp|moov|mdat|wide|free|skip)", "an MP4 or QuickTime file"),
    (rb"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
    (rb"#!AMR", "AMR"),
    (rb"\x0b\x77", "AC-3"),
    (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|\xff\x1f\x00\xe8", "DTS"),
    (rb"\xff[\xf0\xf1\xf8\xf9].{5}|ADIF", "AAC"),
    (rb"MAC ", "Monkey's Audio"),
    (rb"wvpk", "WavPack"),
    (rb"TTA[12]", "True Audio"),
    (rb"MPCK|MP\+", "Musepack"),
    (rb"OFR ", "OptimFROG"),
    (rb"tBaK", "TAK"),
    (rb"ajkg", "Shorten"),
    (rb"DSD |FRM8", "DSD"),
    (rb"RIFF....AVI ", "an AVI file"),
    (rb"FLV\x01", "Flash video"),
    (rb"\.RMF|\.ra\xfd", "RealAudio"),
    (rb"\.SoX|XoS\.", "a SoX file"),
    (rb"FORM....MAUD", "a MAUD file"),
    (rb".{65}FSSD", "a HCOM file"),
    (rb"RIFF....QLCM", "QCELP or EVRC"),
    (rb"#!iLBC", "iLBC"),
    (rb"#!EVRC", "EVRC"),
    (rb"qoaf", "QOA"),
    (rb"(EA3|ea3)[\x01-\x04]", "ATRAC"),
    (rb"\xc0\xde\xc2", "Codec 2"),
    (rb"\x1c\xcc", "LC3"),
    (rb"RIFF....RMP3", "MP3 in RIFF"),
    (rb"\x00\x00\x01\xba", "an MPEG program stream"),
    (rb"(G.{187}){2}G", "an MPEG transport stream"),
]
_OTHER = [
    (rb"wgn\n", "is a recording that wavegen compressed; restore it with: wavegen decompress MODEL IN OUT.wav"),
    (rb"PK\x03\x04(?!" + ARRAYS + rb")", "is a ZIP archive; unpack it"),
    (rb"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it"),
    (rb"\x04\x22\x4d\x18", "is compressed with lz4; unpack it"),
    (rb".{257}ustar", "is an archive; unpack it"),
    (rb"\x1f\x8b", "is compressed with gzip; unpack it"),
    (rb"BZh[1-9]", "is compressed with bzip2; unpack it"),
    (rb"\xfd7zXZ\0", "is compressed with xz; unpack it"),
    (rb"7z\xbc\xaf|Rar!", "is an archive; unpack it"),
    (rb"\s*<(!DOCTYPE|!doctype|html|HTML|\?xml)", "is a web page, as after a failed download; download it again"),
    (rb"version https://git-lfs", "is a Git LFS pointer, not the audio; get it with: git lfs pull"),
    (rb"\x02?#!SILK", "holds SILK, which cannot be read; convert it with the decoder of Skype's SILK SDK"),
    (rb"MThd|RIFF....RMID", "is a MIDI file: notes, not audio; leave it out"),
]
# The codings inside an MP4 or a Matroska file, by what names them there.
_INSIDE = {
    b"mp4a": "AAC", b"alac": "ALAC", b"Opus": "Opus", b"ac-3": "AC-3", b"ec-3": "E-AC-3", b"samr": "AMR",
    b"sawb": "AMR", b"fLaC": "FLAC", b"A_AAC": "AAC", b"A_OPUS": "Opus", b"A_VORBIS": "Vorbis", b"A_FLAC": "FLAC",
    b"A_MPEG": "MPEG audio", b"A_AC3": "AC-3", b"A_PCM": "PCM",
}  # fmt: skip


def coded(coding: str, path: Path) -> UserError:
    """The error for a file whose `coding` cannot be read."""
    return UserError(f"{path}: holds {coding}, which cannot be read; {CONVERT}")


def refuse(data: Bytes, position: int, path: Path) -> None:
    """Raises UserError if what begins at `position` is known and no audio that can be read."""
    head = data.at(position, HEAD)
    for pattern, advice in _OTHER:
        if re.match(pattern, head, re.DOTALL):
            raise UserError(f"{path}: {advice}")
    for pattern, what in _MAGIC:
        if re.match(pattern, head, re.DOTALL):
            inside = _inside(data) if "MP4" in what or "Matroska" in what else None
            raise coded(f"{inside} in {what}" if inside else what, path)


def _inside(data: Bytes) -> str | None:
    names = b"|".join([rb"stsd.{12}(mp4a|alac|Opus|ac-3|ec-3|samr|sawb|fLaC)", rb"A_[A-Z]{3}"])
    position = next(data.finditer(names, 0), None)
    if position is None:
        return None
    text = data.at(position, 20)
    return next((coding for name, coding in _INSIDE.items() if name in text), None)
