"""Container index: the position, size and time of every packet, known without demuxing."""
