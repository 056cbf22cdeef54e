"""The Open Inference Protocol (V2) without HTTP: requests, answers, and the descriptions of models and servers."""
