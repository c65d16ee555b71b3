# Starts mlcube as far as a job does before it has a task, and asks it for a platform and its runner. Prints its version,
# then `known RUNNER ENGINE`, `no-runner RUNNER` or `no-platform`.
# Arguments: the settings file; the platform.

import sys

# Removes the current folder: a folder of the account that happens to be called mlcube must not be imported.
sys.path = [place for place in sys.path if place]


def say(problem):
    """Prints a problem in a line, as all that quote it do."""
    # The copy of the settings says nothing to the user.
    text = " ".join(str(problem).split()).replace(sys.argv[1], "its settings")
    print(type(problem).__name__ + ":", text[:500], file=sys.stderr)


try:
    import mlcube.__main__
    from importlib.metadata import version
    from mlcube.platform import Platform
    from mlcube.system_settings import SystemSettings

    path, name = sys.argv[1:3]
    settings = SystemSettings(path).update_installed_runners()
    platform = settings.get_platform(name)
    runner = platform.get("runner")
except Exception as problem:
    say(problem)
    sys.exit(1)
print("mlcube", version("mlcube"))
if not runner:
    print("no-platform")
else:
    try:
        Platform.get_runner(settings.runners.get(runner))
        print("known", runner, platform.get(runner, runner))
    except Exception as problem:
        print("no-runner", runner)
        say(problem)
