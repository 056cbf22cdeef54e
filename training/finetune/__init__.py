"""Fine-tuning: from labelled clips and a network that is trained already to a calibrated checkpoint and its report."""
