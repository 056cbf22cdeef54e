"""Random damage to files: flipped bits, extreme numbers, pieces removed, inserted or repeated."""

import random


def mutate(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Damage a file one to three times; pieces of `others` may be spliced in."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice((_flip, _extreme, _cut_out, _cut_off, _splice, _repeat))(data, others, rng)
    return data


def _flip(data, others, rng):
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 24) if data else 0):
        damaged[_position(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _extreme(data, others, rng):
    at = _position(data, rng)
    return data[:at] + rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0")) + data[at + 4 :]


def _cut_out(data, others, rng):
    start, end = _piece(data, rng)
    return data[:start] + data[end:]


def _cut_off(data, others, rng):
    return data[: _position(data, rng)]


def _splice(data, others, rng):
    other, at = rng.choice(others), _position(data, rng)
    start, end = _piece(other, rng)
    return data[:at] + other[start:end] + data[at:]


def _repeat(data, others, rng):
    start, end = _piece(data, rng)
    return data[:end] + data[start:end] * rng.randint(1, 8) + data[end:]


def _position(data, rng):
    """Return a random position, half of the time within the first 600 bytes, where the headers are."""
    reach = min(len(data), 600) if rng.random() < 0.5 else len(data)
    return rng.randrange(reach) if reach else 0


def _piece(data, rng):
    start = _position(data, rng)
    return start, min(len(data), start + rng.choice((1, 4, 188, 1000, 5000)))
