# Starts mlcube as far as a job does before it has a task. Prints the state that environment.sh reads: the version of
# mlcube and how it takes a list of GPUs, or why mlcube can't start. Writes the proof.
# Arguments: the file for the proof, or nothing; the proof's first line; the requirements, of which mlcube's runners must
# be installed.

import glob
import importlib
import os
import pkgutil
import re
import sys
import time

began = time.time()
# Removes the current folder: a folder of the account that happens to be called mlcube must not be imported.
sys.path = [place for place in sys.path if place]


def note(proof, started_with, said):
    """Writes what `is_proved` reads: the files of all modules, python itself, and the folders where modules are found.

    Writes nothing if one of them has changed since the start: mlcube may have started from an earlier version of it.
    """
    paths = {module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    paths |= {sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg"), *sys.path}
    paths |= {path for place in sys.path for path in glob.glob(os.path.join(place, "*.pth"))}
    lines = [started_with, said]
    for path in sorted(path for path in paths if os.path.exists(path)):
        file = os.stat(path)
        if file.st_ctime >= int(began):
            return
        lines.append("%d %d %d %s" % (file.st_ino, file.st_ctime, file.st_size, path))
    with open(os.open(proof + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="surrogateescape") as new:
        new.write("".join(line + "\n" for line in lines))
    os.rename(proof + ".new", proof)


proof, started_with = sys.argv[1:3]
names = ["mlcube.__main__"]
for word in sys.argv[3:]:
    name = re.split(r"[^A-Za-z0-9._-]", word)[0].replace("-", "_")
    if name.startswith("mlcube_"):
        names.append(name)
# mlcube imports every runner that is installed, not only those of the requirements.
names += [module.name for module in pkgutil.iter_modules() if module.name.startswith("mlcube_") and module.name not in names]
wrong = None
for name in names:
    try:
        # Only a run would import the modules behind this function, long after mlcube has started.
        getattr(importlib.import_module(name), "get_runner_class", lambda: None)()
    except BaseException as problem:
        wrong = (name, problem)
        break
if wrong is None:
    try:
        from importlib.metadata import version
        said = "mlcube " + version("mlcube")
    except Exception:
        said = "mlcube unknown"
    # A job checks this again when it starts, because another package may be installed by then.
    try:
        from mlcube_docker import docker_run
        said += " plain" if hasattr(docker_run, "DeviceSpecs") else " quoted"
    except ImportError:
        pass
    print(said)
    try:
        if proof:
            note(proof, started_with, said)
    except Exception:
        # A module may raise any exception when its file is asked for. Without a proof mlcube is started again the next
        # time.
        pass
else:
    name, problem = wrong
    missing = getattr(problem, "name", None) if isinstance(problem, ModuleNotFoundError) else None
    if missing in (name, name.split(".")[0]):
        print("no-mlcube", name.split(".")[0].replace("_", "-"))
    elif missing == "distutils":
        print("no-distutils %d.%d" % sys.version_info[:2])
    elif missing is not None and missing.startswith("typing.io"):
        print("too-new %d.%d" % sys.version_info[:2])
    else:
        print("no-import", type(problem).__name__ + ":", " ".join(str(problem).split())[:500])
