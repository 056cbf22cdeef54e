"""Screen of the phone in browser tests."""

from __future__ import annotations

from playwright.sync_api import Page

PHONE_WIDTH = 360
"""CSS pixels."""


def width_needed(page: Page) -> int:
    """CSS pixels; more than PHONE_WIDTH when a phone has to scroll sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth"))
