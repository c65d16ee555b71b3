//! Container engines: podman, rootless podman, a Docker daemon, Apptainer.

mod apptainer;
mod docker;
mod engines;
mod rootless_podman;
