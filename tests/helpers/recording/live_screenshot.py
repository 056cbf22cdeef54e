"""Make the picture of the page /live: the example clip before the camera, forwards and backwards, again and again.

python -m tests.helpers.recording.live_screenshot
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect, sync_playwright

from clips.decoding.frames import Image
from tests.helpers.paths import REPOSITORY
from tests.helpers.recording.screenshot import CHROMIUM, MARGIN, WIDTH, decode_png, keep, running_service
from tests.helpers.videos.fake_camera import write_y4m

PICTURE = REPOSITORY / "docs" / "live-page.png"
EXAMPLE = REPOSITORY / "service" / "web" / "predict" / "example.mp4"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
SHOWN = "Moving something closer to the camera"
NUM_SEGMENTS = 3
WAIT_MS = 60_000


def example_frames() -> list[Image]:
    """The frames of the example clip, uint8 [H, W, 3], RGB."""
    with av.open(EXAMPLE) as file:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in file.decode(video=0)]


def take(address: str, camera: Path) -> NDArray[np.uint8]:
    """uint8 [H, WIDTH, 3] in BGR: the page from its top to the end of the segments, while the camera runs."""
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={camera}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce", color_scheme="light")
        page.goto(f"{address}/live")
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#ticker li")).to_have_count(NUM_SEGMENTS, timeout=WAIT_MS)
        expect(page.locator("#answer")).to_have_text(SHOWN, timeout=WAIT_MS)
        page.route("**/infer", lambda route: None)  # no answer, so that nothing grows before the picture is taken
        ticker = page.locator("section", has=page.locator("#ticker"))
        end = ticker.evaluate("element => element.getBoundingClientRect().bottom + scrollY")
        png = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": round(end) + MARGIN})
        browser.close()
    return decode_png(png)


def main() -> None:
    """Run the command."""
    frames = example_frames()
    with tempfile.TemporaryDirectory() as folder, running_service() as address:
        camera = write_y4m(Path(folder) / "camera.y4m", [*frames, *reversed(frames)])
        keep(take(address, camera), PICTURE)


if __name__ == "__main__":
    main()
