"""Sandbox: the kernel ends a decoding worker that opens a file, makes a socket, a process, or executes a program."""
