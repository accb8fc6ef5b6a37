"""Makes gen/, the Python bindings of what rides on the bus, from the published schemas.

KUBUS_SCHEMAS: the folder of the schemas (default: the source tree's). FLATC: the compiler.
Imported by the others, which need nothing else to be done first.
"""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
GEN = HERE / "gen"
FILES = [
    "bus/admission.fbs",
    "bus/envelope.fbs",
    "bus/event.fbs",
    "meta/v1/meta.fbs",
    "core/v1/common.fbs",
    "core/v1/volume.fbs",
    "core/v1/pod.fbs",
    "core/v1/config.fbs",
]


def generate():
    schemas = pathlib.Path(os.environ.get("KUBUS_SCHEMAS", HERE / "../../../schemas"))
    shutil.rmtree(GEN, ignore_errors=True)
    flatc = os.environ.get("FLATC", "flatc")
    files = [str(schemas / f) for f in FILES]
    subprocess.run([flatc, "--python", "-I", str(schemas), "-o", str(GEN), *files], check=True)


if not GEN.exists():
    generate()
sys.path.insert(0, str(GEN))
