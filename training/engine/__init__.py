"""Training engine: loops over batches, evaluation, distributed processes, devices and logs."""
