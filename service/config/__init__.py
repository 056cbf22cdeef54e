"""Settings: every TIN_ environment variable, typed and documented."""
