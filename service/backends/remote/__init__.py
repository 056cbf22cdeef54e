"""Parts that backends share whose runtime is a server: HTTP client, circuit breaker, health checks."""
