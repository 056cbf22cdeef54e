"""The network: TIN and its siblings TSM and TSN, one paper concept per file."""
