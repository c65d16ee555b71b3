//! A small cube.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// What starts in the container: it makes a variable of every `--name=value` and runs the task's lines.
const ENTRY: &str = r#"#!/bin/busybox sh
task=$1
shift
for word; do
    case $word in
        --*=*) name=${word%%=*}; export "${name#--}=${word#*=}" ;;
    esac
done
. "/tasks/$task"
"#;

/// One task of a cube.
#[derive(Debug, Clone)]
#[must_use = "a cube is made by what is added to it"]
pub struct Task {
    name: String,
    inputs: Map<String, Value>,
    outputs: Map<String, Value>,
    body: String,
}

impl Task {
    /// A task that does nothing.
    pub fn named(name: &str) -> Task {
        Task {
            name: name.to_owned(),
            inputs: Map::new(),
            outputs: Map::new(),
            body: String::from(":"),
        }
    }

    /// With an input parameter and its default path in the workspace (a folder's ends with a slash).
    pub fn reads(mut self, name: &str, path: &str) -> Task {
        self.inputs.insert(name.to_owned(), path.into());
        self
    }

    /// With an output parameter and its default path in the workspace (a folder's ends with a slash).
    pub fn writes(mut self, name: &str, path: &str) -> Task {
        // mlcube guesses the type of an input from what is there; that of an output it wants to be told.
        let kind = if path.ends_with('/') { "directory" } else { "file" };
        self.outputs.insert(name.to_owned(), json!({"type": kind, "default": path}));
        self
    }

    /// Doing these lines of sh (busybox) in the container, where `$NAME` is the path of the parameter NAME.
    pub fn does(mut self, body: &str) -> Task {
        body.clone_into(&mut self.body);
        self
    }
}

/// A cube in a folder, whose image is made `FROM scratch` of a static busybox.
#[derive(Debug, Clone)]
#[must_use = "a cube is made by what is added to it"]
pub struct Cube {
    root: PathBuf,
    context: PathBuf,
    config: Value,
}

impl Cube {
    /// A cube without tasks whose build context is its own folder, `root`.
    pub fn new(root: &Path) -> Cube {
        Cube::built_from(root, ".")
    }

    /// A cube with another build context, as its `mlcube.yaml` gives it: relative to `root`. One beside `root`, or
    /// around it, lies in the same git checkout.
    pub fn built_from(root: &Path, build_context: &str) -> Cube {
        let context = &root.join(build_context);
        let docker = json!({"image": "mlcube-ssh/test:0.0.1", "build_context": build_context});
        let config = json!({"name": "test", "docker": docker, "tasks": {}});
        fs::create_dir_all(root.join("workspace")).unwrap();
        fs::create_dir_all(context.join("tasks")).unwrap();
        if build_context.starts_with("..") {
            fs::create_dir_all(root.join("../.git")).unwrap();
        }
        fs::copy("/bin/busybox", context.join("busybox")).unwrap();
        fs::write(context.join("entry"), ENTRY).unwrap();
        fs::set_permissions(context.join("entry"), fs::Permissions::from_mode(0o755)).unwrap();
        let cube = Cube { root: root.to_owned(), context: context.clone(), config };
        cube.has_dockerfile("FROM scratch\nCOPY busybox /bin/busybox\nCOPY entry /entry\nCOPY tasks /tasks\nENTRYPOINT [\"/entry\"]\n");
        cube.write();
        cube
    }

    /// With one more task.
    pub fn task(mut self, task: &Task) -> Cube {
        fs::write(self.context.join("tasks").join(&task.name), &task.body).unwrap();
        self.config["tasks"][&task.name] =
            json!({"parameters": {"inputs": task.inputs, "outputs": task.outputs}});
        self.write();
        self
    }

    /// With a section of `mlcube.yaml` replaced.
    pub fn section(mut self, name: &str, value: Value) -> Cube {
        self.config[name] = value;
        self.write();
        self
    }

    /// With a file in its workspace.
    pub fn with_file(self, name: &str, content: &str) -> Cube {
        let path = self.workspace().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Replaces the recipe of its image.
    pub fn has_dockerfile(&self, recipe: &str) {
        fs::write(self.context.join("Dockerfile"), recipe).unwrap();
    }

    /// Replaces the lines of a task in its build context.
    pub fn now_does(&self, task: &str, body: &str) {
        fs::write(self.context.join("tasks").join(task), body).unwrap();
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its workspace.
    pub fn workspace(&self) -> PathBuf {
        self.root.join("workspace")
    }

    /// The text of a file in its workspace.
    #[track_caller]
    pub fn result(&self, name: &str) -> String {
        let path = self.workspace().join(name);
        fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
    }

    fn write(&self) {
        fs::write(self.root.join("mlcube.yaml"), format!("{:#}\n", self.config)).unwrap();
    }
}
