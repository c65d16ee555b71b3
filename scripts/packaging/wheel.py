#!/usr/bin/env python3
"""Writes a wheel, and prints its name: wheel.py TREE PYTHON LICENSE OUTPUT VERSION TAG[.TAG]

TREE holds bin/ and share/, which an installer puts below the environment's folder; PYTHON the modules. LICENSE is a
file, OUTPUT the wheel's folder; TAG a platform, such as manylinux_2_17_x86_64. The same files give the same bytes, with
the time of SOURCE_DATE_EPOCH.
"""
import base64
import hashlib
import os
import sys
import time
import zipfile

NAME = "mlcube_remote"
METADATA = """\
Metadata-Version: 2.1
Name: mlcube-remote
Version: {version}
Summary: MLCube workloads on remote machines, over ssh and rsync: the program mlcube-ssh, and the ssh runner of mlcube
License: Apache-2.0
Keywords: mlcube,ssh,rsync,machine-learning
Classifier: Environment :: Console
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Topic :: Scientific/Engineering
Requires-Python: >=3.6
Description-Content-Type: text/plain

Installs mlcube-ssh with its five steps. In the environment of mlcube it also answers `mlcube configure` and
`mlcube run` for platforms with `runner: ssh`. It needs ssh and rsync. `mlcube-ssh --help` shows the commands.
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: mlcube-ssh scripts/package\nRoot-Is-Purelib: false\n"


def files_below(folder):
    """Return every file below a folder, by its path in it."""
    found = []
    for top, folders, names in os.walk(folder):
        # What running a module leaves.
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [os.path.relpath(os.path.join(top, name), folder) for name in names]
    return sorted(found)


def members(tree, python, license_file, version, tags):
    """Return what the wheel holds but for its list: names, contents, and whether they are run."""
    data, info = "{}-{}.data".format(NAME, version), "{}-{}.dist-info".format(NAME, version)
    held = []
    for name in files_below(python):
        held.append((name, read(os.path.join(python, name)), False))
    for name in files_below(tree):
        # `scripts` is the environment's bin, wherever that is.
        if name.startswith("bin/"):
            held.append(("{}/scripts/{}".format(data, name[len("bin/"):]), read(os.path.join(tree, name)), True))
        else:
            held.append(("{}/data/{}".format(data, name), read(os.path.join(tree, name)), False))
    lines = WHEEL + "".join("Tag: py3-none-{}\n".format(tag) for tag in tags)
    held.append((info + "/METADATA", METADATA.format(version=version).encode(), False))
    held.append((info + "/WHEEL", lines.encode(), False))
    held.append((info + "/licenses/LICENSE", read(license_file), False))
    return held, info + "/RECORD"


def read(path):
    """Return the bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


def write(wheel, name, content, is_run, moment):
    """Add a member to the wheel."""
    member = zipfile.ZipInfo(name, moment)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = (0o100755 if is_run else 0o100644) << 16
    wheel.writestr(member, content)


def main():
    """Write the wheel."""
    tree, python, license_file, output, version, platform = sys.argv[1:]
    # zip knows no time before 1980.
    moment = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    held, record = members(tree, python, license_file, version, platform.split("."))
    lines = []
    name = "{}-{}-py3-none-{}.whl".format(NAME, version, platform)
    path = os.path.join(output, name)
    with zipfile.ZipFile(path + ".new", "w") as wheel:
        for member, content, is_run in held:
            write(wheel, member, content, is_run, moment)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append("{},sha256={},{}\n".format(member, digest, len(content)))
        write(wheel, record, "".join(lines) + record + ",,\n", False, moment)
    os.replace(path + ".new", path)
    print(name)


if __name__ == "__main__":
    main()
