import fcntl
import os
import runpy
import select
import shlex
import shutil
import signal
import sys

FOLDER = os.environ["MLCUBE_SSH_JOB_FOLDER"]

# fcntl(2); python names this constant only since 3.10.
F_GETPIPE_SZ = 1032


def put(name, text):
    """Writes `text` to a file of the job. Its space was reserved when the job was made: a full disk doesn't lose it.

    Only the first text is written.
    """
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path + ".new"):
        return
    with open(path + ".new", "r+b") as file:
        file.write(text.encode("utf-8", "replace")[:4000] + b"\n")
        file.truncate()
    os.rename(path + ".new", path)


class Log:
    """The job's log, on standard output: it ends at its limit, and the bytes that a full disk refuses are counted.

    A task must not fail because its output can't be stored.
    """

    def __init__(self, limit):
        self.limit = limit
        self.length = 0
        self.missing = 0
        self.why = ""

    def take(self, text):
        if self.limit and self.length >= self.limit:
            return
        if self.missing:
            note = "\n[mlcube-ssh: %d bytes of the log are missing: %s]\n" % (self.missing, self.why)
            if self.left_of(note.encode()):
                self.missing += len(text)
                return
            self.missing = 0
        if self.limit and self.length + len(text) >= self.limit:
            text = text[: self.limit - self.length]
            text += b"\n[mlcube-ssh: the log ends at runner.log_limit; the task continues]\n"
        self.missing += len(self.left_of(text))

    def left_of(self, text):
        """Writes `text`; returns the part that couldn't be written."""
        while text:
            try:
                written = os.write(1, text)
            except OSError as problem:
                self.why = os.strerror(problem.errno)
                break
            self.length += written
            text = text[written:]
        return text


def keep_log(limit):
    """Continues in a child; the parent writes the child's output to the job's log and ends with the child's status."""
    reading, writing = os.pipe()
    # The parent must read until the output ends: a signal to all processes of the job is meant for the child. Blocked
    # meanwhile, and not ignored: the child mustn't miss one.
    asked = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, asked)
    try:
        child = os.fork()
    except OSError as problem:
        put("cause", "no other process can be started on this host: %s" % problem.strerror)
        os._exit(1)
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(reading)
        os.close(writing)
        return
    for number in asked:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(writing)
    log = Log(limit)
    status = None
    # A process that the task leaves behind may hold the pipe open for ever, and continue to write: the log ends when the
    # child has ended and the bytes are read that are in the pipe at that moment.
    left = fcntl.fcntl(reading, F_GETPIPE_SZ)
    while left > 0:
        if select.select([reading], [], [], 0 if status is not None else 0.5)[0]:
            text = os.read(reading, 65536)
            if text:
                log.take(text)
                if status is not None:
                    left -= len(text)
                    continue
            elif status is None:
                status = os.waitpid(child, 0)[1]
                break
            else:
                break
        elif status is not None:
            break
        if status is None:
            ended, how = os.waitpid(child, os.WNOHANG)
            status = how if ended else None
    if log.missing:
        put("log-missing", "%d bytes of the job's log are missing: %s" % (log.missing, log.why))
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def note_other_program():
    """Notes that a program ran which may be an engine that bypasses the shim: then it is unknown whether a task began."""
    mark = os.open(os.path.join(FOLDER, "other-program"), os.O_CREAT | os.O_WRONLY, 0o600)
    # The file gets the folder's permissions: the umask in force is the task's.
    os.fchmod(mark, os.stat(FOLDER).st_mode & 0o666)
    os.close(mark)


def check_engine(event, words):
    """Checks every command before mlcube runs it: an engine that bypasses the shim gets no variables."""
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
        # A runner of another kind: the docker runners and the singularity runner call a shell instead.
        note_other_program()
    if event != "os.system":
        return
    try:
        command = shlex.split(os.fsdecode(words[0]))
    except ValueError:
        note_other_program()
        return
    program = shutil.which(command[0]) if command else None
    if program is None:
        # A shell builtin isn't found: the singularity runner's command begins with `cd`.
        if command and command[0] != "cd":
            put("cause", "%s: not found on this host" % command[0])
        else:
            # The program after `cd` may be named by its path, and so bypass the shim.
            note_other_program()
        return
    shims = os.environ["MLCUBE_SSH_SHIMS"]
    if os.path.dirname(program) == shims:
        return
    note_other_program()
    if not ("run" in command[1:4] or "exec" in command[1:4]):
        return
    if not os.path.isdir(shims):
        # The program is now the real engine: its container couldn't be found or stopped.
        put("cause", "the folder of the shim is gone: %s; run it again" % shims)
        os._exit(125)
    if os.environ.get("MLCUBE_SSH_VARIABLES"):
        problem = "the engine is called as '%s', and can't pass variables to the task" % command[0]
        put("cause", problem + "; set runner.remote.docker to docker or podman, or leave --env out")
        os._exit(125)
    # If the job has settings of ours, the client has warned already.
    if not os.path.exists(os.path.join(FOLDER, "settings.yaml")):
        print("mlcube-ssh: the engine is called as '%s': a stop can't end the containers" % command[0], flush=True)


def takes_plain_devices():
    """Returns whether the docker runner parses a list of devices itself.

    Up to 0.0.9 it passes `--gpus` to docker through a shell, and docker reads the value as CSV: a comma needs quotes
    that survive the shell. Later runners parse the value themselves and refuse quotes.
    """
    try:
        from mlcube_docker import docker_run
    except ImportError:
        return True
    return hasattr(docker_run, "DeviceSpecs")


def adapted(word):
    """Returns `word` in the form that the installed version accepts."""
    for_docker = "--platform=singularity" not in sys.argv
    if word.startswith("--gpus=device=") and "," in word and for_docker and not takes_plain_devices():
        return '--gpus=\\"%s\\"' % word[len("--gpus=") :]
    return word


keep_log(int(sys.argv[1]))
sys.addaudithook(check_engine)
sys.argv[1:] = [adapted(word) for word in sys.argv[2:]]

# Does the same as `python -m mlcube`, except that an exception which mlcube doesn't handle becomes one line, and the file
# `cause`, which shows that mlcube failed and not the task.
sys.argv[0] = "mlcube"
try:
    runpy.run_module("mlcube", run_name="__main__", alter_sys=True)
except Exception as problem:
    cause = "%s: %s" % (type(problem).__name__, " ".join(str(problem).split()))
    put("cause", cause)
    if "--log-level=critical" not in sys.argv:
        raise
    sys.exit(1)
