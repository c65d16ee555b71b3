//! Normalises tasks: `create_mlcube_config` and `check_parameters` of `mlcube/config.py`.

use std::collections::BTreeMap;

use omegaconf::yaml::Key;
use omegaconf::{Error, NodeId, Origin, Raw, Resolved, Value};

use crate::config::composition::Composition;

/// The values that `name=value` words on the command line set, and the number of each word.
pub(crate) type Arguments = BTreeMap<String, (String, usize)>;

impl Composition<'_> {
    /// Gives every task its parameters, inputs and outputs, and every parameter a default and a type.
    pub(crate) fn normalize_tasks(
        &mut self,
        root: NodeId,
        arguments: &Arguments,
    ) -> omegaconf::Result<()> {
        let origin = self.conf.tree.origin(root);
        let missing = Error::new("a cube has a map of tasks, and this one has none");
        let tasks = self.conf.get(root, &Key::from("tasks"))?;
        let tasks = tasks.ok_or_else(|| missing.at(|| "tasks".to_owned(), origin))?;
        let tasks = self.conf.expect_map(&tasks, "this must be a map of tasks")?;
        for key in self.conf.tree.keys(tasks) {
            self.apart(|this| this.normalize_task(tasks, &key, arguments))?;
        }
        Ok(())
    }

    fn normalize_task(
        &mut self,
        tasks: NodeId,
        key: &Key,
        arguments: &Arguments,
    ) -> omegaconf::Result<()> {
        let task = self.map_of(tasks, key)?;
        self.drop_null_entrypoint(task)?;
        let parameters = self.map_of(task, &Key::from("parameters"))?;
        let groups = [
            self.map_of(parameters, &Key::from("inputs"))?,
            self.map_of(parameters, &Key::from("outputs"))?,
        ];
        for group in groups {
            for name in self.conf.tree.keys(group) {
                self.apart(|this| this.normalize_parameter(group, &name, arguments))?;
            }
        }
        Ok(())
    }

    fn drop_null_entrypoint(&mut self, task: NodeId) -> omegaconf::Result<()> {
        let key = Key::from("entrypoint");
        let given = self
            .conf
            .tree
            .child(task, &key)
            .filter(|&child| !self.conf.tree.value(child).is_missing());
        if given.is_some() && self.conf.get(task, &key)?.is_none() {
            self.conf.tree.remove(task, &key);
        }
        Ok(())
    }

    fn normalize_parameter(
        &mut self,
        group: NodeId,
        name: &Key,
        arguments: &Arguments,
    ) -> omegaconf::Result<()> {
        let mut found = self.ensure(group, name, Value::empty_map())?;
        if let Raw::Text(default) = self.conf.raw_of(&found) {
            let origin = self
                .conf
                .tree
                .child(group, name)
                .map_or(Origin::Computed, |child| self.conf.tree.origin(child));
            // Only the default was read from a file; the map around it is new.
            let map = self.apart(|this| this.conf.tree.add(Value::empty_map(), origin))?;
            self.conf.tree.replace(group, name.clone(), map)?;
            self.conf.tree.set(map, Key::from("default"), Value::Text(default), origin)?;
            found = Resolved::Node(map);
        }
        let parameter = self.conf.expect_map(
            &found,
            &format!("the parameter {name} has to be text or a map with a default"),
        )?;
        let named = match name {
            Key::Text(text) => Value::Text(text.clone()),
            Key::Int(number) => Value::Int(*number),
            Key::Float(number) => Value::Float(*number),
            Key::Bool(flag) => Value::Bool(*flag),
        };
        self.ensure(parameter, &Key::from("default"), named)?;
        self.ensure(parameter, &Key::from("type"), Value::Text("unknown".to_owned()))?;
        self.guess_type(parameter)?;
        self.apply_argument(parameter, name, arguments)?;
        self.guess_type(parameter)
    }

    /// Makes a parameter without a type a directory if its default ends with a slash or a backslash.
    fn guess_type(&mut self, parameter: NodeId) -> omegaconf::Result<()> {
        let kind = self.conf.get(parameter, &Key::from("type"))?;
        if kind.map(|kind| self.conf.raw_of(&kind)) != Some(Raw::Text("unknown".to_owned())) {
            return Ok(());
        }
        let origin = self.conf.tree.origin(parameter);
        let default = self
            .conf
            .get(parameter, &Key::from("default"))?
            .map(|default| self.conf.raw_of(&default));
        match default {
            Some(Raw::Text(default)) if default.ends_with(['/', '\\']) => {
                let directory = Value::Text("directory".to_owned());
                self.conf.tree.set(parameter, Key::from("type"), directory, Origin::Computed).map(|_| ())
            }
            Some(Raw::Text(_)) => Ok(()),
            _ => Err(Error::new("the default of a parameter without a type has to be text; quote it, or write a type")
                .at(|| format!("{}.default", self.conf.tree.path(parameter)), origin)),
        }
    }

    /// Writes the command line's value into the default; without one, replaces an interpolation by its current value.
    fn apply_argument(
        &mut self,
        parameter: NodeId,
        name: &Key,
        arguments: &Arguments,
    ) -> omegaconf::Result<()> {
        let key = Key::from("default");
        if let Some((text, number)) = name.as_text().and_then(|name| arguments.get(name)) {
            let (value, origin) = (Value::Text(text.clone()), self.sources.argument_at(*number));
            // The value from the cube's file is replaced, so the variables that it read don't count.
            let set = self.apart(|this| this.conf.tree.set(parameter, key, value, origin));
            return set.map(|_| ()).map_err(|problem| {
                problem.at(|| format!("{}.default", self.conf.tree.path(parameter)), origin)
            });
        }
        let child = self.conf.tree.child(parameter, &key);
        let Some(child) = child.filter(|&child| self.conf.tree.value(child).is_interpolation())
        else {
            return Ok(());
        };
        match self.conf.dereference(child)? {
            Resolved::Node(target) if self.conf.tree.value(target).is_container() => {
                self.conf.tree.set_copy(parameter, key, target).map(|_| ())
            }
            found => {
                let value = self.conf.raw_of(&found).into_scalar()?;
                let origin = self.conf.tree.origin(child);
                self.conf.tree.set(parameter, key, value, origin).map(|_| ())
            }
        }
    }

    /// Returns the value of a key; sets it to `default` first if it has none.
    fn ensure(&mut self, map: NodeId, key: &Key, default: Value) -> omegaconf::Result<Resolved> {
        if let Some(found) = self.conf.get(map, key)? {
            return Ok(found);
        }
        let origin = self
            .conf
            .tree
            .child(map, key)
            .map_or(Origin::Computed, |old| self.conf.tree.origin(old));
        let new = self.conf.tree.add(default, origin)?;
        self.conf.tree.replace(map, key.clone(), new)?;
        self.conf.dereference(new)
    }

    fn map_of(&mut self, map: NodeId, key: &Key) -> omegaconf::Result<NodeId> {
        let found = self.ensure(map, key, Value::empty_map())?;
        self.conf.expect_map(&found, &format!("{key} must be a map")).map_err(|problem| {
            problem.at(|| format!("{}.{key}", self.conf.tree.path(map)), self.conf.tree.origin(map))
        })
    }
}
