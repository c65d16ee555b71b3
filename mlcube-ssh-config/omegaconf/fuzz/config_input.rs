//! Merges and resolves two texts of any content, for the fuzz target `config` and for the test that replays its corpus.

use omegaconf::{Error, OmegaConf};

/// Splits an input at its first zero byte; the second text is merged into the first one.
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
