"""Maximum likelihood for every density: by Muon and Adam, in one process or many, with exact resume."""

from wavegen.training.distributed import together
from wavegen.training.dry_run import plan
from wavegen.training.trainer import train

__all__ = ["plan", "together", "train"]
