"""Settings: typed values from the environment, each in the variable `TIN_` plus the field's name in capitals.

settings = Settings()                       # the environment, else the defaults
settings = Settings(port=0, decoders=2)     # arguments win over the environment
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, SettingsConfigDict

from clips.cpu_quota import usable_cores
from clips.decoding.limits import DecodeLimits
from service.config.devices import AUTO, Devices
from service.config.environment import PREFIX, check_variables, is_service_link
from service.config.origins import parse_origins
from service.limits.deadline import MinUploadRate
from service.telemetry.logging_config import LogFormat

CORES = usable_cores()
_ONE_PER_CORE: JsonDict = {"default_of_machine": "1 per usable core"}

QUEUE_PER_GPU = 32
"""Two batches of 16: one forms while the other runs."""

_ADDRESS = r"^(https?://[^/]+/?)?$"
_ADDRESS_WITH_PATH = r"^(https?://\S+)?$"

_REPOSITORY_STORE = Path(__file__).resolve().parents[2] / "model_store"


def _default_store() -> Path:
    return _REPOSITORY_STORE if _REPOSITORY_STORE.is_dir() else Path("model_store")


def _named_gpus(device: str) -> int:
    devices = Devices.parse(device)
    return 0 if devices.may_use_cpu else devices.count


class Settings(BaseSettings):
    """Settings of the service. Arguments win over the environment, the environment over the defaults.

    Raises pydantic's ValidationError for a value that is not valid, and UnknownVariable for a variable of the
    environment that begins with TIN_ and is no setting.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    model_store: Path = Field(
        default_factory=_default_store,
        description="Folder of the models, or its address, such as s3://bucket/models; "
        "default: the repository's own where there is one, else ./model_store",
    )
    store_cache: Path | None = Field(
        default=None,
        description="Folder for the models of a store at an address, and for results on their way to one; "
        "default: tin-serve/stores in the user's cache",
    )
    default_model: str | None = Field(
        default=None,
        description="Model for requests that name none; default: the first of the store that loads at startup",
    )
    store_poll_seconds: float = Field(
        default=5.0, ge=0, description="Seconds between two looks for changes in the model store; 0 never looks"
    )
    backend: str = Field(
        default="auto",
        description="Artifact format to run for every model, such as onnx or onnx-int8; "
        "auto takes the best that this machine runs",
    )
    device: str = Field(
        default=AUTO,
        description="Where models run: cpu, or GPUs with a replica of each model on each, such as cuda:0,cuda:1; "
        "auto takes the first GPU, or the CPU where that does not work",
    )
    model_gpus: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="On Ray: GPUs of each model replica, which Ray places where they are free; a fraction shares one",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 listens on all")
    port: int = Field(
        default=8000, ge=0, le=65535, description="TCP port to listen on, else that of PORT; 0 takes a free one"
    )
    log_format: LogFormat = Field(default="text", description="Format of the log: text, or json with an object a line")
    drift_metrics: bool = Field(
        default=False, description="Also count the answers of each model by top-1 label and probability in /metrics"
    )
    max_upload_bytes: int = Field(
        default=100_000_000, ge=1, description="Largest upload, in bytes; of JSON, the largest video; else 413"
    )
    head_seconds: float = Field(
        default=10.0, gt=0, description="Longest time for a request's head to arrive, in seconds; else 408"
    )
    min_upload_bytes_per_second: int = Field(
        default=20_000, ge=1, description="Lowest rate of an upload after the grace period, in bytes per second"
    )
    upload_grace_seconds: float = Field(
        default=10.0, gt=0, description="Grace period at the start of an upload, in seconds: no rate is required"
    )
    max_uploads: int = Field(
        default=512, ge=1, description="Request bodies that are read at the same time; further requests get 503"
    )
    max_upload_bytes_held: int = Field(
        default_factory=lambda valid: 5 * valid.get("max_upload_bytes", 0),
        description="Bytes of request bodies in memory; further requests get 503; default: 5 of the largest bodies",
    )
    max_queue: int = Field(
        default_factory=lambda valid: max(4, 2 * CORES, QUEUE_PER_GPU * _named_gpus(valid.get("device", AUTO))),
        ge=1,
        description="Videos waiting or in work; further requests get 503",
        json_schema_extra={
            "default_of_machine": f"2 per usable core, at least 4, and {QUEUE_PER_GPU} for each GPU that is named"
        },
    )
    api_keys: str = Field(
        default="",
        repr=False,
        description="API keys, separated by commas; requests for work must carry one; empty asks for none",
    )
    api_keys_file: Path | None = Field(
        default=None, description="File of further API keys, one a line, which is read again when it changes"
    )
    cors_origins: str = Field(
        default="",
        description="Origins whose pages may call the service from a browser, separated by commas, "
        "such as https://app.example; empty allows none",
    )
    max_queue_per_key: int = Field(
        default=CORES,
        ge=1,
        description="Requests of one API key at the same time; further ones get 429",
        json_schema_extra=_ONE_PER_CORE,
    )
    deadline_seconds: float = Field(
        default=30.0, gt=0, description="Longest time from a video's last byte to its answer, in seconds; else 504"
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        description="Seconds that the service goes on after SIGTERM while /health/ready answers 503",
    )
    decode: Literal["workers", "nvdec"] = Field(
        default="workers",
        description="What decodes videos: workers, in a sandbox, or nvdec, the hardware of the first GPU, without one: "
        "only where every video is trusted",
    )
    decoders: int = Field(
        default=CORES,
        ge=1,
        description="Worker processes that decode, each one video at a time",
        json_schema_extra=_ONE_PER_CORE,
    )
    max_decoder_bytes: int = Field(
        default=3 << 30,
        ge=1 << 30,
        description="Address space of a decoding process, in bytes; its code takes half a GB of it",
    )
    max_clips_per_request: int = Field(default=16, ge=1, description="Most clips in one inference request under /v2")
    onnx_threads: int = Field(
        default=0,
        ge=0,
        description="Threads of ONNX Runtime, which then runs one clip at a time; 0 uses all cores as suits the model",
    )
    torchserve_url: str = Field(
        default="",
        pattern=_ADDRESS,
        description="TorchServe's inference API, such as http://torchserve:8080; needed by TIN_BACKEND=torchserve",
    )
    torchserve_management_url: str = Field(
        default="",
        pattern=_ADDRESS,
        description="TorchServe's management API, which renews its keys; without it they expire",
    )
    torchserve_keys: Path | None = Field(
        default=None, description="TorchServe's key_file.json; default: none, for a TorchServe that asks for no keys"
    )
    oip_url: str = Field(
        default="",
        pattern=_ADDRESS_WITH_PATH,
        description="Server of the Open Inference Protocol, such as http://triton:8000, without /v2; "
        "needed by TIN_BACKEND=oip",
    )
    oip_key: str = Field(default="", repr=False, description="Key for that server, sent as Authorization: Bearer")
    oip_tolerance: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Largest difference of that server's logits from those of the store's ONNX graph; "
        "default: the limit of the graph's parity report",
    )
    max_packets: int = Field(default=100_000, ge=1, description="Most compressed packets of one video; else 422")
    max_pixels_per_frame: int = Field(default=4096 * 2304, ge=1, description="Largest frame, in pixels; else 422")
    max_frames: int = Field(default=50_000, ge=1, description="Most frames of one video; else 422")
    max_decode_seconds: float = Field(
        default=60.0, gt=0, description="Most CPU time to decode the video of one prediction, in seconds; else 422"
    )

    max_timeline_decode_seconds: float = Field(
        default=600.0, gt=0, description="Most CPU time to decode the video of one timeline, in seconds; else 422"
    )
    max_timeline_frames: int = Field(
        default=250_000, ge=1, description="Most frames of the video of one timeline, of two packets each; else 422"
    )
    max_file_bytes: int = Field(
        default=4_000_000_000, ge=1, description="Most bytes of a file whose timeline the command or Python makes"
    )
    max_windows: int = Field(default=20_000, ge=1, description="Most windows of one timeline; else 422")
    teach: bool = Field(default=False, description="Offer /teach, the page on which a model learns one's own actions")
    teach_folder: Path | None = Field(
        default=None,
        validate_default=True,
        description="Folder of the takes that the page records; needed by TIN_TEACH=true",
    )
    teach_max_bytes: int = Field(
        default=2_000_000_000, ge=1, description="Most bytes of everything in TIN_TEACH_FOLDER; else 507"
    )
    teach_minutes: float = Field(default=15.0, gt=0, description="Longest training that the page starts, in minutes")

    @model_validator(mode="before")
    @classmethod
    def _check_environment(cls, values: dict[str, Any]) -> dict[str, Any]:
        check_variables(os.environ, cls.variables())
        # A Kubernetes Service that is called `tin` sets TIN_PORT to its own address.
        values = {name: value for name, value in values.items() if name != "port" or not is_service_link(value)}
        if port := os.environ.get("PORT"):  # serverless platforms choose it
            values.setdefault("port", port)
        return values

    @field_validator("max_upload_bytes_held")
    @classmethod
    def _holds_one_upload(cls, value: int, info: ValidationInfo) -> int:
        largest = info.data.get("max_upload_bytes", 0)
        if value < largest:
            raise ValueError(f"it must be at least max_upload_bytes, {largest:,}, so that the largest body fits")
        return value

    @field_validator("device")
    @classmethod
    def _are_devices(cls, value: str) -> str:
        Devices.parse(value)
        return value

    @field_validator("model_gpus")
    @classmethod
    def _are_whole_or_a_share(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise ValueError("a replica has a share of one GPU, or whole ones: write a number up to 1, or a whole one")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        parse_origins(value)
        return value

    @field_validator("teach_folder")
    @classmethod
    def _has_a_folder_to_teach(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if info.data.get("teach") and value is None:
            raise ValueError("TIN_TEACH=true needs TIN_TEACH_FOLDER, a folder that keeps the takes")
        if info.data.get("teach") and info.data.get("store_poll_seconds") == 0:
            raise ValueError("TIN_TEACH=true needs TIN_STORE_POLL_SECONDS above 0, to find the models that it makes")
        return value

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return the environment variable of each field, as {variable: field}."""
        return {f"{PREFIX}{name.upper()}": name for name in cls.model_fields}

    def devices(self) -> Devices:
        """Return the devices that models run on."""
        return Devices.parse(self.device)

    def keys(self) -> list[str]:
        """Return the API keys, without those that are empty."""
        return [key.strip() for key in self.api_keys.split(",") if key.strip()]

    def origins(self) -> tuple[str, ...]:
        """Return the origins whose pages may call the service."""
        return parse_origins(self.cors_origins)

    def min_upload_rate(self) -> MinUploadRate:
        """Return the lowest rate of an upload."""
        return MinUploadRate(self.upload_grace_seconds, self.min_upload_bytes_per_second)

    def decode_limits(self) -> DecodeLimits:
        """Return the limits of decoding the video of one prediction."""
        return DecodeLimits(
            max_bytes=self.max_upload_bytes,
            max_packets=self.max_packets,
            max_pixels_per_frame=self.max_pixels_per_frame,
            max_frames=self.max_frames,
            max_cpu_seconds=self.max_decode_seconds,
        )

    def timeline_decode_limits(self) -> DecodeLimits:
        """Return the limits of decoding the video of one timeline: more frames and more CPU time."""
        return replace(
            self.decode_limits(),
            max_frames=self.max_timeline_frames,
            max_packets=2 * self.max_timeline_frames,
            max_cpu_seconds=self.max_timeline_decode_seconds,
        )

    def timeline_file_limits(self) -> DecodeLimits:
        """Return the limits of one timeline of a file on this machine, which no one has sent."""
        return replace(self.timeline_decode_limits(), max_bytes=self.max_file_bytes)

    def timelines(self) -> int:
        """Return the number of timelines at the same time: half the number of decoders, at least one."""
        return max(1, self.decoders // 2)
