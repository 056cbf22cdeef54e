"""Results of batch prediction: their lines, the file that keeps them, and the same at an address."""
