"""Routes of the Open Inference Protocol at /v2, as KServe's and Triton's clients speak it."""
