"""Publishing: versions enter the model store whole or not at all, are rebuilt and verified."""
