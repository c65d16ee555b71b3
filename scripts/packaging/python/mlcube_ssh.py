"""The runner under the name that mlcube knows. Where MLCommons' package `mlcube_ssh` is installed, Python finds that one.

A module, not a package, so that both distributions can be installed and removed without taking each other's files.
"""
from mlcube_remote import get_runner_class

__all__ = ["get_runner_class"]
