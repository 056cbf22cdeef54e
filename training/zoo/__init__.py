"""Published checkpoints and label lists: catalogue, download and conversion."""
