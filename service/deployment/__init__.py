"""Ways to run the service: uvicorn on one machine, Ray Serve on many."""
