import os
import runpy
import sys


def takes_plain_devices():
    """Whether the docker runner reads a list of devices itself.

    Up to 0.0.9 it hands `--gpus` to docker by way of a shell, and docker reads the value as CSV: a comma needs quotes
    that survive the shell. Later runners parse the value, quotes and all, and refuse quotes.
    """
    try:
        from mlcube_docker import docker_run
    except ImportError:
        return True
    return hasattr(docker_run, "DeviceSpecs")


def adapted(word):
    """`word` in the form that the installed version takes."""
    if word.startswith("--gpus=device=") and "," in word and not takes_plain_devices():
        return '--gpus=\\"%s\\"' % word[len("--gpus=") :]
    return word


sys.argv[1:] = [adapted(word) for word in sys.argv[1:]]

# What `python -m mlcube` does; but an exception that mlcube doesn't handle becomes one line, and a file that says that
# it was mlcube, not the task, that failed.
sys.argv[0] = "mlcube"
try:
    runpy.run_module("mlcube", run_name="__main__", alter_sys=True)
except Exception as problem:
    if "--log-level=critical" not in sys.argv:
        raise
    cause = "%s: %s" % (type(problem).__name__, " ".join(str(problem).split()))
    with open(os.path.join(os.environ["MLCUBE_SSH_JOB_FOLDER"], "cause"), "w") as file:
        file.write(cause + "\n")
    sys.exit(1)
