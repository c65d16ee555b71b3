//! Merges and resolves whatever two texts hold. The fuzz target `config` and the test that replays its corpus share this.

use omegaconf::{Error, OmegaConf};

/// Reads an input: what stands behind its first zero byte is merged into what stands in front of it.
pub(crate) fn read(input: &[u8]) {
    let at = input.iter().position(|&byte| byte == 0).unwrap_or(input.len());
    let (base, over) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    let variable = |name: &str| (name == "SET").then(|| "${a}".to_owned());
    let mut conf = OmegaConf::new(&variable);
    if let Err(error) = resolve(&mut conf, base, over) {
        assert!(!conf.tree.describe(&error).is_empty());
    }
}

fn resolve(conf: &mut OmegaConf<'_>, base: &[u8], over: &[u8]) -> Result<(), Error> {
    let (first, second) = (conf.tree.add_source("base"), conf.tree.add_source("over"));
    conf.tree.trace(second);
    let base = conf.load(first, base)?;
    let over = conf.load(second, over)?;
    conf.merge(base, over)?;
    conf.resolve(base)?;
    conf.tree.to_json(base).map(|_| ())
}
