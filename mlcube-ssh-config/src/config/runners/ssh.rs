//! The ssh runner's section: `Config` of `mlcube_ssh/ssh_run.py`. [`crate::settings::runner`] checks its values.

use omegaconf::yaml::Key;
use omegaconf::{NodeId, Tree, Value};

use crate::config::composition::Composition;

pub(crate) fn defaults(tree: &mut Tree) -> omegaconf::Result<NodeId> {
    let empty = || Value::Text(String::new());
    crate::config::runners::table(
        tree,
        &[
            ("runner", Value::Text("ssh".to_owned())),
            ("host", empty()),
            ("platform", empty()),
            ("remote_root", empty()),
            ("interpreter", Value::empty_map()),
            ("authentication", Value::empty_map()),
        ],
    )
}

impl Composition<'_> {
    /// Merges the defaults below the section once more: the command line may have set a key to `???`.
    pub(crate) fn finish_ssh(&mut self, config: NodeId) -> omegaconf::Result<()> {
        let section = self.runner_section(config)?;
        let whole = defaults(&mut self.conf.tree)?;
        self.conf.merge(whole, section)?;
        self.conf.tree.replace(config, Key::from("runner"), whole)
    }
}
