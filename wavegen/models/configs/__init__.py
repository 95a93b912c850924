"""What a model's parts are by their settings alone: sizes, costs and ranges, without torch."""
