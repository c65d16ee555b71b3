//! Man pages and completions: every program prints its own, `scripts/generate` writes all of them, and those of the
//! wrapper say what it takes.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use mlcube_ssh_harness::{Scene, repository};

const PROGRAMS: [&str; 6] = [
    "mlcube-ssh",
    "mlcube-ssh-config",
    "mlcube-ssh-interp",
    "mlcube-ssh-push",
    "mlcube-ssh-exec",
    "mlcube-ssh-pull",
];

/// The folder into which `scripts/generate` wrote all files.
fn generated(scene: &Scene) -> PathBuf {
    let script = repository().join("scripts/generate");
    let bin = format!("--bin={}", scene.home().join("bin").display());
    scene.invocation(&script).args([&bin, "share"]).run().succeeds().is_silent();
    scene.home().join("share")
}

#[test]
fn the_man_pages_are_clean_and_describe_every_option_and_verb() {
    let scene = Scene::new();
    let share = generated(&scene);
    for program in PROGRAMS {
        let page = share.join(format!("man/man1/{program}.1"));
        let page = page.display();
        // A page without a date is the same in every build.
        let lint =
            scene.sh(&format!("mandoc -T lint -W warning '{page}' | grep -v 'missing date'"));
        assert_eq!(lint.run().stdout, "", "{program}.1");
        let groff = scene.sh(&format!("groff -ww -man -Kutf8 -z '{page}'")).run();
        groff.succeeds().is_silent();
        let read = scene.sh(&format!("mandoc -T ascii '{page}' | sed 's/.\x08//g'")).run();
        let read = read.succeeds().stdout.clone();
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"] {
            assert!(read.lines().any(|line| line == heading), "{program}.1 has no {heading}");
        }
        assert!(!read.contains(['`', '\\']), "marks are left in {program}.1:\n{read}");
        let help = scene.sh(&format!("{program} --help")).run().stdout.clone();
        for option in options(&help) {
            assert!(read.contains(&option), "{program}.1 has no {option}");
        }
        if program == "mlcube-ssh-exec" {
            for option in ["--yes", "--grace", "--as-is", "clean"] {
                assert!(read.contains(option), "{program}.1 has no {option}");
            }
        }
    }
}

/// The long options that a text describes.
fn options(help: &str) -> BTreeSet<String> {
    let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

#[test]
fn the_completions_can_be_read_by_their_shells() {
    let scene = Scene::new();
    let share = generated(&scene);
    for program in PROGRAMS {
        for (shell, file) in [
            ("bash", format!("bash-completion/completions/{program}")),
            ("zsh", format!("zsh/site-functions/_{program}")),
            ("fish", format!("fish/vendor_completions.d/{program}.fish")),
        ] {
            let file = share.join(file);
            let printed = scene.sh(&format!("{program} --generate=complete-{shell}")).run();
            assert_eq!(fs::read_to_string(&file).unwrap(), printed.succeeds().stdout);
            scene.sh(&format!("{shell} -n '{}'", file.display())).run().succeeds().is_silent();
        }
    }
}

#[test]
fn an_unknown_kind_is_refused() {
    let scene = Scene::new();
    for program in PROGRAMS {
        for words in ["--generate=html", "--generate html", "--generate"] {
            let told = scene.sh(&format!("{program} {words}")).run();
            told.exits(125).complains(&["--generate: unknown value", "use man, complete-bash"]);
        }
    }
    let script = repository().join("scripts/generate");
    scene.invocation(&script).run().exits(125).says("no folder is given");
    let told = scene.invocation(&script).args(["--bin=nowhere", "share"]).run();
    told.exits(125).says("isn't in 'nowhere'");
}

/// The candidates for the last of these words.
fn candidates(scene: &Scene, words: &[&str]) -> BTreeSet<String> {
    let ask = ["--generate=candidates", "--", "mlcube-ssh"];
    let told = scene.mlcube_ssh(&ask).args(words).run().succeeds().stdout.clone();
    let names = told.lines().map(|line| line.split(['\t', '=']).next().unwrap_or_default());
    names.map(str::to_owned).collect()
}

/// The pairs of a verb and an option that the wrapper's own table takes; `*` is every verb.
fn taken() -> BTreeSet<(String, String)> {
    let script = fs::read_to_string(repository().join("scripts/mlcube-ssh")).unwrap();
    let table = script.split("case $verb:$word in").nth(1).unwrap().split("esac").next().unwrap();
    let patterns =
        table.lines().filter_map(|line| line.trim().split_once(')')).map(|(left, _)| left);
    let pairs = patterns.flat_map(|left| left.split(" | ")).filter_map(|one| one.split_once(':'));
    pairs.map(|(verb, word)| (verb.to_owned(), word.trim_end_matches("=*").to_owned())).collect()
}

#[test]
fn the_usage_of_the_wrapper_says_what_its_table_takes() {
    let scene = Scene::new();
    let own = scene.tool("mlcube-ssh-config").arg("--help").run().stdout.clone();
    // Flags of mlcube go to mlcube-ssh-config; of the options that both have, the wrapper takes its own.
    let flags: BTreeSet<String> = options(&own).into_iter().collect();
    let taken = taken();
    let everywhere = |word: &String| taken.contains(&("*".to_owned(), word.clone()));
    let verbs = candidates(&scene, &[""]);
    assert!(verbs.contains("run") && verbs.contains("clean"), "{verbs:?}");
    for verb in verbs
        .iter()
        .filter(|verb| !["config", "interp", "push", "exec", "pull"].contains(&verb.as_str()))
    {
        let shown = candidates(&scene, &[verb, "-"]).into_iter();
        let described: BTreeSet<String> = shown
            .chain(candidates(&scene, &[verb, "--"]))
            .filter(|word| {
                let own = (verb.clone(), word.clone());
                taken.contains(&own) || everywhere(word) || !flags.contains(word)
            })
            .filter(|word| word != "-P")
            .collect();
        let parsed: BTreeSet<String> = taken
            .iter()
            .filter(|(of, _)| of == verb || of == "*")
            .map(|(_, word)| word.clone())
            // For scripts that were written for mlcube.
            .filter(|word| {
                !["--", "--resolve", "--log-level", "--log_level", ""].contains(&word.as_str())
            })
            .collect();
        assert_eq!(described, parsed, "mlcube-ssh {verb}: its usage, and its table");
    }
}

#[test]
fn the_usage_of_the_wrapper_names_its_verbs() {
    let scene = Scene::new();
    let script = fs::read_to_string(repository().join("scripts/mlcube-ssh")).unwrap();
    let table = script.split("\ncase $verb in\n").nth(1).unwrap().split("-h |").next().unwrap();
    let patterns =
        table.lines().filter_map(|line| line.trim().split_once(')')).map(|(left, _)| left);
    let taken = patterns.flat_map(|left| left.split(" | ")).map(str::to_owned);
    assert_eq!(candidates(&scene, &[""]), taken.collect());
    // What `clean` removes is an enum of mlcube-ssh-exec; the wrapper's usage lists it in words.
    let what = |words: &[&str]| -> BTreeSet<String> {
        let ask = ["--generate=candidates", "--", "mlcube-ssh"];
        let told = scene.mlcube_ssh(&ask).args(words).run().succeeds().stdout.clone();
        told.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert_eq!(what(&["clean", "--yes="]), what(&["exec", "clean", "--yes="]));
}
