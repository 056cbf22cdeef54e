"""Video preprocessing and scores, shared by training, export and serving: a video to model input, logits to actions."""
