"""Validation of DecodeLimits."""

import dataclasses

import pytest

from clips.decoding.limits import DecodeLimits


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(DecodeLimits)])
def test_a_limit_must_be_positive(name):
    with pytest.raises(ValueError, match=name):
        DecodeLimits(**{name: 0})
