"""The corpora whose official layout `wavegen prepare NAME PATH CORPUS` knows."""

from __future__ import annotations

from wavegen.data.preparing.layouts.base import Layout
from wavegen.data.preparing.layouts.cmu_arctic import CMU_ARCTIC
from wavegen.data.preparing.layouts.libritts import LIBRITTS
from wavegen.data.preparing.layouts.ljspeech import LJSPEECH
from wavegen.data.preparing.layouts.speech_commands import SPEECH_COMMANDS
from wavegen.data.preparing.layouts.vctk import VCTK
from wavegen.data.preparing.layouts.yesno import YESNO
from wavegen.errors import UserError, nearest

LAYOUTS = {layout.name: layout for layout in (YESNO, SPEECH_COMMANDS, CMU_ARCTIC, LJSPEECH, VCTK, LIBRITTS)}


def named(name: str) -> Layout:
    """The layout of that name; raises UserError if none has it."""
    if name not in LAYOUTS:
        raise UserError(f"{name}: is not a known corpus{nearest(name, LAYOUTS)}")
    return LAYOUTS[name]
