"""The training engine: loops over batches, evaluation, processes, devices, logs."""
