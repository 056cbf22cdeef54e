"""Training of checkpoints: data sets, the model, recipes and the training loop."""
