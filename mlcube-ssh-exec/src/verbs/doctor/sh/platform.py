# Starts mlcube as far as a job does before it has a task, and asks it for a platform and its runner. Prints its version,
# then `known RUNNER ENGINE`, `no-runner RUNNER` or `no-platform`.
# Arguments: the settings file; the platform.

import sys

# Removes the current folder: a folder of the account that happens to be called mlcube must not be imported.
sys.path = [place for place in sys.path if place]

import mlcube.__main__
from importlib.metadata import version
from mlcube.platform import Platform
from mlcube.system_settings import SystemSettings

path, name = sys.argv[1:3]
settings = SystemSettings(path).update_installed_runners()
platform = settings.get_platform(name)
runner = platform.get("runner")
print("mlcube", version("mlcube"))
if not runner:
    print("no-platform")
else:
    try:
        Platform.get_runner(settings.runners.get(runner))
        print("known", runner, platform.get(runner, runner))
    except Exception as problem:
        print("no-runner", runner)
        print(type(problem).__name__ + ":", " ".join(str(problem).split())[:500], file=sys.stderr)
