"""Live sources: their addresses, connections and clocks."""
