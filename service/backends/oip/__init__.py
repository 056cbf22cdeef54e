"""OIP backend: a model that a server of the Open Inference Protocol runs, such as Triton, KServe or OVMS."""
