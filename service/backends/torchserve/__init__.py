"""TorchServe as a backend: the model runs in a server of its own."""
