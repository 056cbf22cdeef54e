"""TorchServe backend: the model runs in another server, behind a circuit breaker."""
