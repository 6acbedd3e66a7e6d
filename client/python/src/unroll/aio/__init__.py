"""unroll's client for asyncio: the same calls, awaited."""

from unroll.aio.client import Client, Stream
from unroll.aio.live import LiveSequence

__all__ = ["Client", "LiveSequence", "Stream"]
