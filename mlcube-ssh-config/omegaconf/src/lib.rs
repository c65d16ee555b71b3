//! YAML 1.1 as `PyYAML` reads it, and the interpolation language of OmegaConf 2.1.

pub mod interpolation;
pub mod yaml;
