//! Checks a document as strictly as a command line, because it may come from anyone.

use std::collections::HashSet;

use anyhow::{Context, Result, bail, ensure};

use crate::pipe::document::{Document, Run};
use crate::pipe::engine_options::EngineOption;
use crate::settings::names::{TaskName, check_parameter, check_variable};
use crate::settings::runner::is_for_this_runner;
use crate::text::hint::hinted;

/// Bytes of all words of a run. No command line holds more: Linux gives it a quarter of the stack, which has 8 MiB
/// (execve(2)).
const WORDS: usize = 2 << 20;

impl Document {
    /// Refuses what the command line would refuse. Names with a type of their own are checked while they are read;
    /// [`crate::cube::mlcube_args`] checks for words that the remote `mlcube` would misread.
    pub(crate) fn check(&self) -> Result<()> {
        self.run.check().context("run")?;
        let known = self.task_names();
        let names: HashSet<&str> = known.iter().copied().collect();
        match self.run.tasks.iter().find(|task| !names.contains(task.as_str())) {
            Some(task) => {
                bail!("run.tasks: the cube has no task '{task}'; it has: {}", known.join(", "))
            }
            None => self.run.tasks.iter().try_for_each(|task| self.run.check_sent(task.as_str())),
        }
    }
}

impl Run {
    /// Refuses a task that is withheld.
    fn check_sent(&self, task: &str) -> Result<()> {
        match self.withheld.get(task) {
            Some(variable) => Err(hinted(
                format!(
                    "run.tasks: a path of task '{task}' is made of the local variable {variable}, and the task wasn't chosen when the document was made"
                ),
                format!("make a new document with mlcube-ssh-config --task={task}"),
            )),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<()> {
        let pairs = self.args.iter().chain(&self.options).flat_map(|(name, value)| [name, value]);
        let lists = [&self.overrides, &self.runner_overrides, &self.env, &self.inputs];
        let words = pairs.chain(lists.into_iter().flatten()).map(String::as_str);
        let words = words.chain(self.tasks.iter().map(TaskName::as_str));
        // Each takes a byte more, for its end.
        let bytes = words.fold(0, |bytes, word| bytes + word.len() + 1);
        ensure!(bytes <= WORDS, "it is longer than a command line can be");
        self.env.iter().try_for_each(|name| check_variable(name)).context("env")?;
        self.args.keys().try_for_each(|name| check_parameter(name)).context("args")?;
        let mut options = self.options.iter();
        options
            .try_for_each(|(name, value)| EngineOption::check(name, value))
            .context("options")?;
        // Each list has its own rules: a word for the runner must not be in the other list.
        let other = |word: &&String| is_for_this_runner(word);
        if let Some(word) = self.overrides.iter().find(other) {
            bail!("overrides: '-P{}' is about the runner", word.escape_debug());
        }
        if let Some(word) = self.runner_overrides.iter().find(|word| !other(word)) {
            bail!("runner_overrides: '-P{}' isn't about the runner", word.escape_debug());
        }
        let paths = std::iter::once(&self.mlcube).chain(&self.workspace).chain(&self.inputs);
        for path in paths {
            // A local path may contain any character, even a newline.
            if !path.starts_with('/') {
                bail!("'{}' isn't an absolute path", path.escape_debug());
            }
        }
        Ok(())
    }
}
