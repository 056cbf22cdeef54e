"""What an operator may set, each from the environment variable `TIN_` plus the field's name in capitals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, SettingsConfigDict

from clips.decoding.limits import DecodeLimits
from service.backends.cpu_quota import usable_cores
from service.limits.deadline import MinUploadRate
from service.telemetry.logging_config import LogFormat

CORES = usable_cores()
_ONE_PER_CORE: JsonDict = {"default_of_machine": "1 per usable core"}

_ADDRESS = r"^(https?://[^/]+/?)?$"

_REPOSITORY_STORE = Path(__file__).resolve().parents[2] / "model_store"


def _default_store() -> Path:
    return _REPOSITORY_STORE if _REPOSITORY_STORE.is_dir() else Path("model_store")


class Settings(BaseSettings):
    """The service's settings; arguments win over the environment, the environment over the defaults.

    Raises pydantic's ValidationError when a value makes no sense.
    """

    model_config = SettingsConfigDict(env_prefix="TIN_", frozen=True)

    model_store: Path = Field(
        default_factory=_default_store,
        description="Folder of the models; the repository's own where there is one, else ./model_store",
    )
    default_model: str | None = Field(
        default=None,
        description="Model that answers a request which names none; when unset, the store's first at the start",
    )
    store_poll_seconds: float = Field(
        default=5.0, ge=0, description="How often to look for what changed in the model store, in s; 0 for never"
    )
    backend: str = Field(
        default="auto",
        description="Format to run of every model, such as onnx or onnx-int8; auto takes the best for this machine",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every one")
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one")
    log_format: LogFormat = Field(default="text", description="text for people, json for programs: an object a line")
    max_upload_bytes: int = Field(default=100_000_000, ge=1, description="Largest request body taken, in bytes")
    head_seconds: float = Field(
        default=10.0, gt=0, description="How long the head of a request may take to come, in s; then 408"
    )
    min_upload_bytes_per_second: int = Field(
        default=20_000, ge=1, description="Slowest sender that is waited for, in bytes/s, after the first seconds"
    )
    upload_grace_seconds: float = Field(
        default=10.0, gt=0, description="The first seconds of an upload, in which nothing has to come"
    )
    max_uploads: int = Field(default=512, ge=1, description="Bodies read at the same time; more are sent away (503)")
    max_upload_bytes_held: int = Field(
        default_factory=lambda valid: 5 * valid.get("max_upload_bytes", 0),
        description="Bytes of bodies in memory; more are sent away (503); five of the largest when unset",
    )
    max_queue: int = Field(
        default=max(4, 2 * CORES),
        ge=1,
        description="Videos waiting or in work; more are sent away (503)",
        json_schema_extra={"default_of_machine": "2 per usable core, at least 4"},
    )
    api_keys: str = Field(
        default="",
        repr=False,
        description="Keys that requests for work must carry one of, separated by commas; none lets everyone in",
    )
    max_queue_per_key: int = Field(
        default=CORES,
        ge=1,
        description="Requests of one API key at the same time; more are sent away (429)",
        json_schema_extra=_ONE_PER_CORE,
    )
    deadline_seconds: float = Field(
        default=30.0, gt=0, description="Longest time from a video's last byte to its answer, in s; else 504"
    )
    drain_seconds: float = Field(
        default=0.0, ge=0, description="After SIGTERM, how long to go on while /health/ready already answers 503"
    )
    decoders: int = Field(
        default=CORES,
        ge=1,
        description="Processes that decode, each one video at a time",
        json_schema_extra=_ONE_PER_CORE,
    )
    max_decoder_bytes: int = Field(
        default=3 << 30, ge=1 << 30, description="Address space of a decoding process, in bytes; half a GB is code"
    )
    max_clips_per_request: int = Field(
        default=16, ge=1, description="Most clips that one request may send to be inferred under /v2"
    )
    onnx_threads: int = Field(
        default=0,
        ge=0,
        description="Threads of ONNX Runtime, which then runs one clip at a time; 0 uses all cores as suits the model",
    )
    torchserve_url: str = Field(
        default="",
        pattern=_ADDRESS,
        description="TorchServe's inference API, such as http://torchserve:8080, for TIN_BACKEND=torchserve",
    )
    torchserve_management_url: str = Field(
        default="", pattern=_ADDRESS, description="TorchServe's management API, to renew keys; without it they expire"
    )
    torchserve_keys: Path | None = Field(
        default=None, description="The key_file.json that TorchServe writes; unset where it asks for no keys"
    )
    max_packets: int = Field(default=100_000, ge=1, description="Most compressed packets of one video")
    max_pixels_per_frame: int = Field(default=4096 * 2304, ge=1, description="Largest frame, in pixels")
    max_frames: int = Field(default=50_000, ge=1, description="Most frames of one video")
    max_decode_seconds: float = Field(default=60.0, gt=0, description="Most processor time to decode one video, in s")

    max_timeline_decode_seconds: float = Field(
        default=600.0, gt=0, description="The same for POST /timeline, which looks at all of a video"
    )
    max_windows: int = Field(default=2000, ge=1, description="Most windows of one timeline")

    @field_validator("max_upload_bytes_held")
    @classmethod
    def _holds_one_upload(cls, value: int, info: ValidationInfo) -> int:
        largest = info.data.get("max_upload_bytes", 0)
        if value < largest:
            raise ValueError(f"the largest upload taken has {largest:,} bytes, which must have room in it")
        return value

    def keys(self) -> list[str]:
        """The API keys, one by one."""
        return [key.strip() for key in self.api_keys.split(",") if key.strip()]

    def min_upload_rate(self) -> MinUploadRate:
        """How slow a sender may be."""
        return MinUploadRate(self.upload_grace_seconds, self.min_upload_bytes_per_second)

    def decode_limits(self) -> DecodeLimits:
        """How much one video may ask of the decoder."""
        return DecodeLimits(
            max_bytes=self.max_upload_bytes,
            max_packets=self.max_packets,
            max_pixels_per_frame=self.max_pixels_per_frame,
            max_frames=self.max_frames,
            max_cpu_seconds=self.max_decode_seconds,
        )

    def timeline_decode_limits(self) -> DecodeLimits:
        """The same for all of a video."""
        return replace(self.decode_limits(), max_cpu_seconds=self.max_timeline_decode_seconds)

    def timelines(self) -> int:
        """How many timelines are made at the same time: half as many as there are decoders, at least one."""
        return max(1, self.decoders // 2)
