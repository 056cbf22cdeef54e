"""Make the picture of the page /teach: rendered takes of three actions, a real training, and its answer to a camera.

python -m tests.helpers.recording.teach_screenshot
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import FilePayload, Page, expect, sync_playwright

from clips.decoding.frames import Image
from tests.helpers.paths import REPOSITORY
from tests.helpers.recording.screenshot import CHROMIUM, MARGIN, WIDTH, decode_png, keep
from tests.helpers.servers.service import running_services
from tests.helpers.videos.fake_camera import write_y4m
from training.synthetic.motions import LABELS
from training.synthetic.studio import Studio
from training.synthetic.video_encoder import ENCODINGS, encode_video

PICTURE = REPOSITORY / "docs" / "teach-page.png"
ACTIONS = {
    "come closer": "Moving something closer to the camera",
    "go away": "Moving something away from the camera",
    "turn around": "Turning something clockwise",
}
SHOWN = "come closer"
NUM_TAKES, NUM_FRAMES, FRAMES_PER_SECOND = 6, 50, 25
SEED, NUM_TEXTURES, DIFFICULTY, SIDE = 4, 40, 0.3, 160
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
TRAINING_MS = 1_800_000


def films(studio: Studio, label: str, number: int) -> Iterator[list[Image]]:
    """Yield the frames of films of a motion, all about 4:3."""
    while number:
        film = studio.draw(LABELS.index(label), difficulty=DIFFICULTY, short_sides=(SIDE, SIDE))
        if 1.2 < film.width / film.height < 1.4:
            yield list(film.frames((np.arange(NUM_FRAMES) + 0.5) / NUM_FRAMES, studio.noise))
            number -= 1


def teach(page: Page, studio: Studio) -> None:
    """Name the actions, add their takes, train."""
    for name, label in ACTIONS.items():
        page.locator("#action-name").fill(name)
        page.get_by_role("button", name="Add", exact=True).click()
        card = page.get_by_role("region", name=name, exact=True)
        clips: list[FilePayload] = [
            {
                "name": f"{number}.mp4",
                "mimeType": "video/mp4",
                "buffer": encode_video(film, ENCODINGS[0], FRAMES_PER_SECOND),
            }
            for number, film in enumerate(films(studio, label, NUM_TAKES))
        ]
        card.locator("input[type=file]").set_input_files(clips)
        expect(card.get_by_role("button", name="Play")).to_have_count(NUM_TAKES, timeout=60_000)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#outcome-words")).to_contain_text("is ready", timeout=TRAINING_MS)


def take(address: str, camera: Path, studio: Studio) -> NDArray[np.uint8]:
    """uint8 [H, WIDTH, 3] in BGR: the whole page, while the camera runs."""
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={camera}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce", color_scheme="light")
        page.goto(f"{address}/teach")
        teach(page, studio)
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#try-label")).to_contain_text(SHOWN, timeout=60_000)
        end = page.locator("#try").evaluate("element => element.getBoundingClientRect().bottom + scrollY")
        png = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": round(end) + MARGIN})
        browser.close()
    return decode_png(png)


def main() -> None:
    """Run the command."""
    studio = Studio(SEED, num_textures=NUM_TEXTURES)
    with tempfile.TemporaryDirectory() as name, running_services(lambda: Path(tempfile.mkdtemp(dir=name))) as start:
        folder = Path(name)
        shutil.copytree(REPOSITORY / "model_store", folder / "store")
        camera = write_y4m(folder / "camera.y4m", next(films(studio, ACTIONS[SHOWN], 1)), FRAMES_PER_SECOND)
        server = start(model_store=folder / "store", teach=True, teach_folder=folder / "taught", teach_minutes=1)
        keep(take(server.address, camera, studio), PICTURE)


if __name__ == "__main__":
    main()
