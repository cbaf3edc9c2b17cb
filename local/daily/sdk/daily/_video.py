"""Video: taken, and sent nowhere. The stand-in carries audio only."""

import uuid


class VideoFrame:
    """A frame that a renderer would get; the stand-in has none to give."""

    buffer: bytes
    width: int
    height: int
    timestamp_us: int
    color_format: str


class CustomVideoSource:
    """Frames that a program writes, and nobody sees."""

    def __init__(self, width: int, height: int, color_format: str = "RGBA") -> None:
        self._size = (width, height)
        self._color_format = color_format

    @property
    def width(self) -> int:
        """Pixels."""
        return self._size[0]

    @property
    def height(self) -> int:
        """Pixels."""
        return self._size[1]

    @property
    def color_format(self) -> str:
        """The order of colours in a frame."""
        return self._color_format

    def write_frame(self, frame: bytes) -> None:
        """Take a frame."""


class CustomVideoTrack:
    """A track of a source."""

    def __init__(self, video_source: CustomVideoSource) -> None:
        self._source = video_source
        self._id = str(uuid.uuid4())

    @property
    def id(self) -> str:
        """The track's id."""
        return self._id
