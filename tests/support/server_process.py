"""The real unroll-server, for tests in Python."""

import os
import re
import signal
import subprocess
import threading
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# ctest says which; alone, a test takes the release build's.
BUILD = os.environ.get("UNROLL_BUILD", os.path.join(ROOT, "build", "release"))
BINARIES = os.path.join(BUILD, "bin")
MODELS = os.path.join(ROOT, "models")


class ServerProcess:
    """On free ports (but for a grpc_port), with all its models loaded."""

    def __init__(self, repository=MODELS, *flags, grpc_port=0,
                 binary=os.path.join(BINARIES, "unroll-server"), seconds=60):
        self.process = subprocess.Popen(
            [binary, "--model-repository", repository, "--address=127.0.0.1",
             f"--grpc-port={grpc_port}", "--metrics-port=0", *flags],
            stderr=subprocess.PIPE, text=True)
        self.log = []  # lines
        self.grpc_port = self.metrics_port = None
        self._loaded = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._loaded.wait(seconds) or self.metrics_port is None:
            self.kill()
            raise RuntimeError("the server did not start; its log:\n"
                               + "".join(self.log))
        self.address = f"127.0.0.1:{self.grpc_port}"

    def _read(self):
        """Until the log ends; a server that dies ends the waiting too."""
        for line in self.process.stderr:
            self.log.append(line)
            if ports := re.search(
                    r"listens: gRPC on \S+:(\d+), metrics on \S+:(\d+)", line):
                self.grpc_port, self.metrics_port = map(int, ports.groups())
            if "models are served" in line:
                self._loaded.set()
        self._loaded.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self._end()

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        return self._end()

    def _end(self):
        code = self.process.wait()
        self._reader.join()
        self.process.stderr.close()
        return code

    def metric(self, name, labels=""):
        """The sum of a metric's series whose labels hold `labels`."""
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.metrics_port}/metrics") as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if re.match(rf"{name}[ {{]", line) and labels in line)
