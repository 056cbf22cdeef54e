"""Videos by the folder, without a server: each becomes an outcome, here or on a cluster."""
