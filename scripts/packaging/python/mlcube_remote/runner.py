"""The class that mlcube wants of a runner: its parameters. mlcube-ssh does the work; see this package's own page."""
from mlcube.errors import MLCubeError
from mlcube.runner import Runner, RunnerConfig
from omegaconf import OmegaConf


class Config(RunnerConfig):
    """The documented parameters, with which mlcube makes new platforms. mlcube-ssh knows more, and checks them."""

    DEFAULT = OmegaConf.create(
        {
            "runner": "ssh",
            "host": "",  # name, address, or alias of ~/.ssh/config
            "platform": "",  # the platform that the remote mlcube uses
            "remote_root": "",  # the remote folder for cubes
            "interpreter": {},  # type, python, requirements; for a virtualenv also location and name
            "authentication": {},  # identify_file, user
        }
    )


class SSHRunner(Runner):
    """The runner of `runner: ssh`, by its parameters."""

    CONFIG = Config

    def configure(self):
        """Refuse: only a call from Python comes here."""
        self._refuse("configure")

    def run(self):
        """Refuse: only a call from Python comes here."""
        self._refuse("run")

    def _refuse(self, command):
        raise MLCubeError(
            "mlcube-ssh works on a command line, and this is a call from Python: start the program, `mlcube-ssh %s "
            "--mlcube=... --platform=...`" % command
        )
