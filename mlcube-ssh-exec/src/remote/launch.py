import os
import runpy
import sys

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
