"""From model input to prediction: batching, scoring, stability, segments."""
