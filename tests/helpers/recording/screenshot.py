"""Make the README's picture of the page: the example clip, answered by the demo model.

python -m tests.helpers.recording.screenshot
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import running_services

PICTURE = REPOSITORY / "docs" / "page.png"
CHROMIUM = Path("/usr/bin/chromium")
WIDTH = 1000
MARGIN = 10
MOMENT_SECONDS = 1.2
MOST_BYTES = 300_000
LEVELS = 20
"""Shades per channel that are kept: what a PNG of photographs needs to stay small."""
COMMON = 60
"""Pixels from which on a colour is the page's own."""


@contextmanager
def running_service() -> Iterator[str]:
    """The address of a service of the repository's own store."""
    with tempfile.TemporaryDirectory() as folder, running_services(lambda: Path(folder)) as start:
        yield start().address


def take(address: str) -> NDArray[np.uint8]:
    """uint8 [H, WIDTH, 3] in BGR, from the page's top to the end of the interlace picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce", color_scheme="light")
        page.goto(address)
        page.get_by_role("button", name="Try an example").click()
        page.wait_for_selector("#result:not([hidden])")
        page.evaluate("preview.controls = false")
        page.evaluate(f"new Promise((done) => {{ preview.onseeked = done; preview.currentTime = {MOMENT_SECONDS}; }})")
        end = page.locator("#interlacing").evaluate("element => element.getBoundingClientRect().bottom + scrollY")
        png = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": round(end) + MARGIN})
        browser.close()
    return decode_png(png)


def quantise(picture: NDArray[np.uint8], levels: int) -> NDArray[np.uint8]:
    """Reduce the picture to `levels` shades per channel; a colour of more than COMMON pixels stays exact."""
    colours, inverse, counts = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    coarse = np.rint(np.rint(colours / 255 * (levels - 1)) * 255 / (levels - 1)).astype(np.uint8)
    coarse[counts > COMMON] = colours[counts > COMMON]
    return np.asarray(coarse[inverse.reshape(-1)].reshape(picture.shape), np.uint8)


def decode_png(png: bytes) -> NDArray[np.uint8]:
    """Return a screenshot as uint8 [H, W, 3] in BGR."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def keep(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a picture with LEVELS shades per channel; end the command where it takes more than MOST_BYTES."""
    compressed = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    encoded = cv2.imencode(".png", quantise(picture, LEVELS), compressed)[1].tobytes()
    if len(encoded) > MOST_BYTES:
        sys.exit(f"error: {path} would take {len(encoded)} bytes, more than {MOST_BYTES}; lower LEVELS")
    path.write_bytes(encoded)


def main() -> None:
    """Run the command."""
    with running_service() as address:
        keep(take(address), PICTURE)


if __name__ == "__main__":
    main()
