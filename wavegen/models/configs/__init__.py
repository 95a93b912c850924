"""The parts of a model by their settings: sizes, costs and ranges, without torch."""
