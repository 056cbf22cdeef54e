"""The gateway: a video goes in over HTTP, the likeliest actions come out."""
