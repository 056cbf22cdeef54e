"""Request and response bodies, and the functions that fill them."""
