"""Lets `mlcube configure` and `mlcube run` use mlcube-ssh on platforms whose runner is ssh.

mlcube asks every installed runner for its class (`get_runner_class`) before it parses the words behind the command. If
they choose a platform of this runner, this process becomes the program mlcube-ssh, with the words as they were typed;
standard input, output, signals and exit status are then those of mlcube-ssh.

Later would be too late. When mlcube calls a runner, it has changed or refused some of the words: 0.0.9 finds the option
`-h` in `-Pdocker.image=hello` and prints its help, every release fails on a word without `=`, such as `--detach`, and a
runner is called once for each task.
"""
import logging
import os
import signal
import sys

DISTRIBUTION = "mlcube-remote"
PROGRAM = "mlcube-ssh"
RUNNER = "ssh"
# The modules of this distribution that mlcube finds. `mlcube_ssh` is the name that mlcube itself knows, and writes into
# the settings file.
MODULES = ("mlcube_remote", "mlcube_ssh")
# The distribution of MLCommons whose package `mlcube_ssh` hides the module of the same name here.
OTHER = "mlcube-ssh"


def get_runner_class():
    """Return the class of the runner; don't return if mlcube-ssh takes the command over."""
    words = _words_for_mlcube_ssh()
    if words is not None:
        _tell_who_answers()
        _become_mlcube_ssh(words)
    from mlcube_remote.runner import SSHRunner

    return SSHRunner


def _words_for_mlcube_ssh():
    """Return the words behind `mlcube` if it was called to configure or run a cube on a platform of this runner."""
    import click

    context = click.get_current_context(silent=True)
    command = getattr(context, "invoked_subcommand", None)
    words = sys.argv[1:]
    # Whoever calls mlcube's functions from Python has other words, or none.
    if command not in ("configure", "run") or command not in words:
        return None
    behind = words[words.index(command) + 1:]
    if _asks_for_help(behind):
        return None
    # click itself parses, so that the platform is the one that mlcube would use; resilient: it neither acts nor fails.
    parser = context.command.get_command(context, command)
    parsed = parser.make_context(command, list(behind), parent=context, resilient_parsing=True)
    return words if _is_ours(parsed.params.get("platform")) else None


def _asks_for_help(words):
    options = words[:words.index("--")] if "--" in words else words
    return "--help" in options or "-h" in options


def _is_ours(platform):
    """Return whether the settings file gives this platform to a module of this distribution."""
    from mlcube.system_settings import SystemSettings
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    settings = SystemSettings().settings
    try:
        section = settings.platforms[platform]
        runner = section.runner if OmegaConf.is_dict(section) else None
        known = settings.runners.get(runner) if runner and settings.runners else None
        # mlcube adds the runners that it found to the settings file after it asked them for their class.
        return known.pkg in MODULES if known else runner == RUNNER
    except (OmegaConfBaseException, AttributeError, KeyError, TypeError, ValueError):
        # No such platform, or a file of another form: mlcube says so.
        return False


def _tell_who_answers():
    """Say so if MLCommons' package is installed, too."""
    other = _version(OTHER)
    if other is not None and logging.getLogger().isEnabledFor(logging.WARNING):
        ours = " ".join(filter(None, (DISTRIBUTION, _version(DISTRIBUTION))))
        _say("warning: %s answers this command; MLCommons' %s %s, which is installed, too, doesn't" % (ours, OTHER, other))
        _say("hint: `pip uninstall %s` removes that one, `pip uninstall %s` this one" % (OTHER, DISTRIBUTION))


def _become_mlcube_ssh(words):
    program = _program()
    if program is None:
        _fail(
            127,
            "the program %s isn't there, which the distribution %s brings" % (PROGRAM, DISTRIBUTION),
            # By its file: on the package index somebody else may have the name.
            "install its wheel again: pip install --no-index --force-reinstall mlcube_remote-*.whl",
        )
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores both, and what is ignored stays so in the next program.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execv(program, [program] + words)
    except OSError as error:
        _fail(126, "can't run '%s': %s" % (program, error.strerror), "check its permissions and its disk's mount options")


def _program():
    """Return the path of mlcube-ssh: where the installer put it, else in PATH."""
    import shutil
    import sysconfig

    places = _installed_programs()
    # `pip install --target` lists a file that isn't there: it puts the programs beside the modules.
    modules = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(modules, "bin"), sysconfig.get_path("scripts")):
        places.append(os.path.join(folder, PROGRAM))
    for place in places:
        if os.path.isfile(place):
            return place
    return shutil.which(PROGRAM)


def _installed_programs():
    try:
        from importlib.metadata import PackageNotFoundError, files
    except ImportError:  # before Python 3.8
        return []
    try:
        listed = files(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    return [str(file.locate().resolve()) for file in listed if file.parts[-2:] == ("bin", PROGRAM)]


def _version(distribution):
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:  # before Python 3.8
        return None
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _fail(status, error, hint):
    _say("error: " + error)
    _say("hint: " + hint)
    sys.exit(status)


def _say(line):
    sys.stderr.write("%s: %s\n" % (PROGRAM, line))
