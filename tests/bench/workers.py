"""The processes that run systems: each on one thread, all pinned to one core."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
UNROLL_SYSTEMS = ("split", "split_bf16", "split_tokens", "primitive", "fma",
                  "read")
# Debian's OpenBLAS does not know newer CPUs and falls back to slow kernels.
OPENBLAS_CORETYPES = {"avx512": "SkylakeX", "avx2": "Haswell"}


class Worker:
    """A process that obeys lines, as kernel_worker.h or scheduler_worker.h says."""

    def __init__(self, name, command, cpus, environment=()):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **dict(environment)},
            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        self.version = self.ask("version")

    def ask(self, *words):
        line = " ".join(str(word) for word in words)
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says so
        kind, _, answer = self.process.stdout.readline().strip().partition(" ")
        if kind != "ok":
            raise RuntimeError(f"{self.name}, asked to \"{line}\": "
                               f"{answer or 'ended'}")
        return answer

    def core_nanoseconds(self):
        """Spent on the core, and spent waiting for it while others were."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        times = [(task / "schedstat").read_text().split()
                 for task in tasks.iterdir()]
        return sum(int(t[0]) for t in times), sum(int(t[1]) for t in times)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Workers:
    """One for our kernels and the probes, and one for each peer."""

    def __init__(self, binary, cpu, peers):
        self.of_system, self.all = {}, []
        unroll = self.start("unroll", [binary], cpu, {})
        for system in UNROLL_SYSTEMS:
            self.of_system[system] = unroll
        self.vectors = unroll.version.split()[-1]
        if self.vectors == "none":
            raise RuntimeError("this CPU has no AVX2: nothing to measure")
        blas = {"OPENBLAS_NUM_THREADS": "1",
                "OPENBLAS_CORETYPE": OPENBLAS_CORETYPES[self.vectors]}
        for peer in peers:
            python = "/usr/bin/python3" if peer == "torch" else sys.executable
            self.of_system[peer] = self.start(
                peer, [python, HERE / "peer.py", peer], cpu,
                blas if peer == "torch" else {})

    def start(self, name, command, cpu, environment):
        worker = Worker(name, command, {cpu}, environment)
        self.all.append(worker)
        return worker

    def ask(self, command, system, *words):
        return self.of_system[system].ask(command, system, *words)

    def versions(self):
        return {worker.name: worker.version for worker in self.all}

    def share_waited(self):
        """Of the time that they could have run, what others had the core."""
        times = [worker.core_nanoseconds() for worker in self.all]
        waited = sum(t[1] for t in times)
        return waited / (waited + sum(t[0] for t in times))

    def stop(self):
        for worker in self.all:
            worker.stop()
