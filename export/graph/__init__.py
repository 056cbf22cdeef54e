"""Graphs: a checkpoint's network rewritten for inference, as ONNX in float or int8."""
