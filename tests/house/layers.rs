//! The order of the code: in the library an import goes down only, a script is compiled in from no higher layer, and
//! nowhere do two files import each other.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::repository;

/// The sources of every crate, relative to the repository.
const CRATES: [&str; 6] = [
    "mlcube-ssh-config/omegaconf/src",
    "mlcube-ssh-config/src",
    "mlcube-ssh-interp/src",
    "mlcube-ssh-push/src",
    "mlcube-ssh-exec/src",
    "mlcube-ssh-pull/src",
];

/// A module by its path in the crate: `["sync", "plan"]`; the crate itself is empty.
type Module = Vec<String>;

/// The modules of a crate and the text of each, without its comments and tests.
fn modules(sources: &Path) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![sources.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The programs of a crate that is a library, too, are crates of their own.
            if path.is_dir() && !path.ends_with("src/bin") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(sources).unwrap().with_extension("");
                let mut module: Module =
                    place.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
                if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                    module.pop();
                }
                modules.insert(module, code(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    modules
}

fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a module names: in its imports, and by paths in its code.
fn named(module: &Module, modules: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut named = BTreeSet::new();
    let text = &modules[module];
    for root in ["crate::", "super::"] {
        for (at, _) in text.match_indices(root) {
            let before = &text[..at];
            if before.ends_with(is_name) || before.ends_with(':') {
                continue;
            }
            let mut path = if root == "crate::" { Module::new() } else { above(module) };
            let mut rest = &text[at + root.len()..];
            while let Some(below) = rest.strip_prefix("super::") {
                path = above(&path);
                rest = below;
            }
            for tail in tails(rest) {
                let words = tail.split("::").map(str::trim);
                let whole: Module = path.iter().cloned().chain(words.map(str::to_owned)).collect();
                let known = (1..=whole.len()).rev().map(|length| whole[..length].to_vec());
                named.extend(known.into_iter().find(|module| modules.contains_key(module)));
            }
        }
    }
    named.remove(module);
    named
}

/// The paths that a path stands for which begins with `rest`: several where it ends with braces.
fn tails(rest: &str) -> Vec<String> {
    let end =
        rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
    let (path, behind) = rest.split_at(end);
    match behind.strip_prefix('{').and_then(|group| group.split_once('}')) {
        Some((names, _)) => names.split(',').map(|name| format!("{path}{}", name.trim())).collect(),
        None => vec![path.to_owned()],
    }
}

fn above(module: &Module) -> Module {
    module[..module.len().saturating_sub(1)].to_vec()
}

fn shown(module: &Module) -> String {
    module.join("::")
}

/// The layers of the library, the lowest one first, as its front page lists them.
fn layers() -> Vec<String> {
    let front = fs::read_to_string(repository().join("mlcube-ssh-config/src/lib.rs")).unwrap();
    let rows = front.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next());
    rows.map(str::to_owned).collect()
}

#[test]
fn in_the_library_an_import_goes_down() {
    let layers = layers();
    let modules = modules(&repository().join("mlcube-ssh-config/src"));
    let tops: BTreeSet<&String> = modules.keys().filter_map(|module| module.first()).collect();
    assert_eq!(tops, layers.iter().collect(), "lib.rs lists every layer, and no other");
    let height = |module: &Module| layers.iter().position(|layer| Some(layer) == module.first());
    let mut upward = Vec::new();
    for module in modules.keys() {
        for other in named(module, &modules) {
            if height(&other) > height(module) && !module.is_empty() {
                upward.push(format!("{} imports {}", shown(module), shown(&other)));
            }
        }
    }
    assert_eq!(upward, [""; 0], "the layers, from the ground: {layers:?}");
}

/// The files of a folder and of those below it.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn in_the_library_a_script_is_taken_from_no_higher_layer() {
    let (layers, top) = (layers(), repository().join("mlcube-ssh-config/src"));
    let height = |path: &Path| {
        let layer = path.strip_prefix(&top).unwrap().iter().next().unwrap().to_str().unwrap();
        layers.iter().position(|known| known == layer)
    };
    let (mut number, mut upward) = (0, Vec::new());
    // A program is a crate of its own, above all layers.
    let is_of_library =
        |file: &PathBuf| file.extension().unwrap() == "rs" && !file.starts_with(top.join("bin"));
    for file in files_below(&top).into_iter().filter(is_of_library) {
        let text = fs::read_to_string(&file).unwrap();
        for taken in text.split("include_str!(\"").skip(1) {
            let taken = file.with_file_name("").join(taken.split('"').next().unwrap());
            let taken = fs::canonicalize(taken).unwrap();
            number += 1;
            if height(&taken) > height(&file) {
                upward.push((file.clone(), taken));
            }
        }
    }
    assert!(number > 10 && upward.is_empty(), "{number}: {upward:?}");
}

#[test]
fn no_two_files_import_each_other() {
    for sources in CRATES {
        let modules = modules(&repository().join(sources));
        assert!(modules.len() > 2, "{sources}: {modules:?}");
        let mut imports: BTreeMap<Module, BTreeSet<Module>> =
            modules.keys().map(|module| (module.clone(), named(module, &modules))).collect();
        // Whoever imports nothing that is left is in no cycle.
        while let Some(module) =
            imports.iter().find(|(_, others)| others.is_empty()).map(|(module, _)| module.clone())
        {
            imports.remove(&module);
            for others in imports.values_mut() {
                others.remove(&module);
            }
        }
        let cyclic: Vec<String> = imports
            .iter()
            .map(|(module, others)| {
                let others: Vec<String> = others.iter().map(shown).collect();
                format!("{} -> {}", shown(module), others.join(", "))
            })
            .collect();
        assert_eq!(cyclic, [""; 0], "{sources}");
    }
}
