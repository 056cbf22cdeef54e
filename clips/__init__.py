"""A video becomes the model's input, and logits become named scores: shared by training, export and serving."""
