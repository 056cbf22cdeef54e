"""Packet header readers, one file per codec family: the picture in a packet, known without decoding it."""
