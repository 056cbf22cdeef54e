"""Rendered people: articulated figures that make gestures, a second task for the network that learns motions."""
