//! What `scripts/package` makes: the wheel, the Debian package, the tarball; and `mlcube` with the wheel's runner.

mod build;
mod debian;
mod documented;
mod installing;
mod mlcube;
mod user;
mod words;
