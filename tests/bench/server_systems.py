"""The servers that are compared, and the client that loads them."""

import array
import json
import os
import random
import struct
import subprocess
import sys
import threading

INPUTS = HIDDEN = 64


def write_model(folder):
    """An nn.RNN(64, 64) as safetensors, by hand: no library is needed."""
    generator = random.Random(1)
    header, data = {}, b""
    for name, shape in (("weight_ih_l0", [HIDDEN, INPUTS]),
                        ("weight_hh_l0", [HIDDEN, HIDDEN]),
                        ("bias_ih_l0", [HIDDEN]), ("bias_hh_l0", [HIDDEN])):
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = array.array("f", (generator.uniform(-.125, .125)
                                   for _ in range(count)))
        if sys.byteorder != "little":
            values.byteswap()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [
            len(data), len(data) + 4 * count]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(
        struct.pack("<Q", len(text)) + text + data)


class System:
    """A server that runs, and `unroll bench` against it."""

    def __init__(self, name, binaries, cpus, command):
        self.name = name
        self.client = binaries / "unroll"
        self.pin = lambda: os.sched_setaffinity(0, cpus)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, preexec_fn=self.pin)

    def __enter__(self):
        self.address = self.wait_for("listens: ").split("gRPC on ")[1].split(
            ",")[0].strip()
        if self.name == "unroll":
            self.wait_for("models are served")
        # A full pipe would stop it.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def wait_for(self, text):
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if text in line:
                return line
        raise RuntimeError(f"{self.name} ended: {''.join(seen)}")

    def bench(self, *flags):
        """The report of a run of `unroll bench`."""
        ran = subprocess.run(
            [self.client, "bench", "tiny", "--server", self.address, "--json",
             *flags], capture_output=True, text=True, check=False,
            preexec_fn=self.pin)
        if ran.returncode not in (0, 3):  # 3: an SLO was missed
            raise RuntimeError(f"{self.name}: unroll bench {' '.join(flags)}: "
                               f"{ran.stderr}")
        return json.loads(ran.stdout)

    def client_version(self):
        return subprocess.run([self.client, "--version"], capture_output=True,
                              text=True, check=True).stdout.strip()
