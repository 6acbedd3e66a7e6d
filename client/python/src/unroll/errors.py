from typing import Optional

import grpc


class Error(Exception):
    """A call failed; the protocol's files list codes and reasons."""

    def __init__(self, code: grpc.StatusCode, message: str, reason: str = "",
                 retry_delay: Optional[float] = None):
        super().__init__(code, message, reason, retry_delay)
        self.code = code
        self.message = message
        # Such as "QUEUE_TOO_LONG" or "EXPIRED"; "" where the code says it all.
        self.reason = reason
        # Seconds after which trying again can help, if the server said so.
        self.retry_delay = retry_delay

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.code.name}{reason}: {self.message}"
