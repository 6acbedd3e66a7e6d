"""Makes unroll/protocol.binpb, the protocol's descriptions, from ../../proto."""

import pathlib
import shutil
import subprocess
import sys

import setuptools
from setuptools.command.build_py import build_py

PROTO = pathlib.Path(__file__).resolve().parent.parent.parent / "proto"
FILES = ("unroll/v1/models.proto", "unroll/v1/sequence_inference.proto",
         "google/rpc/error_details.proto", "google/rpc/status.proto")


def compiler():
    """The command of grpcio-tools or protoc, and where its own files are."""
    try:
        import grpc_tools
    except ImportError:
        if protoc := shutil.which("protoc"):
            return [protoc]
        raise SystemExit("unroll: neither grpcio-tools nor protoc is here, "
                         "expected one of them")
    own = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    return [sys.executable, "-m", "grpc_tools.protoc", f"-I{own}"]


class Build(build_py):
    def run(self):
        super().run()
        if not PROTO.is_dir():
            raise SystemExit(f"unroll: {PROTO} is missing, expected a checkout "
                             "of unroll around this package")
        target = pathlib.Path(self.build_lib) / "unroll" / "protocol.binpb"
        subprocess.run([*compiler(), f"-I{PROTO}", "--include_imports",
                        f"--descriptor_set_out={target}", *FILES], check=True)


setuptools.setup(cmdclass={"build_py": Build})
