//! What mlcube-ssh-config writes: the configuration as mlcube computes it, the settings, the document.

mod cases;
mod pipe;
mod quoting;
mod settings;
mod settings_schema;
mod trust;
